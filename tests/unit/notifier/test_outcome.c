/* What an answer, or none, means for a message. */
#include "outcome.h"

#include "pp_str.h"

#include "test.h"

static void an_answer_by_smtp_decides_by_how_far_it_came(void **state)
{
    static const struct {
        const char *when;
        enum smtp_phase phase;
        int code;
        enum outcome then;
    } cases[] = {
        {"nobody answers", SMTP_GREETING, 0, OUTCOME_AWAY},
        {"the relay is closing", SMTP_GREETING, 421, OUTCOME_AWAY},
        {"the password is wrong", SMTP_GREETING, 535, OUTCOME_AWAY},
        {"the sender is refused", SMTP_SENDER, 550, OUTCOME_AWAY},
        {"the mailbox is busy", SMTP_RECIPIENT, 450, OUTCOME_AGAIN},
        {"the recipient is grey", SMTP_RECIPIENT, 451, OUTCOME_AGAIN},
        {"there is no mailbox", SMTP_RECIPIENT, 550, OUTCOME_FAILED},
        {"it closes at the recipient", SMTP_RECIPIENT, 421, OUTCOME_AWAY},
        {"it is cut at the recipient", SMTP_RECIPIENT, 0, OUTCOME_AWAY},
        {"DATA is refused for now", SMTP_BODY, 451, OUTCOME_AGAIN},
        {"DATA is refused", SMTP_BODY, 554, OUTCOME_FAILED},
        {"it is cut within the body", SMTP_BODY, 0, OUTCOME_AGAIN},
        {"it was taken", SMTP_DOT, 250, OUTCOME_SENT},
        {"the mailbox is full", SMTP_DOT, 552, OUTCOME_FAILED},
        {"the disk is full", SMTP_DOT, 452, OUTCOME_AGAIN},
        {"it closes instead of taking it", SMTP_DOT, 421, OUTCOME_AGAIN},
        {"it is cut after the dot", SMTP_DOT, 0, OUTCOME_DOUBTFUL},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (outcome_of_smtp(cases[i].phase, cases[i].code) != cases[i].then)
            fail_msg("when %s", cases[i].when);
}

static void only_a_mailbox_that_is_not_there_is_a_bounce(void **state)
{
    static const struct {
        enum smtp_phase phase;
        int code;
        const char *answer;
        bool then;
    } cases[] = {
        {SMTP_RECIPIENT, 550, "550 no such user", true},
        {SMTP_RECIPIENT, 550, "550 5.1.1 no such user", true},
        {SMTP_RECIPIENT, 553, "553-5.1.3 bad address", true},
        {SMTP_RECIPIENT, 550, "550 5.7.1 blocked by policy", false},
        {SMTP_RECIPIENT, 552, "552 5.2.2 mailbox full", false},
        {SMTP_RECIPIENT, 554, "554 no", false},
        {SMTP_RECIPIENT, 450, "450 4.1.1 not now", false},
        {SMTP_RECIPIENT, 550, "550", true},
        {SMTP_DOT, 550, "550 5.1.1 no such user", false},
        {SMTP_SENDER, 550, "550 5.1.8 bad sender", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (outcome_is_bounce(cases[i].phase, cases[i].code,
                              pp_str_of(cases[i].answer)) != cases[i].then)
            fail_msg("%s", cases[i].answer);
}

static void an_answer_by_http_decides_by_its_status_and_channel(void **state)
{
    static const struct {
        enum outcome_channel channel;
        int status;
        enum outcome then;
    } cases[] = {
        {OUTCOME_WEBHOOK, 200, OUTCOME_SENT},
        {OUTCOME_WEBHOOK, 204, OUTCOME_SENT},
        {OUTCOME_WEBHOOK, 301, OUTCOME_AGAIN}, /* never followed */
        {OUTCOME_WEBHOOK, 400, OUTCOME_AGAIN},
        {OUTCOME_WEBHOOK, 404, OUTCOME_AGAIN},
        {OUTCOME_WEBHOOK, 410, OUTCOME_FAILED},
        {OUTCOME_WEBHOOK, 429, OUTCOME_AGAIN},
        {OUTCOME_WEBHOOK, 500, OUTCOME_AGAIN},
        {OUTCOME_WEBHOOK, 0, OUTCOME_AGAIN},
        {OUTCOME_SLACK, 404, OUTCOME_FAILED},
        {OUTCOME_SLACK, 429, OUTCOME_AGAIN},
        {OUTCOME_SMS, 400, OUTCOME_FAILED},
        {OUTCOME_SMS, 408, OUTCOME_AGAIN},
        {OUTCOME_SMS, 503, OUTCOME_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (outcome_of_http(cases[i].channel, cases[i].status) != cases[i].then)
            fail_msg("%d", cases[i].status);
    assert_true(outcome_is_gone(OUTCOME_WEBHOOK, 410));
    assert_false(outcome_is_gone(OUTCOME_WEBHOOK, 404));
}

static void attempts_are_spread_over_about_a_day_and_then_end(void **state)
{
    int64_t least = 0, most = 0, wait;
    int attempts = 1;

    (void)state;
    for (; (wait = outcome_wait_ms(attempts, 0, 0)) > 0; attempts++) {
        int64_t longest = outcome_wait_ms(attempts, 0, 1000);

        least += wait;
        most += longest;
        assert_true(longest > wait); /* jitter */
        assert_true(wait <= outcome_wait_ms(attempts, 0, 12345));
        assert_true(longest >= outcome_wait_ms(attempts, 0, 12345));
    }
    assert_int_equal(attempts, 11);
    assert_true(least > 18 * 3600000LL && most < 30 * 3600000LL);
    assert_int_equal(outcome_wait_ms(0, 0, 0), -1);
}

static void who_asks_for_patience_gets_it_up_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(outcome_wait_ms(1, 90000, 0), 90000);
    assert_int_equal(outcome_wait_ms(1, 86400000, 0), 3600000);
    assert_true(outcome_wait_ms(5, 1000, 0) > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_by_smtp_decides_by_how_far_it_came),
        cmocka_unit_test(only_a_mailbox_that_is_not_there_is_a_bounce),
        cmocka_unit_test(an_answer_by_http_decides_by_its_status_and_channel),
        cmocka_unit_test(attempts_are_spread_over_about_a_day_and_then_end),
        cmocka_unit_test(who_asks_for_patience_gets_it_up_to_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
