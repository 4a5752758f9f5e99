/*
 * Every record of `events` is exactly one of: stored, rejected, denied; and no
 * row is there twice. Counted record by record, from what Kafka keeps.
 */
#include "prove.h"
#include "prove_rollups.h"
#include "usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "event.h"
#include "reject.h"

#define EPOCH_MS    10000
#define QUERY_MS    300000
#define CHUNK       INT64_C(1000000) /* offsets a question */
#define AGAIN_US    200000
#define SQL_BYTES   400
#define TOPIC_NAME  "events.v1"
#define WRITER_NAME "writer"

struct audit {
    struct cli *cli;
    int64_t epoch; /* of `events` */
    char topic[200], rejects[200];
    struct topic_range range;
    int64_t settled[SCAN_PARTITIONS];
    struct proof *proofs[SCAN_PARTITIONS];
    struct pp_pg_rows erased; /* sorted ids */
    struct pp_err unread;     /* why some record could not be read */
};

/* --- erased sites ----------------------------------------------------------
 */

static int erased_query(struct audit *a, struct pp_pg_rows *rows,
                        struct pp_err *err)
{
    return pp_pg_query(a->cli->pg,
                       "SELECT site_id COLLATE \"C\" FROM site WHERE status = "
                       "'erased' ORDER BY 1",
                       0, NULL, rows, err);
}

