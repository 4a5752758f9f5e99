#include "pp_zone.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "pp_cityhash.h"
#include "pp_mem.h"
#include "pp_time.h"
#include "pp_tzif.h"

#define MS_A_DAY INT64_C(86400000)

/* No clock is farther from UTC than this. [RFC 9636, 3.2] */
#define OFFSET_MAX_S 93600

struct pp_zone {
    atomic_int owners;
    uint64_t digest;
    struct pp_tzif tzif;
};

int pp_zone_new(struct pp_zone **zone_out, struct pp_str bytes,
                struct pp_err *err)
{
    struct pp_zone *zone;
    struct pp_tzif tzif;

    if (pp_tzif_read(bytes, &tzif, err) < 0)
        return -1;
    zone = pp_calloc(1, sizeof(*zone));
    atomic_init(&zone->owners, 1);
    zone->digest = pp_cityhash128(bytes.p, bytes.n).low;
    zone->tzif = tzif;
    *zone_out = zone;
    return 0;
}

struct pp_zone *pp_zone_hold(struct pp_zone *zone)
{
    atomic_fetch_add(&zone->owners, 1);
    return zone;
}

void pp_zone_free(struct pp_zone **zone)
{
    if (*zone && atomic_fetch_sub(&(*zone)->owners, 1) == 1) {
        pp_tzif_fini(&(*zone)->tzif);
        free(*zone);
    }
    *zone = NULL;
}

uint64_t pp_zone_digest(const struct pp_zone *zone)
{
    return zone->digest;
}

/* --- instant to local ------------------------------------------------------
 */

/* How many of the zone's changes are not after at_s. */
static size_t changes_until(const struct pp_tzif *tzif, int64_t at_s)
{
    size_t low = 0, high = tzif->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tzif->at_s[middle] <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t offset_at(const struct pp_tzif *tzif, int64_t at_s)
{
    size_t until = changes_until(tzif, at_s);

    if (until == tzif->count && tzif->has_rule)
        return pp_zone_rule_offset_s(&tzif->rule, at_s);
    return until == 0 ? tzif->before_s : tzif->offset_s[until - 1];
}

int32_t pp_zone_offset_s(const struct pp_zone *zone, int64_t at_ms)
{
    return offset_at(&zone->tzif, pp_divide_down(at_ms, 1000));
}

int64_t pp_zone_local_ms(const struct pp_zone *zone, int64_t at_ms)
{
    return at_ms + INT64_C(1000) * pp_zone_offset_s(zone, at_ms);
}

int64_t pp_zone_date(const struct pp_zone *zone, int64_t at_ms)
{
    return pp_divide_down(pp_zone_local_ms(zone, at_ms), MS_A_DAY);
}

/* A file also has changes of a name, or to summer time of the same offset. */
static bool next_change(const struct pp_tzif *tzif, int64_t after_s,
                        int64_t *at_s_out)
{
    for (size_t i = changes_until(tzif, after_s); i < tzif->count; i++) {
        *at_s_out = tzif->at_s[i];
        if (offset_at(tzif, *at_s_out) != offset_at(tzif, *at_s_out - 1))
            return true;
    }
    if (tzif->count > 0 && after_s < tzif->at_s[tzif->count - 1])
        after_s = tzif->at_s[tzif->count - 1];
    return tzif->has_rule && pp_zone_rule_next(&tzif->rule, after_s, at_s_out);
}

bool pp_zone_next_change(const struct pp_zone *zone, int64_t after_ms,
                         int64_t *at_ms_out)
{
    int64_t at_s;

    if (!next_change(&zone->tzif, pp_divide_down(after_ms, 1000), &at_s))
        return false;
    *at_ms_out = at_s * 1000;
    return true;
}

/* --- local to instant ------------------------------------------------------
 */

/* Whether the clocks skip local_s when they are changed at at_s. */
static bool is_skipped(const struct pp_tzif *tzif, int64_t at_s,
                       int64_t local_s)
{
    return at_s + offset_at(tzif, at_s - 1) <= local_s &&
           local_s < at_s + offset_at(tzif, at_s);
}

/* The instants at which a clock shows local_s, and where it is skipped. */
struct found {
    int64_t first_s, last_s, gap_s; /* INT64_MAX: there is none */
};

/* Walks over the spans of one offset each that lie near local_s. */
static struct found search(const struct pp_tzif *tzif, int64_t local_s)
{
    struct found found = {INT64_MAX, INT64_MAX, INT64_MAX};
    int64_t from_s = local_s - OFFSET_MAX_S, to_s;

    while (from_s <= local_s + OFFSET_MAX_S) {
        int64_t at_s = local_s - offset_at(tzif, from_s);

        if (!next_change(tzif, from_s, &to_s))
            to_s = INT64_MAX;
        if (at_s >= from_s && at_s < to_s) {
            found.last_s = at_s;
            if (found.first_s == INT64_MAX)
                found.first_s = at_s;
        }
        if (found.gap_s == INT64_MAX && to_s < INT64_MAX &&
            is_skipped(tzif, to_s, local_s))
            found.gap_s = to_s;
        from_s = to_s;
    }
    return found;
}

struct pp_zone_instant pp_zone_find(const struct pp_zone *zone,
                                    int64_t local_ms)
{
    int64_t local_s = pp_divide_down(local_ms, 1000);
    int64_t ms = local_ms - local_s * 1000;
    struct found found = search(&zone->tzif, local_s);

    if (found.gap_s < found.first_s)
        return (struct pp_zone_instant){PP_ZONE_NEVER, found.gap_s * 1000,
                                        found.gap_s * 1000};
    return (struct pp_zone_instant){
        .shown = found.first_s == found.last_s ? PP_ZONE_ONCE : PP_ZONE_TWICE,
        .at_ms = found.first_s * 1000 + ms,
        .last_at_ms = found.last_s * 1000 + ms,
    };
}

int64_t pp_zone_at_ms(const struct pp_zone *zone, int64_t local_ms)
{
    return pp_zone_find(zone, local_ms).at_ms;
}

int64_t pp_zone_date_at_ms(const struct pp_zone *zone, int64_t date)
{
    return pp_zone_at_ms(zone, date * MS_A_DAY);
}
