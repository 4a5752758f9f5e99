#include "pp_registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "pp_http.h"
#include "test.h"

/* A registry that says what the test wants to hear. */
static struct pp_http *http;
static pthread_t thread;
static atomic_bool stop;
static unsigned status;
static const char *answer;
static char asked[300];

static void on_versions(struct pp_http_request *request, void *context)
{
    struct pp_str body = pp_http_body(request);

    (void)context;
    snprintf(asked, sizeof(asked), "%.*s", PP_ARG(body));
    pp_http_reply(request, status, NULL, pp_str_of(answer));
}

static const struct pp_http_route routes[] = {
    {"POST", "/subjects/pawprint.hits.v1-value/versions", on_versions},
    {"POST", "/subjects/pawprint.sites.v1-value/versions", on_versions},
    {0},
};

static void *serve(void *context)
{
    (void)context;
    while (!atomic_load(&stop))
        pp_http_turn(http, 20);
    return NULL;
}

static int setup(void **state)
{
    static const struct pp_http_limits limits = {10000, 10000, 10, 10, 10000};
    struct pp_err err;

    (void)state;
    if (pp_http_open(&http, "127.0.0.1", 0, routes, NULL, &limits, &err) < 0)
        fail_msg("%s", err.msg);
    return pthread_create(&thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
    (void)state;
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    pp_http_close(&http);
    return 0;
}

static struct pp_registry *open_registry(void)
{
    static char url[100];
    struct pp_registry *registry;
    struct pp_err err;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
             (unsigned)pp_http_port(http));
    if (pp_registry_open(&registry, url, &err) < 0)
        fail_msg("%s", err.msg);
    return registry;
}

static void
a_record_says_the_number_that_the_registry_gave_its_schema(void **state)
{
    struct pp_registry *registry = open_registry();
    struct pp_err err = {0};
    struct pp_str message;
    struct pp_buf record;
    uint64_t schema = 0;

    (void)state;
    status = 200;
    answer = "{\"version\":1,\"x\":{\"id\":9},\"id\":258}";
    assert_int_equal(
        pp_registry_learn(registry, "pawprint.hits.v1", "\"string\"", 42, &err),
        0);
    assert_string_equal(asked, "{\"schema\":\"\\\"string\\\"\"}");
    pp_buf_init(&record, 100);
    pp_registry_put(registry, 42, &record);
    pp_buf_add_text(&record, "body");
    message = pp_buf_str(&record);
    assert_int_equal(message.n, 9);
    assert_memory_equal(message.p, "\0\0\0\1\2body", 9);

    assert_int_equal(pp_registry_get(registry, &message, &schema, &err), 0);
    assert_int_equal(schema, 42);
    assert_true(pp_str_eq(message, PP_LIT("body")));
    pp_buf_fini(&record);
    pp_registry_close(&registry);
    pp_registry_close(&registry);
}

static void records_of_before_the_registry_are_still_read(void **state)
{
    struct pp_registry *registry = open_registry();
    struct pp_str message = PP_LIT("\xC3\x01"
                                   "\x2A\0\0\0\0\0\0\0body");
    struct pp_err err = {0};
    uint64_t schema = 0;

    (void)state;
    assert_int_equal(pp_registry_get(registry, &message, &schema, &err), 0);
    assert_int_equal(schema, 42);
    pp_registry_close(&registry);
}

static void a_number_that_is_not_known_has_to_wait(void **state)
{
    struct pp_registry *registry = open_registry(), *none;
    struct pp_err err = {0};
    struct pp_str message = PP_LIT("\0\0\0\0\7body");
    uint64_t schema;

    (void)state;
    assert_int_equal(pp_registry_get(registry, &message, &schema, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    pp_registry_close(&registry);

    assert_int_equal(pp_registry_open(&none, "", &err), 0);
    message = PP_LIT("\0\0\0\0\7body");
    assert_int_equal(pp_registry_get(none, &message, &schema, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_non_null(strstr(err.msg, "SCHEMA_REGISTRY_URL"));
    pp_registry_close(&none);
}

static void what_the_registry_says_decides_what_to_do(void **state)
{
    static const struct {
        const char *when;
        unsigned status;
        const char *answer;
        enum pp_err_kind then;
    } cases[] = {
        {"it has trouble", 500, "{}", PP_ERR_AGAIN},
        {"it says nothing of a number", 200, "{}", PP_ERR_AGAIN},
        {"its number is none", 200, "{\"id\":-1}", PP_ERR_AGAIN},
        {"it answers no JSON", 200, "<html>", PP_ERR_AGAIN},
        {"the schema does not fit an older one", 409, "{}", PP_ERR_FATAL},
        {"it does not know us", 401, "{}", PP_ERR_FATAL},
        {"it finds the schema wrong", 422, "{}", PP_ERR_FATAL},
    };
    struct pp_registry *registry = open_registry();

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_err err = {0};

        status = cases[i].status;
        answer = cases[i].answer;
        if (pp_registry_learn(registry, "pawprint.sites.v1", "\"int\"", i + 1,
                              &err) == 0 ||
            err.kind != cases[i].then)
            fail_msg("when %s: %d %s", cases[i].when, (int)err.kind, err.msg);
    }
    pp_registry_close(&registry);
}

int main(void)
{
    const struct CMUnitTest registry[] = {
        cmocka_unit_test(
            a_record_says_the_number_that_the_registry_gave_its_schema),
        cmocka_unit_test(records_of_before_the_registry_are_still_read),
        cmocka_unit_test(a_number_that_is_not_known_has_to_wait),
        cmocka_unit_test(what_the_registry_says_decides_what_to_do),
    };

    return cmocka_run_group_tests(registry, setup, teardown);
}