static bool is_erased(const struct audit *a, struct pp_str site_id)
{
    int low = 0, high = a->erased.count;

    while (low < high) {
        int middle = low + (high - low) / 2;
        struct pp_str one = pp_str_of(pp_pg_text(&a->erased, middle, 0));
        size_t n = one.n < site_id.n ? one.n : site_id.n;
        int order = memcmp(site_id.p, one.p, n);

        if (order == 0)
            order = (site_id.n > one.n) - (site_id.n < one.n);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Whether others are erased than when the count began. */
static int erased_changed(struct audit *a, bool *changed_out,
                          struct pp_err *err)
{
    struct pp_pg_rows now;
    int result = erased_query(a, &now, err);

    *changed_out = result == 0 && now.count != a->erased.count;
    pp_pg_rows_fini(&now);
    return result;
}

/* --- records ---------------------------------------------------------------
 */

/* Nobody's, or of a schema that is not known here, which is remembered. */
static int not_read(struct audit *a, const struct pp_err *why)
{
    if (why->kind == PP_ERR_AGAIN)
        a->unread = *why;
    return 0;
}

static int take_event(void *context, const struct pp_message *message,
                      struct pp_err *err)
{
    struct audit *a = context;
    struct proof *proof = a->proofs[message->partition];
    struct pp_str body = message->value;
    struct pp_err why = {0};
    struct event event;
    uint64_t schema;

    (void)err;
    proof_mark(proof, PROOF_PRODUCED, message->offset);
    if (a->erased.count == 0)
        return 0;
    if (pp_registry_get(a->cli->registry, &body, &schema, &why) < 0 ||
        event_decode(schema, body, &event, &why) < 0)
        return not_read(a, &why);
    if (is_erased(a, event.site_id))
        proof_mark(proof, PROOF_ERASED, message->offset);
    return 0;
}

/* Of another epoch the same offset is another record's. */
static bool is_of_epoch(const struct audit *a, const struct pp_message *message)
{
    int64_t epoch;

    return pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
           epoch == a->epoch;
}

static int take_reject(void *context, const struct pp_message *message,
                       struct pp_err *err)
{
    struct audit *a = context;
    struct pp_str body = message->value;
    struct pp_err why = {0};
    struct reject reject;
    uint64_t schema;

    (void)err;
    if (pp_registry_get(a->cli->registry, &body, &schema, &why) < 0 ||
        reject_decode(schema, body, &reject, &why) < 0)
        return not_read(a, &why);
    if (pp_str_eq(reject.stage, PP_LIT(WRITER_NAME)) &&
        pp_str_eq(reject.topic, pp_str_of(a->topic)) && reject.partition >= 0 &&
        reject.partition < a->range.partitions && is_of_epoch(a, message))
        proof_mark(a->proofs[reject.partition], PROOF_REJECTED, reject.offset);
    return 0;
}

/* --- rows ------------------------------------------------------------------
 */

static int odd_answer(struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_FATAL,
                      "clickhouse: an answer that cannot be read");
}

static int mark_stored(struct audit *a, int partition, struct pp_err *err)
{
    int64_t end = a->range.end[partition], offset;
    char sql[SQL_BYTES];
    struct pp_str answer, line;

    for (int64_t from = a->range.first[partition]; from < end; from += CHUNK) {
        snprintf(sql, sizeof(sql),
                 "SELECT DISTINCT kafka_offset FROM events WHERE "
                 "kafka_epoch = %" PRId64 " AND kafka_partition = %d AND "
                 "kafka_offset >= %" PRId64 " AND kafka_offset < %" PRId64,
                 a->epoch, partition, from,
                 end - from < CHUNK ? end : from + CHUNK);
        if (cli_ask(a->cli, sql, NULL, QUERY_MS, &answer, err) < 0)
            return -1;
        while (answer.n && pp_str_split(&answer, '\n', &line)) {
            if (!pp_str_int64(line, &offset))
                return odd_answer(err);
            proof_mark(a->proofs[partition], PROOF_STORED, offset);
        }
    }
    return 0;
}

/* Over the whole table, also where Kafka has forgotten the record. */
static int count_twice(struct audit *a, int partition, int64_t *out,
                       struct pp_err *err)
{
    char sql[SQL_BYTES];
    struct pp_str answer;

    snprintf(sql, sizeof(sql),
             "SELECT count() - uniqExact(kafka_epoch, kafka_offset) FROM "
             "events WHERE kafka_partition = %d",
             partition);
    if (cli_ask(a->cli, sql, NULL, QUERY_MS, &answer, err) < 0)
        return -1;
    return pp_str_int64(answer, out) ? 0 : odd_answer(err);
}

/* --- the whole of it -------------------------------------------------------
 */

static int learn(struct audit *a, struct pp_err *err)
{
    struct cli *cli = a->cli;

    snprintf(a->topic, sizeof(a->topic), "%s" TOPIC_NAME, cli->prefix);
    snprintf(a->rejects, sizeof(a->rejects), "%srejects.v1", cli->prefix);
    if (pp_registry_learn(cli->registry, a->topic, event_schema,
                          EVENT_FINGERPRINT, err) < 0 ||
        pp_registry_learn(cli->registry, a->rejects, reject_schema,
                          REJECT_FINGERPRINT, err) < 0)
        return -1;
    return pp_topics_epoch(&cli->kafka_access, cli->prefix, TOPIC_NAME,
                           EPOCH_MS, &a->epoch, err);
}

/* What is settled is asked first: all of it has to be found afterwards. */
static int look_at_topic(struct audit *a, bool whole, struct pp_err *err)
{
    int count;

    if (pp_kafka_partitions(a->cli->kafka, a->topic, &count, err) < 0)
        return -1;
    for (int i = 0; i < count && i < SCAN_PARTITIONS; i++)
        if (pp_kafka_committed(a->cli->kafka, WRITER_NAME, a->topic, i,
                               &a->settled[i], err) < 0)
            return -1;
    if (topic_kept(a->cli, TOPIC_NAME, &a->range, err) < 0)
        return -1;
    for (int i = 0; i < a->range.partitions; i++) {
        int64_t *first = &a->range.first[i];

        if (!whole && a->erased.count == 0 && *first < a->settled[i])
            *first = a->settled[i] < a->range.end[i] ? a->settled[i]
                                                     : a->range.end[i];
        a->proofs[i] = proof_new(*first, a->range.end[i]);
    }
    return 0;
}

static int read_topics(struct audit *a, struct pp_err *err)
{
    struct topic_range rejects;

    if (topic_scan(a->cli, TOPIC_NAME, &a->range, take_event, a, err) < 0 ||
        topic_kept(a->cli, "rejects.v1", &rejects, err) < 0)
        return -1;
    return topic_scan(a->cli, "rejects.v1", &rejects, take_reject, a, err);
}

static void add(struct proof_sum *all, const struct proof_sum *one)
{
    all->produced += one->produced;
    all->stored += one->stored;
    all->rejected += one->rejected;
    all->denied += one->denied;
    all->lag += one->lag;
    all->missing += one->missing;
    all->twice += one->twice;
    all->came_back += one->came_back;
}

static int sum_up(struct audit *a, bool whole, struct prove_topics *out,
                  struct pp_err *err)
{
    *out = (struct prove_topics){.partitions = a->range.partitions};
    for (int i = 0; i < a->range.partitions; i++) {
        int64_t twice = 0;

        if (mark_stored(a, i, err) < 0 ||
            (whole && count_twice(a, i, &twice, err) < 0))
            return -1;
        out->sums[i] = proof_sum(a->proofs[i], a->settled[i]);
        out->sums[i].twice += twice;
        add(&out->all, &out->sums[i]);
    }
    /* It may be rejected, or of an erased site: no verdict. */
    if (out->all.missing > 0 && a->unread.kind == PP_ERR_AGAIN) {
        *err = a->unread;
        return -1;
    }
    return 0;
}

static int measure_once(struct audit *a, bool whole, struct prove_topics *out,
                        bool *changed_out, struct pp_err *err)
{
    int result = -1;

    memset(a->proofs, 0, sizeof(a->proofs));
    a->unread = (struct pp_err){0};
    if (erased_query(a, &a->erased, err) == 0 &&
        look_at_topic(a, whole, err) == 0 && read_topics(a, err) == 0 &&
        sum_up(a, whole, out, err) == 0)
        result = erased_changed(a, changed_out, err);
    for (size_t i = 0; i < SCAN_PARTITIONS; i++)
        proof_free(&a->proofs[i]);
    pp_pg_rows_fini(&a->erased);
    return result;
}

int prove_topics_measure(struct cli *cli, bool whole, struct prove_topics *out,
                         struct pp_err *err)
{
    static struct audit a;
    bool changed = true;

    a = (struct audit){.cli = cli};
    if (learn(&a, err) < 0)
        return -1;
    while (changed)
        if (measure_once(&a, whole, out, &changed, err) < 0)
            return -1;
    return 0;
}

/* --- command ---------------------------------------------------------------
 */

static void print_line(const char *name, const struct proof_sum *s)
{
    printf("%-9s %10" PRId64 " %10" PRId64 " %9" PRId64 " %9" PRId64
           " %9" PRId64 " %8" PRId64 " %6" PRId64 " %6" PRId64 "\n",
           name, s->produced, s->stored, s->rejected, s->denied, s->lag,
           s->missing, s->twice, s->came_back);
}

static void print_text(const struct prove_topics *p)
{
    char name[16];

    printf("%-9s %10s %10s %9s %9s %9s %8s %6s %6s\n", "partition", "produced",
           "stored", "rejected", "denied", "lag", "missing", "twice", "erased");
    for (int i = 0; i < p->partitions; i++) {
        snprintf(name, sizeof(name), "%d", i);
        print_line(name, &p->sums[i]);
    }
    print_line("all", &p->all);
    if (p->all.came_back)
        puts("\nRows of erased sites are stored: `pawprint erase apply` "
             "erases them again.");
}

static void print_sum(const struct proof_sum *s)
{
    printf("{\"produced\":%" PRId64 ",\"stored\":%" PRId64
           ",\"rejected\":%" PRId64 ",\"denied\":%" PRId64 ",\"lag\":%" PRId64
           ",\"missing\":%" PRId64 ",\"twice\":%" PRId64 ",\"erased\":%" PRId64
           "}",
           s->produced, s->stored, s->rejected, s->denied, s->lag, s->missing,
           s->twice, s->came_back);
}

static void print_json(const struct prove_topics *p)
{
    printf("{\"all\":");
    print_sum(&p->all);
    printf(",\"partitions\":[");
    for (int i = 0; i < p->partitions; i++) {
        printf(i ? "," : "");
        print_sum(&p->sums[i]);
    }
    puts("]}");
}

int prove_topics_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    static struct prove_topics p;
    struct pp_mono start = pp_mono_now();
    int64_t wait_s;

    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--wait", "0")),
                      &wait_s))
        return cli_usage(err, "--wait takes a number of seconds");
    for (;;) {
        if (prove_topics_measure(cli, true, &p, err) < 0)
            return -1;
        if (p.all.lag == 0 || pp_mono_ms(start, pp_mono_now()) >= wait_s * 1000)
            break;
        usleep(AGAIN_US);
    }
    if (cli->json)
        print_json(&p);
    else
        print_text(&p);
    if (p.all.missing + p.all.twice + p.all.came_back > 0)
        return 1;
    return wait_s > 0 && p.all.lag > 0; /* it was to be awaited */
}

int prove_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *what = cli_argument(argc, argv, 0);
    bool equal, usage_equal;
    int64_t wait_s;
    int topics;

    if (what)
        return cli_usage(err, "that can't be proved");
    printf("%s", cli->json ? "{\"topics\":" : "");
    topics = prove_topics_run(cli, argc, argv, err);
    if (topics < 0)
        return -1;
    printf("%s", cli->json ? ",\"rollups\":" : "\n");
    if (prove_rollups(cli, &equal, err) < 0)
        return -1;
    printf("%s", cli->json ? ",\"usage\":" : "\n");
    if (!pp_str_int64(pp_str_of(cli_option(argc, argv, "--wait", "0")),
                      &wait_s) ||
        prove_usage(cli, wait_s, &usage_equal, err) < 0)
        return -1;
    printf("%s", cli->json ? "}\n" : "");
    return topics || !equal || !usage_equal;
}
