#include "web.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "pp_json.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_time.h"
#include "pp_token_pg.h"

#include "calls.h"
#include "checkout.h"
#include "cookie.h"
#include "desk.h"
#include "overview.h"
#include "web_result.h"
#include "wish.h"

#define RETURN_BYTES  512
#define ORIGIN_BYTES  512
#define RETRY_AFTER_S 5
#define SECOND_NS     INT64_C(1000000000)
#define REFRESH       "3" /* seconds, while a payment is being confirmed */
#define JSON_BYTES    ((size_t)16 << 10)

struct web {
    bool is_https;
    char returns_to[RETURN_BYTES];
    char pay_at[ORIGIN_BYTES];
    struct limiter *limiter;
};

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

/* What every route works with. */
struct call {
    struct desk_clerk *clerk;
    const struct web *web;
    struct pp_http_request *request;
    struct desk_answer *answer;

    struct pp_str secret; /* the token or the session */
    struct pp_token_holder holder;
    int64_t wait_ns; /* of WEB_RATE_LIMITED */
    struct pp_err err;
};

static struct call begin(struct desk_clerk *clerk,
                         struct pp_http_request *request,
                         struct desk_answer *answer)
{
    return (struct call){.clerk = clerk,
                         .web = clerk->context,
                         .request = request,
                         .answer = answer};
}

/* What went wrong on our side is told to the log; nothing of a customer's. */
static void note(const struct call *call, enum web_result result)
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

static void add_status(struct call *call, enum web_result result)
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
static enum web_result of_err(const struct pp_err *err, enum web_result denied)
{
    return err->kind == PP_ERR_DENIED ? denied : WEB_NOT_READY;
}

static enum web_result judge(const struct pp_token_holder *holder)
{
    if (holder->closed)
        return WEB_ACCOUNT_CLOSED;
    return holder->blocked ? WEB_ACCOUNT_BLOCKED : WEB_OK;
}

static enum web_result take_limit(struct call *call, enum limiter_kind kind)
{
    call->wait_ns = limiter_take(call->web->limiter, kind, call->secret);
    return call->wait_ns > 0 ? WEB_RATE_LIMITED : WEB_OK;
}

/* --- programs --------------------------------------------------------------
 */

static void answer_json(struct call *call, enum web_result result,
                        struct pp_str body)
{
    add_status(call, result);
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
static enum web_result api_enter(struct call *call, enum limiter_kind kind)
{
    struct pp_str header = pp_http_header(call->request, "Authorization");
    struct pp_str scheme = PP_LIT("Bearer ");
    enum web_result result;

    if (!pp_str_eq_nocase(pp_str_sub(header, 0, scheme.n), scheme))
        return WEB_UNAUTHENTICATED;
    call->secret = pp_str_trim(pp_str_sub(header, scheme.n, header.n));
    if (pp_token_find(call->clerk->pg, call->secret, &call->holder,
                      &call->err) < 0)
        return of_err(&call->err, WEB_UNAUTHENTICATED);
    result = take_limit(call, kind);
    if (result != WEB_OK)
        return result;
    /* Who is blocked may see why nothing is counted any more. */
    return kind == LIMITER_READ && !call->holder.closed ? WEB_OK
                                                        : judge(&call->holder);
}

static void api_show(struct call *call,
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
    struct call call = begin(clerk, request, answer);

    api_show(&call, overview_billing_json);
}

static void api_usage(struct desk_clerk *clerk, struct pp_http_request *request,
                      struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);

    api_show(&call, overview_usage_json);
}

static void api_invoices(struct desk_clerk *clerk,
                         struct pp_http_request *request,
                         struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);

    api_show(&call, overview_invoices_json);
}

