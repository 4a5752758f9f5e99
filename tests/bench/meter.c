/*
 * How long a flush of the meter takes, on a Postgres that `pawprint migrate`
 * has seen: COUNT buckets of as many accounts, new and then ten times more.
 *
 *   bench-meter DSN COUNT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_time.h"

#include "ledger.h"

#define AGAIN 10

static struct buckets *some_buckets(long count)
{
    struct buckets *buckets = buckets_new();
    char account[32], site[32];

    for (long i = 0; i < count; i++) {
        struct event event = {
            .kind = EVENT_KIND_PAGEVIEW,
            .received_at_ms = pp_wall_now().ms,
        };

        snprintf(account, sizeof(account), "flush%ld", i);
        snprintf(site, sizeof(site), "site%ld", i);
        event.account_id = pp_str_of(account);
        event.site_id = pp_str_of(site);
        buckets_add(buckets, &event);
    }
    return buckets;
}

static int flush(struct pp_pg *pg, struct buckets *buckets, int64_t *ms_out,
                 struct pp_err *err)
{
    struct ledger_topic topic = {"bench", 1, NULL, 1};
    struct ledger_range range = {0, 0, 0};
    struct pp_mono start;

    if (ledger_next(pg, &topic, 0, 0, &range.since, err) < 0)
        return -1;
    range.until = range.since + 1;
    topic.ranges = &range;
    start = pp_mono_now();
    if (ledger_write_buckets(pg, &topic, buckets, err) < 0)
        return -1;
    *ms_out = pp_mono_ms(start, pp_mono_now());
    return 0;
}

static int run(const char *dsn, long count, struct pp_err *err)
{
    struct buckets *buckets = some_buckets(count);
    struct pp_pg *pg = NULL;
    int64_t first = 0, one, sum = 0, least = INT64_MAX;
    int result = pp_pg_open(&pg, dsn, "bench", err);

    if (result == 0)
        result = flush(pg, buckets, &first, err);
    for (int i = 0; result == 0 && i < AGAIN; i++) {
        result = flush(pg, buckets, &one, err);
        sum += one;
        if (one < least)
            least = one;
    }
    pp_pg_close(&pg);
    buckets_free(&buckets);
    if (result == 0)
        printf("  a flush of %ld buckets: %" PRId64 " ms where they are new, "
               "then %" PRId64 " ms on average, %" PRId64 " at best\n",
               count, first, sum / AGAIN, least);
    return result;
}

int main(int argc, char **argv)
{
    struct pp_err err = {0};

    if (argc != 3) {
        fprintf(stderr, "usage: bench-meter DSN COUNT\n");
        return 2;
    }
    if (run(argv[1], strtol(argv[2], NULL, 10), &err) < 0) {
        fprintf(stderr, "bench-meter: %s\n", err.msg);
        return 1;
    }
    return 0;
}
