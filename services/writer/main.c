/*
 * writer - stores events in ClickHouse.
 *
 *   reads   pawprint.events.v1    schemas/event.avsc
 *           pawprint.sites.v1     schemas/site.avsc: which are erased
 *           pawprint.rejects.v1   after a doubt: its own
 *   writes  ClickHouse: events    schemas/clickhouse/
 *           pawprint.rejects.v1   records that are no event
 *
 * Exactly once: what is about to be sent is declared in Kafka before, beside
 * the offsets; after any doubt ClickHouse is asked for the rows it has. How is
 * in deliver.c and recover.c; a batch and the account of offsets, in batch.c,
 * row.c, native.c and ledger.c, do no I/O. One batch is filled here while the
 * one before it is sent by a thread beside.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_crash.h"
#include "pp_service.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "intake.h"
#include "recover.h"
#include "reject.h"
#include "site.h"

#define POLL_MS       50
#define BUSY_POLL_MS  5
#define POLL_RECORDS  5000
#define FETCH_BYTES   ((size_t)12 << 20)
#define BATCH_BYTES   ((size_t)48 << 20) /* of each of two */
#define DRAIN_MS      20000
#define EPOCH_WAIT_MS 3000
#define SITES_WAIT_MS 10000

static struct {
    struct pp_kafka_access kafka;
    struct pp_clickhouse_access clickhouse;
    const char *prefix;
    const char *instance;
    const char *registry;
    int rows;
    int age_ms;
    int fence_ms;
    int lag_ms;
    int check_ms;
} cfg = {.kafka.client_id = "writer"};

static const struct pp_setting settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    PP_CLICKHOUSE_SETTINGS(&cfg.clickhouse),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_STR("PAWPRINT_INSTANCE_ID", &cfg.instance, "",
           "name of this process for static membership; empty: none"),
    PP_INT_RANGE("PAWPRINT_WRITER_ROWS", &cfg.rows, "100000", 1, 1000000,
                 "a batch is inserted when it has so many rows"),
    PP_INT_RANGE("PAWPRINT_WRITER_AGE_MS", &cfg.age_ms, "1000", 1, 60000,
                 "or when its first row is so old"),
    PP_INT_RANGE("PAWPRINT_WRITER_FENCE_MS", &cfg.fence_ms, "1200", 100, 30000,
                 "so long an insert has to begin; a successor waits for it"),
    PP_INT_RANGE("PAWPRINT_WRITER_LAG_MS", &cfg.lag_ms, "120000", 0, 3600000,
                 "offsets are committed so much later than their rows are "
                 "stored, unless ClickHouse syncs every insert to disk"),
    PP_INT_RANGE("PAWPRINT_WRITER_CHECK_MS", &cfg.check_ms, "60000", 100,
                 86400000,
                 "so often it looks whether rows that were stored are still "
                 "there, since a backup may have been restored"),
    {0},
};

static struct pp_gauge lag_records =
    PP_GAUGE("pawprint_writer_lag_records", "events that are not yet stored");
static struct pp_gauge waiting_since =
    PP_GAUGE("pawprint_writer_waiting_since_seconds",
             "since when (Unix time) the oldest row that is not yet stored has "
             "waited; 0: none waits");
struct writer {
    struct pp_consumer *events;
    struct pp_producer *rejects;
    struct store *store;
    struct sender *sender;
    struct erased *erased;
    struct pp_registry *registry;
    struct delivery delivery;
    unsigned generation; /* of the assignment that its rows are from */
    int64_t epoch;
    char events_topic[200], rejects_topic[200], sites_topic[200];
};

