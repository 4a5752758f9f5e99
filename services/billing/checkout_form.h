#ifndef CHECKOUT_FORM_H
#define CHECKOUT_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_config.h"

#include "wish.h"

/*
 * What Stripe is asked for when a customer pays or changes what he has: the
 * bodies of its Checkout and Customer portal sessions. Pure; every text is
 * borrowed, NUL-terminated, and escaped here. [Stripe API, "Create a Checkout
 * Session", "Create a portal session"]
 */
struct checkout_options {
    bool promotion_codes; /* the customer may enter one */
    bool tax;             /* Stripe reckons it, and asks for a tax id */
    int trial_days;       /* of an account's first subscription; 0: none */
    const char *portal;   /* which configuration; empty: Stripe's default */
};

#define CHECKOUT_SETTINGS(options)                                             \
    PP_BOOL("PAWPRINT_CHECKOUT_PROMOTION_CODES", &(options)->promotion_codes,  \
            "off", "customers may enter a promotion code where they pay"),     \
        PP_BOOL("PAWPRINT_CHECKOUT_TAX", &(options)->tax, "off",               \
                "Stripe reckons taxes and asks for address and tax id"),       \
        PP_INT_RANGE("PAWPRINT_CHECKOUT_TRIAL_DAYS", &(options)->trial_days,   \
                     "0", 0, 730,                                              \
                     "days that an account's first subscription costs "        \
                     "nothing; no way to pay is asked for before"),            \
        PP_STR("PAWPRINT_STRIPE_PORTAL", &(options)->portal, "",               \
               "configuration of Stripe's customer portal, bpc_...; empty: "   \
               "the default of the account at Stripe")

struct checkout_session_form {
    const char *account_id, *customer, *price;
    const char *locale;     /* the account's */
    const char *returns_to; /* without a query */
    int64_t expires_at_s;   /* by Stripe: 30 min to 24 h from now */
    bool is_first;          /* the account never had a subscription */
};

void checkout_form_session(const struct checkout_session_form *is,
                           const struct checkout_options *options,
                           struct pp_buf *form);

struct checkout_portal_form {
    const char *customer, *subscription, *locale, *returns_to;
    enum wish_flow flow; /* without a subscription WISH_ANY or WISH_PAYMENT */
};

void checkout_form_portal(const struct checkout_portal_form *is,
                          const struct checkout_options *options,
                          struct pp_buf *form);

/*
 * Stripe's word for an account's locale ("de-AT", "pt_BR"): the same, or its
 * language, where Stripe has it; else "auto", by which the browser decides.
 */
const char *checkout_form_locale(const char *locale);

#endif
