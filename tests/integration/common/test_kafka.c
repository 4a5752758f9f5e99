/* pp_kafka, pp_producer and pp_consumer against a real broker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_consumer.h"
#include "pp_kafka_rd.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "test.h"

#define PARTITIONS 4

static struct pp_kafka_access access_ = {.client_id = "test"};
static struct pp_kafka *kafka;

/* A topic of this test and run alone. */
static const char *topic_new(const char *what, int partitions)
{
    static char name[100];
    struct pp_kafka_topic topic = {
        .name = name, .partitions = partitions, .replicas = 1};
    struct pp_err err = {0};

    snprintf(name, sizeof(name), "test.%s.%lld", what,
             (long long)pp_mono_now().ns);
    if (pp_kafka_topic_create(kafka, &topic, &err) != 1)
        fail_msg("%s", err.msg);
    return name;
}

static struct pp_producer *producer_new(const char *transactional_id,
                                        pp_delivered *delivered, void *context)
{
    struct pp_producer_options options = {
        .transactional_id = transactional_id,
        .linger_ms = 5,
        .timeout_ms = 10000,
        .queue_bytes = (size_t)16 << 20,
        .delivered = delivered,
        .context = context,
    };
    struct pp_producer *producer;
    struct pp_err err = {0};

    if (pp_producer_open(&producer, &access_, &options, &err) < 0)
        fail_msg("%s", err.msg);
    return producer;
}

static struct pp_consumer *consumer_new(const char *topic, const char *group)
{
    struct pp_consumer_options options = {.topic = topic,
                                          .group = group,
                                          .batch_count = 1000,
                                          .fetch_bytes = (size_t)16 << 20};
    struct pp_consumer *consumer;
    struct pp_err err = {0};

    if (pp_consumer_open(&consumer, &access_, &options, &err) < 0)
        fail_msg("%s", err.msg);
    return consumer;
}

static void send_numbers(struct pp_producer *producer, const char *topic,
                         int from, int to)
{
    const struct pp_kafka_header headers[] = {{"epoch", PP_LIT("7")}, {0}};
    struct pp_err err = {0};

    for (int i = from; i < to; i++) {
        char text[20];
        struct pp_record record = {
            .topic = topic,
            .key = {text, (size_t)snprintf(text, sizeof(text), "%d", i)},
            .value = {text, strlen(text)},
            .headers = headers,
        };

        if (pp_producer_send(producer, &record, &err) < 0)
            fail_msg("%s", err.msg);
    }
}

/* Reads until expected records came, or none for seconds. */
static int read_numbers(struct pp_consumer *consumer, int expected,
                        bool *seen /* [expected], may be NULL */)
{
    struct pp_mono start = pp_mono_now();
    struct pp_messages messages;
    struct pp_err err = {0};
    int count = 0;

    while (count < expected && pp_mono_ms(start, pp_mono_now()) < 15000) {
        if (pp_consumer_poll(consumer, &messages, 100, &err) < 0)
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < messages.count; i++) {
            int64_t number = -1;

            assert_true(pp_str_int64(messages.list[i].value, &number));
            assert_true(pp_str_eq(pp_message_header(&messages.list[i], "epoch"),
                                  PP_LIT("7")));
            if (seen && number < expected)
                seen[number] = true;
        }
        count += (int)messages.count;
    }
    return count;
}

static void count_delivery(void *context, void *record,
                           const struct pp_err *err)
{
    (void)record;
    assert_null(err);
    *(int *)context += 1;
}

