/*
 * What a commit of offsets comes to when the broker answers with an error, of
 * the codes that only librdkafka's mock can give at will. Who is really put
 * out of a group is tried with a real broker: `make crash`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_consumer.h"
#include "pp_mem.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "kafka_mock.h"

#define OFFSET_COMMIT 8 /* the request's number in Kafka's protocol */
#define TOPIC         "commits"
#define WAIT_MS       15000

static int begin(void **state)
{
    (void)state;
    mock_begin(TOPIC);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mock_end();
    return 0;
}

static void send_some(int count)
{
    static const struct pp_producer_options options = {
        .timeout_ms = WAIT_MS, .queue_bytes = (size_t)1 << 20};
    struct pp_producer *producer;
    struct pp_err err = {0};

    if (pp_producer_open(&producer, &access_to_mock, &options, &err) < 0)
        fail_msg("%s", err.msg);
    for (int i = 0; i < count; i++)
        if (pp_producer_send(producer,
                             &(struct pp_record){.topic = TOPIC,
                                                 .key = PP_LIT("k"),
                                                 .value = PP_LIT("v")},
                             &err) < 0)
            fail_msg("%s", err.msg);
    if (pp_producer_flush(producer, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
    pp_producer_close(&producer);
}

static struct pp_consumer *consumer_with(size_t records)
{
    static const struct pp_consumer_options options = {
        .topic = TOPIC,
        .group = "test",
        .batch_count = 100,
        .fetch_bytes = (size_t)1 << 20,
    };
    struct pp_mono start = pp_mono_now();
    struct pp_consumer *consumer;
    struct pp_messages messages;
    struct pp_err err = {0};
    size_t have = 0;

    if (pp_consumer_open(&consumer, &access_to_mock, &options, &err) < 0)
        fail_msg("%s", err.msg);
    while (have < records) {
        if (pp_consumer_poll(consumer, &messages, 100, &err) < 0)
            fail_msg("%s", err.msg);
        have += messages.count;
        if (pp_mono_ms(start, pp_mono_now()) > WAIT_MS)
            fail_msg("%zu of %zu records came", have, records);
    }
    return consumer;
}

/* What stands committed, whatever was said about it. */
static int64_t committed(struct pp_consumer *consumer, char note_out[64])
{
    struct pp_marks marks;
    struct pp_err err = {0};
    int64_t offset;

    if (pp_consumer_marks(consumer, &marks, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(marks.count, 1);
    offset = marks.list[0].offset;
    snprintf(note_out, 64, "%.*s", (int)marks.list[0].note.n,
             marks.list[0].note.p ? marks.list[0].note.p : "");
    pp_marks_fini(&marks);
    return offset;
}

/* Whoever was put out of the group comes back by polling. */
static void mark_in_the_end(struct pp_consumer *consumer,
                            const struct pp_mark *mark, const char *when)
{
    struct pp_mono start = pp_mono_now();
    struct pp_messages messages;
    struct pp_err err = {0};

    while (pp_consumer_mark(consumer, mark, 1, &err) < 0) {
        if (err.kind != PP_ERR_AGAIN ||
            pp_mono_ms(start, pp_mono_now()) > WAIT_MS)
            fail_msg("after %s: %s", when, err.msg);
        (void)pp_consumer_poll(consumer, &messages, 100, &err);
    }
}

/*
 * 0 means that it stands; PP_ERR_AGAIN that it may or may not, and that the
 * same call may work later. Nothing else may come of a passing error.
 */
static void a_commit_that_meets_a_passing_error_tells_the_truth(void **state)
{
    static const struct {
        const char *when;
        rd_kafka_resp_err_t code;
    } cases[] = {
        {"the coordinator loads",
         RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {"the coordinator is away",
         RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE},
        {"the coordinator has moved", RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
        {"the request timed out", RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT},
        {"partitions are given anew", RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS},
        {"the broker does not know", RD_KAFKA_RESP_ERR_UNKNOWN},
    };
    struct pp_consumer *consumer;

    (void)state;
    send_some(20);
    consumer = consumer_with(20);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char note[64], got[64];
        struct pp_mark mark = {0, (int64_t)i + 1, {note, 0}};
        struct pp_err err = {0};
        int64_t offset;

        mark.note.n = (size_t)snprintf(note, sizeof(note), "note %zu", i);
        rd_kafka_mock_push_request_errors(cluster, OFFSET_COMMIT, 1,
                                          cases[i].code);
        if (pp_consumer_mark(consumer, &mark, 1, &err) < 0 &&
            err.kind != PP_ERR_AGAIN)
            fail_msg("when %s: %s: %s", cases[i].when, pp_err_name(err.kind),
                     err.msg);
        offset = committed(consumer, got);
        if (err.kind == PP_ERR_NONE &&
            (offset != mark.offset || strcmp(got, note) != 0))
            fail_msg("when %s: said to stand, but %lld does", cases[i].when,
                     (long long)offset);
        rd_kafka_mock_clear_request_errors(cluster, OFFSET_COMMIT);
        mark_in_the_end(consumer, &mark, cases[i].when);
        assert_int_equal(committed(consumer, got), mark.offset);
        assert_string_equal(got, note);
    }
    pp_consumer_close(&consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_commit_that_meets_a_passing_error_tells_the_truth, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
