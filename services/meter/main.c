/*
 * meter - counts what was accepted, and what was not.
 *
 *   reads   pawprint.events.v1    schemas/event.avsc
 *           pawprint.counts.v1    schemas/counts.avsc
 *           ClickHouse: events    what is stored, every 15 minutes
 *   writes  Postgres: usage_bucket, usage_refused, usage_offset,
 *           usage_correction, what follows for an account's capacity, and the
 *           state and messages of alert rules
 *
 * Exactly once: counts and the offsets that they come from are one transaction
 * in Postgres, and an offset changes only from what its reader found there. A
 * reader that is late, or was replaced, writes nothing and forgets what it
 * counted. Counting is in buckets.c and refusals.c, which do no I/O; stream.c
 * reads, ledger.c writes. What is done at a time is in jobs.c, on a thread
 * beside.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_capacity_pg.h"
#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"

#include "capacity.h"
#include "jobs.h"
#include "stream.h"

#define POLL_MS      50
#define POLL_RECORDS 2000
#define FETCH_BYTES  ((size_t)4 << 20)
#define COUNTS_EACH  1000
#define COUNTS_BYTES ((size_t)1 << 20)
#define BUCKETS_MAX  100000
#define REFUSALS_MAX 10000
#define TICK_MS      60000
#define CLOCK_OFF_MS 300000

static struct {
    struct pp_kafka_access kafka;
    struct pp_clickhouse_access clickhouse;
    const char *postgres;
    const char *prefix;
    const char *instance;
    const char *registry;
    const char *plans;
    int flush_ms;
    int flush_events;
    struct jobs_options jobs;
} cfg = {.kafka.client_id = "meter"};

static const struct pp_setting settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    PP_CLICKHOUSE_SETTINGS(&cfg.clickhouse),
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.postgres, NULL,
              "how to reach Postgres, as libpq takes it"),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_PLANS_SETTING(&cfg.plans),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_STR("PAWPRINT_INSTANCE_ID", &cfg.instance, "",
           "name of this process for static membership; empty: none"),
    PP_INT_RANGE("PAWPRINT_METER_FLUSH_MS", &cfg.flush_ms, "2000", 10, 5000,
                 "what was counted is written when it is so old"),
    PP_INT_RANGE("PAWPRINT_METER_FLUSH_EVENTS", &cfg.flush_events, "100000", 1,
                 10000000, "or when so many events were counted"),
    JOBS_SETTINGS(&cfg.jobs),
    {0},
};

static struct pp_gauge lag_records = PP_GAUGE(
    "pawprint_meter_lag_records", "events that are stored and not yet counted");
static struct pp_gauge waiting_since =
    PP_GAUGE("pawprint_meter_waiting_since_seconds",
             "since when (Unix time) the oldest event that is counted and not "
             "yet written has waited; 0: none waits");
static struct pp_counter events_counted =
    PP_COUNTER("pawprint_meter_events_total", "events whose count is written");
static struct pp_counter events_odd = PP_COUNTER(
    "pawprint_meter_events_odd_total",
    "records of events that no enricher makes, and that are not counted");
static struct pp_counter clock_off =
    PP_COUNTER("pawprint_meter_clock_off_total",
               "events that a collector's clock puts more than 5 minutes "
               "after Kafka had them; alarm when it rises");
static struct pp_counter flushes = PP_COUNTER("pawprint_meter_flushes_total",
                                              "transactions that were written");
static struct pp_counter taken_over = PP_COUNTER(
    "pawprint_meter_taken_over_total",
    "times that counts were dropped since another has the partition");
static struct pp_counter schemas_unknown =
    PP_COUNTER("pawprint_meter_schema_waits_total",
               "times that a partition waited for a program that knows its "
               "next record's schema; alarm above 0");
static struct pp_histogram flush_seconds =
    PP_HISTOGRAM("pawprint_meter_flush_seconds", "time that a transaction took",
                 pp_metrics_seconds);

struct meter {
    struct pp_registry *registry;
    struct pp_plans *plans;
    struct pp_pg *pg;
    struct stream events, counts;
    struct buckets *buckets;
    struct refusals refusals;
    struct jobs *jobs;
    int64_t counted; /* events since the last flush */
    struct pp_mono counting_since, flushed, ticked;
    bool flush;   /* one has begun: nothing is read before it is done */
    bool confirm; /* usage was compared with ClickHouse */
};

