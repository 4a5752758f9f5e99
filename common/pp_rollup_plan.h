#ifndef PP_ROLLUP_PLAN_H
#define PP_ROLLUP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_rollup_sql.h"

/* Which days of which tables have to be made anew. Pure functions. */

/* Which rows of `events` something was made of; checksums wrap around. */
struct pp_rollup_sum {
    uint64_t rows, checksum;
};

struct pp_rollup_state {
    struct pp_rollup_sum events; /* all rows of the day */
    struct pp_rollup_sum people; /* those that belong in a visit */
    struct pp_rollup_sum minute, hour, day;
    struct pp_rollup_sum entry;  /* the day's rows by entry page */
    struct pp_rollup_sum visits; /* that stand on the day: its own rows */
    struct pp_rollup_sum next;   /* and theirs of the day after */
    uint64_t age_s;              /* since the day's rollup was put in place */
    bool may_lag;                /* differs, and that is fine for now */
    bool anew[PP_ROLLUP_TABLES]; /* the answer */
};

/* An event of a day may belong to the visits of one before to two after. */
#define PP_ROLLUP_BEFORE 1
#define PP_ROLLUP_AFTER  2

/* Takes a line of pp_rollup_compare_sql; false: not a word of it. */
bool pp_rollup_state_set(struct pp_rollup_state *state, const char *what,
                         struct pp_rollup_sum sum);

/*
 * Whether a day that still grows need not be made anew yet: it has grown by
 * less than a twentieth since, and was made less than lag_s ago. So what a day
 * costs is in proportion to its events, however often somebody looks.
 */
bool pp_rollup_may_lag(const struct pp_rollup_state *state, int lag_s);

/*
 * Fills in anew of count days in a row. The first PP_ROLLUP_BEFORE and the last
 * PP_ROLLUP_AFTER are there as neighbours only. The minutes of days before
 * minutes_from are not asked for any more. wide: visits of a day that is wrong
 * are made anew together with its neighbours'; the day alone did not help.
 * A day that may_lag counts as right. Returns how many days are not right.
 */
size_t pp_rollup_plan(struct pp_rollup_state *states, size_t count,
                      size_t minutes_from, bool wide);

#endif
