#include "checkout_step.h"

bool checkout_is_live(struct pp_str status)
{
    return status.n > 0 && !pp_str_eq(status, PP_LIT("canceled")) &&
           !pp_str_eq(status, PP_LIT("incomplete_expired"));
}

enum checkout_step checkout_step(const struct checkout_facts *facts)
{
    int64_t left_ms = facts->session_expires_at_ms - facts->now_ms;

    if (checkout_is_live(facts->subscription_status))
        return CHECKOUT_SUBSCRIBED;
    if (!facts->has_customer)
        return CHECKOUT_MAKE_CUSTOMER;
    if (facts->has_session) {
        if (!facts->session_is_wished || left_ms <= CHECKOUT_LEFT_MS)
            return CHECKOUT_CLOSE;
        return facts->session_is_open ? CHECKOUT_GIVE : CHECKOUT_LOOK;
    }
    if (facts->now_ms - facts->nonce_at_ms >= CHECKOUT_NONCE_MS)
        return CHECKOUT_RENEW;
    return facts->none_is_live ? CHECKOUT_CREATE : CHECKOUT_LIST;
}
