#include "notice.h"

#include <stdio.h>
#include <string.h>

#include "pp_mem.h"
#include "test.h"

static struct pp_arena arena;
static struct notice notice;

static int read(const char *body)
{
    struct pp_err err = {0};

    pp_arena_init(&arena, NOTICE_ARENA_BYTES(65536));
    return notice_read(pp_str_of(body), &arena, &notice, &err);
}

static int take_down(void **state)
{
    (void)state;
    pp_arena_fini(&arena);
    return 0;
}

static void an_event_says_what_happened_to_whom(void **state)
{
    (void)state;
    assert_int_equal(
        read("{\"id\":\"evt_1\",\"object\":\"event\",\"api_version\":"
             "\"2026-07-29.dahlia\",\"created\":1764072000,\"livemode\":true,"
             "\"type\":\"customer.subscription.updated\",\"data\":{\"object\":"
             "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":"
             "\"cus_1\"}}}"),
        0);
    assert_string_equal(notice.id, "evt_1");
    assert_string_equal(notice.type, "customer.subscription.updated");
    assert_string_equal(notice.api_version, "2026-07-29.dahlia");
    assert_string_equal(notice.object_type, "subscription");
    assert_string_equal(notice.object_id, "sub_1");
    assert_string_equal(notice.customer, "cus_1");
    assert_int_equal(notice.created_ms, INT64_C(1764072000000));
    assert_true(notice.is_live);
    assert_false(notice.is_thin);
    take_down(NULL);
}

static void whose_it_is_stands_in_one_of_several_places(void **state)
{
    static const struct {
        const char *when, *object, *id, *customer;
    } cases[] = {
        {"the customer himself", "{\"id\":\"cus_1\",\"object\":\"customer\"}",
         "cus_1", "cus_1"},
        {"a customer that is expanded",
         "{\"id\":\"in_1\",\"object\":\"invoice\",\"customer\":{\"id\":"
         "\"cus_2\",\"object\":\"customer\"}}",
         "in_1", "cus_2"},
        {"no customer", "{\"id\":\"price_1\",\"object\":\"price\"}", "price_1",
         ""},
        {"a null", "{\"id\":\"ch_1\",\"object\":\"charge\",\"customer\":null}",
         "ch_1", ""},
        {"no id, as of invoice.upcoming",
         "{\"object\":\"invoice\",\"customer\":\"cus_3\"}", "", "cus_3"},
        {"an id that leads elsewhere in a path",
         "{\"id\":\"../v1/x\",\"object\":\"invoice\",\"customer\":\"a b\"}", "",
         ""},
        {"no object at all", "[]", "", ""},
    };
    char body[600];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        snprintf(body, sizeof(body),
                 "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a.b\","
                 "\"data\":{\"object\":%s}}",
                 cases[i].object);
        if (read(body) < 0 || strcmp(notice.object_id, cases[i].id) != 0 ||
            strcmp(notice.customer, cases[i].customer) != 0)
            fail_msg("when %s: %s %s", cases[i].when, notice.object_id,
                     notice.customer);
        take_down(NULL);
    }
}

static void a_thin_event_names_an_object_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(
        read("{\"id\":\"evt_2\",\"object\":\"v2.core.event\",\"type\":"
             "\"v1.invoice.paid\",\"livemode\":false,\"created\":"
             "\"2026-01-01T00:00:00.000Z\",\"related_object\":{\"id\":"
             "\"in_1\",\"type\":\"invoice\",\"url\":\"/v1/invoices/in_1\"}}"),
        0);
    assert_true(notice.is_thin);
    assert_string_equal(notice.type, "invoice.paid");
    assert_string_equal(notice.object_type, "invoice");
    assert_string_equal(notice.object_id, "in_1");
    assert_string_equal(notice.customer, "");
    assert_int_equal(notice.created_ms, 0);
    take_down(NULL);
    assert_int_equal(
        read("{\"id\":\"evt_3\",\"object\":\"v2.core.event\",\"type\":"
             "\"v2.core.event_destination.ping\",\"related_object\":null}"),
        0);
    assert_string_equal(notice.type, "v2.core.event_destination.ping");
    take_down(NULL);
    assert_int_equal(read("{\"id\":\"evt_4\",\"object\":\"v2.core.event\","
                          "\"type\":\"v1.\"}"),
                     0);
    assert_string_equal(notice.type, "v1.");
    take_down(NULL);
}

static void what_is_no_event_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "no JSON",
        "{\"id\":\"evt_1\",\"object\":\"event\"}",
        "{\"type\":\"a.b\",\"object\":\"event\"}",
        "{\"id\":\"evt_1\",\"type\":\"a.b\"}",
        "{\"id\":\"evt_1\",\"type\":\"a.b\",\"object\":\"customer\"}",
        "{\"id\":1,\"type\":\"a.b\",\"object\":\"event\"}",
        "{\"id\":\"evt 1\",\"type\":\"a.b\",\"object\":\"event\"}",
        "{\"id\":\"evt_1\",\"type\":\"A'; DROP\",\"object\":\"event\"}",
        "{\"id\":\"evt_1\",\"type\":\"a.b\",\"object\":\"event\"} more",
        "{\"id\":\"evt_1\",\"type\":\"a.b\",\"object\":\"event\"",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(bodies); i++) {
        if (read(bodies[i]) == 0)
            fail_msg("%s", bodies[i]);
        take_down(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_says_what_happened_to_whom),
        cmocka_unit_test(whose_it_is_stands_in_one_of_several_places),
        cmocka_unit_test(a_thin_event_names_an_object_and_no_more),
        cmocka_unit_test(what_is_no_event_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
