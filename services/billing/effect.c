#include "effect.h"

#include "pp_mem.h"

#define SUSPICIOUS "Stripe tells of a payment to look at: "

static const struct effect effects[] = {
    {"checkout.session.completed", EFFECT_LINK | EFFECT_SYNC | EFFECT_CLOSE,
     NULL, NULL},
    {"checkout.session.async_payment_succeeded", EFFECT_LINK | EFFECT_SYNC,
     NULL, NULL},
    {"checkout.session.async_payment_failed", 0, "payment_failed", NULL},
    {"checkout.session.expired", EFFECT_CLOSE, NULL, NULL},
    {"customer.subscription.created", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.updated", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.deleted", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.paused", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.resumed", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.pending_update_applied", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.pending_update_expired", EFFECT_SYNC, NULL, NULL},
    {"customer.subscription.trial_will_end", EFFECT_SYNC, "trial_ending", NULL},
    {"invoice.paid", EFFECT_SYNC | EFFECT_INVOICES, NULL, NULL},
    {"invoice.payment_failed", EFFECT_SYNC | EFFECT_INVOICES, "payment_failed",
     NULL},
    {"invoice.payment_action_required",
     EFFECT_SYNC | EFFECT_ACTION | EFFECT_INVOICES, "payment_action", NULL},
    {"invoice.finalization_failed", EFFECT_STAFF, NULL,
     "Stripe could not finalize an invoice"},
    {"invoice.created", EFFECT_INVOICES, NULL, NULL},
    {"invoice.finalized", EFFECT_INVOICES, NULL, NULL},
    {"invoice.updated", EFFECT_INVOICES, NULL, NULL},
    {"invoice.voided", EFFECT_INVOICES, NULL, NULL},
    {"invoice.marked_uncollectible", EFFECT_INVOICES, NULL, NULL},
    {"invoice.upcoming", 0, NULL, NULL},
    {"invoice.payment_succeeded", 0, NULL, NULL}, /* invoice.paid says more */
    {"customer.created", 0, NULL, NULL},
    {"customer.updated", 0, NULL, NULL},
    {"customer.deleted", EFFECT_SYNC, NULL, NULL},
    {"payment_method.attached", EFFECT_SYNC, NULL, NULL},
    {"payment_method.detached", EFFECT_SYNC, NULL, NULL},
    {"payment_method.automatically_updated", EFFECT_SYNC, NULL, NULL},
    {"setup_intent.created", 0, NULL, NULL},
    {"setup_intent.succeeded", EFFECT_SYNC, NULL, NULL},
    {"setup_intent.setup_failed", 0, NULL, NULL},
    {"setup_intent.requires_action", 0, NULL, NULL},
    {"setup_intent.canceled", 0, NULL, NULL},
    {"charge.refunded", EFFECT_STAFF, NULL, SUSPICIOUS "a refund"},
    {"charge.dispute.created", EFFECT_STAFF, NULL, SUSPICIOUS "a dispute"},
    {"charge.dispute.closed", EFFECT_STAFF, NULL,
     SUSPICIOUS "a dispute has ended"},
    {"radar.early_fraud_warning.created", EFFECT_STAFF, NULL,
     SUSPICIOUS "an early fraud warning"},
    {"subscription_schedule.aborted", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.canceled", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.completed", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.created", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.expiring", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.released", EFFECT_SYNC, NULL, NULL},
    {"subscription_schedule.updated", EFFECT_SYNC, NULL, NULL},
    {"price.updated", EFFECT_CATALOGUE, NULL, NULL},
    {"price.deleted", EFFECT_CATALOGUE, NULL, NULL},
    {"product.updated", EFFECT_CATALOGUE, NULL, NULL},
    {"product.deleted", EFFECT_CATALOGUE, NULL, NULL},
    {"billing_portal.session.created", 0, NULL, NULL},
    {"billing_portal.configuration.created", 0, NULL, NULL},
    {"billing_portal.configuration.updated", 0, NULL, NULL},
    {"entitlements.active_entitlement_summary.updated", 0, NULL, NULL},
    {"v2.core.event_destination.ping", 0, NULL, NULL},
};

struct effect effect_of(struct pp_str type)
{
    for (size_t i = 0; i < PP_COUNT(effects); i++)
        if (pp_str_eq(type, pp_str_of(effects[i].type)))
            return effects[i];
    return (struct effect){0};
}

bool effect_is_quiet(const struct effect *effect)
{
    return effect->type && !effect->does && !effect->mail && !effect->staff;
}

struct effect effect_at(size_t i)
{
    return i < PP_COUNT(effects) ? effects[i] : (struct effect){0};
}
