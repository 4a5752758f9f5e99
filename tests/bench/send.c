/*
 * What the writer does without Kafka: events, as Avro in memory, are decoded,
 * encoded as blocks of ROWS and sent, the next one encoded while one is under
 * way, as in services/writer/main.c.
 *
 *   send BROKERS TOPIC COUNT ROWS URL DATABASE
 *
 * Reads COUNT records of the topic first. Prints "COUNT WALL CPU BYTES": rows
 * that were stored, microseconds, and bytes of the bodies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pp_consumer.h"
#include "pp_mem.h"
#include "pp_registry.h"
#include "pp_time.h"

#include "batch.h"
#include "sender.h"

#define PARTITIONS  8
#define FETCH_BYTES ((size_t)64 << 20)
#define ALL_BYTES   ((size_t)2 << 30)
#define VALID_MS    60000
#define POLL_MS     1000

static struct {
    struct record {
        int32_t partition;
        int64_t offset;
        size_t at; /* of key, then value, in bytes */
        size_t key_n, value_n;
    } * list;
    size_t count, wanted;
    struct pp_buf bytes;
} records;

static struct {
    struct sender *sender;
    struct batch *batches[2];
    struct batch *flying; /* NULL: none is under way */
    struct batch_group group;
    unsigned inserts;
} sending;

static void check(int result, const struct pp_err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "send: %s\n", err->msg);
    exit(1);
}

static int64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- events --------------------------------------------------------------- */

static void keep(const struct pp_message *message)
{
    if (records.count == records.wanted)
        return;
    records.list[records.count++] =
        (struct record){message->partition, message->offset, records.bytes.n,
                        message->key.n, message->value.n};
    pp_buf_add_str(&records.bytes, message->key);
    pp_buf_add_str(&records.bytes, message->value);
}

static void read_events(const char *brokers, const char *topic)
{
    const struct pp_kafka_access kafka = {
        .brokers = brokers, .client_id = "send", .security = "plaintext"};
    const struct pp_consumer_options options = {.topic = topic,
                                                .partitions = PARTITIONS,
                                                .batch_count = 5000,
                                                .fetch_bytes = FETCH_BYTES};
    struct pp_consumer *consumer;
    struct pp_messages messages;
    struct pp_err err = {0};

    pp_buf_init(&records.bytes, ALL_BYTES);
    records.list = pp_calloc(records.wanted, sizeof(*records.list));
    check(pp_consumer_open(&consumer, &kafka, &options, &err), &err);
    while (records.count < records.wanted) {
        check(pp_consumer_poll(consumer, &messages, POLL_MS, &err), &err);
        for (size_t i = 0; i < messages.count; i++)
            keep(&messages.list[i]);
    }
    pp_consumer_close(&consumer);
}

/* --- sending -------------------------------------------------------------- */

static void put(struct batch *batch, const struct record *record)
{
    const struct pp_str key = {records.bytes.p + record->at, record->key_n};
    const struct pp_str value = {key.p + key.n, record->value_n};
    const struct row_identity identity = {1, record->partition, record->offset};
    struct pp_str body = value;
    struct pp_err err = {0};
    struct event event;
    uint64_t schema;

    check(pp_registry_get(NULL, &body, &schema, &err), &err);
    check(event_decode(schema, body, &event, &err), &err);
    batch_put(batch, &event, &identity, key, value);
}

/* The next rows of the flying batch; false when all of them are stored. */
static bool begin_insert(void)
{
    struct native *block;
    char token[64];

    sending.group = batch_next(sending.flying);
    if (sending.group.count == 0)
        return false;
    block = batch_block(sending.flying, sending.group);
    row_set_valid_until(block, pp_wall_now().ms + VALID_MS);
    snprintf(token, sizeof(token), "bench.%" PRId64 ".%u", pp_wall_now().ms,
             sending.inserts++);
    sender_begin(sending.sender, block, token);
    return true;
}

/* As deliver_prepare(): while the one before it is under way. */
static void prepare(struct batch *batch)
{
    struct batch_group group = batch_next(batch);

    if (group.count == batch_rows(batch))
        sender_prepare(sending.sender, batch_block(batch, group));
}

static void land(void)
{
    struct pp_err err = {0};

    while (sending.flying) {
        if (sender_end(sending.sender, &err) != STORE_STORED)
            check(-1, &err);
        batch_done(sending.flying, sending.group);
        if (!begin_insert())
            sending.flying = NULL;
    }
}

static void send_all(size_t rows)
{
    size_t at = 0;

    for (size_t turn = 0; at < records.count; turn++) {
        struct batch *batch = sending.batches[turn % 2];

        batch_reset(batch);
        while (batch_rows(batch) < rows && at < records.count)
            put(batch, &records.list[at++]);
        prepare(batch);
        land();
        sending.flying = batch;
        (void)begin_insert();
    }
    land();
}

static void open_sender(const struct pp_clickhouse_access *access)
{
    struct store_facts facts;
    struct store *store;
    struct pp_err err = {0};

    check(store_open(&store, access, &err), &err);
    check(store_look(store, &facts, &err), &err);
    store_close(&store);
    check(sender_open(&sending.sender, access, &err), &err);
    sender_learn(sending.sender, &facts);
    sending.batches[0] = batch_new();
    sending.batches[1] = batch_new();
}

int main(int argc, char **argv)
{
    struct pp_clickhouse_access access = {.user = "default", .password = ""};
    struct pp_mono start;
    int64_t spent_us;

    if (argc != 7) {
        fprintf(stderr, "usage: send BROKERS TOPIC COUNT ROWS URL DATABASE\n");
        return 2;
    }
    access.url = argv[5];
    access.database = argv[6];
    records.wanted = strtoul(argv[3], NULL, 10);
    read_events(argv[1], argv[2]);
    open_sender(&access);
    start = pp_mono_now();
    spent_us = cpu_us();
    send_all(strtoul(argv[4], NULL, 10));
    printf("%zu %" PRId64 " %" PRId64 " %" PRIu64 "\n", records.count,
           (pp_mono_now().ns - start.ns) / 1000, cpu_us() - spent_us,
           sender_take_bytes(sending.sender));
    sender_close(&sending.sender);
    return 0;
}
