#ifndef PP_ZONE_H
#define PP_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * A time zone: what its clocks show at an instant, and when they show a time.
 *
 * An instant (at_ms) is in milliseconds since 1970-01-01T00:00:00Z. A local
 * time (local_ms) is what a clock on the wall shows, in milliseconds since
 * that clock showed 1970-01-01 00:00; a date is a day as pp_date has it. The C
 * library can do this for one zone of the whole process only.
 *
 * A local time comes at the first instant at which the clock shows it or a
 * later one. So a time that the clock skips is the first instant after the gap,
 * one that it shows twice is the first of the two, and later local times never
 * come at earlier instants. docs/time.md has examples.
 *
 * A zone never changes and may be used by any thread. Made from the bytes of a
 * TZif file (pp_tzif.h has what is read of it); pp_zones finds the file of a
 * name. Pure, for years 0 to 9999.
 */
struct pp_zone;

/* PP_ERR_INVALID when the bytes are no zone, *zone_out then stays. */
int pp_zone_new(struct pp_zone **zone_out, struct pp_str bytes,
                struct pp_err *err);

/* One more owner, who calls pp_zone_free(), too; the last one frees it. */
struct pp_zone *pp_zone_hold(struct pp_zone *zone);
void pp_zone_free(struct pp_zone **zone);

/*
 * Another number for other bytes: what was reckoned from a zone with another
 * digest has to be reckoned again.
 */
uint64_t pp_zone_digest(const struct pp_zone *zone);

/* How far the clocks are ahead of UTC; negative west of Greenwich. */
int32_t pp_zone_offset_s(const struct pp_zone *zone, int64_t at_ms);
int64_t pp_zone_local_ms(const struct pp_zone *zone, int64_t at_ms);

/* The date that the zone's calendars show. */
int64_t pp_zone_date(const struct pp_zone *zone, int64_t at_ms);

enum pp_zone_shown {
    PP_ZONE_ONCE,
    PP_ZONE_NEVER, /* skipped: both instants are the first after the gap */
    PP_ZONE_TWICE,
};

struct pp_zone_instant {
    enum pp_zone_shown shown;
    int64_t at_ms;
    int64_t last_at_ms; /* at_ms but where it is shown twice */
};

struct pp_zone_instant pp_zone_find(const struct pp_zone *zone,
                                    int64_t local_ms);

/* at_ms of the above. */
int64_t pp_zone_at_ms(const struct pp_zone *zone, int64_t local_ms);

/*
 * The first instant of a date, which need not be a midnight. A date ends where
 * the next one begins: after 23 or 25 hours on some days, and at once where the
 * zone left it out.
 */
int64_t pp_zone_date_at_ms(const struct pp_zone *zone, int64_t date);

/* The first instant after that one at which the offset becomes another. */
bool pp_zone_next_change(const struct pp_zone *zone, int64_t after_ms,
                         int64_t *at_ms_out);

#endif