static int open_kafka(struct writer *self, struct pp_err *err)
{
    static const struct pp_producer_options producing = {
        .linger_ms = 5,
        .timeout_ms = 10000,
        .queue_bytes = (size_t)16 << 20,
    };
    const struct pp_consumer_options options = {
        .topic = self->events_topic,
        .group = "writer",
        .instance_id = cfg.instance,
        .batch_count = POLL_RECORDS,
        .fetch_bytes = FETCH_BYTES,
    };

    snprintf(self->events_topic, sizeof(self->events_topic), "%sevents.v1",
             cfg.prefix);
    snprintf(self->rejects_topic, sizeof(self->rejects_topic), "%srejects.v1",
             cfg.prefix);
    snprintf(self->sites_topic, sizeof(self->sites_topic), "%ssites.v1",
             cfg.prefix);
    if (pp_registry_learn(self->registry, self->events_topic, event_schema,
                          EVENT_FINGERPRINT, err) < 0 ||
        pp_registry_learn(self->registry, self->rejects_topic, reject_schema,
                          REJECT_FINGERPRINT, err) < 0 ||
        pp_registry_learn(self->registry, self->sites_topic, site_schema,
                          SITE_FINGERPRINT, err) < 0 ||
        pp_topics_epoch(&cfg.kafka, cfg.prefix, "events.v1", EPOCH_WAIT_MS,
                        &self->epoch, err) < 0 ||
        erased_open(&self->erased, &cfg.kafka, cfg.prefix, self->registry,
                    SITES_WAIT_MS, err) < 0 ||
        pp_producer_open(&self->rejects, &cfg.kafka, &producing, err) < 0)
        return -1;
    return pp_consumer_open(&self->events, &cfg.kafka, &options, err);
}

/* Says what this server and this table can promise. */
static int look_at_store(struct writer *self, struct pp_err *err)
{
    struct store_facts facts;

    if (store_look(self->store, &facts, err) < 0)
        return -1;
    sender_learn(self->sender, &facts);
    if (facts.synced)
        cfg.lag_ms = 0;
    pp_info("store.found", "version=%s mode=%s fence=%d synced=%d lag_ms=%d",
            facts.version, facts.tokens ? "tokens_and_verify" : "verify",
            facts.fenced, facts.synced, cfg.lag_ms);
    if (!facts.fenced)
        pp_warn("store.unfenced",
                "why=\"a writer that was stopped may store rows twice: "
                "run pawprint migrate\"");
    return 0;
}

static void delivery_begin(struct writer *self)
{
    self->delivery = (struct delivery){
        .events = self->events,
        .rejects = self->rejects,
        .registry = self->registry,
        .store = self->store,
        .sender = self->sender,
        .pace = pace_of(cfg.age_ms, (size_t)cfg.rows),
        .erased = self->erased,
        .kafka = &cfg.kafka,
        .events_topic = self->events_topic,
        .rejects_topic = self->rejects_topic,
        .epoch = self->epoch,
        .lag_ms = cfg.lag_ms,
        .fence_ms = cfg.fence_ms,
        .check_ms = cfg.check_ms,
    };
    deliver_init(&self->delivery);
}

/* Kafka and ClickHouse may come later than we do. */
static int open_all(struct writer *self, struct pp_err *err)
{
    if (store_open(&self->store, &cfg.clickhouse, err) < 0 ||
        sender_open(&self->sender, &cfg.clickhouse, err) < 0 ||
        pp_registry_open(&self->registry, cfg.registry, err) < 0)
        return -1;
    while (pp_service_running()) {
        if (look_at_store(self, err) == 0 && open_kafka(self, err) == 0) {
            delivery_begin(self);
            return 0;
        }
        pp_producer_close(&self->rejects);
        erased_close(&self->erased);
        if (err->kind != PP_ERR_AGAIN)
            return -1;
        pp_service_backoff(err);
    }
    return -1;
}

/* No more may be read until the batch before it is stored. */
static bool is_full(const struct writer *self)
{
    const struct delivery *delivery = &self->delivery;

    return batch_rows(delivery->filling) >= delivery->pace.rows ||
           batch_bytes(delivery->filling) >= BATCH_BYTES;
}

static bool is_due(const struct writer *self)
{
    const struct delivery *delivery = &self->delivery;

    return batch_rows(delivery->filling) > 0 &&
           (is_full(self) || pp_wall_now().ms - delivery->filling_since_ms >=
                                 delivery->pace.age_ms);
}

