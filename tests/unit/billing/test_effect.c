#include "effect.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

/* docs/billing.md has the same table in words. */
static void every_type_has_its_effect(void **state)
{
    static const struct {
        const char *type;
        unsigned does;
        const char *mail;
    } cases[] = {
        {"checkout.session.completed", EFFECT_LINK | EFFECT_SYNC | EFFECT_CLOSE,
         NULL},
        {"checkout.session.async_payment_succeeded", EFFECT_LINK | EFFECT_SYNC,
         NULL},
        {"checkout.session.async_payment_failed", 0, "payment_failed"},
        {"checkout.session.expired", EFFECT_CLOSE, NULL},
        {"payment_method.attached", EFFECT_SYNC, NULL},
        {"setup_intent.succeeded", EFFECT_SYNC, NULL},
        {"setup_intent.created", 0, NULL},
        {"invoice.created", EFFECT_INVOICES, NULL},
        {"invoice.voided", EFFECT_INVOICES, NULL},
        {"invoice.upcoming", 0, NULL},
        {"customer.updated", 0, NULL},
        {"customer.subscription.created", EFFECT_SYNC, NULL},
        {"customer.subscription.updated", EFFECT_SYNC, NULL},
        {"customer.subscription.deleted", EFFECT_SYNC, NULL},
        {"customer.subscription.paused", EFFECT_SYNC, NULL},
        {"customer.subscription.resumed", EFFECT_SYNC, NULL},
        {"customer.subscription.pending_update_applied", EFFECT_SYNC, NULL},
        {"customer.subscription.pending_update_expired", EFFECT_SYNC, NULL},
        {"customer.subscription.trial_will_end", EFFECT_SYNC, "trial_ending"},
        {"invoice.paid", EFFECT_SYNC | EFFECT_INVOICES, NULL},
        {"invoice.payment_failed", EFFECT_SYNC | EFFECT_INVOICES,
         "payment_failed"},
        {"invoice.payment_action_required",
         EFFECT_SYNC | EFFECT_ACTION | EFFECT_INVOICES, "payment_action"},
        {"invoice.finalization_failed", EFFECT_STAFF, NULL},
        {"invoice.upcoming", 0, NULL},
        {"customer.updated", 0, NULL},
        {"invoice.payment_succeeded", 0, NULL},
        {"customer.created", 0, NULL},
        {"billing_portal.session.created", 0, NULL},
        {"billing_portal.configuration.updated", 0, NULL},
        {"entitlements.active_entitlement_summary.updated", 0, NULL},
        {"v2.core.event_destination.ping", 0, NULL},
        {"customer.deleted", EFFECT_SYNC, NULL},
        {"charge.refunded", EFFECT_STAFF, NULL},
        {"charge.dispute.created", EFFECT_STAFF, NULL},
        {"charge.dispute.closed", EFFECT_STAFF, NULL},
        {"radar.early_fraud_warning.created", EFFECT_STAFF, NULL},
        {"subscription_schedule.updated", EFFECT_SYNC, NULL},
        {"subscription_schedule.released", EFFECT_SYNC, NULL},
        {"price.updated", EFFECT_CATALOGUE, NULL},
        {"product.deleted", EFFECT_CATALOGUE, NULL},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct effect effect = effect_of(pp_str_of(cases[i].type));
        bool same_mail =
            cases[i].mail
                ? effect.mail && strcmp(effect.mail, cases[i].mail) == 0
                : !effect.mail;

        if (!effect.type || effect.does != cases[i].does || !same_mail)
            fail_msg("%s", cases[i].type);
        if (!(effect.does & EFFECT_STAFF) != !effect.staff)
            fail_msg("%s: what staff are told", cases[i].type);
    }
}

static void what_nobody_heard_of_has_none(void **state)
{
    static const char *const types[] = {
        "", "invoice", "invoice.paid.twice", "Invoice.paid", "issuing.card",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(types); i++)
        assert_null(effect_of(pp_str_of(types[i])).type);
}

static void
quiet_are_those_that_are_known_and_change_and_tell_nothing(void **state)
{
    static const struct {
        const char *type;
        bool is_quiet;
    } cases[] = {
        {"customer.updated", true},
        {"invoice.upcoming", true},
        {"invoice.created", false}, /* its account's invoices are asked for */
        {"checkout.session.async_payment_failed", false}, /* a mail */
        {"charge.refunded", false},                       /* staff */
        {"customer.subscription.updated", false},
        {"price.updated", false},
        {"nobody.heard_of_it", false},
    };
    struct effect effect;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        effect = effect_of(pp_str_of(cases[i].type));
        if (effect_is_quiet(&effect) != cases[i].is_quiet)
            fail_msg("%s", cases[i].type);
    }
    while ((effect = effect_at(count)).type)
        count++;
    assert_string_equal(effect_at(count - 1).type,
                        "v2.core.event_destination.ping");
    assert_null(effect_at(count + 1000).type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_effect),
        cmocka_unit_test(what_nobody_heard_of_has_none),
        cmocka_unit_test(
            quiet_are_those_that_are_known_and_change_and_tell_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
