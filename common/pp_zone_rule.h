#ifndef PP_ZONE_RULE_H
#define PP_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * What a zone's clocks do for ever after its last known change: the text at
 * the end of a TZif file, as "CET-1CEST,M3.5.0,M10.5.0/3". [POSIX.1, chapter 8
 * "Environment Variables", TZ; RFC 9636, 3.3, for hours from -167 to 167]
 *
 * Only pp_tzif and pp_zone use it. Pure; safe from any thread. Seconds since
 * 1970-01-01T00:00:00Z; offsets are positive east of Greenwich.
 */
enum pp_zone_day {
    PP_ZONE_DAY_MONTH,  /* Mm.w.d: a weekday of a month, the last for w = 5 */
    PP_ZONE_DAY_JULIAN, /* Jn: 1 to 365, 29 February is never counted */
    PP_ZONE_DAY_YEAR,   /* n: 0 to 365, 29 February is counted */
};

/* When the clocks are changed each year, by the clock until then. */
struct pp_zone_change {
    enum pp_zone_day kind;
    int month, week, weekday; /* weekday: 0 is Sunday */
    int day;
    int32_t time_s;
};

struct pp_zone_rule {
    int32_t standard_s;
    bool has_summer; /* else nothing below matters */
    int32_t summer_s;
    struct pp_zone_change begins, ends; /* summer time */
};

/* False when it is no such text. */
bool pp_zone_rule_parse(struct pp_str text, struct pp_zone_rule *rule_out);

int32_t pp_zone_rule_offset_s(const struct pp_zone_rule *rule, int64_t at_s);

/* The first instant after that one at which the offset becomes another. */
bool pp_zone_rule_next(const struct pp_zone_rule *rule, int64_t after_s,
                       int64_t *at_s_out);

#endif
