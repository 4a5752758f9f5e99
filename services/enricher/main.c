/*
 * enricher - turns hits into events.
 *
 *   reads   pawprint.hits.v1      schemas/hit.avsc
 *   writes  pawprint.events.v1    schemas/event.avsc
 *           pawprint.rejects.v1   hits that can never become an event
 *           pawprint.counts.v1    how many of those, and sent twice
 *
 * Exactly once from Kafka to Kafka: the events of a batch and the offsets they
 * were made from are one transaction. How a hit becomes an event is in
 * enrich.c, which does no I/O; batch.c runs it over what was read; this file
 * is all the rest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_crash.h"
#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "batch.h"
#include "counts.h"
#include "reject.h"

#define POLL_MS        50
#define BATCH_HITS     2000
#define FETCH_BYTES    ((size_t)32 << 20)
#define QUEUE_BYTES    ((size_t)64 << 20)
#define TRANSACTION_MS 20000
#define EPOCH_WAIT_MS  3000
#define REDIS_MS       2000

static struct {
    struct pp_kafka_access kafka;
    const char *prefix;
    const char *redis;
    const char *geo;
    const char *referrers;
    const char *uap;
    const char *instance;
    const char *registry;
    int seen_hours;
} cfg = {.kafka.client_id = "enricher"};

static const struct pp_setting settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_SECRET("PAWPRINT_REDIS_URL", &cfg.redis, NULL,
              "redis://host:port of the Redis that keeps visits and ids"),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_STR("PAWPRINT_GEOIP_PATH", &cfg.geo, "build/geo/country.mmdb",
           "table of countries, in MaxMind's format"),
    PP_STR("PAWPRINT_REFERRERS_PATH", &cfg.referrers,
           "services/enricher/data/referrers/referrers.tsv",
           "table of referrers"),
    PP_STR("PAWPRINT_UAP_PATH", &cfg.uap,
           "services/enricher/data/uap/regexes.tsv",
           "uap-core's rules for user agents"),
    PP_INT_RANGE("PAWPRINT_ENRICHER_DUPLICATES_HOURS", &cfg.seen_hours, "24", 0,
                 168,
                 "how long a hit that is sent again under its id is known; 0: "
                 "not at all"),
    PP_STR("PAWPRINT_INSTANCE_ID", &cfg.instance, "",
           "name of this process that stays when it starts anew; empty: none"),
    {0},
};

static struct pp_gauge lag_records = PP_GAUGE(
    "pawprint_enricher_lag_records", "hits that are stored and not yet events");

struct enricher {
    char transactions[250]; /* the name under which Kafka knows ours */
    struct batch_tables tables;
    struct pp_redis *redis;
    struct pp_consumer *hits;
    struct pp_producer *producer;
    struct batch *batch;
    bool in_transaction;
};

static int open_tables(struct enricher *self, struct pp_err *err)
{
    if (geo_open(&self->tables.geo, cfg.geo, err) < 0 ||
        referrers_open(&self->tables.referrers, cfg.referrers, err) < 0 ||
        pp_registry_open(&self->tables.registry, cfg.registry, err) < 0)
        return -1;
    return ua_open(&self->tables.ua, cfg.uap, err);
}

/*
 * Under a name that stays, a new process ends the transaction of the one that
 * was killed before it at once. Under a name of its own Kafka ends it when its
 * time is over; readers wait for that long.
 */
static void name_transactions(struct enricher *self)
{
    size_t size = sizeof(self->transactions);

    if (cfg.instance[0])
        snprintf(self->transactions, size, "%senricher-%s", cfg.prefix,
                 cfg.instance);
    else
        snprintf(self->transactions, size, "%senricher-%d-%" PRIx64, cfg.prefix,
                 (int)getpid(), (uint64_t)pp_wall_now().ms);
}

/* Opening it ends what was begun under the same name before. */
static int open_producer(struct enricher *self, struct pp_err *err)
{
    const struct pp_producer_options options = {
        .transactional_id = self->transactions,
        .linger_ms = 20,
        .timeout_ms = TRANSACTION_MS,
        .queue_bytes = QUEUE_BYTES,
    };

    return pp_producer_open(&self->producer, &cfg.kafka, &options, err);
}

static int open_kafka(struct enricher *self, struct pp_err *err)
{
    char topic[200];
    const struct pp_consumer_options options = {
        .topic = topic,
        .group = "enricher",
        .instance_id = cfg.instance,
        .batch_count = BATCH_HITS,
        .fetch_bytes = FETCH_BYTES,
    };
    struct batch_topics topics = {
        .prefix = cfg.prefix,
        .seen_ms = cfg.seen_hours * INT64_C(3600000),
    };

    if (pp_topics_epoch(&cfg.kafka, cfg.prefix, "hits.v1", EPOCH_WAIT_MS,
                        &topics.hits_epoch, err) < 0 ||
        pp_topics_epoch(&cfg.kafka, cfg.prefix, "events.v1", EPOCH_WAIT_MS,
                        &topics.events_epoch, err) < 0 ||
        pp_topics_epoch(&cfg.kafka, cfg.prefix, "counts.v1", EPOCH_WAIT_MS,
                        &topics.counts_epoch, err) < 0 ||
        open_producer(self, err) < 0)
        return -1;
    self->batch = batch_new(BATCH_HITS, &topics);
    snprintf(topic, sizeof(topic), "%shits.v1", cfg.prefix);
    return pp_consumer_open(&self->hits, &cfg.kafka, &options, err);
}