static void what_was_delivered_is_read_back_once(void **state)
{
    const char *topic = topic_new("roundtrip", PARTITIONS);
    int delivered = 0;
    struct pp_producer *producer =
        producer_new(NULL, count_delivery, &delivered);
    struct pp_consumer *consumer = consumer_new(topic, topic);
    static bool seen[5000];
    struct pp_err err = {0};

    (void)state;
    send_numbers(producer, topic, 0, 5000);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(delivered, 5000);
    assert_int_equal(read_numbers(consumer, 5000, seen), 5000);
    for (int i = 0; i < 5000; i++)
        assert_true(seen[i]);
    assert_int_equal(pp_consumer_commit(consumer, &err), 0);
    assert_int_equal(pp_consumer_lag(consumer), 0);
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

static void what_was_not_committed_comes_again(void **state)
{
    const char *topic = topic_new("again", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *consumer = consumer_new(topic, topic);
    struct pp_messages messages;
    struct pp_err err = {0};

    (void)state;
    send_numbers(producer, topic, 0, 10);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(read_numbers(consumer, 10, NULL), 10);
    assert_int_equal(pp_consumer_commit(consumer, &err), 0);
    send_numbers(producer, topic, 10, 15);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(read_numbers(consumer, 5, NULL), 5);
    assert_int_equal(pp_consumer_rewind(consumer, &err), 0);
    assert_int_equal(read_numbers(consumer, 5, NULL), 5);
    pp_consumer_close(&consumer); /* and after a restart */

    consumer = consumer_new(topic, topic);
    assert_int_equal(read_numbers(consumer, 5, NULL), 5);
    assert_int_equal(pp_consumer_commit(consumer, &err), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(pp_consumer_poll(consumer, &messages, 100, &err), 0);
        assert_int_equal(messages.count, 0);
    }
    assert_true(pp_consumer_caught_up(consumer));
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

/* Input is read, output sent and both committed as one, or none of it. */
static void a_transaction_moves_records_and_offsets_together(void **state)
{
    char in[100], out[100];
    struct pp_producer *plain = producer_new(NULL, NULL, NULL), *producer;
    struct pp_consumer *consumer, *reader;
    struct pp_err err = {0};

    (void)state;
    snprintf(in, sizeof(in), "%s", topic_new("in", PARTITIONS));
    snprintf(out, sizeof(out), "%s", topic_new("out", PARTITIONS));
    producer = producer_new(in, NULL, NULL);
    consumer = consumer_new(in, in);
    reader = consumer_new(out, out);
    send_numbers(plain, in, 0, 100);
    assert_int_equal(pp_producer_flush(plain, 10000, &err), 0);

    /* An aborted one leaves nothing to be read, and the input where it was. */
    assert_int_equal(read_numbers(consumer, 100, NULL), 100);
    assert_int_equal(pp_producer_begin(producer, &err), 0);
    send_numbers(producer, out, 0, 100);
    assert_int_equal(pp_producer_abort(producer, 10000, &err), 0);
    assert_int_equal(pp_consumer_rewind(consumer, &err), 0);

    assert_int_equal(read_numbers(consumer, 100, NULL), 100);
    assert_int_equal(pp_producer_begin(producer, &err), 0);
    send_numbers(producer, out, 0, 100);
    if (pp_producer_commit(producer, consumer, 10000, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pp_consumer_lag(consumer), 0);
    assert_int_equal(read_numbers(reader, 100, NULL), 100);
    pp_consumer_close(&consumer);

    consumer = consumer_new(in, in);
    send_numbers(plain, in, 100, 101);
    assert_int_equal(pp_producer_flush(plain, 10000, &err), 0);
    assert_int_equal(read_numbers(consumer, 1, NULL), 1);
    pp_consumer_close(&consumer);
    pp_consumer_close(&reader);
    pp_producer_close(&producer);
    pp_producer_close(&plain);
}

static void two_members_share_and_one_takes_over(void **state)
{
    const char *topic = topic_new("share", PARTITIONS);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *a = consumer_new(topic, topic);
    struct pp_consumer *b = NULL;
    struct pp_mono start = pp_mono_now();
    struct pp_messages messages;
    struct pp_err err = {0};
    unsigned before;
    int got[2] = {0, 0};

    (void)state;
    while (pp_consumer_generation(a) == 0)
        assert_int_equal(pp_consumer_poll(a, &messages, 50, &err), 0);
    before = pp_consumer_generation(a);
    b = consumer_new(topic, topic);
    while (pp_consumer_generation(b) == 0 ||
           pp_consumer_generation(a) < before + 2) {
        assert_true(pp_mono_ms(start, pp_mono_now()) < 20000);
        assert_int_equal(pp_consumer_poll(a, &messages, 20, &err), 0);
        assert_int_equal(pp_consumer_poll(b, &messages, 20, &err), 0);
    }
    send_numbers(producer, topic, 0, 400);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    start = pp_mono_now();
    while (got[0] + got[1] < 400 && pp_mono_ms(start, pp_mono_now()) < 10000) {
        assert_int_equal(pp_consumer_poll(a, &messages, 20, &err), 0);
        got[0] += (int)messages.count;
        assert_int_equal(pp_consumer_poll(b, &messages, 20, &err), 0);
        got[1] += (int)messages.count;
    }
    assert_int_equal(got[0] + got[1], 400);
    assert_true(got[0] > 0 && got[1] > 0);
    pp_consumer_close(&b); /* without a commit: its records come again */
    assert_true(read_numbers(a, got[1], NULL) >= got[1]);
    pp_consumer_close(&a);
    pp_producer_close(&producer);
}

/* Stays at the record of the offset, as soon as it comes. */
static void stay_at(struct pp_consumer *consumer, int64_t offset)
{
    struct pp_messages messages;
    struct pp_err err = {0};

    for (int i = 0; i < 150; i++) {
        if (pp_consumer_poll(consumer, &messages, 100, &err) < 0)
            fail_msg("%s", err.msg);
        for (size_t j = 0; j < messages.count; j++)
            if (messages.list[j].offset == offset) {
                assert_int_equal(
                    pp_consumer_stay(consumer, &messages.list[j], &err), 0);
                return;
            }
    }
    fail_msg("offset %lld did not come", (long long)offset);
}

static void a_partition_stays_at_a_record_until_it_comes_again(void **state)
{
    const char *topic = topic_new("stay", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *consumer = consumer_new(topic, topic);
    struct pp_mono start;
    struct pp_err err = {0};

    (void)state;
    send_numbers(producer, topic, 0, 10);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    stay_at(consumer, 6);
    start = pp_mono_now();
    assert_int_equal(pp_consumer_commit(consumer, &err), 0);
    assert_int_equal(pp_consumer_lag(consumer), 4);
    assert_int_equal(read_numbers(consumer, 4, NULL), 4);
    assert_true(pp_mono_ms(start, pp_mono_now()) >= PP_CONSUMER_STAY_MS - 100);
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

static void a_partition_that_stays_and_is_rewound_goes_on(void **state)
{
    const char *topic = topic_new("rewound", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *consumer = consumer_new(topic, topic);
    struct pp_err err = {0};

    (void)state;
    send_numbers(producer, topic, 0, 10);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    stay_at(consumer, 6); /* six are handed out and not committed */
    assert_int_equal(pp_consumer_rewind(consumer, &err), 0);
    assert_int_equal(read_numbers(consumer, 10, NULL), 10);
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

/* As retention does it. */
static void drop_before(const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_DeleteRecords_t *what;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    rd_kafka_t *rk;
    char text[160];
    struct pp_err err = {0};

    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
    assert_int_equal(pp_kafka_conf(&conf, &access_, &err), 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    queue = rd_kafka_queue_new(rk);
    what = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &what, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, 10000);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(what);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    rd_kafka_topic_partition_list_destroy(list);
}

static void a_topic_is_read_from_the_first_record_that_is_left(void **state)
{
    const char *topic = topic_new("left", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *consumer;
    struct pp_err err = {0};

    (void)state;
    send_numbers(producer, topic, 0, 100);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    drop_before(topic, 60);
    consumer = consumer_new(topic, NULL);
    assert_int_equal(read_numbers(consumer, 40, NULL), 40);
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

static void a_topic_is_made_once_and_measured(void **state)
{
    const char *name = topic_new("measured", PARTITIONS);
    struct pp_kafka_topic topic = {
        .name = name, .partitions = PARTITIONS, .replicas = 1};
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    int64_t low, high, sum = 0;
    struct pp_err err = {0};
    int partitions = 0;

    (void)state;
    assert_int_equal(pp_kafka_topic_create(kafka, &topic, &err), 0);
    send_numbers(producer, name, 0, 50);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(pp_kafka_partitions(kafka, name, &partitions, &err), 0);
    assert_int_equal(partitions, PARTITIONS);
    for (int i = 0; i < partitions; i++) {
        assert_int_equal(pp_kafka_offsets(kafka, name, i, &low, &high, &err),
                         0);
        assert_int_equal(low, 0);
        sum += high;
    }
    assert_int_equal(sum, 50);
    pp_producer_close(&producer);
}

static void
all_partitions_are_read_from_given_offsets_without_a_group(void **state)
{
    const char *topic = topic_new("from", PARTITIONS);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    int64_t low, high, from[PARTITIONS];
    struct pp_consumer_options options = {.topic = topic,
                                          .partitions = PARTITIONS,
                                          .from = from,
                                          .batch_count = 1000,
                                          .fetch_bytes = (size_t)16 << 20};
    struct pp_consumer *consumer;
    struct pp_err err = {0};
    int expected = 0;

    (void)state;
    send_numbers(producer, topic, 0, 200);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    for (int i = 0; i < PARTITIONS; i++) {
        pp_kafka_offsets(kafka, topic, i, &low, &high, &err);
        from[i] = high / 2;
        expected += (int)(high - from[i]);
    }
    assert_int_equal(pp_consumer_open(&consumer, &access_, &options, &err), 0);
    assert_int_equal(read_numbers(consumer, expected, NULL), expected);
    pp_consumer_close(&consumer);
    pp_producer_close(&producer);
}

static void
offsets_are_set_for_a_group_only_while_it_has_no_member(void **state)
{
    const char *topic = topic_new("commit-for", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_consumer *consumer = consumer_new(topic, topic);
    const int64_t back = 3, none = -1;
    struct pp_err err = {0};
    int64_t committed = -1;

    (void)state;
    send_numbers(producer, topic, 0, 10);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(read_numbers(consumer, 10, NULL), 10);
    assert_int_equal(pp_consumer_commit(consumer, &err), 0);
    assert_int_equal(pp_kafka_commit_for(kafka, topic, topic, &back, 1, &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_DENIED);
    pp_consumer_close(&consumer);
    err = (struct pp_err){0};
    assert_int_equal(pp_kafka_commit_for(kafka, topic, topic, &none, 1, &err),
                     0);
    pp_kafka_committed(kafka, topic, topic, 0, &committed, &err);
    assert_int_equal(committed, 10);
    if (pp_kafka_commit_for(kafka, topic, topic, &back, 1, &err) < 0)
        fail_msg("%s", err.msg);
    pp_kafka_committed(kafka, topic, topic, 0, &committed, &err);
    assert_int_equal(committed, 3);
    pp_producer_close(&producer);
}

static void the_first_record_of_a_time_is_found(void **state)
{
    const char *topic = topic_new("at", 1);
    struct pp_producer *producer = producer_new(NULL, NULL, NULL);
    struct pp_err err = {0};
    int64_t between, offset = -2;

    (void)state;
    send_numbers(producer, topic, 0, 5);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    usleep(20000);
    between = pp_wall_now().ms;
    usleep(20000);
    send_numbers(producer, topic, 5, 8);
    assert_int_equal(pp_producer_flush(producer, 10000, &err), 0);
    assert_int_equal(
        pp_kafka_offset_at(kafka, topic, 0, between, &offset, &err), 0);
    assert_int_equal(offset, 5);
    assert_int_equal(
        pp_kafka_offset_at(kafka, topic, 0, between + 3600000, &offset, &err),
        0);
    assert_int_equal(offset, -1);
    pp_producer_close(&producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_delivered_is_read_back_once),
        cmocka_unit_test(what_was_not_committed_comes_again),
        cmocka_unit_test(a_transaction_moves_records_and_offsets_together),
        cmocka_unit_test(two_members_share_and_one_takes_over),
        cmocka_unit_test(a_partition_stays_at_a_record_until_it_comes_again),
        cmocka_unit_test(a_partition_that_stays_and_is_rewound_goes_on),
        cmocka_unit_test(a_topic_is_read_from_the_first_record_that_is_left),
        cmocka_unit_test(a_topic_is_made_once_and_measured),
        cmocka_unit_test(
            all_partitions_are_read_from_given_offsets_without_a_group),
        cmocka_unit_test(
            offsets_are_set_for_a_group_only_while_it_has_no_member),
        cmocka_unit_test(the_first_record_of_a_time_is_found),
    };
    struct pp_err err = {0};
    int failed;

    access_.brokers = getenv("PAWPRINT_KAFKA_BROKERS");
    if (!access_.brokers || pp_kafka_open(&kafka, &access_, &err) < 0) {
        fputs("PAWPRINT_KAFKA_BROKERS has to name a broker\n", stderr);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    pp_kafka_close(&kafka);
    return failed;
}
