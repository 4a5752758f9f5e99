#include <string.h>

#include "pp_json.h"
#include "pp_log.h"
#include "pp_time.h"

#include "calls.h"
#include "checkout.h"
#include "overview.h"
#include "usage_range.h"
#include "web.h"
#include "web_call.h"
#include "wish.h"

#define JSON_BYTES  ((size_t)16 << 10)
#define RANGE_BYTES ((size_t)1 << 20)

static void answer_json(struct web_call *call, enum web_result result,
                        struct pp_str body)
{
    web_call_status(call, result);
    desk_field(call->answer, "Content-Type", "application/json");
    if (web_result_status(result) == 401)
        desk_field(call->answer, "WWW-Authenticate", "Bearer");
    if (body.n)
        pp_buf_add_str(&call->answer->body, body);
    else if (result == WEB_ALREADY_SUBSCRIBED)
        pp_buf_printf(&call->answer->body,
                      "{\"result\":\"%s\",\"hint\":\"POST "
                      "/v1/billing/portal\"}",
                      web_result_name(result));
    else
        pp_buf_printf(&call->answer->body, "{\"result\":\"%s\"}",
                      web_result_name(result));
}

/* Who calls, by the token; and whether he may, as often as he does. */
static enum web_result api_enter(struct web_call *call, enum limiter_kind kind)
{
    struct pp_str header = pp_http_header(call->request, "Authorization");
    struct pp_str scheme = PP_LIT("Bearer ");
    enum web_result result;

    if (!pp_str_eq_nocase(pp_str_sub(header, 0, scheme.n), scheme))
        return WEB_UNAUTHENTICATED;
    call->secret = pp_str_trim(pp_str_sub(header, scheme.n, header.n));
    if (pp_token_find(call->clerk->pg, call->secret, &call->holder,
                      &call->err) < 0)
        return web_call_denied(&call->err, WEB_UNAUTHENTICATED);
    result = web_call_limit(call, kind);
    if (result != WEB_OK)
        return result;
    /* Who is blocked may see why nothing is counted any more. */
    return kind == LIMITER_READ && !call->holder.closed
               ? WEB_OK
               : web_call_judge(&call->holder);
}

static void api_show(struct web_call *call,
                     void (*write)(const struct overview *, struct pp_buf *))
{
    enum web_result result = api_enter(call, LIMITER_READ);
    struct overview overview;
    struct pp_buf body;

    pp_buf_init(&body, JSON_BYTES);
    if (result == WEB_OK &&
        overview_read(call->clerk->pg, call->clerk->plans,
                      call->holder.account_id, &overview, &call->err) < 0)
        result = WEB_NOT_READY;
    if (result == WEB_OK)
        write(&overview, &body);
    answer_json(call, result, pp_buf_str(&body));
    pp_buf_fini(&body);
}

static void api_billing(struct desk_clerk *clerk,
                        struct pp_http_request *request,
                        struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);

    api_show(&call, overview_billing_json);
}

/* Usage day by day or hour by hour, of any time. */
static void show_range(struct web_call *call, const struct usage_query *query)
{
    enum web_result result = api_enter(call, LIMITER_READ);
    struct usage_range range;
    struct pp_buf body;

    pp_buf_init(&body, RANGE_BYTES);
    if (result == WEB_OK &&
        !usage_range_of(query, pp_wall_day(pp_wall_now()), &range))
        result = WEB_INVALID_FIELD;
    if (result == WEB_OK &&
        usage_range_read(call->clerk->pg, call->holder.account_id, &range,
                         &body, &call->err) < 0)
        result = WEB_NOT_READY;
    answer_json(call, result,
                result == WEB_OK ? pp_buf_str(&body) : PP_LIT(""));
    pp_buf_fini(&body);
}

static void api_usage(struct desk_clerk *clerk, struct pp_http_request *request,
                      struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);
    const struct usage_query query = {pp_http_query(request, "from"),
                                      pp_http_query(request, "to"),
                                      pp_http_query(request, "step")};

    if (usage_query_is(&query))
        show_range(&call, &query);
    else
        api_show(&call, overview_usage_json);
}

static void api_invoices(struct desk_clerk *clerk,
                         struct pp_http_request *request,
                         struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);

    api_show(&call, overview_invoices_json);
}

/* The Idempotency-Key: empty where there is none. Visible ASCII only. */
static enum web_result key_of(const struct web_call *call,
                              char key_out[static CALLS_KEY_BYTES])
{
    struct pp_str key = pp_http_header(call->request, "Idempotency-Key");

    key_out[0] = '\0';
    if (!key.p)
        return WEB_OK;
    if (key.n == 0 || key.n >= CALLS_KEY_BYTES)
        return WEB_INVALID_FIELD;
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] < '!' || key.p[i] > '~')
            return WEB_INVALID_FIELD;
    memcpy(key_out, key.p, key.n);
    key_out[key.n] = '\0';
    return WEB_OK;
}

static enum web_result body_is_json(const struct web_call *call)
{
    struct pp_str type = pp_http_header(call->request, "Content-Type");
    struct pp_str body = pp_http_body(call->request);

