/*
 * What was rejected, and the way back: a record goes onto the topic it came
 * from, byte for byte, once the cause is mended. Postgres remembers which.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_producer.h"
#include "pp_topics.h"

#include "cli.h"
#include "reject.h"
#include "topic_scan.h"

#define TOPIC       "rejects.v1"
#define EPOCH_MS    10000
#define FLUSH_MS    30000
#define KINDS_MAX   64
#define QUEUE_BYTES ((size_t)64 << 20)

/* Where records can come from. */
static const char *const origins[] = {"hits.v1", "events.v1"};

struct kind {
    char stage[32], reason[64];
    int64_t count, replayed;
};

struct rejects {
    struct cli *cli;
    const char *stage, *reason; /* NULL: any */
    int64_t epoch;              /* of `rejects` */
    struct kind kinds[KINDS_MAX];
    size_t kind_count;
    struct pp_producer *producer; /* NULL: only to count */
    char epochs[PP_COUNT(origins)][24];
    size_t delivered;
    int64_t sent;
};

/* --- by stage and reason ---------------------------------------------------
 */

static struct kind *kind_of(struct rejects *self, const struct reject *reject,
                            struct pp_err *err)
{
    struct kind kind = {0};

    snprintf(kind.stage, sizeof(kind.stage), "%.*s", PP_ARG(reject->stage));
    snprintf(kind.reason, sizeof(kind.reason), "%.*s", PP_ARG(reject->reason));
    for (size_t i = 0; i < self->kind_count; i++)
        if (strcmp(self->kinds[i].stage, kind.stage) == 0 &&
            strcmp(self->kinds[i].reason, kind.reason) == 0)
            return &self->kinds[i];
    if (self->kind_count == KINDS_MAX) {
        pp_err_set(err, PP_ERR_FATAL, "too many reasons in " TOPIC);
        return NULL;
    }
    self->kinds[self->kind_count] = kind;
    return &self->kinds[self->kind_count++];
}

static bool is_wanted(const struct rejects *self, const struct reject *reject)
{
    return (!self->stage || pp_str_eq(reject->stage, pp_str_of(self->stage))) &&
           (!self->reason ||
            pp_str_eq(reject->reason, pp_str_of(self->reason)));
}

/* --- back onto the topic ---------------------------------------------------
 */

static void on_delivered(void *context, void *record, const struct pp_err *err)
{
    struct rejects *self = context;

    (void)record;
    if (!err)
        self->delivered++;
}

/* Which topic it came from, or -1. */
static int origin_of(const struct rejects *self, const struct reject *reject)
{
    struct pp_str prefix = pp_str_of(self->cli->prefix);

    if (pp_str_starts(reject->topic, prefix))
        for (int i = 0; i < (int)PP_COUNT(origins); i++)
            if (pp_str_eq(pp_str_sub(reject->topic, prefix.n, reject->topic.n),
                          pp_str_of(origins[i])))
                return i;
    return -1;
}

/* 1 when it is new, 0 when it went back before. Counts with the commit. */
static int remember(struct rejects *self, int64_t offset, const char *topic,
                    struct pp_err *err)
{
    char epoch_text[24], offset_text[24];
    const char *values[] = {epoch_text, offset_text, topic};
    struct pp_pg_rows rows;
    int result;

    snprintf(epoch_text, sizeof(epoch_text), "%" PRId64, self->epoch);
    snprintf(offset_text, sizeof(offset_text), "%" PRId64, offset);
    result = pp_pg_query(self->cli->pg,
                         "INSERT INTO reject_replay (epoch, reject_offset, "
                         "topic) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                         3, values, &rows, err);
    if (result == 0)
        result = rows.changed > 0;
    pp_pg_rows_fini(&rows);
    return result;
}

static int send(struct rejects *self, const struct pp_message *message,
                const struct reject *reject, int origin, struct pp_err *err)
{
    char topic[200];
    const struct pp_kafka_header headers[] = {
        {PP_TOPICS_HEADER, pp_str_of(self->epochs[origin])}, {0}};
    const struct pp_record record = {
        .topic = topic,
        .key = message->key,
        .value = reject->original,
        .headers = headers,
    };

    snprintf(topic, sizeof(topic), "%s%s", self->cli->prefix, origins[origin]);
    if (pp_producer_send(self->producer, &record, err) == 0)
        return 0;
    if (err->kind != PP_ERR_AGAIN ||
        pp_producer_flush(self->producer, FLUSH_MS, err) < 0)
        return -1;
    *err = (struct pp_err){0};
    return pp_producer_send(self->producer, &record, err);
}

static int put_back(struct rejects *self, const struct pp_message *message,
                    const struct reject *reject, struct pp_err *err)
{
    int origin = origin_of(self, reject), is_new;

    if (origin < 0)
        return 0; /* of a topic that is not ours any more */
    is_new = remember(self, message->offset, origins[origin], err);
    if (is_new <= 0)
        return is_new;
    self->sent++;
    return send(self, message, reject, origin, err);
}

/* --- reading ---------------------------------------------------------------
 */

/* Whether Postgres knows of its replay. */
static int was_replayed(struct rejects *self, int64_t offset, bool *out,
                        struct pp_err *err)
{
    char epoch_text[24], offset_text[24];
    const char *values[] = {epoch_text, offset_text};
    struct pp_pg_rows rows;
    int result;

