/* What may be typed of an alert rule. */
#include "alert_rule.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static const struct alert_rule good = {
    .threshold = "2500",
    .window = "60",
    .least = "50",
    .repeat = "once",
    .channel = "mail",
};

static void what_can_be_is_taken(void **state)
{
    struct alert_rule rules[] = {good, good, good, good, good, good};
    struct pp_err err = {0};

    (void)state;
    rules[0].threshold = "0.05";
    rules[0].window = "1440";
    rules[0].least = "0";
    rules[1].quiet_from = "22:00";
    rules[1].quiet_until = "07:30";
    rules[2].channel = "webhook";
    rules[2].target = "https://hooks.example/1";
    rules[3].channel = "sms";
    rules[3].target = "+49301234";
    rules[4].channel = "slack";
    rules[5].target = "team@example.com";
    for (size_t i = 0; i < PP_COUNT(rules); i++)
        if (alert_rule_check(&rules[i], &err) < 0)
            fail_msg("%zu: %s", i, err.msg);
}

static void what_can_not_is_refused_by_its_name(void **state)
{
    static const struct {
        size_t where;
        const char *word, *said;
    } cases[] = {
#define AT(member) offsetof(struct alert_rule, member)
        {AT(threshold), "abc", "--threshold"},
        {AT(threshold), "-3", "--threshold"},
        {AT(threshold), "0", "--threshold"},
        {AT(threshold), "0.0", "--threshold"},
        {AT(threshold), "1e9", "--threshold"},
        {AT(threshold), "1.2.3", "--threshold"},
        {AT(threshold), "nan", "--threshold"},
        {AT(threshold), "", "--threshold"},
        {AT(threshold), "1000000000000", "--threshold"},
        {AT(window), "0", "--window"},
        {AT(window), "1441", "--window"},
        {AT(window), "1.5", "--window"},
        {AT(least), "-1", "--least"},
        {AT(least), "many", "--least"},
        {AT(repeat), "weekly", "once, hourly, daily"},
        {AT(channel), "fax", "mail, slack, webhook, sms"},
        {AT(channel), "webhook", "URL"},
        {AT(channel), "sms", "number"},
        {AT(target), "nobody", "address"},
        {AT(quiet_from), "22:00", "--quiet-until"},
        {AT(quiet_until), "22:00", "--quiet-from"},
#undef AT
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct alert_rule rule = good;
        struct pp_err err = {0};

        memcpy((char *)&rule + cases[i].where, &cases[i].word,
               sizeof(cases[i].word));
        if (alert_rule_check(&rule, &err) == 0 || err.kind != PP_ERR_INVALID ||
            !strstr(err.msg, cases[i].said))
            fail_msg("%s says '%s'", cases[i].word, err.msg);
    }
}

static void quiet_hours_are_times_of_a_day(void **state)
{
    static const char *const odd[] = {"24:00", "12:60", "7:00",  "12:0",
                                      "12.30", "ab:cd", "-1:00", "12:000"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(odd); i++) {
        struct alert_rule rule = good;
        struct pp_err err = {0};

        rule.quiet_from = odd[i];
        rule.quiet_until = "07:00";
        if (alert_rule_check(&rule, &err) == 0)
            fail_msg("%s was taken", odd[i]);
    }
}

static void a_snooze_is_whole_hours_up_to_a_year(void **state)
{
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(alert_hours_check("0", &err), 0);
    assert_int_equal(alert_hours_check("8760", &err), 0);
    assert_int_equal(alert_hours_check("8761", &err), -1);
    assert_int_equal(alert_hours_check("-5", &err), -1);
    assert_int_equal(alert_hours_check("abc", &err), -1);
}

int main(void)
{
    const struct CMUnitTest rule[] = {
        cmocka_unit_test(what_can_be_is_taken),
        cmocka_unit_test(what_can_not_is_refused_by_its_name),
        cmocka_unit_test(quiet_hours_are_times_of_a_day),
        cmocka_unit_test(a_snooze_is_whole_hours_up_to_a_year),
    };

    return cmocka_run_group_tests(rule, NULL, NULL);
}