static void add_metrics(void)
{
    pp_metrics_add(&lag_records.metric);
    pp_metrics_add(&waiting_since.metric);
    pp_metrics_add(&events_counted.metric);
    pp_metrics_add(&events_odd.metric);
    pp_metrics_add(&clock_off.metric);
    pp_metrics_add(&flushes.metric);
    pp_metrics_add(&taken_over.metric);
    pp_metrics_add(&schemas_unknown.metric);
    pp_metrics_add(&flush_seconds.metric);
    stream_metrics_add();
    jobs_metrics_add();
}

/* --- open ----------------------------------------------------------------- */

static int learn_schemas(struct meter *self, struct pp_err *err)
{
    char events[200], counts[200], capacity[200];

    snprintf(events, sizeof(events), "%sevents.v1", cfg.prefix);
    snprintf(counts, sizeof(counts), "%scounts.v1", cfg.prefix);
    snprintf(capacity, sizeof(capacity), "%scapacity.v1", cfg.prefix);
    if (pp_registry_learn(self->registry, events, event_schema,
                          EVENT_FINGERPRINT, err) < 0 ||
        pp_registry_learn(self->registry, capacity, capacity_schema,
                          CAPACITY_FINGERPRINT, err) < 0)
        return -1;
    return pp_registry_learn(self->registry, counts, counts_schema,
                             COUNTS_FINGERPRINT, err);
}

static int open_streams(struct meter *self, struct pp_err *err)
{
    const struct stream_options events = {
        .kafka = &cfg.kafka,
        .prefix = cfg.prefix,
        .name = "events.v1",
        .group = "meter",
        .instance_id = cfg.instance,
        .batch_count = POLL_RECORDS,
        .fetch_bytes = FETCH_BYTES,
    };
    const struct stream_options counts = {
        .kafka = &cfg.kafka,
        .prefix = cfg.prefix,
        .name = "counts.v1",
        .group = "meter-counts",
        .instance_id = cfg.instance,
        .batch_count = COUNTS_EACH,
        .fetch_bytes = COUNTS_BYTES,
    };

    if (learn_schemas(self, err) < 0 ||
        stream_open(&self->events, &events, err) < 0)
        return -1;
    return stream_open(&self->counts, &counts, err);
}

/* Kafka and Postgres may come later than we do. */
static int open_all(struct meter *self, struct pp_err *err)
{
    self->buckets = buckets_new();
    refusals_init(&self->refusals);
    if (pp_pg_open(&self->pg, cfg.postgres, "meter", err) < 0 ||
        pp_registry_open(&self->registry, cfg.registry, err) < 0 ||
        pp_plans_open(&self->plans, cfg.plans, err) < 0)
        return -1;
    pp_capacity_setup(self->plans, self->registry);
    cfg.jobs.kafka = &cfg.kafka;
    cfg.jobs.clickhouse = &cfg.clickhouse;
    cfg.jobs.postgres = cfg.postgres;
    cfg.jobs.prefix = cfg.prefix;
    while (pp_service_running()) {
        if (open_streams(self, err) == 0)
            return jobs_open(&self->jobs, &cfg.jobs, err);
        stream_close(&self->events);
        stream_close(&self->counts);
        if (err->kind != PP_ERR_AGAIN)
            return -1;
        pp_service_backoff(err);
    }
    return -1;
}

/* --- counting ------------------------------------------------------------- */

/* A newer program wrote it: its partition waits, the others go on. */
static int wait_for_schema(struct stream *stream,
                           const struct pp_message *message, struct pp_err *err)
{
    pp_counter_add(&schemas_unknown, 1);
    pp_error("schema.unknown", "topic=%s partition=%d offset=%lld why=%s",
             message->topic, message->partition, (long long)message->offset,
             err->msg);
    return pp_consumer_stay(stream->consumer, message, err);
}

