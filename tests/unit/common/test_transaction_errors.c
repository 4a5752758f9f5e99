/*
 * What the end of a transaction comes to when the broker answers with an
 * error, of the codes that only librdkafka's mock can give at will. With a
 * real broker that is away it is tried by tests/e2e/test_usage_away.py.
 */
#include "pp_producer.h"
#include "pp_time.h"

#include "kafka_mock.h"

#define END_TXN 26 /* the request's number in Kafka's protocol */
#define TOPIC   "transactions"
#define WAIT_MS 10000

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

/* A producer with a record in a transaction that is under way. */
static struct pp_producer *in_transaction(void)
{
    static const struct pp_producer_options options = {
        .transactional_id = "one",
        .timeout_ms = WAIT_MS,
        .queue_bytes = (size_t)1 << 20,
    };
    const struct pp_record record = {.topic = TOPIC, .value = PP_LIT("hit")};
    struct pp_producer *producer;
    struct pp_err err = {0};

    if (pp_producer_open(&producer, &access_to_mock, &options, &err) < 0 ||
        pp_producer_begin(producer, &err) < 0 ||
        pp_producer_send(producer, &record, &err) < 0 ||
        pp_producer_flush(producer, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
    return producer;
}

static void what_kafka_says_of_a_transaction_decides_who_may_go_on(void **state)
{
    static const struct {
        const char *when;
        rd_kafka_resp_err_t answer;
        enum pp_err_kind kind;
    } cases[] = {
        {"another producer has begun under its name",
         RD_KAFKA_RESP_ERR_PRODUCER_FENCED, PP_ERR_DENIED},
        {"Kafka ended it when its time was over",
         RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, PP_ERR_DENIED},
        {"Kafka knows of no such transaction",
         RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, PP_ERR_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_producer *producer = in_transaction();
        struct pp_err err = {0};

        rd_kafka_mock_push_request_errors(cluster, END_TXN, 1, cases[i].answer);
        assert_int_equal(pp_producer_abort(producer, WAIT_MS, &err), -1);
        if (err.kind != cases[i].kind)
            fail_msg("when %s: %s, %s", cases[i].when, pp_err_name(err.kind),
                     err.msg);
        pp_producer_close(&producer);
    }
}

/* Nothing that such a producer is asked for ends the process. */
static void
a_producer_that_was_fenced_sends_nothing_and_the_next_one_does(void **state)
{
    const struct pp_record record = {.topic = TOPIC, .value = PP_LIT("hit")};
    struct pp_producer *producer = in_transaction();
    struct pp_err err = {0};

    (void)state;
    rd_kafka_mock_push_request_errors(cluster, END_TXN, 1,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_int_equal(pp_producer_abort(producer, WAIT_MS, &err), -1);
    assert_int_equal(pp_producer_send(producer, &record, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_int_equal(pp_producer_begin(producer, &err), -1);
    assert_int_not_equal(err.kind, PP_ERR_FATAL);
    pp_producer_close(&producer);

    producer = in_transaction();
    assert_int_equal(pp_producer_abort(producer, WAIT_MS, &err), 0);
    pp_producer_close(&producer);
}

int main(void)
{
    const struct CMUnitTest transactions[] = {
        cmocka_unit_test(
            what_kafka_says_of_a_transaction_decides_who_may_go_on),
        cmocka_unit_test(
            a_producer_that_was_fenced_sends_nothing_and_the_next_one_does),
    };

    return cmocka_run_group_tests(transactions, begin, end);
}
