#ifndef CHECKOUT_H
#define CHECKOUT_H

#include <stdint.h>

#include "pp_plans.h"

#include "desk.h"
#include "web_result.h"
#include "wish.h"

/*
 * The way to Stripe and back: one customer per account, one open checkout
 * session however often the button is pressed, no second subscription. Which
 * step comes next is checkout_step.h's; the steps are done here, under the lock
 * of the account's row in billing_checkout.
 *
 * A result other than WEB_OK says why there is no URL; err then says more, for
 * the log, where it was not the customer's doing.
 */
#define CHECKOUT_URL_BYTES 4096

struct checkout {
    char url[CHECKOUT_URL_BYTES]; /* a secret of a short life */
    int64_t expires_at_ms;        /* 0: Stripe does not say */
};

/* returns_to: where the customer comes back to, without a query. */
enum web_result checkout_open(struct desk_clerk *clerk, const char *account_id,
                              const struct pp_plan *plan,
                              enum pp_plan_interval interval,
                              const char *returns_to, struct checkout *out,
                              struct pp_err *err);

/*
 * Stripe's page where a customer changes what he has. key: under which Stripe
 * gives the same page again; NULL: none. WEB_NO_SUBSCRIPTION: there is none to
 * change or to cancel.
 */
enum web_result checkout_portal(struct desk_clerk *clerk,
                                const char *account_id, enum wish_flow flow,
                                const char *returns_to, const char *key,
                                struct checkout *out, struct pp_err *err);

/*
 * Stripe says that this session was completed or has expired: no account has
 * it open any more. Whoever opens one for the account right now has its row,
 * and asks Stripe himself, so nobody waits for him. In the caller's
 * transaction.
 */
int checkout_is_over(struct pp_pg *pg, const char *session_id,
                     struct pp_err *err);

#endif
