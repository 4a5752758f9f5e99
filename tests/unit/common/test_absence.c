/*
 * Servers that are not there: every client says PP_ERR_AGAIN in time, and what
 * is wrong with a setting is said in words. That they work with real servers
 * is in tests/integration/.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pp_consumer.h"
#include "pp_httpc.h"
#include "pp_pg.h"
#include "pp_producer.h"
#include "pp_redis.h"
#include "pp_time.h"

#include "test.h"

/* A port of this machine on which nobody listens: bound, and given back. */
static int free_port(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&where, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &size), 0);
    close(fd);
    return ntohs(where.sin_port);
}

static void no_postgres_is_again_and_says_so(void **state)
{
    struct pp_err err = {0};
    struct pp_pg *pg;
    char dsn[80];

    (void)state;
    snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%d dbname=x user=x",
             free_port());
    assert_int_equal(pp_pg_open(&pg, dsn, "test", &err), 0);
    assert_int_equal(pp_pg_exec(pg, "SELECT 1", 0, NULL, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_non_null(strstr(err.msg, "onnection refused"));
    pp_pg_rollback(pg);
    pp_pg_close(&pg);
    assert_int_equal(pp_pg_open(&pg, "nonsense", "test", &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
}

static void no_redis_costs_no_waiting(void **state)
{
    const struct pp_str ping[] = {PP_LIT("PING")};
    struct pp_redis_value value;
    struct pp_mono start;
    struct pp_err err = {0};
    struct pp_arena arena;
    struct pp_redis *redis;
    char url[80];

    (void)state;
    pp_arena_init(&arena, 4096);
    snprintf(url, sizeof(url), "redis://u:p@127.0.0.1:%d/3", free_port());
    assert_int_equal(pp_redis_open(&redis, url, 100, &err), 0);
    start = pp_mono_now();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pp_redis_do(redis, ping, 1, &value, &arena, &err), -1);
        assert_int_equal(err.kind, PP_ERR_AGAIN);
    }
    assert_true(pp_mono_ms(start, pp_mono_now()) < PP_REDIS_RETRY_MS);
    pp_redis_close(&redis);
    pp_arena_fini(&arena);
}

static void a_wrong_redis_address_is_refused_at_start(void **state)
{
    static const char *const urls[] = {
        "",
        "127.0.0.1:6379",
        "redis://127.0.0.1",
        "redis://:6379",
        "redis://127.0.0.1:0",
        "redis://127.0.0.1:65536",
        "rediss://127.0.0.1:6379",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(urls); i++) {
        struct pp_err err = {0};
        struct pp_redis *redis;

        if (pp_redis_open(&redis, urls[i], 100, &err) == 0)
            fail_msg("accepted '%s'", urls[i]);
        assert_int_equal(err.kind, PP_ERR_FATAL);
        assert_null(redis);
    }
}

static void no_http_server_is_again(void **state)
{
    static const struct pp_httpc_options options = {.connect_ms = 200,
                                                    .answer_bytes = 1000};
    struct pp_httpc_answer answer;
    struct pp_httpc_call call = {.method = "GET", .timeout_ms = 500};
    struct pp_err err = {0};
    struct pp_httpc *httpc;
    char url[80];

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", free_port());
    call.url = url;
    assert_int_equal(pp_httpc_open(&httpc, &options, &err), 0);
    assert_int_equal(pp_httpc_run(httpc, &call, &answer, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    call.url = "file:///etc/passwd";
    assert_int_equal(pp_httpc_run(httpc, &call, &answer, &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    pp_httpc_close(&httpc);
}

static void note_delivery(void *context, void *record, const struct pp_err *err)
{
    assert_ptr_equal(record, context);
    assert_non_null(err);
    *(int *)context += 1;
}

static void no_kafka_is_a_failed_delivery_not_a_lost_one(void **state)
{
    struct pp_producer_options options = {
        .linger_ms = 1, .timeout_ms = 300, .queue_bytes = 4096};
    struct pp_kafka_access access = {.client_id = "test"};
    struct pp_record record = {.topic = "t", .value = PP_LIT("v")};
    struct pp_producer *producer;
    struct pp_err err = {0};
    char brokers[40];
    int failures = 0;

    (void)state;
    snprintf(brokers, sizeof(brokers), "127.0.0.1:%d", free_port());
    access.brokers = brokers;
    options.delivered = note_delivery;
    options.context = record.tag = &failures;
    assert_int_equal(pp_producer_open(&producer, &access, &options, &err), 0);
    assert_int_equal(pp_producer_send(producer, &record, &err), 0);
    for (int i = 0; i < 100 && failures == 0; i++)
        pp_producer_poll(producer, 50);
    assert_int_equal(failures, 1);
    pp_producer_close(&producer);

    access.security = "nonsense";
    assert_int_equal(pp_producer_open(&producer, &access, &options, &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
}

static void a_consumer_without_kafka_waits(void **state)
{
    struct pp_consumer_options options = {
        .topic = "t", .group = "g", .batch_count = 10, .fetch_bytes = 1000};
    struct pp_kafka_access access = {.client_id = "test"};
    struct pp_consumer *consumer;
    struct pp_messages messages;
    struct pp_err err = {0};
    char brokers[40];

    (void)state;
    snprintf(brokers, sizeof(brokers), "127.0.0.1:%d", free_port());
    access.brokers = brokers;
    assert_int_equal(pp_consumer_open(&consumer, &access, &options, &err), 0);
    assert_int_equal(pp_consumer_poll(consumer, &messages, 100, &err), 0);
    assert_int_equal(messages.count, 0);
    assert_false(pp_consumer_caught_up(consumer));
    pp_consumer_close(&consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_postgres_is_again_and_says_so),
        cmocka_unit_test(no_redis_costs_no_waiting),
        cmocka_unit_test(a_wrong_redis_address_is_refused_at_start),
        cmocka_unit_test(no_http_server_is_again),
        cmocka_unit_test(no_kafka_is_a_failed_delivery_not_a_lost_one),
        cmocka_unit_test(a_consumer_without_kafka_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
