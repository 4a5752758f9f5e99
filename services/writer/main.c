/*
 * writer - stores events in ClickHouse.
 *
 *   reads   pawprint.events.v1    schemas/event.avsc
 *   writes  ClickHouse: events    schemas/clickhouse/0001_events.sql
 *           pawprint.rejects.v1   records that are no event
 *
 * At least once: one insert is one Native block, and its offsets are committed
 * only when ClickHouse has confirmed it. Every row holds its Kafka identity,
 * so a row that was stored twice can be told. The block is made in row.c and
 * native.c, which do no I/O; this file is all the rest.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_clickhouse.h"
#include "pp_consumer.h"
#include "pp_mem.h"
#include "pp_producer.h"
#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "reject.h"
#include "row.h"

#define POLL_MS       50
#define POLL_RECORDS  5000
#define FETCH_BYTES   ((size_t)64 << 20)
#define BLOCK_BYTES   ((size_t)64 << 20)
#define BODY_BYTES    ((size_t)512 << 20)
#define INSERT_MS     30000
#define FLUSH_MS      15000
#define EPOCH_WAIT_MS 3000
#define RECORD_BYTES  ((size_t)2 << 20)

static struct {
    struct pp_kafka_access kafka;
    struct pp_clickhouse_access clickhouse;
    const char *prefix;
    const char *instance;
    const char *registry;
    int rows;
    int age_ms;
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
                 "a block is inserted when it has so many rows"),
    PP_INT_RANGE("PAWPRINT_WRITER_AGE_MS", &cfg.age_ms, "1000", 1, 60000,
                 "or when its first row is so old"),
    {0},
};

static struct pp_counter rows_stored =
    PP_COUNTER("pawprint_writer_rows_total", "rows that ClickHouse confirmed");
static struct pp_counter inserts =
    PP_COUNTER("pawprint_writer_inserts_total", "inserts it confirmed");
static struct pp_counter rejected =
    PP_COUNTER("pawprint_writer_rejects_total", "records that are no event");
static struct pp_gauge lag_records =
    PP_GAUGE("pawprint_writer_lag_records",
             "events that are not yet committed as stored");

struct writer {
    struct pp_consumer *events;
    struct pp_producer *rejects;
    struct pp_clickhouse *clickhouse;
    struct pp_registry *registry;
    struct native *block;
    struct pp_buf body; /* the block as it is sent */
    struct pp_buf record;
    struct pp_mono begun; /* when the block's first row came */
    unsigned generation;  /* of the assignment that its rows are from */
    int64_t epoch;
    char rejects_topic[200];
};

static int open_kafka(struct writer *self, struct pp_err *err)
{
    static const struct pp_producer_options producing = {
        .linger_ms = 5,
        .timeout_ms = 10000,
        .queue_bytes = (size_t)16 << 20,
    };
    char topic[200];
    const struct pp_consumer_options options = {
        .topic = topic,
        .group = "writer",
        .instance_id = cfg.instance,
        .batch_count = POLL_RECORDS,
        .fetch_bytes = FETCH_BYTES,
    };

    snprintf(topic, sizeof(topic), "%sevents.v1", cfg.prefix);
    snprintf(self->rejects_topic, sizeof(self->rejects_topic), "%srejects.v1",
             cfg.prefix);
    if (pp_registry_learn(self->registry, topic, event_schema,
                          EVENT_FINGERPRINT, err) < 0 ||
        pp_registry_learn(self->registry, self->rejects_topic, reject_schema,
                          REJECT_FINGERPRINT, err) < 0 ||
        pp_topics_epoch(&cfg.kafka, cfg.prefix, "events.v1", EPOCH_WAIT_MS,
                        &self->epoch, err) < 0 ||
        pp_producer_open(&self->rejects, &cfg.kafka, &producing, err) < 0)
        return -1;
    return pp_consumer_open(&self->events, &cfg.kafka, &options, err);
}

/* Kafka may come later than we do. */
static int open_all(struct writer *self, struct pp_err *err)
{
    self->block = row_block_new();
    pp_buf_init(&self->body, BODY_BYTES);
    pp_buf_init(&self->record, RECORD_BYTES);
    if (pp_clickhouse_open(&self->clickhouse, &cfg.clickhouse, err) < 0 ||
        pp_registry_open(&self->registry, cfg.registry, err) < 0)
        return -1;
    while (pp_service_running()) {
        if (open_kafka(self, err) == 0)
            return 0;
        pp_producer_close(&self->rejects);
        if (err->kind != PP_ERR_AGAIN)
            return -1;
        pp_service_backoff(err);
    }
    return -1;
}

static int check_epoch(const struct writer *self,
                       const struct pp_message *message, struct pp_err *err)
{
    int64_t epoch = 0;

    if (pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
        epoch == self->epoch)
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "%s: a record of epoch %" PRId64 ", expected %" PRId64,
                      message->topic, epoch, self->epoch);
}

