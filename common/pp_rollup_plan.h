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
    bool anew[PP_ROLLUP_TABLES]; /* the answer */
};

/* An event of a day may belong to the visits of one before to two after. */
#define PP_ROLLUP_BEFORE 1
#define PP_ROLLUP_AFTER  2

/* Takes a line of pp_rollup_compare_sql; false: not a word of it. */
bool pp_rollup_state_set(struct pp_rollup_state *state, const char *what,
                         struct pp_rollup_sum sum);

/*
 * Fills in anew of count days in a row. The first PP_ROLLUP_BEFORE and the last
 * PP_ROLLUP_AFTER are there as neighbours only. The minutes of days before
 * minutes_from are not asked for any more. wide: visits of a day that is wrong
 * are made anew together with its neighbours'; the day alone did not help.
 * Returns how many days are not right.
 */
size_t pp_rollup_plan(struct pp_rollup_state *states, size_t count,
                      size_t minutes_from, bool wide);

#endif
