#ifndef PP_ROLLUP_H
#define PP_ROLLUP_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_clickhouse.h"
#include "pp_rollup_sql.h"

/*
 * Makes `visits` and the rollups equal to `events`, day by day.
 *
 * A day is made anew in a staging table and put in place with REPLACE
 * PARTITION: whoever reads, and whatever is killed, there is the old day or
 * the new one. Which days have to be is found by comparing counts and
 * checksums of rows, so nothing has to be remembered between runs. Two that
 * work at once do the same thing twice and harm nothing. One thread.
 */
struct pp_rollup {
    struct pp_clickhouse *clickhouse; /* borrowed */
    const char *tag;                  /* of its staging tables; [a-z0-9_]+ */
    int timeout_ms;                   /* of one statement, also on the server */
    int lag_s; /* today may be behind for so long, if by little; 0: not at all
                */
    /* Called before every statement that takes long; -1 ends it all. May be
     * NULL. table and day are NULL while days are compared. */
    int (*progress)(void *context, const char *table, const char *day,
                    struct pp_err *err);
    void *context;
    /* What was done, added up by every call. */
    int64_t partitions; /* of all tables, put in place */
    int64_t days;       /* in which anything was */
};

/* The first and last day that stands anywhere; first > last: none does. */
int pp_rollup_range(struct pp_rollup *rollup, int64_t *first_out,
                    int64_t *last_out, struct pp_err *err);

/* Today by ClickHouse's clock. */
int pp_rollup_today(struct pp_rollup *rollup, int64_t *today_out,
                    struct pp_err *err);

/*
 * Makes the days from first to last, inclusive, right; whatever of them is
 * right already is left alone unless force is set. Days are counted from
 * 1970-01-01 in UTC. Not all of them may be right afterwards when events of
 * theirs arrive meanwhile: left_out says how many are not.
 */
int pp_rollup_days(struct pp_rollup *rollup, int64_t first, int64_t last,
                   bool force, int64_t *left_out, struct pp_err *err);

/* Drops staging tables that nobody has touched for an hour. */
int pp_rollup_clean(struct pp_rollup *rollup, struct pp_err *err);

#endif
