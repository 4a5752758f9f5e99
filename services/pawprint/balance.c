/*
 * received + replayed = stored + duplicate + rejected + denied, by counting
 * each where it lies: records in `hits`, events that went back after they were
 * rejected, distinct events in ClickHouse, hits that were sent twice as the
 * meter has added them up, records in `rejects`, events of erased sites. What
 * is still on its way is lag; the numbers have to agree once there is none. The
 * writer commits offsets late on purpose, so its lag is counted record by
 * record.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pp_time.h"

#include "prove.h"

#define QUERY_MS 30000

struct balance {
    int64_t received, stored, rows, duplicate, rejected, denied, replayed;
    int64_t enricher_lag, writer_lag, counts_lag;
    int64_t enricher_lags[SCAN_PARTITIONS];
    int64_t received_of[SCAN_PARTITIONS], stored_of[SCAN_PARTITIONS];
    int partitions; /* of `hits` */
    struct prove_topics events;
};

/* `hits` has no marks of transactions: every offset is a record. */
static int measure_hits(struct cli *cli, struct balance *b, struct pp_err *err)
{
    static struct topic_range hits;
    char topic[200];
    int64_t committed;

    snprintf(topic, sizeof(topic), "%shits.v1", cli->prefix);
    if (topic_kept(cli, "hits.v1", &hits, err) < 0)
        return -1;
    b->partitions = hits.partitions;
    for (int i = 0; i < hits.partitions; i++) {
        if (pp_kafka_committed(cli->kafka, "enricher", topic, i, &committed,
                               err) < 0)
            return -1;
        b->received_of[i] = hits.end[i];
        b->received += hits.end[i];
        b->enricher_lags[i] =
            hits.end[i] > committed ? hits.end[i] - committed : 0;
        b->enricher_lag += b->enricher_lags[i];
    }
    return 0;
}

static int count_one(void *context, const struct pp_message *message,
                     struct pp_err *err)
{
    int64_t *count = context;

    (void)message;
    (void)err;
    ++*count;
    return 0;
}

/* Events that were rejected and put back: records that no hit made. */
static int count_replayed(struct cli *cli, int64_t first, int64_t *out,
                          struct pp_err *err)
{
    char offset[24];
    const char *values[] = {offset};
    struct pp_pg_rows rows;
    int result;

    snprintf(offset, sizeof(offset), "%" PRId64, first);
    result = pp_pg_query(cli->pg,
                         "SELECT count(*) FROM reject_replay WHERE topic = "
                         "'events.v1' AND reject_offset >= $1",
                         1, values, &rows, err);
    if (result == 0)
        *out = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

/* `rejects` has marks of transactions between its records: they are read. */
static int count_rejects(struct cli *cli, struct balance *b, struct pp_err *err)
{
    static struct topic_range rejects;

    if (topic_kept(cli, "rejects.v1", &rejects, err) < 0 ||
        count_replayed(cli, rejects.first[0], &b->replayed, err) < 0)
        return -1;
    return topic_scan(cli, "rejects.v1", &rejects, count_one, &b->rejected,
                      err);
}

/* The enricher tells of each one in the transaction that passes it over. */
static int measure_duplicates(struct cli *cli, struct balance *b,
                              struct pp_err *err)
{
    static struct topic_range counts;
    struct pp_pg_rows rows;
    int result;

