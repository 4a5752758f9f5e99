/* The links of mails: where they lead, what they are about, when there are
 * none. */
#include "links.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define NOW INT64_C(1790000000)
#define DAY INT64_C(86400)

static struct links links;
static struct pp_buf url;

static int begin(void **state)
{
    struct pp_err err;

    (void)state;
    pp_buf_init(&url, 2000);
    return links_read(&links, KEY, "https://pawprint.example", &err);
}

static int end(void **state)
{
    (void)state;
    pp_buf_fini(&url);
    return 0;
}

/* The id of the link in url, or what is wrong with it. */
static enum pp_err_kind read_id(const char *what, int64_t now_s, char *id)
{
    struct pp_str text = pp_buf_str(&url);
    struct pp_err err = {0};
    char prefix[100];

    snprintf(prefix, sizeof(prefix), "https://pawprint.example/n/%s/", what);
    assert_true(pp_str_starts(text, pp_str_of(prefix)));
    pp_link_read(&links.keys, what, pp_str_sub(text, strlen(prefix), text.n),
                 now_s, id, PP_LINK_ID_MAX + 1, &err);
    return err.kind;
}

static void a_link_to_mute_an_alert_names_its_rule_for_30_days(void **state)
{
    char id[PP_LINK_ID_MAX + 1];

    (void)state;
    links_add_snooze(&links, PP_LIT("42"), NOW, &url);
    assert_int_equal(read_id("snooze", NOW + 30 * DAY - 1, id), PP_ERR_NONE);
    assert_string_equal(id, "42");
    assert_int_equal(read_id("snooze", NOW + 30 * DAY, id), PP_ERR_DENIED);
}

static void what_is_no_number_of_a_rule_gets_no_link(void **state)
{
    static const char *const ids[] = {
        "", "x", "4 2", "42;", "1e3", "99999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(ids); i++)
        links_add_snooze(&links, pp_str_of(ids[i]), NOW, &url);
    assert_int_equal(url.n, 0);
}

/* The hash is that of Python's hashlib, over ann@example.com. */
static void a_link_to_unsubscribe_names_nobody(void **state)
{
    char id[PP_LINK_ID_MAX + 1];
    struct links_subscription is;

    (void)state;
    links_add_unsubscribe(&links, "k3ttl3", "usage_warning",
                          PP_LIT("Ann@Example.com"), NOW, &url);
    assert_int_equal(read_id("unsubscribe", NOW + 400 * DAY - 1, id),
                     PP_ERR_NONE);
    assert_null(strstr(id, "xample"));
    assert_true(links_subscription(id, &is));
    assert_string_equal(is.account_id, "k3ttl3");
    assert_string_equal(is.kind, "usage_warning");
    assert_string_equal(is.address_hash, "71d4f55f72fa128dfb468a1a3901507c");
}

static void only_some_kinds_can_be_switched_off(void **state)
{
    static const struct {
        const char *kind;
        bool can;
    } cases[] = {
        {"usage_warning", true},       {"grace_reminder", true},
        {"announcement", true},        {"capacity_depleted", false},
        {"capacity_rejecting", false}, {"capacity_restored", false},
        {"account_blocked", false},    {"staff_alert", false},
        {"alert_fired", false},        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        pp_buf_reset(&url);
        links_add_unsubscribe(&links, "a", cases[i].kind, PP_LIT("a@b"), NOW,
                              &url);
        if ((url.n > 0) != cases[i].can ||
            links_is_switchable(cases[i].kind) != cases[i].can)
            fail_msg("%s", cases[i].kind);
    }
}

static void a_subscription_is_taken_apart_only_where_it_is_whole(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "a/usage_warning",
        "a/capacity_depleted/00000000000000000000000000000000",
        "a/usage_warning/000000000000000000000000000000000",
        "a//00000000000000000000000000000000",
    };
    struct links_subscription is;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(bad); i++)
        if (links_subscription(bad[i], &is))
            fail_msg("%s", bad[i]);
    assert_true(links_subscription(
        "/announcement/00000000000000000000000000000000", &is));
    assert_string_equal(is.account_id, "");
}

static void without_keys_there_are_no_links(void **state)
{
    struct links off;
    struct pp_err err;

    (void)state;
    assert_int_equal(links_read(&off, "", "", &err), 0);
    assert_false(links_are_on(&off));
    links_add_snooze(&off, PP_LIT("42"), NOW, &url);
    links_add_unsubscribe(&off, "a", "usage_warning", PP_LIT("a@b"), NOW, &url);
    assert_int_equal(url.n, 0);
    assert_int_equal(links_read(&off, KEY, "", &err), -1);
    assert_int_equal(links_read(&off, "", "https://x", &err), -1);
    assert_int_equal(links_read(&off, "short", "https://x", &err), -1);
}

static void the_url_is_an_address_without_a_path(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"", true},
        {"https://pawprint.example", true},
        {"http://127.0.0.1:8082", true},
        {"https://", false},
        {"pawprint.example", false},
        {"ftp://pawprint.example", false},
        {"https://pawprint.example/", false},
        {"https://pawprint.example/x", false},
        {"https://pawprint.example>", false},
        {"https://pawprint.example?x", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if ((links_url_wrong(cases[i].url) == NULL) != cases[i].good)
            fail_msg("%s", cases[i].url);
}

static void a_link_of_a_report_names_its_subscription(void **state)
{
    char id[PP_LINK_ID_MAX + 1];
    int64_t number = 0;

    (void)state;
    pp_buf_reset(&url);
    links_add_report_unsubscribe(&links, PP_LIT("42"), NOW, &url);
    assert_int_equal(read_id("unsubscribe", NOW + 400 * DAY - 1, id),
                     PP_ERR_NONE);
    assert_true(links_report(id, &number));
    assert_int_equal(number, 42);
    pp_buf_reset(&url);
    links_add_report_confirm(&links, PP_LIT("42"), NOW, &url);
    assert_int_equal(read_id("confirm", NOW + 7 * DAY - 1, id), PP_ERR_NONE);
    assert_true(links_report(id, &number));
    assert_int_equal(read_id("confirm", NOW + 7 * DAY, id), PP_ERR_DENIED);
    assert_int_equal(read_id("confirm", NOW, id), PP_ERR_NONE);
}

static void what_is_no_subscription_gets_no_link_and_is_none(void **state)
{
    static const char *const ids[] = {
        "",       "7",         "report/",   "report/x",      "report/0",
        "report", "report/-1", "report/1/", "a/report/hash", "report/7 ",
    };
    int64_t number;

    (void)state;
    pp_buf_reset(&url);
    links_add_report_confirm(&links, PP_LIT("x"), NOW, &url);
    links_add_report_confirm(&links, PP_LIT(""), NOW, &url);
    links_add_report_unsubscribe(&links, PP_LIT("-4"), NOW, &url);
    assert_int_equal(url.n, 0);
    for (size_t i = 0; i < PP_COUNT(ids); i++)
        if (links_report(ids[i], &number))
            fail_msg("taken: %s", ids[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_link_to_mute_an_alert_names_its_rule_for_30_days),
        TEST(what_is_no_number_of_a_rule_gets_no_link),
        TEST(a_link_to_unsubscribe_names_nobody),
        TEST(only_some_kinds_can_be_switched_off),
        TEST(a_subscription_is_taken_apart_only_where_it_is_whole),
        TEST(without_keys_there_are_no_links),
        TEST(the_url_is_an_address_without_a_path),
        TEST(a_link_of_a_report_names_its_subscription),
        TEST(what_is_no_subscription_gets_no_link_and_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
