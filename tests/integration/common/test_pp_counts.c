/* What was not accepted, on its way through a real Kafka. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_arena.h"
#include "pp_consumer.h"
#include "pp_counts.h"
#include "pp_mem.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "counts.h"

#include "test.h"

#define WAIT_MS 20000
#define MAX     100

static const int64_t T0 = INT64_C(1700000040000); /* a minute begins */

static struct pp_kafka_access there = {.client_id = "test",
                                       .security = "plaintext"};
static struct pp_kafka_access nowhere = {
    .client_id = "test", .security = "plaintext", .brokers = "127.0.0.1:1"};
static struct pp_kafka *kafka;
static char topic[80];
static struct pp_counts_way way = {.topic = topic, .epoch = "7"};

static int open_kafka(void **state)
{
    struct pp_err err = {0};

    (void)state;
    there.brokers = getenv("PAWPRINT_KAFKA_BROKERS");
    return there.brokers ? pp_kafka_open(&kafka, &there, &err) : -1;
}

static int close_kafka(void **state)
{
    (void)state;
    pp_kafka_close(&kafka);
    return 0;
}

/* Each test has a topic of its own. */
static int make_topic(void **state)
{
    const struct pp_kafka_option none[] = {{0}};
    const struct pp_kafka_topic wish = {topic, 1, 1, none};
    struct pp_err err = {0};

    (void)state;
    snprintf(topic, sizeof(topic), "test.%lld.counts",
             (long long)pp_mono_now().ns);
    if (pp_kafka_topic_create(kafka, &wish, &err) != 1)
        fail_msg("%s", err.msg);
    return 0;
}

static struct pp_producer *open_producer(const struct pp_kafka_access *access,
                                         struct pp_counts *counts)
{
    const struct pp_producer_options options = {
        .timeout_ms = 1000,
        .queue_bytes = (size_t)1 << 20,
        .delivered = pp_counts_delivered,
        .context = counts,
    };
    struct pp_producer *producer;
    struct pp_err err = {0};

    if (pp_producer_open(&producer, access, &options, &err) < 0)
        fail_msg("%s", err.msg);
    return producer;
}

/* Tells, and waits until each record is reported, one way or the other. */
static void tell(struct pp_counts *counts, struct pp_producer *producer)
{
    struct pp_err err = {0};

    if (pp_counts_send(counts, producer, &way, &err) < 0 ||
        pp_producer_flush(producer, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
}

/* Records as they stand in the topic; texts in arena. */
struct told {
    struct counts list[MAX];
    size_t count;
    struct pp_arena arena;
};

static void take(struct told *told, const struct pp_message *message)
{
    struct pp_str body = message->value;
    struct pp_err err = {0};
    uint64_t schema;
    char *copy;

    assert_true(
        pp_str_eq(pp_message_header(message, PP_TOPICS_HEADER), PP_LIT("7")));
    copy = pp_arena_alloc(&told->arena, body.n);
    assert_non_null(copy);
    memcpy(copy, body.p, body.n);
    body.p = copy;
    if (pp_registry_get(NULL, &body, &schema, &err) < 0 ||
        counts_decode(schema, body, &told->list[told->count++], &err) < 0)
        fail_msg("%s", err.msg);
}

static void read_all(struct told *told)
{
    const struct pp_consumer_options options = {
        .topic = topic, .batch_count = MAX, .fetch_bytes = 65536};
    struct pp_consumer *consumer;
    struct pp_messages messages;
    struct pp_err err = {0};

    told->count = 0;
    pp_arena_init(&told->arena, 65536);
    if (pp_consumer_open(&consumer, &there, &options, &err) < 0)
        fail_msg("%s", err.msg);
    while (!pp_consumer_caught_up(consumer)) {
        if (pp_consumer_poll(consumer, &messages, 100, &err) < 0)
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < messages.count; i++)
            take(told, &messages.list[i]);
    }
    pp_consumer_close(&consumer);
}

static void hits_of_one_site_minute_and_reason_are_one_record(void **state)
{
    static const char *const reason = "foreign_origin", *other = "malformed";
    struct pp_counts *counts = pp_counts_new("collector", MAX);
    struct pp_producer *producer = open_producer(&there, counts);
    static struct told told;

    (void)state;
    pp_counts_add(counts, PP_LIT("s1"), T0, reason, 1);
    pp_counts_add(counts, PP_LIT("s1"), T0 + 59999, reason, 2);
    pp_counts_add(counts, PP_LIT("s1"), T0 + 60000, reason, 5);
    pp_counts_add(counts, PP_LIT("s2"), T0, reason, 1);
    pp_counts_add(counts, PP_LIT("s1"), T0, other, 1);
    pp_counts_add(counts, PP_LIT(""), T0, other, 1);
    assert_false(pp_counts_is_empty(counts));
    tell(counts, producer);
    assert_true(pp_counts_is_empty(counts));
    pp_counts_add(counts, PP_LIT("s1"), T0, reason, 4);
    tell(counts, producer);
    read_all(&told);
    assert_int_equal(told.count, 6);
    assert_int_equal(told.list[0].n, 3);
    assert_int_equal(told.list[0].minute_at_ms, T0);
    assert_true(pp_str_eq(told.list[0].site_id, PP_LIT("s1")));
    assert_true(pp_str_eq(told.list[0].stage, PP_LIT("collector")));
    assert_int_equal(told.list[1].n, 5);
    assert_int_equal(told.list[5].n, 4);
    for (size_t i = 0; i < told.count; i++) {
        assert_int_equal(told.list[i].sequence, i + 1);
        assert_true(pp_str_eq(told.list[i].instance, told.list[0].instance));
    }
    pp_arena_fini(&told.arena);
    pp_producer_close(&producer);
    pp_counts_free(&counts);
}

static void what_was_not_delivered_is_told_again_under_its_number(void **state)
{
    static const char *const reason = "not_durable";
    struct pp_counts *counts = pp_counts_new("collector", MAX);
    struct pp_producer *producer = open_producer(&nowhere, counts);
    static struct told told;

    (void)state;
    pp_counts_add(counts, PP_LIT("s1"), T0, reason, 3);
    tell(counts, producer); /* and is told that it failed */
    assert_false(pp_counts_is_empty(counts));
    pp_counts_add(counts, PP_LIT("s1"), T0, reason, 4); /* of a later record */
    pp_producer_close(&producer);
    producer = open_producer(&there, counts);
    tell(counts, producer);
    assert_false(pp_counts_is_empty(counts));
    tell(counts, producer);
    assert_true(pp_counts_is_empty(counts));
    read_all(&told);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.list[0].sequence, 1);
    assert_int_equal(told.list[0].n, 3);
    assert_int_equal(told.list[1].sequence, 2);
    assert_int_equal(told.list[1].n, 4);
    pp_arena_fini(&told.arena);
    pp_producer_close(&producer);
    pp_counts_free(&counts);
}