static int learn_schemas(struct pp_registry *registry, struct pp_err *err)
{
    char topic[200];

    snprintf(topic, sizeof(topic), "%shits.v1", cfg.prefix);
    if (pp_registry_learn(registry, topic, hit_schema, HIT_FINGERPRINT, err) <
        0)
        return -1;
    snprintf(topic, sizeof(topic), "%sevents.v1", cfg.prefix);
    if (pp_registry_learn(registry, topic, event_schema, EVENT_FINGERPRINT,
                          err) < 0)
        return -1;
    snprintf(topic, sizeof(topic), "%scounts.v1", cfg.prefix);
    if (pp_registry_learn(registry, topic, counts_schema, COUNTS_FINGERPRINT,
                          err) < 0)
        return -1;
    snprintf(topic, sizeof(topic), "%srejects.v1", cfg.prefix);
    return pp_registry_learn(registry, topic, reject_schema, REJECT_FINGERPRINT,
                             err);
}

static void close_kafka(struct enricher *self)
{
    pp_consumer_close(&self->hits);
    pp_producer_close(&self->producer);
    batch_free(&self->batch);
}

/* Kafka may come later than we do. */
static int open_when_there(struct enricher *self, struct pp_err *err)
{
    while (pp_service_running()) {
        if (learn_schemas(self->tables.registry, err) == 0 &&
            open_kafka(self, err) == 0)
            return 0;
        close_kafka(self);
        if (err->kind != PP_ERR_AGAIN)
            return -1;
        pp_service_backoff(err);
    }
    return -1;
}

/*
 * Kafka was away for longer than a transaction may take: whether the last one
 * is whole only Kafka knows, and with a new producer it settles that. What
 * it makes of it decides from where the new consumer reads on.
 */
static int open_anew(struct enricher *self, struct pp_err *err)
{
    pp_service_not_ready();
    pp_service_backoff(err);
    close_kafka(self);
    self->in_transaction = false;
    if (open_when_there(self, err) < 0)
        return -1;
    pp_service_ready();
    return 0;
}

static int one_batch(struct enricher *self, struct pp_err *err)
{
    struct pp_messages hits;

    if (pp_consumer_poll(self->hits, &hits, POLL_MS, err) < 0)
        return -1;
    pp_gauge_set(&lag_records, pp_consumer_lag(self->hits));
    if (hits.count == 0)
        return 0;
    if (batch_make(self->batch, self->hits, &hits, &self->tables, self->redis,
                   err) < 0)
        return -1;
    if (!batch_has_any(self->batch))
        return 0;
    if (pp_producer_begin(self->producer, err) < 0)
        return -1;
    self->in_transaction = true;
    if (batch_send(self->batch, self->producer, err) < 0)
        return -1;
    pp_crash_point("E1"); /* Redis knows of it, and Kafka never will */
    if (pp_producer_commit(self->producer, self->hits, TRANSACTION_MS, err) < 0)
        return -1;
    self->in_transaction = false;
    batch_finish(self->batch, self->redis);
    pp_gauge_set(&lag_records, pp_consumer_lag(self->hits));
    return 0;
}

/* Nothing of the batch has happened: the same hits come again. */
static int undo(struct enricher *self, struct pp_err *err)
{
    if (self->in_transaction &&
        pp_producer_abort(self->producer, TRANSACTION_MS, err) < 0)
        return -1;
    self->in_transaction = false;
    return pp_consumer_rewind(self->hits, err);
}

/*
 * Kafka refuses a producer whose transaction took too long as it refuses one
 * whose name another process has. A name that is ours alone tells them apart.
 */
static bool may_open_anew(const struct pp_err *err)
{
    return err->kind == PP_ERR_AGAIN ||
           (err->kind == PP_ERR_DENIED && !cfg.instance[0]);
}

/* After a turn that failed: waits, and then the next one may work. */
static int recover(struct enricher *self, struct pp_err *err)
{
    struct pp_err why = *err;

    if (err->kind == PP_ERR_AGAIN && undo(self, err) == 0) {
        pp_service_backoff(&why);
        *err = (struct pp_err){0};
        return 0;
    }
    return may_open_anew(err) ? open_anew(self, err) : -1;
}

static void close_all(struct enricher *self)
{
    close_kafka(self);
    pp_redis_close(&self->redis);
    pp_registry_close(&self->tables.registry);
    ua_close(&self->tables.ua);
    referrers_close(&self->tables.referrers);
    geo_close(&self->tables.geo);
}

int main(int argc, char **argv)
{
    struct enricher self = {0};
    struct pp_err err = {0};

    batch_metrics_add();
    pp_metrics_add(&lag_records.metric);
    pp_service_init("enricher", settings, argc, argv);
    name_transactions(&self);
    if (open_tables(&self, &err) == 0 &&
        pp_redis_open(&self.redis, cfg.redis, REDIS_MS, &err) == 0 &&
        open_when_there(&self, &err) == 0) {
        pp_service_ready();
        while (pp_service_running())
            if (one_batch(&self, &err) < 0 && recover(&self, &err) < 0)
                break; /* let it crash: a fresh process starts clean */
    }
    close_all(&self);
    return pp_service_exit(&err);
}