    snprintf(epoch_text, sizeof(epoch_text), "%" PRId64, self->epoch);
    snprintf(offset_text, sizeof(offset_text), "%" PRId64, offset);
    result = pp_pg_query(self->cli->pg,
                         "SELECT 1 FROM reject_replay WHERE epoch = $1 AND "
                         "reject_offset = $2",
                         2, values, &rows, err);
    *out = result == 0 && rows.count > 0;
    pp_pg_rows_fini(&rows);
    return result;
}

static int take(void *context, const struct pp_message *message,
                struct pp_err *err)
{
    struct rejects *self = context;
    struct pp_str body = message->value;
    struct reject reject;
    struct kind *kind;
    uint64_t schema;
    bool replayed;

    if (pp_registry_get(self->cli->registry, &body, &schema, err) < 0 ||
        reject_decode(schema, body, &reject, err) < 0)
        return err->kind == PP_ERR_INVALID ? 0 : -1;
    if (!is_wanted(self, &reject))
        return 0;
    kind = kind_of(self, &reject, err);
    if (!kind)
        return -1;
    kind->count++;
    if (self->producer)
        return put_back(self, message, &reject, err);
    if (was_replayed(self, message->offset, &replayed, err) < 0)
        return -1;
    kind->replayed += replayed;
    return 0;
}

static int read_all(struct rejects *self, struct pp_err *err)
{
    static struct topic_range range;
    const struct cli *cli = self->cli;
    char topic[200];

    snprintf(topic, sizeof(topic), "%s" TOPIC, cli->prefix);
    if (pp_registry_learn(cli->registry, topic, reject_schema,
                          REJECT_FINGERPRINT, err) < 0 ||
        pp_topics_epoch(&cli->kafka_access, cli->prefix, TOPIC, EPOCH_MS,
                        &self->epoch, err) < 0 ||
        topic_kept(self->cli, TOPIC, &range, err) < 0)
        return -1;
    return topic_scan(self->cli, TOPIC, &range, take, self, err);
}

/* --- commands --------------------------------------------------------------
 */

static struct rejects begin(struct cli *cli, int argc, char **argv)
{
    return (struct rejects){
        .cli = cli,
        .stage = cli_option(argc, argv, "--stage", NULL),
        .reason = cli_option(argc, argv, "--reason", NULL),
    };
}

int rejects_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    struct rejects self = begin(cli, argc, argv);

    if (read_all(&self, err) < 0)
        return -1;
    printf(cli->json ? "[" : "%-10s %-28s %10s %10s\n", "stage", "reason",
           "rejected", "replayed");
    for (size_t i = 0; i < self.kind_count; i++) {
        const struct kind *kind = &self.kinds[i];

        if (cli->json && i > 0)
            printf(",");
        printf(cli->json ? "{\"stage\":\"%s\",\"reason\":\"%s\",\"rejected\":"
                           "%" PRId64 ",\"replayed\":%" PRId64 "}"
                         : "%-10s %-28s %10" PRId64 " %10" PRId64 "\n",
               kind->stage, kind->reason, kind->count, kind->replayed);
    }
    if (cli->json)
        puts("]");
    return 0;
}

static int open_producer(struct rejects *self, struct pp_err *err)
{
    const struct pp_producer_options options = {
        .linger_ms = 5,
        .timeout_ms = FLUSH_MS,
        .queue_bytes = QUEUE_BYTES,
        .delivered = on_delivered,
        .context = self,
    };
    const struct cli *cli = self->cli;
    int64_t epoch;

    for (size_t i = 0; i < PP_COUNT(origins); i++) {
        if (pp_topics_epoch(&cli->kafka_access, cli->prefix, origins[i],
                            EPOCH_MS, &epoch, err) < 0)
            return -1;
        snprintf(self->epochs[i], sizeof(self->epochs[i]), "%" PRId64, epoch);
    }
    return pp_producer_open(&self->producer, &cli->kafka_access, &options, err);
}

/* Sent, and only then remembered: at worst one goes back twice, never none. */
static int replay(struct rejects *self, struct pp_err *err)
{
    if (read_all(self, err) < 0 ||
        pp_producer_flush(self->producer, FLUSH_MS, err) < 0)
        return -1;
    if ((int64_t)self->delivered != self->sent)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "kafka took %zu of %" PRId64 " records; call this "
                          "again: those may be there twice",
                          self->delivered, self->sent);
    return pp_pg_commit(self->cli->pg, err);
}

int rejects_replay_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    bool yes = cli_flag(&argc, argv, "--yes");
    struct rejects self = begin(cli, argc, argv);
    int result;

    if (!yes && cli_confirm("Rejected records go back onto their topics.",
                            "yes", err) < 0)
        return -1;
    if (open_producer(&self, err) < 0 || pp_pg_begin(cli->pg, err) < 0) {
        pp_producer_close(&self.producer);
        return -1;
    }
    result = replay(&self, err);
    if (result < 0)
        pp_pg_rollback(cli->pg);
    pp_producer_close(&self.producer);
    if (result == 0)
        printf(cli->json ? "{\"replayed\":%" PRId64 "}\n"
                         : "%" PRId64 " records went back\n",
               self.sent);
    return result;
}
