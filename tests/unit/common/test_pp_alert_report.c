/* What a message about an alert rule shows. */
#include "pp_alert_report.h"

#include <string.h>

#include "pp_mem.h"
#include "pp_message.h"

#include "test.h"

#define T0 INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

static struct pp_buf out;

static int open_out(void **state)
{
    (void)state;
    pp_buf_init(&out, 4096);
    return 0;
}

static int close_out(void **state)
{
    (void)state;
    pp_buf_fini(&out);
    return 0;
}

static const char *json_of(const struct pp_alert_report *report)
{
    pp_buf_reset(&out);
    pp_alert_report_add(report, &out);
    pp_buf_add_byte(&out, '\0');
    assert_false(out.overflow);
    return out.p;
}

/* Of one rule that was decided on, as the meter does. */
static const char *decided(const struct pp_alert_rule *rule,
                           const struct pp_alert_facts *facts, bool is_test)
{
    static const struct pp_alert none;
    static struct pp_alert_decision is;
    struct pp_alert_report report = {.alert_id = "7",
                                     .rule = rule,
                                     .facts = facts,
                                     .decision = &is,
                                     .is_test = is_test};

    is = pp_alert_decide(rule, &none, facts);
    return json_of(&report);
}

static void says(const char *json, const char *part)
{
    if (!strstr(json, part))
        fail_msg("%s is not in %s", part, json);
}

static void numbers_are_as_a_person_reads_them(void **state)
{
    static const struct {
        double value;
        const char *said;
    } cases[] = {
        {0, "\"value\":0,"},
        {30, "\"value\":30,"},
        {1234567, "\"value\":1234567,"},
        {2500.6, "\"value\":2501,"},
        {81.26, "\"value\":\"81.3\""},
        {1.95, "\"value\":\"1.9\""}, /* which is 1.9499... */
        {0.1, "\"value\":\"0.1\""},
        {0.1234, "\"value\":\"0.123\""},
        {0.0001, "\"value\":\"0\""},
        {1e15, "\"value\":1000000000000000,"},
    };
    const struct pp_alert_rule rule = {.kind = PP_ALERT_CLS, .threshold = 0.1};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_alert_facts facts = {
            .is_known = true, .value = cases[i].value, .samples = 9};

        says(decided(&rule, &facts, false), cases[i].said);
    }
}

static void a_spike_says_what_is_usual_and_since_when_it_is_not(void **state)
{
    const struct pp_alert_rule rule = {
        .kind = PP_ALERT_SPIKE, .threshold = 3, .window_s = 5400};
    const struct pp_alert_facts facts = {.now_ms = T0,
                                         .is_known = true,
                                         .value = 301,
                                         .weeks = {100},
                                         .week_count = 1};

    (void)state;
    assert_string_equal(
        decided(&rule, &facts, false),
        "{\"rule\":\"Far more traffic than usual\",\"snooze_id\":\"7\","
        "\"metric\":\"page views and events of people, in 90 minutes\","
        "\"value\":301,\"threshold\":300,\"usual\":100,"
        "\"since_at\":\"2023-11-14T22:13:20.000Z\"}");
}

static void what_is_not_known_is_no_number(void **state)
{
    const struct pp_alert_rule rule = {.kind = PP_ALERT_DROP, .threshold = 30};
    const struct pp_alert_facts facts = {.value = 5};

    (void)state;
    says(decided(&rule, &facts, true), "\"value\":\"not known\"");
    says(decided(&rule, &facts, true), "\"test\":true}");
}

static void usage_is_of_the_accounts_window_not_the_rules(void **state)
{
    const struct pp_alert_rule rule = {
        .kind = PP_ALERT_USAGE, .threshold = 80, .window_s = 3600};
    const struct pp_alert_facts facts = {
        .is_known = true, .value = 80, .limit = 10};

    (void)state;
    assert_null(strstr(decided(&rule, &facts, false), "minutes"));
}

/* Whatever the kind, fired or resolved, and a test. */
static void the_messages_have_all_that_they_need(void **state)
{
    struct pp_messages *messages;
    struct pp_arena arena;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_messages_open(&messages, &err), 0);
    pp_arena_init(&arena, 65536);
    for (int kind = PP_ALERT_USAGE; kind <= PP_ALERT_TTFB; kind++) {
        const struct pp_alert_rule rule = {.kind = (enum pp_alert_kind)kind,
                                           .threshold = 1};
        const struct pp_alert_facts facts = {.now_ms = T0, .week_count = 4};
        const struct pp_message *fired =
            pp_message_find(messages, "alert_fired");
        struct pp_message_values values = {0};
        struct pp_str json = pp_str_of(decided(&rule, &facts, kind % 2));

        if (pp_message_facts(fired, json, &arena, &values, &err) < 0 ||
            pp_message_check(fired, &values, &err) < 0)
            fail_msg("%d: %s", kind, err.msg);
        assert_int_equal(pp_message_get(fired, "test", &values).n > 0,
                         kind % 2);
    }
    pp_arena_fini(&arena);
    pp_messages_close(&messages);
}

int main(void)
{
    const struct CMUnitTest report[] = {
        cmocka_unit_test(numbers_are_as_a_person_reads_them),
        cmocka_unit_test(a_spike_says_what_is_usual_and_since_when_it_is_not),
        cmocka_unit_test(what_is_not_known_is_no_number),
        cmocka_unit_test(usage_is_of_the_accounts_window_not_the_rules),
        cmocka_unit_test(the_messages_have_all_that_they_need),
    };

    return cmocka_run_group_tests(report, open_out, close_out);
}