static int reject(struct writer *self, const struct pp_message *message,
                  const char *reason, struct pp_err *err)
{
    const struct reject row = {
        .stage = PP_LIT("writer"),
        .reason = pp_str_of(reason),
        .rejected_at_ms = pp_wall_now().ms,
        .topic = pp_str_of(message->topic),
        .partition = message->partition,
        .offset = message->offset,
        .original = message->value,
    };
    struct pp_record record = {.topic = self->rejects_topic,
                               .key = message->key};

    pp_buf_reset(&self->record);
    pp_registry_put(self->registry, REJECT_FINGERPRINT, &self->record);
    reject_encode(&row, &self->record);
    record.value = pp_buf_str(&self->record);
    pp_counter_add(&rejected, 1);
    return pp_producer_send(self->rejects, &record, err);
}

static int take_message(struct writer *self, const struct pp_message *message,
                        struct pp_err *err)
{
    const struct row_identity identity = {self->epoch, message->partition,
                                          message->offset};
    struct pp_str body = message->value;
    struct event event;
    uint64_t schema;

    if (check_epoch(self, message, err) < 0)
        return -1;
    if (pp_registry_get(self->registry, &body, &schema, err) < 0)
        return err->kind == PP_ERR_INVALID
                   ? reject(self, message, "unframed", err)
                   : -1;
    if (event_decode(schema, body, &event, err) < 0)
        return err->kind == PP_ERR_INVALID
                   ? reject(self, message, "undecodable", err)
                   : -1;
    if (native_rows(self->block) == 0)
        self->begun = pp_mono_now();
    row_put(self->block, &event, &identity);
    return 0;
}

static bool is_full(const struct writer *self)
{
    return native_rows(self->block) >= (size_t)cfg.rows ||
           native_bytes(self->block) >= BLOCK_BYTES ||
           (native_rows(self->block) > 0 &&
            pp_mono_ms(self->begun, pp_mono_now()) >= cfg.age_ms);
}

/* One insert, one block, one part; then its offsets. */
static int insert(struct writer *self, struct pp_err *err)
{
    static const struct pp_clickhouse_value pinned[] = {
        {"async_insert", "0"},
        {"max_insert_block_size", "10000000"},
        {"min_insert_block_size_rows", "0"},
        {"min_insert_block_size_bytes", "0"},
        {0},
    };
    struct pp_clickhouse_call call = {
        .sql = row_insert_sql(), .settings = pinned, .timeout_ms = INSERT_MS};
    struct pp_mono start = pp_mono_now();
    size_t rows = native_rows(self->block);
    struct pp_str answer;

    if (rows > 0) {
        pp_buf_reset(&self->body);
        native_write(self->block, &self->body);
        if (self->body.overflow)
            return pp_err_set(err, PP_ERR_FATAL, "a block is too large");
        call.data = pp_buf_str(&self->body);
        if (pp_clickhouse_run(self->clickhouse, &call, &answer, err) < 0)
            return -1;
    }
    if (pp_producer_flush(self->rejects, FLUSH_MS, err) < 0 ||
        pp_consumer_commit(self->events, err) < 0)
        return -1;
    native_reset(self->block);
    if (rows > 0) {
        pp_counter_add(&rows_stored, rows);
        pp_counter_add(&inserts, 1);
        pp_debug("block.stored", "rows=%zu took_ms=%d", rows,
                 (int)pp_mono_ms(start, pp_mono_now()));
    }
    return 0;
}

static int one_turn(struct writer *self, struct pp_err *err)
{
    struct pp_messages events;

    if (pp_consumer_poll(self->events, &events, POLL_MS, err) < 0)
        return -1;
    if (self->generation != pp_consumer_generation(self->events)) {
        /* Rows of before are another member's now, or come again. */
        self->generation = pp_consumer_generation(self->events);
        native_reset(self->block);
    }
    for (size_t i = 0; i < events.count; i++)
        if (take_message(self, &events.list[i], err) < 0)
            return -1;
    *err = (struct pp_err){0};
    pp_gauge_set(&lag_records, pp_consumer_lag(self->events));
    /* Without rows only the marks of transactions are passed over. */
    if (is_full(self) || (events.count == 0 && native_rows(self->block) == 0))
        return insert(self, err);
    return 0;
}

static void close_all(struct writer *self)
{
    pp_consumer_close(&self->events);
    pp_producer_close(&self->rejects);
    pp_clickhouse_close(&self->clickhouse);
    pp_registry_close(&self->registry);
    native_free(&self->block);
    pp_buf_fini(&self->body);
    pp_buf_fini(&self->record);
}

int main(int argc, char **argv)
{
    static struct pp_metric *const metrics[] = {
        &rows_stored.metric, &inserts.metric, &rejected.metric,
        &lag_records.metric};
    struct writer self = {0};
    struct pp_err err = {0}, why;

    for (size_t i = 0; i < PP_COUNT(metrics); i++)
        pp_metrics_add(metrics[i]);
    pp_service_init("writer", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        pp_service_ready();
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0)
                continue;
            why = err;
            native_reset(self.block);
            if (err.kind == PP_ERR_FATAL ||
                pp_consumer_rewind(self.events, &err) < 0)
                break;
            pp_service_backoff(&why);
            err = (struct pp_err){0};
        }
        if (err.kind == PP_ERR_NONE) /* told to stop: what is there, stays */
            (void)insert(&self, &err);
    }
    close_all(&self);
    return pp_service_exit(&err);
}
