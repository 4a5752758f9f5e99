#include "pp_alert.h"
#include "pp_mem.h"

#include "test.h"

#define HOUR_MS INT64_C(3600000)

static const int64_t T0 = INT64_C(1700000000000);

static const struct pp_alert_rule lcp = {
    .kind = PP_ALERT_LCP, .threshold = 2500, .least = 50};

static struct pp_alert_facts lcp_of(double value, int64_t now_ms)
{
    return (struct pp_alert_facts){
        .now_ms = now_ms, .is_known = true, .value = value, .samples = 60};
}

/* One step; the state goes on, and the message comes back. */
static enum pp_alert_message step(const struct pp_alert_rule *rule,
                                  struct pp_alert *alert,
                                  struct pp_alert_facts facts)
{
    struct pp_alert_decision is = pp_alert_decide(rule, alert, &facts);

    *alert = is.next;
    return is.message;
}

static void each_kind_says_when_it_holds(void **state)
{
    static const struct {
        const char *when;
        struct pp_alert_rule rule;
        struct pp_alert_facts facts;
        enum pp_alert_answer answer;
    } cases[] = {
        {"the percentage is reached",
         {.kind = PP_ALERT_USAGE, .threshold = 80},
         {.value = 80, .limit = 100},
         PP_ALERT_HOLDS},
        {"it is not",
         {.kind = PP_ALERT_USAGE, .threshold = 80},
         {.value = 79.9, .limit = 100},
         PP_ALERT_CALM},
        {"there is no limit",
         {.kind = PP_ALERT_USAGE, .threshold = 80},
         {.value = 500, .limit = -1},
         PP_ALERT_CALM},
        {"three times the median came",
         {.kind = PP_ALERT_SPIKE, .threshold = 3, .least = 100},
         {.value = 300, .weeks = {100, 90, 5000, 100}, .week_count = 4},
         PP_ALERT_HOLDS},
        {"a tiny site has a visitor more",
         {.kind = PP_ALERT_SPIKE, .threshold = 3, .least = 100},
         {.value = 9, .weeks = {1, 1, 1, 1}, .week_count = 4},
         PP_ALERT_CALM},
        {"a site is too new to know",
         {.kind = PP_ALERT_SPIKE, .threshold = 3, .least = 100},
         {.value = 9000},
         PP_ALERT_UNKNOWN},
        {"less than a third of the median came",
         {.kind = PP_ALERT_DROP, .threshold = 30, .least = 50},
         {.value = 29, .weeks = {100, 100}, .week_count = 2},
         PP_ALERT_HOLDS},
        {"little came, as ever",
         {.kind = PP_ALERT_DROP, .threshold = 30, .least = 50},
         {.value = 0, .weeks = {10, 10}, .week_count = 2},
         PP_ALERT_CALM},
        {"nothing came",
         {.kind = PP_ALERT_NO_DATA, .threshold = 1},
         {.value = 0},
         PP_ALERT_HOLDS},
        {"one event came",
         {.kind = PP_ALERT_NO_DATA, .threshold = 1},
         {.value = 1},
         PP_ALERT_CALM},
        {"the budget is broken",
         {.kind = PP_ALERT_CLS, .threshold = 0.1, .least = 50},
         {.value = 0.2, .samples = 50},
         PP_ALERT_HOLDS},
        {"by too few samples",
         {.kind = PP_ALERT_CLS, .threshold = 0.1, .least = 50},
         {.value = 0.2, .samples = 49},
         PP_ALERT_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_alert_facts facts = cases[i].facts;
        struct pp_alert none = {0};

        facts.is_known = true;
        if (pp_alert_decide(&cases[i].rule, &none, &facts).answer !=
            cases[i].answer)
            fail_msg("when %s", cases[i].when);
        facts.is_known = false;
        assert_int_equal(pp_alert_decide(&cases[i].rule, &none, &facts).answer,
                         PP_ALERT_UNKNOWN);
    }
}

static void what_is_usual_is_the_median_of_the_weeks_there_are(void **state)
{
    const struct pp_alert_rule drop = {.kind = PP_ALERT_DROP, .threshold = 30};
    struct pp_alert_facts facts = {.is_known = true,
                                   .weeks = {400, 100, 200, 9000}};
    static const double medians[] = {-1, 400, 250, 200, 300};
    const struct pp_alert none = {0};

    (void)state;
    for (facts.week_count = 0; facts.week_count <= PP_ALERT_WEEKS;
         facts.week_count++) {
        struct pp_alert_decision is = pp_alert_decide(&drop, &none, &facts);
        double median = medians[facts.week_count];

        assert_true(is.usual == median);
        if (median >= 0)
            assert_true(is.limit == median * 30 / 100);
    }
}

static void it_is_said_once_that_it_fires_and_once_that_it_is_over(void **state)
{
    struct pp_alert alert = {0};

    (void)state;
    assert_int_equal(step(&lcp, &alert, lcp_of(4000, T0)), PP_ALERT_FIRED);
    for (int i = 1; i < 5000; i++)
        assert_int_equal(step(&lcp, &alert, lcp_of(4000, T0 + i * 60000)),
                         PP_ALERT_NOTHING);
    for (int i = 1; i < PP_ALERT_CALM_COUNT; i++)
        assert_int_equal(step(&lcp, &alert, lcp_of(100, T0)), PP_ALERT_NOTHING);
    assert_int_equal(step(&lcp, &alert, lcp_of(100, T0 + 9)),
                     PP_ALERT_RESOLVED);
    assert_int_equal(step(&lcp, &alert, lcp_of(100, T0)), PP_ALERT_NOTHING);
    assert_int_equal(alert.since_ms, T0);
    assert_int_equal(alert.resolved_ms, T0 + 9);
    assert_int_equal(step(&lcp, &alert, lcp_of(4000, T0)), PP_ALERT_FIRED);
    assert_int_equal(alert.episode, 2);
}

static void a_value_around_its_threshold_does_not_flap(void **state)
{
    struct pp_alert alert = {0};

    (void)state;
    assert_int_equal(step(&lcp, &alert, lcp_of(2500, T0)), PP_ALERT_FIRED);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(step(&lcp, &alert, lcp_of(2400, T0)),
                         PP_ALERT_NOTHING);
        assert_int_equal(step(&lcp, &alert, lcp_of(100, T0)), PP_ALERT_NOTHING);
    }
    assert_true(alert.firing);
}