/* Partitions may be given anew in here. Returns how many records came, or -1.
 */
static int read_some(struct writer *self, struct pp_err *err)
{
    struct pp_messages events = {NULL, 0};
    bool moved = false;

    if (!is_full(self) &&
        pp_consumer_poll(self->events, &events,
                         self->delivery.busy ? BUSY_POLL_MS : POLL_MS, err) < 0)
        return -1;
    if (self->generation != pp_consumer_generation(self->events) ||
        self->delivery.start_over) {
        if (recover_own(&self->delivery, &moved, err) < 0)
            return -1;
        self->generation = pp_consumer_generation(self->events);
    }
    if (moved)
        events.count = 0;
    if (intake(&self->delivery, &events, err) < 0) {
        self->delivery.start_over = true; /* the rest was handed out */
        return -1;
    }
    return (int)events.count;
}

static void show(const struct writer *self)
{
    const struct delivery *delivery = &self->delivery;
    int64_t since_ms = delivery->busy ? delivery->flying_since_ms
                       : batch_rows(delivery->filling)
                           ? delivery->filling_since_ms
                           : 0;

    pp_gauge_set(&lag_records, deliver_lag(delivery));
    pp_gauge_set(&waiting_since, since_ms / 1000);
}

static int one_turn(struct writer *self, struct pp_err *err)
{
    struct delivery *delivery = &self->delivery;
    int count = read_some(self, err);

    if (count < 0)
        return -1;
    show(self);
    if (!delivery->busy && recover_check(delivery, err) < 0)
        return -1;
    if (!delivery->busy && is_due(self))
        deliver_offer(delivery);
    else if (!delivery->busy && count == 0 &&
             batch_rows(delivery->filling) == 0)
        return deliver_rest(delivery, err);
    if (delivery->busy && is_full(self))
        deliver_prepare(delivery);
    return deliver_step(delivery, is_full(self) ? POLL_MS : 0, err);
}

/* What is there is stored, and what is stored is marked, if it can be soon. */
static int drain(struct writer *self, struct pp_err *err)
{
    struct delivery *delivery = &self->delivery;
    struct pp_mono start = pp_mono_now();

    pp_crash_point("W10");
    while (delivery->busy || batch_rows(delivery->filling) > 0) {
        if (self->generation != pp_consumer_generation(self->events) ||
            delivery->start_over || pp_mono_ms(start, pp_mono_now()) > DRAIN_MS)
            return 0; /* a successor asks for it */
        if (!delivery->busy)
            deliver_offer(delivery);
        if (deliver_step(delivery, POLL_MS, err) < 0)
            return -1;
    }
    return deliver_rest(delivery, err);
}

static void finish(struct writer *self)
{
    struct pp_err err = {0};

    if (drain(self, &err) < 0) /* nothing is lost by it */
        pp_warn("writer.undrained", "why=%s", err.msg);
}

/* Waits, and remains a member of the group meanwhile. */
static int wait_a_while(struct writer *self, struct pp_err *err)
{
    pp_service_backoff(err);
    return pp_consumer_hold(self->events, 1, err);
}

static void close_all(struct writer *self)
{
    deliver_fini(&self->delivery);
    sender_close(&self->sender);
    pp_consumer_close(&self->events);
    pp_producer_close(&self->rejects);
    erased_close(&self->erased);
    store_close(&self->store);
    pp_registry_close(&self->registry);
}

int main(int argc, char **argv)
{
    struct writer self = {0};
    struct pp_err err = {0};

    deliver_metrics();
    recover_metrics();
    pp_metrics_add(&lag_records.metric);
    pp_metrics_add(&waiting_since.metric);
    intake_metrics();
    pp_service_init("writer", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        pp_service_ready();
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0)
                continue;
            if (err.kind == PP_ERR_FATAL || wait_a_while(&self, &err) < 0)
                break;
        }
        if (err.kind == PP_ERR_NONE) /* told to stop */
            finish(&self);
    }
    close_all(&self);
    return pp_service_exit(&err);
}