static void count_event(struct meter *self, const struct pp_message *message,
                        const struct event *event)
{
    if (event->received_at_ms > message->timestamp_ms + CLOCK_OFF_MS)
        pp_counter_add(&clock_off, 1);
    if (buckets_add(self->buckets, event))
        self->counted++;
    else
        pp_counter_add(&events_odd, 1);
}

/* 0: it was counted, or never will be. */
static int take_event(struct meter *self, const struct pp_message *message,
                      struct pp_err *err)
{
    struct pp_str body = message->value;
    struct event event;
    uint64_t schema;

    if (pp_registry_get(self->registry, &body, &schema, err) < 0 ||
        event_decode(schema, body, &event, err) < 0) {
        if (err->kind == PP_ERR_AGAIN)
            return wait_for_schema(&self->events, message, err);
        if (err->kind != PP_ERR_INVALID)
            return -1;
        pp_counter_add(&events_odd, 1);
        return 0;
    }
    count_event(self, message, &event);
    return 0;
}

static int take_counts(struct meter *self, const struct pp_message *message,
                       struct pp_err *err)
{
    struct pp_str body = message->value;
    struct counts counts;
    uint64_t schema;

    if (pp_registry_get(self->registry, &body, &schema, err) < 0 ||
        counts_decode(schema, body, &counts, err) < 0) {
        if (err->kind == PP_ERR_AGAIN)
            return wait_for_schema(&self->counts, message, err);
        return err->kind == PP_ERR_INVALID ? 0 : -1;
    }
    if (!refusals_add(&self->refusals, &counts, message->timestamp_ms))
        pp_warn("counts.odd", "offset=%lld", (long long)message->offset);
    return 0;
}

static void forget_events(struct meter *self)
{
    buckets_reset(self->buckets);
    self->counted = 0;
}

static int read_events(struct meter *self, struct pp_err *err)
{
    struct pp_messages events;
    bool anew;
    int result =
        stream_poll(&self->events, self->pg, POLL_MS, &events, &anew, err);

    if (anew)
        forget_events(self);
    if (result < 0)
        return -1;
    if (self->counted == 0)
        self->counting_since = pp_mono_now();
    for (size_t i = 0; i < events.count; i++) {
        const struct pp_message *one = &events.list[i];

        if (!pp_consumer_stays(self->events.consumer, one->partition) &&
            take_event(self, one, err) < 0) {
            self->events.start_over = true; /* the rest is handed out */
            return -1;
        }
    }
    *err = (struct pp_err){0}; /* what is no event is no failure */
    return 0;
}

static int read_counts(struct meter *self, struct pp_err *err)
{
    struct pp_messages counts;
    bool anew;
    int result = stream_poll(&self->counts, self->pg, 0, &counts, &anew, err);

    if (anew)
        refusals_reset(&self->refusals);
    if (result < 0)
        return -1;
    for (size_t i = 0; i < counts.count; i++) {
        const struct pp_message *one = &counts.list[i];

        if (!pp_consumer_stays(self->counts.consumer, one->partition) &&
            take_counts(self, one, err) < 0) {
            self->counts.start_over = true;
            return -1;
        }
    }
    *err = (struct pp_err){0};
    return 0;
}

/* --- writing -------------------------------------------------------------- */

/* Counts that are not ours to write are forgotten, and counted by another. */
static int settle(struct stream *stream, const struct ledger_topic *topic,
                  int result, struct pp_err *err)
{
    if (result == 0) {
        stream_written(stream, topic);
        pp_counter_add(&flushes, 1);
        return 0;
    }
    if (err->kind != PP_ERR_DENIED)
        return -1;
    pp_warn("partition.taken_over", "topic=%s why=%s", topic->name, err->msg);
    pp_counter_add(&taken_over, 1);
    stream->start_over = true;
    *err = (struct pp_err){0};
    return 0;
}