    if (body.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    if (body.n == 0)
        return WEB_OK;
    type = pp_str_trim(pp_str_sub(type, 0, pp_str_find(type, ';')));
    return pp_str_eq_nocase(type, PP_LIT("application/json"))
               ? WEB_OK
               : WEB_UNSUPPORTED_MEDIA_TYPE;
}

static void write_url(const struct checkout *checkout, struct pp_buf *out)
{
    char at[PP_WALL_TEXT_BYTES];

    pp_buf_add_text(out, "{\"result\":\"created\",\"url\":");
    pp_json_add_str(out, pp_str_of(checkout->url));
    if (checkout->expires_at_ms) {
        pp_wall_text((struct pp_wall){checkout->expires_at_ms}, at);
        pp_buf_printf(out, ",\"expires_at\":\"%s\"", at);
    }
    pp_buf_add_byte(out, '}');
}

typedef enum web_result api_work(struct web_call *call, const char *key,
                                 struct pp_buf *body);

static enum web_result do_checkout(struct web_call *call, const char *key,
                                   struct pp_buf *body)
{
    const struct pp_plan *plan;
    const struct pp_plan_offer *offer;
    struct checkout checkout;
    enum web_result result;
    struct wish wish;

    (void)key;
    result = wish_of_json(pp_http_body(call->request), &wish);
    if (result == WEB_OK)
        result = wish_offer(&wish, call->clerk->plans, &plan, &offer);
    if (result == WEB_OK)
        result = checkout_open(call->clerk, call->holder.account_id, plan,
                               wish.interval, call->web->returns_to, &checkout,
                               &call->err);
    if (result != WEB_OK)
        return result;
    write_url(&checkout, body);
    return WEB_CREATED;
}

/* Stripe keeps what it answered, so that the page's URL is not kept here. */
static enum web_result do_portal(struct web_call *call, const char *key,
                                 struct pp_buf *body)
{
    char hash[PP_TOKEN_HASH_BYTES], at_stripe[160];
    struct checkout checkout;
    enum wish_flow flow;
    enum web_result result =
        wish_flow_of_json(pp_http_body(call->request), &flow);

    pp_token_hash(pp_str_of(key), hash);
    snprintf(at_stripe, sizeof(at_stripe), "portal:%s:%s",
             call->holder.account_id, hash + 2);
    if (result == WEB_OK)
        result = checkout_portal(call->clerk, call->holder.account_id, flow,
                                 call->web->returns_to, *key ? at_stripe : NULL,
                                 &checkout, &call->err);
    if (result != WEB_OK)
        return result;
    write_url(&checkout, body);
    return WEB_CREATED;
}

/* What may be different when it is tried again is not kept. */
static bool is_final(enum web_result result)
{
    unsigned status = web_result_status(result);

    return status < 500 && status != 429 && status != 409;
}

static enum web_result run_once(struct web_call *call, const char *key,
                                api_work *work, bool keeps_body,
                                struct pp_buf *body)
{
    struct pp_pg *pg = call->clerk->pg;
    const char *account = call->holder.account_id;
    enum calls_found found;
    enum web_result result;
    struct pp_err err = {0};

    if (calls_begin(pg, account, key, pp_http_path(call->request),
                    pp_http_body(call->request), &found, &result, body,
                    &call->err) < 0)
        return WEB_NOT_READY;
    if (found == CALLS_OTHER)
        return WEB_KEY_REUSED;
    if (found == CALLS_RUNNING)
        return WEB_IN_PROGRESS;
    if (found == CALLS_ANSWERED && (keeps_body || result != WEB_CREATED))
        return result;
    result = work(call, key, body);
    if (found == CALLS_NEW &&
        (is_final(result)
             ? calls_keep(pg, account, key, result,
                          keeps_body ? pp_buf_str(body) : PP_LIT(""), &err)
             : calls_forget(pg, account, key, &err)) < 0)
        pp_warn("billing.call_not_kept", "why=%s", err.msg);
    return result;
}

static void api_act(struct web_call *call, api_work *work, bool keeps_body)
{
    enum web_result result = api_enter(call, LIMITER_ACT);
    char key[CALLS_KEY_BYTES] = "";
    struct pp_buf body;

    pp_buf_init(&body, JSON_BYTES);
    if (result == WEB_OK)
        result = body_is_json(call);
    if (result == WEB_OK)
        result = key_of(call, key);
    if (result == WEB_OK)
        result = *key ? run_once(call, key, work, keeps_body, &body)
                      : work(call, key, &body);
    answer_json(call, result, pp_buf_str(&body));
    pp_buf_fini(&body);
}

static void api_checkout(struct desk_clerk *clerk,
                         struct pp_http_request *request,
                         struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);

    api_act(&call, do_checkout, true);
}

static void api_portal(struct desk_clerk *clerk,
                       struct pp_http_request *request,
                       struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);

    api_act(&call, do_portal, false);
}

DESK_HANDLER(web_checkout_http, api_checkout)
DESK_HANDLER(web_portal_http, api_portal)
DESK_HANDLER(web_billing_http, api_billing)
DESK_HANDLER(web_usage_http, api_usage)
DESK_HANDLER(web_invoices_http, api_invoices)
