#include <string.h>

#include "pp_log.h"

#include "checkout.h"
#include "cookie.h"
#include "overview.h"
#include "page.h"
#include "web.h"
#include "web_call.h"
#include "wish.h"

#define REFRESH "3" /* seconds, while a payment is being confirmed */

/* A page; its templates are made for each, which costs some microseconds and
 * shares nothing between threads. */
static struct page *open_page(struct web_call *call, enum web_result result)
{
    struct page *page;
    struct pp_err err = {0};

    web_call_status(call, result);
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

static void answer_note(struct web_call *call, enum web_result result)
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

static void answer_elsewhere(struct web_call *call, const char *url,
                             const char *cookie)
{
    web_call_status(call, WEB_SEE_OTHER);
    desk_field(call->answer, "Location", url);
    if (cookie)
        desk_field(call->answer, "Set-Cookie", cookie);
}

/* Whose browser it is, by the cookie. */
static enum web_result page_enter(struct web_call *call)
{
    call->secret = cookie_session(pp_http_header(call->request, "Cookie"),
                                  call->web->is_https);
    if (pp_token_session_find(call->clerk->pg, call->secret, &call->holder,
                              &call->err) < 0)
        return web_call_denied(&call->err, WEB_UNAUTHENTICATED);
    return call->holder.closed ? WEB_ACCOUNT_CLOSED : WEB_OK;
}

/* Browsers say whether the page that sends a form is ours. */
static bool is_foreign(const struct web_call *call)
{
    struct pp_str site = pp_http_header(call->request, "Sec-Fetch-Site");

    return site.p && !pp_str_eq(site, PP_LIT("same-origin")) &&
           !pp_str_eq(site, PP_LIT("none"));
}

/* The body of a form that our own page sent. */
static enum web_result page_form(const struct web_call *call)
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
    struct web_call call = web_call_begin(clerk, request, answer);
    enum web_result result = page_enter(&call);
    struct pp_str back = pp_http_query(request, "checkout");
    bool returned = pp_str_eq(back, PP_LIT("done"));
    char form[PP_TOKEN_FORM_BYTES];
    struct overview overview;
    struct page *page;

    if (result == WEB_OK)
        result = web_call_limit(&call, LIMITER_READ);
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
    struct web_call call = web_call_begin(clerk, request, answer);
    struct pp_str link = pp_http_query(request, "link");
    char text[PP_TOKEN_CHARS + 1] = "";
    struct overview overview;
    struct page *page;

    if (pp_token_link_find(clerk->pg, link, &call.holder, &call.err) < 0) {
        answer_note(&call, web_call_denied(&call.err, WEB_LINK_USED));
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
    struct web_call call = web_call_begin(clerk, request, answer);
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
        answer_note(&call, web_call_denied(&call.err, WEB_LINK_USED));
        return;
    }
    (void)pp_token_tidy(clerk->pg, &call.err);
    pp_buf_init(&cookie, 512);
    cookie_set(&cookie, session.text, PP_TOKEN_SESSION_S, call.web->is_https);
    pp_buf_add_byte(&cookie, '\0');
    answer_elsewhere(&call, "/billing", cookie.p);
    pp_buf_fini(&cookie);
}

static void page_end(struct desk_clerk *clerk, struct pp_http_request *request,
                     struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);
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
static enum web_result page_act(struct web_call *call)
{
    enum web_result result = page_enter(call);

    if (result == WEB_OK)
        result = page_form(call);
    if (result == WEB_OK)
        result = web_call_limit(call, LIMITER_ACT);
    return result == WEB_OK ? web_call_judge(&call->holder) : result;
}

static void page_checkout(struct desk_clerk *clerk,
                          struct pp_http_request *request,
                          struct desk_answer *answer)
{
    struct web_call call = web_call_begin(clerk, request, answer);
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
    struct web_call call = web_call_begin(clerk, request, answer);
    enum web_result result = page_act(&call);
    struct checkout checkout;
    enum wish_flow flow;

    if (result == WEB_OK)
        result = wish_flow_of_form(pp_http_body(request), &flow);
    if (result == WEB_OK)
        result =
            checkout_portal(clerk, call.holder.account_id, flow,
                            call.web->returns_to, NULL, &checkout, &call.err);
    if (result == WEB_OK)
        answer_elsewhere(&call, checkout.url, NULL);
    else
        answer_note(&call, result);
}

DESK_HANDLER(web_page_http, page_show)
DESK_HANDLER(web_login_http, page_ask)
DESK_HANDLER(web_enter_http, page_begin)
DESK_HANDLER(web_leave_http, page_end)
DESK_HANDLER(web_page_checkout_http, page_checkout)
DESK_HANDLER(web_page_portal_http, page_portal)
