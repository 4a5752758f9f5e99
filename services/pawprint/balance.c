/*
 * received = stored + rejected, by counting each where it lies: records in
 * `hits`, distinct events in ClickHouse, records in `rejects`. What is still
 * on its way is lag; the numbers have to agree once there is none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pp_consumer.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "cli.h"

#define PARTITIONS_MAX 256
#define READ_MS        10000
#define QUERY_MS       30000

struct balance {
    int64_t received, stored, rows, rejected;
    int64_t enricher_lag, writer_lag;
    struct {
        int64_t enricher_lag, writer_lag;
    } partitions[PARTITIONS_MAX];
    int partition_count;
};

/* Lag of a group on one partition; *end_out is where the partition ends. */
static int lag_of(struct cli *cli, const char *topic, const char *group,
                  int partition, int64_t *lag_out, int64_t *end_out,
                  struct pp_err *err)
{
    int64_t low, committed;

    if (pp_kafka_offsets(cli->kafka, topic, partition, &low, end_out, err) <
            0 ||
        pp_kafka_committed(cli->kafka, group, topic, partition, &committed,
                           err) < 0)
        return -1;
    *lag_out = *end_out > committed ? *end_out - committed : 0;
    return 0;
}

static int measure_topics(struct cli *cli, struct balance *b,
                          struct pp_err *err)
{
    char hits[200], events[200];
    int64_t end;

    snprintf(hits, sizeof(hits), "%shits.v1", cli->prefix);
    snprintf(events, sizeof(events), "%sevents.v1", cli->prefix);
    if (pp_kafka_partitions(cli->kafka, hits, &b->partition_count, err) < 0)
        return -1;
    if (b->partition_count == 0 || b->partition_count > PARTITIONS_MAX)
        return pp_err_set(err, PP_ERR_FATAL,
                          "there is no topic %s: `pawprint topics` makes it",
                          hits);
    for (int i = 0; i < b->partition_count; i++) {
        int64_t *enricher = &b->partitions[i].enricher_lag;
        int64_t *writer = &b->partitions[i].writer_lag;

        if (lag_of(cli, hits, "enricher", i, enricher, &end, err) < 0)
            return -1;
        b->received += end; /* hits has no marks of transactions */
        if (lag_of(cli, events, "writer", i, writer, &end, err) < 0)
            return -1;
        b->enricher_lag += *enricher;
        b->writer_lag += *writer;
    }
    return 0;
}

/* `rejects` has marks of transactions between its records: they are read. */
static int count_rejects(struct cli *cli, struct balance *b, struct pp_err *err)
{
    char topic[200];
    struct pp_consumer_options options = {
        .topic = topic, .batch_count = 1000, .fetch_bytes = (size_t)16 << 20};
    struct pp_mono start = pp_mono_now();
    struct pp_consumer *consumer;
    struct pp_messages messages;
    int result = 0;

    snprintf(topic, sizeof(topic), "%srejects.v1", cli->prefix);
    if (pp_consumer_open(&consumer, &cli->kafka_access, &options, err) < 0)
        return -1;
    while (result == 0 && !pp_consumer_caught_up(consumer)) {
        result = pp_consumer_poll(consumer, &messages, 200, err);
        b->rejected += (int64_t)messages.count;
        if (result == 0 && pp_mono_ms(start, pp_mono_now()) > READ_MS)
            result = pp_err_set(err, PP_ERR_AGAIN,
                                "%s was not read to its end in time", topic);
    }
    pp_consumer_close(&consumer);
    return result;
}

static int count_stored(struct cli *cli, struct balance *b, struct pp_err *err)
{
    const struct pp_clickhouse_call call = {
        .sql = "SELECT count(), uniqExact(kafka_epoch, kafka_partition, "
               "kafka_offset) FROM events",
        .timeout_ms = QUERY_MS};
    struct pp_str answer, part;

    if (pp_clickhouse_run(cli->clickhouse, &call, &answer, err) < 0)
        return -1;
    answer = pp_str_trim(answer);
    if (!pp_str_split(&answer, '\t', &part) || !pp_str_int64(part, &b->rows) ||
        !pp_str_int64(answer, &b->stored))
        return pp_err_set(err, PP_ERR_FATAL, "clickhouse: not two counts");
    return 0;
}

static void print_text(const struct balance *b)
{
    for (int i = 0; i < b->partition_count; i++)
        printf("partition %-3d lag of enricher %-8" PRId64
               " lag of writer %" PRId64 "\n",
               i, b->partitions[i].enricher_lag, b->partitions[i].writer_lag);
    printf("\nreceived  %10" PRId64 "\nstored    %10" PRId64 "   (%" PRId64
           " rows, %" PRId64 " of them twice)\n"
           "rejected  %10" PRId64 "\nlag       %10" PRId64 "\n%s\n",
           b->received, b->stored, b->rows, b->rows - b->stored, b->rejected,
           b->enricher_lag + b->writer_lag,
           b->received == b->stored + b->rejected
               ? "received = stored + rejected"
               : "received and stored + rejected differ");
}

static void print_json(const struct balance *b)
{
    printf("{\"received\":%" PRId64 ",\"stored\":%" PRId64 ",\"rows\":%" PRId64
           ",\"rejected\":%" PRId64 ",\"partitions\":[",
           b->received, b->stored, b->rows, b->rejected);
    for (int i = 0; i < b->partition_count; i++)
        printf("%s{\"enricher_lag\":%" PRId64 ",\"writer_lag\":%" PRId64 "}",
               i ? "," : "", b->partitions[i].enricher_lag,
               b->partitions[i].writer_lag);
    printf("]}\n");
}

static int measure(struct cli *cli, struct balance *b, struct pp_err *err)
{
    *b = (struct balance){0};
    if (measure_topics(cli, b, err) < 0 || count_rejects(cli, b, err) < 0)
        return -1;
    return count_stored(cli, b, err);
}

int balance_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    struct balance b;
    int64_t wait_s;

    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--wait", "0")),
                      &wait_s))
        return cli_usage(err, "--wait takes a number of seconds");
    for (;;) {
        if (measure(cli, &b, err) < 0)
            return -1;
        if (b.enricher_lag + b.writer_lag == 0 ||
            pp_mono_ms(start, pp_mono_now()) >= wait_s * 1000)
            break;
        usleep(200000);
    }
    if (cli->json)
        print_json(&b);
    else
        print_text(&b);
    if (b.enricher_lag + b.writer_lag > 0)
        return wait_s > 0; /* still on its way: no verdict, unless awaited */
    return b.received != b.stored + b.rejected;
}
