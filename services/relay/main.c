/*
 * relay - tells Kafka what was decided in Postgres.
 *
 *   reads   Postgres: outbox
 *   writes  the topics that its rows name, such as pawprint.sites.v1
 *
 * At least once, in order per key: a row is marked as sent only when every
 * in-sync replica has its record. Any unsent row that can be seen is sent; no
 * "id greater than the last one", which skips rows of longer transactions.
 * One relay works at a time, by an advisory lock; others stand by.
 */
#include <stdio.h>

#include "pp_arena.h"
#include "pp_pg.h"
#include "pp_producer.h"
#include "pp_service.h"

#define BATCH_ROWS  "500"
#define BATCH_BYTES ((size_t)64 << 20)
#define WAIT_MS     500
#define FLUSH_MS    15000
#define LOCK        "7166151" /* one relay a database; any number will do */

static struct {
    struct pp_kafka_access kafka;
    const char *postgres;
    const char *prefix;
} cfg = {.kafka.client_id = "relay"};

static const struct pp_setting settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.postgres, NULL,
              "how to reach Postgres, as libpq takes it"),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    {0},
};

static struct pp_counter rows_sent = PP_COUNTER(
    "pawprint_relay_rows_total", "rows of the outbox that Kafka confirmed");
static struct pp_gauge active =
    PP_GAUGE("pawprint_relay_active", "1 while this is the relay that works");

struct relay {
    struct pp_pg *pg;
    struct pp_producer *producer;
    struct pp_arena arena; /* emptied before every batch */
    bool listening;        /* to the channel, and holds the lock */
    size_t delivered;      /* records of this batch */
};

static void on_delivered(void *context, void *row, const struct pp_err *err)
{
    struct relay *self = context;

    (void)row;
    if (!err)
        self->delivered++;
}

static int open_all(struct relay *self, struct pp_err *err)
{
    struct pp_producer_options options = {
        .linger_ms = 2,
        .timeout_ms = 10000,
        .queue_bytes = BATCH_BYTES,
        .delivered = on_delivered,
        .context = self,
    };

    pp_arena_init(&self->arena, BATCH_BYTES);
    if (pp_pg_open(&self->pg, cfg.postgres, "relay", err) < 0)
        return -1;
    return pp_producer_open(&self->producer, &cfg.kafka, &options, err);
}

/* The lock goes with the connection: whoever loses it stands by again. */
static int become_active(struct relay *self, struct pp_err *err)
{
    struct pp_pg_rows rows;
    bool got = false;

    if (pp_pg_query(self->pg, "SELECT pg_try_advisory_lock(" LOCK ")", 0, NULL,
                    &rows, err) == 0)
        got = pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    if (err->kind != PP_ERR_NONE)
        return -1;
    if (!got || pp_pg_exec(self->pg, "LISTEN outbox", 0, NULL, err) < 0)
        return got ? -1 : 0;
    self->listening = true;
    pp_gauge_set(&active, 1);
    pp_info("relay.active", NULL);
    return 0;
}

/* Hands the rows to Kafka and waits for all of them. */
static int send_rows(struct relay *self, const struct pp_pg_rows *rows,
                     struct pp_err *err)
{
    self->delivered = 0;
    for (int i = 0; i < rows->count; i++) {
        struct pp_record record = {0};
        char topic[256];

        snprintf(topic, sizeof(topic), "%s%s", cfg.prefix,
                 pp_pg_text(rows, i, 1));
        record.topic = topic;
        if (pp_pg_bytes(rows, i, 2, &self->arena, &record.key, err) < 0)
            return -1;
        if (!pp_pg_is_null(rows, i, 3) &&
            pp_pg_bytes(rows, i, 3, &self->arena, &record.value, err) < 0)
            return -1;
        if (pp_producer_send(self->producer, &record, err) < 0)
            return -1;
    }
    if (pp_producer_flush(self->producer, FLUSH_MS, err) < 0)
        return -1;
    if (self->delivered != (size_t)rows->count)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "kafka: %zu of %d rows were delivered",
                          self->delivered, rows->count);
    return 0;
}

static int mark_sent(struct relay *self, const struct pp_pg_rows *rows,
                     struct pp_err *err)
{
    struct pp_buf ids;
    const char *values[1];
    int result;

    pp_buf_init(&ids, (size_t)1 << 20);
    for (int i = 0; i < rows->count; i++)
        pp_buf_printf(&ids, "%c%s", i ? ',' : '{', pp_pg_text(rows, i, 0));
    pp_buf_printf(&ids, "}");
    values[0] = ids.p;
    result = pp_pg_exec(self->pg,
                        "UPDATE outbox SET sent_at = clock_timestamp() "
                        "WHERE id = ANY ($1::bigint[])",
                        1, values, err);
    pp_buf_fini(&ids);
    return result;
}

/* Returns the number of rows that are out, or -1. */
static int one_batch(struct relay *self, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    pp_arena_reset(&self->arena);
    result = pp_pg_query(self->pg,
                         "SELECT id, topic, key, value FROM outbox "
                         "WHERE sent_at IS NULL ORDER BY id LIMIT " BATCH_ROWS,
                         0, NULL, &rows, err);
    if (result == 0 && rows.count > 0 &&
        (send_rows(self, &rows, err) < 0 || mark_sent(self, &rows, err) < 0))
        result = -1;
    if (result == 0)
        result = rows.count;
    pp_pg_rows_fini(&rows);
    if (result > 0) {
        pp_counter_add(&rows_sent, (uint64_t)result);
        pp_debug("outbox.sent", "rows=%d", result);
    }
    return result;
}

static int one_turn(struct relay *self, struct pp_err *err)
{
    int sent;

    if (!self->listening) {
        if (become_active(self, err) < 0)
            return -1;
        if (!self->listening) /* another one works */
            return pp_pg_wait(self->pg, WAIT_MS, err) < 0 ? -1 : 0;
    }
    sent = one_batch(self, err);
    if (sent != 0)
        return sent < 0 ? -1 : 0; /* there may be more */
    return pp_pg_wait(self->pg, WAIT_MS, err) < 0 ? -1 : 0;
}

static void close_all(struct relay *self)
{
    pp_producer_close(&self->producer);
    pp_pg_close(&self->pg);
    pp_arena_fini(&self->arena);
}

int main(int argc, char **argv)
{
    struct relay self = {0};
    struct pp_err err = {0};

    pp_metrics_add(&rows_sent.metric);
    pp_metrics_add(&active.metric);
    pp_service_init("relay", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0) {
                pp_service_ready(); /* what had gathered is out */
                continue;
            }
            pp_service_not_ready();
            if (err.kind != PP_ERR_AGAIN)
                break;
            self.listening = false; /* with the connection, maybe */
            pp_gauge_set(&active, 0);
            pp_service_backoff(&err);
        }
    }
    close_all(&self);
    return pp_service_exit(&err);
}
