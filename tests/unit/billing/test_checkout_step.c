#include "checkout_step.h"

#include "pp_mem.h"
#include "test.h"

#define NOW INT64_C(1764054000000) /* any instant will do */
#define MIN INT64_C(60000)

/* A customer who has a session open for what he wishes. */
static struct checkout_facts a_session(void)
{
    return (struct checkout_facts){
        .has_customer = true,
        .now_ms = NOW,
        .nonce_at_ms = NOW - 10 * MIN,
        .has_session = true,
        .session_is_wished = true,
        .session_expires_at_ms = NOW + 60 * MIN,
    };
}

static void a_subscription_is_in_the_way_until_it_ended_for_good(void **state)
{
    static const struct {
        const char *status;
        bool in_the_way;
    } cases[] = {
        {"", false},
        {"active", true},
        {"trialing", true},
        {"past_due", true},
        {"unpaid", true},
        {"paused", true},
        {"incomplete", true},
        {"canceled", false},
        {"incomplete_expired", false},
        {"of a new kind", true},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct checkout_facts facts = a_session();

        facts.subscription_status = pp_str_of(cases[i].status);
        if ((checkout_step(&facts) == CHECKOUT_SUBSCRIBED) !=
            cases[i].in_the_way)
            fail_msg("when %s", cases[i].status);
    }
}

static void a_customer_comes_before_a_session(void **state)
{
    struct checkout_facts facts = {.now_ms = NOW, .nonce_at_ms = NOW};

    (void)state;
    assert_int_equal(checkout_step(&facts), CHECKOUT_MAKE_CUSTOMER);
    facts.has_customer = true;
    assert_int_equal(checkout_step(&facts), CHECKOUT_LIST);
    facts.none_is_live = true;
    assert_int_equal(checkout_step(&facts), CHECKOUT_CREATE);
}

static void an_open_session_is_given_again_once_stripe_says_it_is(void **state)
{
    struct checkout_facts facts = a_session();

    (void)state;
    assert_int_equal(checkout_step(&facts), CHECKOUT_LOOK);
    facts.session_is_open = true;
    assert_int_equal(checkout_step(&facts), CHECKOUT_GIVE);
}

static void a_session_for_another_plan_is_ended_first(void **state)
{
    struct checkout_facts facts = a_session();

    (void)state;
    facts.session_is_wished = false;
    facts.none_is_live = true;
    assert_int_equal(checkout_step(&facts), CHECKOUT_CLOSE);
}

static void a_session_with_five_minutes_left_is_not_given_any_more(void **state)
{
    struct checkout_facts facts = a_session();

    (void)state;
    facts.session_is_open = true;
    facts.session_expires_at_ms = NOW + CHECKOUT_LEFT_MS + 1;
    assert_int_equal(checkout_step(&facts), CHECKOUT_GIVE);
    facts.session_expires_at_ms = NOW + CHECKOUT_LEFT_MS;
    assert_int_equal(checkout_step(&facts), CHECKOUT_CLOSE);
}

static void an_old_nonce_begins_no_session(void **state)
{
    struct checkout_facts facts = {.has_customer = true, .now_ms = NOW};

    (void)state;
    facts.nonce_at_ms = NOW - CHECKOUT_NONCE_MS;
    assert_int_equal(checkout_step(&facts), CHECKOUT_RENEW);
    facts.nonce_at_ms++;
    assert_int_equal(checkout_step(&facts), CHECKOUT_LIST);
    /* What begins then lives for the half hour that Stripe wants at least. */
    assert_true(CHECKOUT_LIFE_MS - CHECKOUT_NONCE_MS > 31 * MIN);
}

int main(void)
{
    const struct CMUnitTest steps[] = {
        cmocka_unit_test(a_subscription_is_in_the_way_until_it_ended_for_good),
        cmocka_unit_test(a_customer_comes_before_a_session),
        cmocka_unit_test(an_open_session_is_given_again_once_stripe_says_it_is),
        cmocka_unit_test(a_session_for_another_plan_is_ended_first),
        cmocka_unit_test(
            a_session_with_five_minutes_left_is_not_given_any_more),
        cmocka_unit_test(an_old_nonce_begins_no_session),
    };

    return cmocka_run_group_tests(steps, NULL, NULL);
}
