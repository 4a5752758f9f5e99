#ifndef WEB_H
#define WEB_H

#include "pp_err.h"
#include "pp_http.h"

#include "limiter.h"
#include "page.h"
#include "stripe.h"

/*
 * What customers and their programs call: /v1/billing and below with a token,
 * /billing and below with a session's cookie. docs/api/billing.md says what
 * each takes and answers. All of it is done by the desk's threads.
 *
 * With PAWPRINT_BILLING=off none of these routes is there.
 */
struct web; /* constant, but for what has a lock of its own */

struct web_options {
    const char *url;   /* where customers reach us; no slash at its end */
    const char *redis; /* of the limits; empty: each process counts alone */
    const char *rules[LIMITER_KINDS];
    const struct stripe_options *stripe;
};

int web_open(struct web **web_out, const struct web_options *options,
             struct pp_err *err);
void web_close(struct web **web);

/* Once a turn of one thread. Waits for nothing. */
void web_turn(struct web *web);

/* Adds the metrics of all this; before there are other threads. */
void web_metrics_add(void);

/* Handlers of the routes; the context is struct billing_routes. */
pp_http_handler web_checkout_http, web_portal_http, web_billing_http,
    web_usage_http, web_invoices_http;
pp_http_handler web_page_http, web_login_http, web_enter_http, web_leave_http,
    web_page_checkout_http, web_page_portal_http;

/* The rows of them, for main.c's table. */
#define WEB_ROUTES                                                             \
    {"POST", "/v1/billing/checkout", web_checkout_http},                       \
        {"POST", "/v1/billing/portal", web_portal_http},                       \
        {"GET", "/v1/billing", web_billing_http},                              \
        {"GET", "/v1/billing/usage", web_usage_http},                          \
        {"GET", "/v1/billing/invoices", web_invoices_http},                    \
        {"GET", "/billing", web_page_http},                                    \
        {"GET", "/billing/login", web_login_http},                             \
        {"POST", "/billing/login", web_enter_http},                            \
        {"POST", "/billing/logout", web_leave_http},                           \
        {"POST", "/billing/checkout", web_page_checkout_http},                 \
    {                                                                          \
        "POST", "/billing/portal", web_page_portal_http                        \
    }

/* For the row of "*": no such path, another method, too large; of all paths. */
pp_http_handler web_refuse_http;

#endif
