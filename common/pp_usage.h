#ifndef PP_USAGE_H
#define PP_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_clickhouse.h"
#include "pp_kafka.h"
#include "pp_pg.h"

/*
 * Usage as it was counted, beside what ClickHouse stores: distinct events by
 * account, site, kind and quarter of an hour. What differs becomes a signed
 * correction; nothing is written over, and no answer is never taken for none.
 */
#define PP_USAGE_QUARTER_S 900

struct pp_usage {
    struct pp_pg *pg; /* borrowed, as all here */
    struct pp_clickhouse *clickhouse;
    int lookback_s; /* an event that came before, up to so long, counts there */
    int timeout_ms; /* of one statement in ClickHouse */
    /* Before every write; -1 ends it. May be NULL. */
    int (*progress)(void *context, struct pp_err *err);
    void *context;
    /* What was found, added up by every call. */
    int64_t corrections; /* rows written */
    int64_t drift;       /* their numbers without signs */
};

/* Half-open, seconds since 1970 UTC, multiples of PP_USAGE_QUARTER_S. */
struct pp_usage_range {
    int64_t since_s, until_s;
};

/*
 * Whether all that Kafka had before at_ms is counted, and stored: what is
 * still on its way is no difference. PP_ERR_AGAIN, in words, when it is not;
 * wait and ask again.
 */
int pp_usage_settled(struct pp_pg *pg, struct pp_kafka *kafka,
                     const char *prefix, int64_t at_ms, struct pp_err *err);

/* The same, of what is counted: ClickHouse may be behind. */
int pp_usage_counted(struct pp_pg *pg, struct pp_kafka *kafka,
                     const char *prefix, int64_t at_ms, struct pp_err *err);

/*
 * Corrects the buckets of the range. A site that is erased keeps the usage
 * that was counted. Twice at once does no harm.
 */
int pp_usage_reconcile(struct pp_usage *usage,
                       const struct pp_usage_range *range, struct pp_err *err);

/* One account's events of a range, of every kind. */
struct pp_usage_sum {
    char account_id[80];
    int64_t counted;     /* as the stream was counted */
    int64_t corrections; /* what was found later */
    int64_t stored;      /* distinct, in ClickHouse */
    int64_t erased;      /* counted and corrected, of sites that are erased */
};

/*
 * Hands out a sum for each account, in the order of ids; of one account alone
 * where account_id is not NULL.
 */
int pp_usage_compare(struct pp_usage *usage, const char *account_id,
                     const struct pp_usage_range *range,
                     void (*take)(void *context,
                                  const struct pp_usage_sum *sum),
                     void *context, struct pp_err *err);

#endif
