#ifndef DESK_H
#define DESK_H

#include "pp_buf.h"
#include "pp_http.h"
#include "pp_pg.h"
#include "pp_plans.h"

#include "checkout_form.h"
#include "stripe.h"

/*
 * Requests that take their time: pages and calls that ask Postgres or Stripe.
 * They are done by threads of their own, so that no webhook ever waits for
 * them. A route of that kind:
 *
 *   static void portal_post(struct desk_clerk *clerk,
 *                           struct pp_http_request *request,
 *                           struct desk_answer *answer);
 *
 *   DESK_HANDLER(portal_http, portal_post)
 *
 * in the file that has it, with portal_http declared in its header, and a row
 * {"POST", "/v1/billing/portal", portal_http} among main.c's routes. The
 * request may be read by pp_http_method(), _path(), _body(), _header(),
 * _query() and _peer(), and is answered by filling in *answer.
 */
struct desk;

/* A thread's own; all is borrowed. */
struct desk_clerk {
    struct pp_pg *pg;
    struct stripe *stripe;
    const struct stripe_options *stripe_options;
    const struct checkout_options *checkout;
    const struct pp_plans *plans;
    const void *context; /* of desk_options */
};

#define DESK_FIELDS 8

/* Names of fields are constant; values are copied into text. */
struct desk_answer {
    unsigned status; /* 0 at first; left so, 500 is answered */
    struct pp_http_field fields[DESK_FIELDS + 1];
    size_t values[DESK_FIELDS]; /* where in text */
    size_t field_count;
    struct pp_buf text;
    struct pp_buf body;
};

/* Adds a header; more than DESK_FIELDS, or too long ones, are a bug. */
void desk_field(struct desk_answer *answer, const char *name,
                const char *value);

typedef void desk_work(struct desk_clerk *clerk,
                       struct pp_http_request *request,
                       struct desk_answer *answer);

struct desk_options {
    int threads;
    const char *postgres;
    const struct stripe_options *stripe;
    const struct checkout_options *checkout;
    const struct pp_plans *plans;
    const void *context; /* what the routes need beside; constant */
};

/* What options point at has to outlive the desk. */
int desk_open(struct desk **desk_out, const struct desk_options *options,
              struct pp_err *err);

/* Ends the threads; what was not begun is answered 503. */
void desk_close(struct desk **desk);

/*
 * Of the thread of http: has a request done, which is held meanwhile; and
 * answers what is done, once a turn. Beyond 256 that wait: 503.
 */
void desk_take(struct desk *desk, struct pp_http *http,
               struct pp_http_request *request, desk_work *work);
void desk_turn(struct desk *desk);

/* The context of every route of main.c. */
struct billing_routes {
    struct pp_http *http;
    struct desk *desk;
    struct webhook *webhook;
};

#define DESK_HANDLER(handler_, work_)                                          \
    void handler_(struct pp_http_request *request, void *context)              \
    {                                                                          \
        const struct billing_routes *routes = context;                         \
                                                                               \
        desk_take(routes->desk, routes->http, request, work_);                 \
    }

#endif