static void many_sites_at_once_are_counted_without_their_names(void **state)
{
    static const char *const reasons[] = {"a", "b", "c"};
    struct pp_counts *counts = pp_counts_new("collector", MAX);
    struct pp_producer *producer = open_producer(&there, counts);
    static struct told told;
    int64_t with = 0, without = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char site[16];

        snprintf(site, sizeof(site), "s%d", i);
        pp_counts_add(counts, pp_str_of(site), T0, reasons[i % 3], 1);
    }
    assert_int_equal(pp_counts_lost(counts), 0);
    tell(counts, producer);
    read_all(&told);
    for (size_t i = 0; i < told.count; i++)
        *(told.list[i].site_id.n ? &with : &without) += told.list[i].n;
    assert_int_equal(with, 90);
    assert_int_equal(without, 910);
    pp_arena_fini(&told.arena);
    pp_producer_close(&producer);
    pp_counts_free(&counts);
}

static void what_is_forgotten_is_never_told(void **state)
{
    struct pp_counts *counts = pp_counts_new("enricher", MAX);
    struct pp_producer *producer = open_producer(&there, counts);
    static struct told told;

    (void)state;
    pp_counts_add(counts, PP_LIT("s1"), T0, "duplicate", 3);
    pp_counts_forget(counts);
    assert_true(pp_counts_is_empty(counts));
    pp_counts_add(counts, PP_LIT("s2"), T0, "duplicate", 1);
    tell(counts, producer);
    read_all(&told);
    assert_int_equal(told.count, 1);
    assert_true(pp_str_eq(told.list[0].site_id, PP_LIT("s2")));
    pp_arena_fini(&told.arena);
    pp_producer_close(&producer);
    pp_counts_free(&counts);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup(name_, make_topic)
    const struct CMUnitTest counts[] = {
        TEST(hits_of_one_site_minute_and_reason_are_one_record),
        TEST(what_was_not_delivered_is_told_again_under_its_number),
        TEST(many_sites_at_once_are_counted_without_their_names),
        TEST(what_is_forgotten_is_never_told),
    };

    return cmocka_run_group_tests(counts, open_kafka, close_kafka);
}