static int flush_events(struct meter *self, struct pp_err *err)
{
    struct ledger_topic topic = stream_progress(&self->events);
    struct pp_mono start = pp_mono_now();
    int result = 0;

    if (stream_is_current(&self->events) && topic.count > 0) {
        result = ledger_write_buckets(self->pg, &topic, self->buckets, err);
        pp_histogram_observe(&flush_seconds,
                             (double)pp_mono_ms(start, pp_mono_now()) / 1000);
        if (result == 0)
            pp_counter_add(&events_counted, (uint64_t)self->counted);
        result = settle(&self->events, &topic, result, err);
    }
    if (result < 0)
        return -1;
    forget_events(self);
    return 0;
}

static int flush_counts(struct meter *self, struct pp_err *err)
{
    struct ledger_topic topic = stream_progress(&self->counts);
    int result = 0;

    if (stream_is_current(&self->counts) && topic.count > 0) {
        result = ledger_write_refusals(self->pg, &topic, &self->refusals, err);
        result = settle(&self->counts, &topic, result, err);
    }
    if (result < 0)
        return -1;
    refusals_reset(&self->refusals);
    return 0;
}

static bool is_due(const struct meter *self)
{
    return self->counted >= cfg.flush_events ||
           buckets_count(self->buckets) >= BUCKETS_MAX ||
           self->refusals.count >= REFUSALS_MAX ||
           pp_mono_ms(self->flushed, pp_mono_now()) >= cfg.flush_ms;
}

static int flush(struct meter *self, struct pp_err *err)
{
    self->flush = true;
    if (flush_events(self, err) < 0 || flush_counts(self, err) < 0)
        return -1;
    self->flush = false;
    self->flushed = pp_mono_now();
    return 0;
}

/* --- the loop ------------------------------------------------------------- */

static void show(const struct meter *self)
{
    int64_t age_ms = pp_mono_ms(self->counting_since, pp_mono_now());

    pp_gauge_set(&lag_records, stream_lag(&self->events));
    pp_gauge_set(&waiting_since,
                 self->counted > 0 ? (pp_wall_now().ms - age_ms) / 1000 : 0);
}

static int tick(struct meter *self, struct pp_err *err)
{
    struct pp_mono now = pp_mono_now();

    if (jobs_compared(self->jobs))
        self->confirm = true;
    if (self->confirm && ledger_confirm(self->pg, err) < 0)
        return -1;
    self->confirm = false;

    if (self->ticked.ns && pp_mono_ms(self->ticked, now) < TICK_MS)
        return 0;
    if (pp_capacity_tick(self->pg, err) < 0)
        return -1;
    self->ticked = now;
    return 0;
}

static int one_turn(struct meter *self, struct pp_err *err)
{
    if (!self->flush &&
        (read_events(self, err) < 0 || read_counts(self, err) < 0))
        return -1;
    show(self);
    if ((self->flush || is_due(self)) && flush(self, err) < 0)
        return -1;
    return tick(self, err);
}

/* Waits, and remains a member of both groups meanwhile. */
static int wait_a_while(struct meter *self, struct pp_err *err)
{
    pp_service_not_ready();
    pp_service_backoff(err);
    if (pp_consumer_hold(self->events.consumer, 1, err) < 0)
        return -1;
    return pp_consumer_hold(self->counts.consumer, 1, err);
}

static void close_all(struct meter *self)
{
    jobs_close(&self->jobs);
    stream_close(&self->events);
    stream_close(&self->counts);
    pp_registry_close(&self->registry);
    pp_plans_close(&self->plans);
    pp_pg_close(&self->pg);
    refusals_fini(&self->refusals);
    buckets_free(&self->buckets);
}

int main(int argc, char **argv)
{
    static struct meter self;
    struct pp_err err = {0};

    add_metrics();
    pp_service_init("meter", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0) {
                pp_service_ready();
                continue;
            }
            if (err.kind == PP_ERR_FATAL || wait_a_while(&self, &err) < 0)
                break;
        }
        if (err.kind == PP_ERR_NONE && flush(&self, &err) < 0) {
            pp_warn("meter.unflushed", "why=%s", err.msg); /* read again */
            err = (struct pp_err){0};
        }
    }
    close_all(&self);
    return pp_service_exit(&err);
}