/* The Idempotency-Key: empty where there is none. Visible ASCII only. */
static enum web_result key_of(const struct call *call,
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

static enum web_result body_is_json(const struct call *call)
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

typedef enum web_result api_work(struct call *call, const char *key,
                                 struct pp_buf *body);

static enum web_result do_checkout(struct call *call, const char *key,
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
static enum web_result do_portal(struct call *call, const char *key,
                                 struct pp_buf *body)
{
    enum web_result result = wish_nothing(pp_http_body(call->request));
    char hash[PP_TOKEN_HASH_BYTES], at_stripe[160];
    struct checkout checkout;

    pp_token_hash(pp_str_of(key), hash);
    snprintf(at_stripe, sizeof(at_stripe), "portal:%s:%s",
             call->holder.account_id, hash + 2);
    if (result == WEB_OK)
        result = checkout_portal(call->clerk, call->holder.account_id,
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

static enum web_result run_once(struct call *call, const char *key,
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

static void api_act(struct call *call, api_work *work, bool keeps_body)
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
    struct call call = begin(clerk, request, answer);

    api_act(&call, do_checkout, true);
}

static void api_portal(struct desk_clerk *clerk,
                       struct pp_http_request *request,
                       struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);

    api_act(&call, do_portal, false);
}

/* --- people ----------------------------------------------------------------
 */

/* A page; its templates are made for each, which costs some microseconds and
 * shares nothing between threads. */
static struct page *open_page(struct call *call, enum web_result result)
{
    struct page *page;
    struct pp_err err = {0};

    add_status(call, result);
    desk_field(call->answer, "Content-Type", "text/html; charset=utf-8");
    desk_field(call->answer, "Referrer-Policy", "same-origin");
    if (page_open(&page, call->web->pay_at, &err) < 0) {
        pp_error("billing.no_page", "why=%s", err.msg);
        page_close(&page);
        return NULL;
    }
    desk_field(call->answer, "Content-Security-Policy", page_policy(page));
    return page;
}

static void answer_note(struct call *call, enum web_result result)
{
    struct page *page = open_page(call, result);
    unsigned status = web_result_status(result);

    if (!page)
        return;
    page_note(page,
              status == 401   ? "Please sign in"
              : status == 410 ? "That link is void"
              : status == 503 ? "Not now"
                              : "That did not work",
              web_result_words(result), status != 401 && status != 410,
              &call->answer->body);
    page_close(&page);
}

static void answer_elsewhere(struct call *call, const char *url,
                             const char *cookie)
{
    add_status(call, WEB_SEE_OTHER);
    desk_field(call->answer, "Location", url);
    if (cookie)
        desk_field(call->answer, "Set-Cookie", cookie);
}

/* Whose browser it is, by the cookie. */
static enum web_result page_enter(struct call *call)
{
    call->secret = cookie_session(pp_http_header(call->request, "Cookie"),
                                  call->web->is_https);
    if (pp_token_session_find(call->clerk->pg, call->secret, &call->holder,
                              &call->err) < 0)
        return of_err(&call->err, WEB_UNAUTHENTICATED);
    return call->holder.closed ? WEB_ACCOUNT_CLOSED : WEB_OK;
}

/* Browsers say whether the page that sends a form is ours. */
static bool is_foreign(const struct call *call)
{
    struct pp_str site = pp_http_header(call->request, "Sec-Fetch-Site");

    return site.p && !pp_str_eq(site, PP_LIT("same-origin")) &&
           !pp_str_eq(site, PP_LIT("none"));
}

/* The body of a form that our own page sent. */
static enum web_result page_form(const struct call *call)
{
    struct pp_str body = pp_http_body(call->request);
    char form[PP_TOKEN_FORM_BYTES];

    if (body.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    if (is_foreign(call) ||
        !wish_form_value(body, "form", form, sizeof(form)) ||
        !pp_token_form_is(call->secret, pp_str_of(form)))
        return WEB_FOREIGN_FORM;
    return WEB_OK;
}

static void page_show(struct desk_clerk *clerk, struct pp_http_request *request,
                      struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    enum web_result result = page_enter(&call);
    struct pp_str back = pp_http_query(request, "checkout");
    bool returned = pp_str_eq(back, PP_LIT("done"));
    char form[PP_TOKEN_FORM_BYTES];
    struct overview overview;
    struct page *page;

    if (result == WEB_OK)
        result = take_limit(&call, LIMITER_READ);
    if (result == WEB_OK &&
        overview_read(clerk->pg, clerk->plans, call.holder.account_id,
                      &overview, &call.err) < 0)
        result = WEB_NOT_READY;
    if (result != WEB_OK) {
        answer_note(&call, result);
        return;
    }
    page = open_page(&call, WEB_OK);
    if (!page)
        return;
    if (page_waits(&overview, returned))
        desk_field(answer, "Refresh", REFRESH);
    pp_token_form(call.secret, form);
    page_billing(page, &overview, clerk->plans, form, returned, &answer->body);
    page_close(&page);
}

/* Only asks: programs that look at links in mails don't use them up. */
static void page_ask(struct desk_clerk *clerk, struct pp_http_request *request,
                     struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    struct pp_str link = pp_http_query(request, "link");
    char text[PP_TOKEN_CHARS + 1] = "";
    struct overview overview;
    struct page *page;

    if (pp_token_link_find(clerk->pg, link, &call.holder, &call.err) < 0) {
        answer_note(&call, of_err(&call.err, WEB_LINK_USED));
        return;
    }
    if (overview_read(clerk->pg, clerk->plans, call.holder.account_id,
                      &overview, &call.err) < 0) {
        answer_note(&call, WEB_NOT_READY);
        return;
    }
    memcpy(text, link.p, link.n); /* it has the form of one */
    page = open_page(&call, WEB_OK);
    if (page)
        page_login(page, overview.name, text, &answer->body);
    page_close(&page);
}

static void page_begin(struct desk_clerk *clerk,
                       struct pp_http_request *request,
                       struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    char link[PP_TOKEN_CHARS + 1];
    struct pp_token session;
    struct pp_buf cookie;

    if (pp_http_body(request).n > WISH_BODY_BYTES || is_foreign(&call) ||
        !wish_form_value(pp_http_body(request), "link", link, sizeof(link))) {
        answer_note(&call, WEB_FOREIGN_FORM);
        return;
    }
    if (pp_token_link_use(clerk->pg, pp_str_of(link), &session, &call.err) <
        0) {
        answer_note(&call, of_err(&call.err, WEB_LINK_USED));
        return;
    }
    pp_buf_init(&cookie, 512);
    cookie_set(&cookie, session.text, PP_TOKEN_SESSION_S, call.web->is_https);
    pp_buf_add_byte(&cookie, '\0');
    answer_elsewhere(&call, "/billing", cookie.p);
    pp_buf_fini(&cookie);
}

static void page_end(struct desk_clerk *clerk, struct pp_http_request *request,
                     struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    enum web_result result = page_enter(&call);
    struct pp_buf cookie;

    if (result == WEB_OK)
        result = page_form(&call);
    if (result == WEB_OK &&
        pp_token_session_end(clerk->pg, call.secret, &call.err) < 0)
        result = WEB_NOT_READY;
    if (result != WEB_OK) {
        answer_note(&call, result);
        return;
    }
    pp_buf_init(&cookie, 512);
    cookie_set(&cookie, "", 0, call.web->is_https);
    pp_buf_add_byte(&cookie, '\0');
    answer_elsewhere(&call, "/billing", cookie.p);
    pp_buf_fini(&cookie);
}

/* A form that leads to Stripe. */
static enum web_result page_act(struct call *call)
{
    enum web_result result = page_enter(call);

    if (result == WEB_OK)
        result = page_form(call);
    if (result == WEB_OK)
        result = take_limit(call, LIMITER_ACT);
    return result == WEB_OK ? judge(&call->holder) : result;
}

static void page_checkout(struct desk_clerk *clerk,
                          struct pp_http_request *request,
                          struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    enum web_result result = page_act(&call);
    const struct pp_plan *plan;
    const struct pp_plan_offer *offer;
    struct checkout checkout;
    struct wish wish;

    if (result == WEB_OK)
        result = wish_of_form(pp_http_body(request), &wish);
    if (result == WEB_OK)
        result = wish_offer(&wish, clerk->plans, &plan, &offer);
    if (result == WEB_OK)
        result =
            checkout_open(clerk, call.holder.account_id, plan, wish.interval,
                          call.web->returns_to, &checkout, &call.err);
    if (result == WEB_OK)
        answer_elsewhere(&call, checkout.url, NULL);
    else
        answer_note(&call, result);
}

static void page_portal(struct desk_clerk *clerk,
                        struct pp_http_request *request,
                        struct desk_answer *answer)
{
    struct call call = begin(clerk, request, answer);
    enum web_result result = page_act(&call);
    struct checkout checkout;

    if (result == WEB_OK)
        result =
            checkout_portal(clerk, call.holder.account_id, call.web->returns_to,
                            NULL, &checkout, &call.err);
    if (result == WEB_OK)
        answer_elsewhere(&call, checkout.url, NULL);
    else
        answer_note(&call, result);
}

DESK_HANDLER(web_checkout_http, api_checkout)
DESK_HANDLER(web_portal_http, api_portal)
DESK_HANDLER(web_billing_http, api_billing)
DESK_HANDLER(web_usage_http, api_usage)
DESK_HANDLER(web_invoices_http, api_invoices)
DESK_HANDLER(web_page_http, page_show)
DESK_HANDLER(web_login_http, page_ask)
DESK_HANDLER(web_enter_http, page_begin)
DESK_HANDLER(web_leave_http, page_end)
DESK_HANDLER(web_page_checkout_http, page_checkout)
DESK_HANDLER(web_page_portal_http, page_portal)

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
