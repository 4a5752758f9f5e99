#include "web.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"

#include "web_call.h"

#define RETRY_AFTER_S 5
#define SECOND_NS     INT64_C(1000000000)

static struct pp_counter answers[WEB_RESULTS];

void web_metrics_add(void)
{
    for (int i = 0; i < WEB_RESULTS; i++) {
        answers[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_billing_answers_total",
            "answers to customers and their programs",
            {"result", web_result_name((enum web_result)i)});
        pp_metrics_add(&answers[i].metric);
    }
    limiter_metrics_add();
}

int web_open(struct web **web_out, const struct web_options *options,
             struct pp_err *err)
{
    struct web *web = pp_calloc(1, sizeof(*web));

    *web_out = web;
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    web->is_https = pp_str_starts(pp_str_of(options->url), PP_LIT("https://"));
    snprintf(web->returns_to, sizeof(web->returns_to), "%s/billing",
             options->url);
    snprintf(web->pay_at, sizeof(web->pay_at), "https://*.stripe.com%s%s",
             strcmp(options->stripe->url, STRIPE_API_URL) == 0 ? "" : " ",
             strcmp(options->stripe->url, STRIPE_API_URL) == 0
                 ? ""
                 : options->stripe->url);
    return limiter_open(&web->limiter, options->redis, options->rules, err);
}

void web_close(struct web **web)
{
    if (!*web)
        return;
    limiter_close(&(*web)->limiter);
    free(*web);
    *web = NULL;
}

void web_turn(struct web *web)
{
    limiter_turn(web->limiter);
}

/* --- one call --------------------------------------------------------------
 */

struct web_call web_call_begin(struct desk_clerk *clerk,
                               struct pp_http_request *request,
                               struct desk_answer *answer)
{
    return (struct web_call){.clerk = clerk,
                             .web = clerk->context,
                             .request = request,
                             .answer = answer};
}

/* What went wrong on our side is told to the log; nothing of a customer's. */
static void note(const struct web_call *call, enum web_result result)
{
    pp_counter_add(&answers[result], 1);
    if (web_result_status(result) < 500 || call->err.kind == PP_ERR_NONE)
        return;
    if (result == WEB_NOT_CONFIGURED)
        pp_error("billing.not_configured", "why=%s", call->err.msg);
    else
        pp_warn("billing.refused", "result=%s why=%s", web_result_name(result),
                call->err.msg);
}

void web_call_status(struct web_call *call, enum web_result result)
{
    unsigned status = web_result_status(result);
    char seconds[24];

    note(call, result);
    call->answer->status = status;
    desk_field(call->answer, "X-Pawprint-Result", web_result_name(result));
    desk_field(call->answer, "Cache-Control", "no-store");
    desk_field(call->answer, "X-Content-Type-Options", "nosniff");
    if (status == 429 || status == 503) {
        snprintf(seconds, sizeof(seconds), "%" PRId64,
                 call->wait_ns > 0 ? (call->wait_ns + SECOND_NS - 1) / SECOND_NS
                                   : (int64_t)RETRY_AFTER_S);
        desk_field(call->answer, "Retry-After", seconds);
    }
}

/* PP_ERR_AGAIN and all that is no fault of the caller's. */
enum web_result web_call_denied(const struct pp_err *err,
                                enum web_result denied)
{
    return err->kind == PP_ERR_DENIED ? denied : WEB_NOT_READY;
}

enum web_result web_call_judge(const struct pp_token_holder *holder)
{
    if (holder->closed)
        return WEB_ACCOUNT_CLOSED;
    return holder->blocked ? WEB_ACCOUNT_BLOCKED : WEB_OK;
}

enum web_result web_call_limit(struct web_call *call, enum limiter_kind kind)
{
    call->wait_ns = limiter_take(call->web->limiter, kind, call->secret);
    return call->wait_ns > 0 ? WEB_RATE_LIMITED : WEB_OK;
}

/* --- no such route ---------------------------------------------------------
 */

void web_refuse_http(struct pp_http_request *request, void *context)
{
    unsigned status = pp_http_refusal(request);
    enum web_result result = status == 404   ? WEB_NOT_FOUND
                             : status == 405 ? WEB_METHOD_NOT_ALLOWED
                             : status == 408 ? WEB_TIMEOUT
                             : status == 400 ? WEB_MALFORMED
                                             : WEB_TOO_LARGE;
    struct pp_str path = pp_http_path(request);
    bool reads = pp_str_eq(path, PP_LIT("/billing")) ||
                 pp_str_eq(path, PP_LIT("/v1/billing")) ||
                 pp_str_eq(path, PP_LIT("/v1/billing/usage")) ||
                 pp_str_eq(path, PP_LIT("/v1/billing/invoices"));
    const struct pp_http_field fields[] = {
        {"X-Pawprint-Result", web_result_name(result)},
        {"Cache-Control", "no-store"},
        {"Content-Type", "application/json"},
        {status == 405 ? "Allow" : NULL,
         pp_str_eq(path, PP_LIT("/billing/login")) ? "GET, POST"
         : reads                                   ? "GET"
                                                   : "POST"},
        {0}};
    char body[80];

    (void)context;
    pp_counter_add(&answers[result], 1);
    snprintf(body, sizeof(body), "{\"result\":\"%s\"}",
             web_result_name(result));
    pp_http_reply(request, status, fields, pp_str_of(body));
}