    if (topic_kept(cli, "counts.v1", &counts, err) < 0)
        return -1;
    result = pp_pg_query(
        cli->pg,
        "SELECT coalesce((SELECT sum(n) FROM usage_refused WHERE stage = "
        "'enricher' AND reason = 'duplicate'), 0)::bigint, coalesce((SELECT "
        "next_offset FROM usage_offset WHERE topic = 'counts.v1' AND partition "
        "= 0 ORDER BY epoch DESC LIMIT 1), 0)",
        0, NULL, &rows, err);
    if (result == 0) {
        b->duplicate = pp_pg_int64(&rows, 0, 0);
        b->counts_lag = counts.end[0] - pp_pg_int64(&rows, 0, 1);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* Before the numbers agree, all of it has to have arrived. */
static int64_t lag_of(const struct balance *b)
{
    return b->enricher_lag + b->writer_lag + b->counts_lag;
}

static int measure_events(struct cli *cli, struct balance *b,
                          struct pp_err *err)
{
    if (prove_topics_measure(cli, false, &b->events, err) < 0)
        return -1;
    b->writer_lag = b->events.all.lag;
    b->denied = b->events.all.denied;
    return 0;
}

/* A line of ClickHouse's answer: partition, rows, events. */
static bool take_stored(struct balance *b, struct pp_str line)
{
    struct pp_str part;
    int64_t partition, rows, stored;

    if (!pp_str_split(&line, '\t', &part) || !pp_str_int64(part, &partition) ||
        !pp_str_split(&line, '\t', &part) || !pp_str_int64(part, &rows) ||
        !pp_str_int64(line, &stored))
        return false;
    b->rows += rows;
    b->stored += stored;
    if (partition >= 0 && partition < SCAN_PARTITIONS)
        b->stored_of[partition] = stored;
    return true;
}

static int count_stored(struct cli *cli, struct balance *b, struct pp_err *err)
{
    const struct pp_clickhouse_call call = {
        .sql = "SELECT kafka_partition, count(), uniqExact(kafka_epoch, "
               "kafka_offset) FROM events GROUP BY kafka_partition",
        .timeout_ms = QUERY_MS};
    struct pp_str answer, line;

    if (pp_clickhouse_run(cli->clickhouse, &call, &answer, err) < 0)
        return -1;
    answer = pp_str_trim(answer);
    while (pp_str_split(&answer, '\n', &line))
        if (line.n > 0 && !take_stored(b, line))
            return pp_err_set(err, PP_ERR_FATAL, "clickhouse: not two counts");
    return 0;
}

static bool agrees(const struct balance *b)
{
    return b->received + b->replayed ==
           b->stored + b->duplicate + b->rejected + b->denied;
}

static void print_text(const struct balance *b)
{
    for (int i = 0; i < b->partitions; i++)
        printf("partition %-3d received %-10" PRId64 " stored %-10" PRId64
               " lag of enricher %-8" PRId64 " lag of writer %" PRId64 "\n",
               i, b->received_of[i], b->stored_of[i], b->enricher_lags[i],
               b->events.sums[i].lag);
    printf("\nreceived  %10" PRId64 "\nreplayed  %10" PRId64
           "\nstored    %10" PRId64 "   (%" PRId64 " rows, %" PRId64
           " of them twice)\n"
           "duplicate %10" PRId64 "\nrejected  %10" PRId64
           "\ndenied    %10" PRId64 "\nlag       %10" PRId64 "\n%s\n",
           b->received, b->replayed, b->stored, b->rows, b->rows - b->stored,
           b->duplicate, b->rejected, b->denied, lag_of(b),
           agrees(b)
               ? "received + replayed = stored + duplicate + rejected + denied"
               : "received + replayed and stored + duplicate + rejected + "
                 "denied differ");
}

static void print_json(const struct balance *b)
{
    printf("{\"received\":%" PRId64 ",\"replayed\":%" PRId64
           ",\"stored\":%" PRId64 ",\"rows\":%" PRId64 ",\"duplicate\":%" PRId64
           ",\"rejected\":%" PRId64 ",\"denied\":%" PRId64 ",\"partitions\":[",
           b->received, b->replayed, b->stored, b->rows, b->duplicate,
           b->rejected, b->denied);
    for (int i = 0; i < b->partitions; i++)
        printf("%s{\"received\":%" PRId64 ",\"stored\":%" PRId64
               ",\"enricher_lag\":%" PRId64 ",\"writer_lag\":%" PRId64 "}",
               i ? "," : "", b->received_of[i], b->stored_of[i],
               b->enricher_lags[i], b->events.sums[i].lag);
    printf("]}\n");
}

static int measure(struct cli *cli, struct balance *b, struct pp_err *err)
{
    *b = (struct balance){0};
    if (measure_hits(cli, b, err) < 0 || measure_events(cli, b, err) < 0 ||
        count_rejects(cli, b, err) < 0 || measure_duplicates(cli, b, err) < 0)
        return -1;
    return count_stored(cli, b, err);
}

int balance_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    static struct balance b;
    int64_t wait_s;

    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--wait", "0")),
                      &wait_s))
        return cli_usage(err, "--wait takes a number of seconds");
    for (;;) {
        if (measure(cli, &b, err) < 0)
            return -1;
        if (lag_of(&b) == 0 ||
            pp_mono_ms(start, pp_mono_now()) >= wait_s * 1000)
            break;
        usleep(200000);
    }
    if (cli->json)
        print_json(&b);
    else
        print_text(&b);
    if (lag_of(&b) > 0)
        return wait_s > 0; /* still on its way: no verdict, unless awaited */
    return !agrees(&b);
}
