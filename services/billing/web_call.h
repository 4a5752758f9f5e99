#ifndef WEB_CALL_H
#define WEB_CALL_H

#include <stdbool.h>

#include "pp_token_pg.h"

#include "desk.h"
#include "limiter.h"
#include "web_result.h"

/*
 * What web.h's routes share: one call of a customer's program (web_api.c) or
 * browser (web_page.c), worked on by one of the desk's threads.
 */
#define WEB_RETURN_BYTES 512
#define WEB_ORIGIN_BYTES 512

struct web {
    bool is_https;
    char returns_to[WEB_RETURN_BYTES]; /* where Stripe sends customers back */
    char pay_at[WEB_ORIGIN_BYTES];     /* the origins where they pay */
    struct limiter *limiter;
};

struct web_call {
    struct desk_clerk *clerk;
    const struct web *web;
    struct pp_http_request *request;
    struct desk_answer *answer;

    struct pp_str secret; /* the token or the session */
    struct pp_token_holder holder;
    int64_t wait_ns; /* of WEB_RATE_LIMITED */
    struct pp_err err;
};

struct web_call web_call_begin(struct desk_clerk *clerk,
                               struct pp_http_request *request,
                               struct desk_answer *answer);

/* Counts the result and gives the answer its status and the headers that every
 * answer has. */
void web_call_status(struct web_call *call, enum web_result result);

/* What a failed look-up means: denied, or, of all that is no fault of the
 * caller's, WEB_NOT_READY. */
enum web_result web_call_denied(const struct pp_err *err,
                                enum web_result denied);

/* Whether the account of that holder may do anything. */
enum web_result web_call_judge(const struct pp_token_holder *holder);

/* Whether the call's secret is used too often. */
enum web_result web_call_limit(struct web_call *call, enum limiter_kind kind);

#endif
