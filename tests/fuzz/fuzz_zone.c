/*
 * Any bytes as a time zone file: refused, or a zone that keeps its promises:
 * every instant has a local time that is found again, later local times never
 * come earlier, and a change of the offset is where it is said to be.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_zone.h"

#define DAY_MS   INT64_C(86400000)
#define TIMES    8
#define YEARS_MS (INT64_C(9000) * 366 * DAY_MS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_local(const struct pp_zone *zone, int64_t at_ms)
{
    int64_t local_ms = pp_zone_local_ms(zone, at_ms);
    struct pp_zone_instant found = pp_zone_find(zone, local_ms);

    if (found.at_ms > at_ms || found.last_at_ms < found.at_ms)
        abort();
    if (found.shown != PP_ZONE_NEVER &&
        (pp_zone_local_ms(zone, found.at_ms) != local_ms ||
         found.last_at_ms < at_ms))
        abort();
    if (pp_zone_local_ms(zone, found.at_ms) < local_ms)
        abort();
    if (pp_zone_at_ms(zone, local_ms + 1) < found.at_ms ||
        pp_zone_at_ms(zone, local_ms + DAY_MS) < found.at_ms)
        abort();
}

static void check_changes(const struct pp_zone *zone, int64_t at_ms)
{
    int32_t before_s = pp_zone_offset_s(zone, at_ms);
    int64_t change_ms;

    for (int i = 0; i < TIMES; i++) {
        if (!pp_zone_next_change(zone, at_ms, &change_ms))
            return;
        if (change_ms <= at_ms ||
            pp_zone_offset_s(zone, change_ms - 1) != before_s ||
            pp_zone_offset_s(zone, change_ms) == before_s)
            abort();
        check_local(zone, change_ms);
        check_local(zone, change_ms - 1);
        before_s = pp_zone_offset_s(zone, change_ms);
        at_ms = change_ms;
    }
}

/* Instants from the input's end, as a file has nothing behind its rule. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_zone *zone;
    struct pp_err err;
    int64_t at_ms;

    if (size < sizeof(at_ms))
        return 0;
    size -= sizeof(at_ms);
    memcpy(&at_ms, data + size, sizeof(at_ms));
    if (pp_zone_new(&zone, (struct pp_str){(const char *)data, size}, &err) <
        0) {
        if (err.kind != PP_ERR_INVALID)
            abort();
        return 0;
    }
    at_ms %= YEARS_MS;
    check_local(zone, at_ms);
    check_changes(zone, at_ms);
    check_changes(zone, at_ms % (YEARS_MS / 200)); /* nearer to 1970 */
    (void)pp_zone_date_at_ms(zone, pp_zone_date(zone, at_ms));
    pp_zone_free(&zone);
    return 0;
}
