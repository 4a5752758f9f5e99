#ifndef LEDGER_H
#define LEDGER_H

#include "pp_pg.h"

#include "buckets.h"
#include "refusals.h"

/*
 * What is counted and how far, in Postgres. Counts and the offsets that they
 * come from change in one transaction; an offset changes only from what it was
 * when its reader began. Whoever reads again, late, or beside another that
 * owns the partition now, changes nothing.
 */
#define LEDGER_PARTITIONS 1024

/* Records of one partition that are counted: from since on, before until. */
struct ledger_range {
    int32_t partition;
    int64_t since, until;
};

/* Which topic, and the ranges of it that are to be written. */
struct ledger_topic {
    const char *name; /* without the prefix */
    int64_t epoch;
    const struct ledger_range *ranges;
    size_t count;
};

/* The next offset of a partition; first where nothing was counted of it yet. */
int ledger_next(struct pp_pg *pg, const struct ledger_topic *topic,
                int32_t partition, int64_t first, int64_t *next_out,
                struct pp_err *err);

/*
 * Writes what was counted, in a transaction of its own, and lets the capacity
 * of accounts be looked at whose usage crossed a threshold. PP_ERR_DENIED:
 * another has counted of these partitions; nothing was written, and all of it
 * has to be forgotten. PP_ERR_AGAIN: it may have been written or not; trying
 * again finds out.
 */
int ledger_write_buckets(struct pp_pg *pg, const struct ledger_topic *topic,
                         struct buckets *buckets, struct pp_err *err);

/* The same for what was not accepted. */
int ledger_write_refusals(struct pp_pg *pg, const struct ledger_topic *topic,
                          struct refusals *refusals, struct pp_err *err);

/*
 * Usage was compared with ClickHouse: lets the capacity of each account that
 * has any be looked at, in a transaction of its own.
 */
int ledger_confirm(struct pp_pg *pg, struct pp_err *err);

#endif
