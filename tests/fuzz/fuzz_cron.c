/*
 * Any bytes as a cron text: refused, or times that come one after the other,
 * and at which clocks of Lord Howe (half an hour of summer time) show what the
 * text says, or have just skipped it.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_cron.h"
#include "pp_date.h"
#include "pp_time.h"

#include "tzif.h"

#define TIMES    20
#define MINUTE   INT64_C(60000)
#define YEARS_MS INT64_C(3155760000000) /* a hundred */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool shows(const struct pp_cron *cron, int64_t local_ms)
{
    int64_t minute = pp_divide_down(local_ms, MINUTE);
    int64_t day = pp_divide_down(minute, 1440);
    int of_day = (int)(minute - day * 1440);
    struct pp_date date = pp_date_of(day);

    return local_ms % MINUTE == 0 && (cron->hours >> (of_day / 60) & 1) &&
           (cron->minutes >> (of_day % 60) & 1) &&
           (cron->months >> date.month & 1);
}

/* Whether one of the minutes that were skipped at at_ms is meant. */
static bool skipped(const struct pp_cron *cron, const struct pp_zone *zone,
                    int64_t at_ms)
{
    int64_t to_ms = pp_zone_local_ms(zone, at_ms);
    int64_t ms = pp_zone_local_ms(zone, at_ms - 1) + 1;

    for (; ms < to_ms; ms += MINUTE)
        if (shows(cron, ms))
            return true;
    return false;
}

static void check_times(const struct pp_cron *cron, const struct pp_zone *zone,
                        int64_t after_ms)
{
    int64_t at_ms;

    for (int i = 0; i < TIMES; i++, after_ms = at_ms) {
        if (!pp_cron_next(cron, zone, after_ms, &at_ms))
            return;
        if (at_ms <= after_ms)
            abort();
        if (!shows(cron, pp_zone_local_ms(zone, at_ms)) &&
            (cron->follows_the_clock || !skipped(cron, zone, at_ms)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pp_zone *zone;
    struct pp_cron cron;
    struct pp_err err;
    int64_t after_ms;

    if (!zone)
        zone = tzif_zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    if (size < sizeof(after_ms))
        return 0;
    size -= sizeof(after_ms);
    memcpy(&after_ms, data + size, sizeof(after_ms));
    if (pp_cron_parse((struct pp_str){(const char *)data, size}, &cron, &err) ==
        0)
        check_times(&cron, zone, after_ms % YEARS_MS);
    else if (err.kind != PP_ERR_INVALID)
        abort();
    return 0;
}
