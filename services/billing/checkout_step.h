#ifndef CHECKOUT_STEP_H
#define CHECKOUT_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * What has to be done next until a customer has one open checkout session for
 * the plan he wishes. Pure: checkout.c does it, writes it down, and asks again.
 *
 * Instants are milliseconds since 1970 UTC.
 */

/* A session with less time left is not handed out any more. */
#define CHECKOUT_LEFT_MS INT64_C(300000)

/* A session lives that long after its nonce was made; Stripe allows 24 h. */
#define CHECKOUT_LIFE_MS INT64_C(86400000)

/*
 * A nonce is not used for a new session after that: the session would live too
 * short, and Stripe forgets idempotency keys after 24 h.
 */
#define CHECKOUT_NONCE_MS INT64_C(79200000)

struct checkout_facts {
    bool has_customer;
    /* As the profile says: 'active', ..., or empty where there is none. */
    struct pp_str subscription_status;
    int64_t now_ms, nonce_at_ms;

    bool has_session;       /* one was made, and nobody saw it end */
    bool session_is_wished; /* it is for the same plan and interval */
    int64_t session_expires_at_ms;

    /* What Stripe said a moment ago, under the same lock. */
    bool session_is_open; /* that it can still be paid */
    bool none_is_live;    /* that the customer has no subscription */
};

enum checkout_step {
    CHECKOUT_SUBSCRIBED,    /* refuse: a second one is impossible */
    CHECKOUT_MAKE_CUSTOMER, /* at Stripe, and keep it */
    CHECKOUT_LOOK,          /* ask Stripe whether the session is open */
    CHECKOUT_GIVE,          /* the session's URL */
    CHECKOUT_CLOSE,         /* end the session at Stripe; then RENEW's */
    CHECKOUT_RENEW,         /* another nonce */
    CHECKOUT_LIST,          /* ask Stripe for live subscriptions */
    CHECKOUT_CREATE,        /* a session */
};

enum checkout_step checkout_step(const struct checkout_facts *facts);

/*
 * Whether a subscription of that status is in the way of another one: any but
 * those that ended for good.
 */
bool checkout_is_live(struct pp_str status);

#endif
