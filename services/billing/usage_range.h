#ifndef USAGE_RANGE_H
#define USAGE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_pg.h"
#include "pp_str.h"

/*
 * Usage over time: what was counted, corrected and not accepted, in days or
 * hours of UTC. The sum of used is what usage_of() says of the same time. What
 * the collector refused is kept by the hour, so a quarter of an hour is not
 * offered.
 */
#define USAGE_RANGE_DAYS  366 /* at most, in days */
#define USAGE_RANGE_HOURS 7   /* days at most, in hours */

struct usage_range {
    int64_t from_day, to_day; /* since 1970, half-open */
    bool by_hour;
};

/* As they came, without bytes where they did not. Strangers write them. */
struct usage_query {
    struct pp_str from, to, step;
};

/* Whether any of it is there. */
bool usage_query_is(const struct usage_query *query);

/*
 * from, to: dates, "2026-11-01", `to` excluded; where one is left out the range
 * is as long as it may be, and without both it ends with today. step: "day",
 * "hour", or nothing, which is a day. false: a value can't be, or the range is
 * empty or too long. Pure.
 */
bool usage_range_of(const struct usage_query *query, int64_t today,
                    struct usage_range *out);

/* The answer as JSON. Steps in which there was nothing are left out. */
int usage_range_read(struct pp_pg *pg, const char *account_id,
                     const struct usage_range *range, struct pp_buf *out,
                     struct pp_err *err);

#endif