static void it_is_repeated_as_the_rule_says_while_it_lasts(void **state)
{
    struct pp_alert_rule hourly = lcp;
    struct pp_alert alert = {0};

    (void)state;
    hourly.repeat_ms = HOUR_MS;
    assert_int_equal(step(&hourly, &alert, lcp_of(4000, T0)), PP_ALERT_FIRED);
    assert_int_equal(step(&hourly, &alert, lcp_of(4000, T0 + HOUR_MS - 1)),
                     PP_ALERT_NOTHING);
    assert_int_equal(step(&hourly, &alert, lcp_of(4000, T0 + HOUR_MS)),
                     PP_ALERT_FIRED);
    assert_int_equal(alert.episode, 1);
    assert_int_equal(alert.messages, 2);
    assert_int_equal(alert.since_ms, T0);
    assert_int_equal(step(&hourly, &alert, lcp_of(1, T0 + 2 * HOUR_MS)),
                     PP_ALERT_NOTHING);
}

static void no_answer_changes_nothing(void **state)
{
    struct pp_alert_facts away = {.now_ms = T0 + 100 * HOUR_MS};
    struct pp_alert_rule hourly = lcp;
    struct pp_alert alert = {0}, before;

    (void)state;
    hourly.repeat_ms = HOUR_MS;
    assert_int_equal(step(&hourly, &alert, away), PP_ALERT_NOTHING);
    assert_false(alert.firing);
    step(&hourly, &alert, lcp_of(4000, T0));
    before = alert;
    assert_int_equal(step(&hourly, &alert, away), PP_ALERT_NOTHING);
    assert_memory_equal(&alert, &before, sizeof(alert));
}

static void what_quiet_hours_held_back_is_said_after_them(void **state)
{
    struct pp_alert_facts bad = lcp_of(4000, T0), good = lcp_of(1, T0);
    struct pp_alert alert = {0};

    (void)state;
    bad.is_silent = true;
    assert_int_equal(step(&lcp, &alert, bad), PP_ALERT_NOTHING);
    assert_int_equal(step(&lcp, &alert, lcp_of(4000, T0 + 7)), PP_ALERT_FIRED);
    assert_int_equal(alert.since_ms, T0);
    good.is_silent = true;
    for (int i = 0; i < PP_ALERT_CALM_COUNT; i++)
        assert_int_equal(step(&lcp, &alert, good), PP_ALERT_NOTHING);
    assert_int_equal(step(&lcp, &alert, lcp_of(1, T0 + 9)), PP_ALERT_RESOLVED);
}

static void what_began_and_ended_in_quiet_hours_is_never_said(void **state)
{
    struct pp_alert_facts bad = lcp_of(4000, T0), good = lcp_of(1, T0);
    struct pp_alert alert = {0};

    (void)state;
    bad.is_silent = good.is_silent = true;
    step(&lcp, &alert, bad);
    for (int i = 0; i < PP_ALERT_CALM_COUNT; i++)
        step(&lcp, &alert, good);
    assert_int_equal(step(&lcp, &alert, lcp_of(1, T0)), PP_ALERT_NOTHING);
}

static void a_paused_or_erased_site_ends_its_alert_silently(void **state)
{
    struct pp_alert_facts over = lcp_of(4000, T0);
    struct pp_alert alert = {0};

    (void)state;
    step(&lcp, &alert, lcp_of(4000, T0));
    over.is_over = true;
    assert_int_equal(step(&lcp, &alert, over), PP_ALERT_NOTHING);
    assert_false(alert.firing || alert.told);
    assert_int_equal(step(&lcp, &alert, lcp_of(1, T0)), PP_ALERT_NOTHING);
}

int main(void)
{
    const struct CMUnitTest alert[] = {
        cmocka_unit_test(each_kind_says_when_it_holds),
        cmocka_unit_test(what_is_usual_is_the_median_of_the_weeks_there_are),
        cmocka_unit_test(
            it_is_said_once_that_it_fires_and_once_that_it_is_over),
        cmocka_unit_test(a_value_around_its_threshold_does_not_flap),
        cmocka_unit_test(it_is_repeated_as_the_rule_says_while_it_lasts),
        cmocka_unit_test(no_answer_changes_nothing),
        cmocka_unit_test(what_quiet_hours_held_back_is_said_after_them),
        cmocka_unit_test(what_began_and_ended_in_quiet_hours_is_never_said),
        cmocka_unit_test(a_paused_or_erased_site_ends_its_alert_silently),
    };

    return cmocka_run_group_tests(alert, NULL, NULL);
}
