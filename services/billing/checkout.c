#include "checkout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "checkout_form.h"
#include "checkout_step.h"

#define STEPS_MAX    12 /* of the longest way there are 8 */
#define FORM_BYTES   ((size_t)16 << 10)
#define KEY_BYTES    256
#define NONCE_BYTES  33
#define ID_BYTES     256
#define LOCALE_BYTES 36

/* What is known of the account, read under the lock. */
struct sale {
    struct desk_clerk *clerk;
    const char *account_id, *returns_to;
    const struct pp_plan *plan;
    enum pp_plan_interval interval;

    struct checkout_facts facts;
    char status[33], customer[ID_BYTES], nonce[NONCE_BYTES], session[ID_BYTES],
        mail[321], name[801], locale[LOCALE_BYTES];
    bool is_first;        /* the account never had a subscription */
    struct checkout open; /* the session that there is */
    bool done;
    enum web_result result;
};

static void make_nonce(char nonce[static NONCE_BYTES])
{
    unsigned char bytes[(NONCE_BYTES - 1) / 2];

    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(nonce, NONCE_BYTES, bytes, sizeof(bytes));
}

static void copy(char *to, size_t bytes, struct pp_str text)
{
    struct pp_str fits = pp_str_cut_utf8(text, bytes - 1);

    if (fits.n)
        memcpy(to, fits.p, fits.n);
    to[fits.n] = '\0';
}

/* --- the row ---------------------------------------------------------------
 */

static void take_row(struct sale *sale, const struct pp_pg_rows *rows)
{
    struct checkout_facts *facts = &sale->facts;

    copy(sale->nonce, sizeof(sale->nonce), pp_str_of(pp_pg_text(rows, 0, 0)));
    copy(sale->session, sizeof(sale->session),
         pp_str_of(pp_pg_text(rows, 0, 2)));
    copy(sale->open.url, sizeof(sale->open.url),
         pp_str_of(pp_pg_text(rows, 0, 5)));
    sale->open.expires_at_ms = pp_pg_int64(rows, 0, 6);
    copy(sale->customer, sizeof(sale->customer),
         pp_str_of(pp_pg_text(rows, 0, 7)));
    copy(sale->status, sizeof(sale->status), pp_str_of(pp_pg_text(rows, 0, 8)));
    copy(sale->mail, sizeof(sale->mail), pp_str_of(pp_pg_text(rows, 0, 10)));
    copy(sale->name, sizeof(sale->name), pp_str_of(pp_pg_text(rows, 0, 11)));
    copy(sale->locale, sizeof(sale->locale),
         pp_str_of(pp_pg_text(rows, 0, 12)));
    sale->is_first = pp_pg_bool(rows, 0, 13);
    *facts = (struct checkout_facts){
        .has_customer = sale->customer[0],
        .subscription_status = pp_str_of(sale->status),
        .nonce_at_ms = pp_pg_int64(rows, 0, 1),
        .now_ms = pp_pg_int64(rows, 0, 9),
        .has_session = sale->session[0],
        .session_is_wished =
            strcmp(pp_pg_text(rows, 0, 3), sale->plan->code) == 0 &&
            strcmp(pp_pg_text(rows, 0, 4),
                   pp_plan_interval_name(sale->interval)) == 0,
        .session_expires_at_ms = sale->open.expires_at_ms,
    };
}

/* The account's row, made where there is none; committed before Stripe knows
 * its nonce. */
static int make_row(struct sale *sale, struct pp_err *err)
{
    char nonce[NONCE_BYTES];
    const char *values[] = {sale->account_id, nonce};

    make_nonce(nonce);
    return pp_pg_exec(sale->clerk->pg,
                      "INSERT INTO billing_checkout (account_id, nonce) VALUES "
                      "($1, $2) ON CONFLICT (account_id) DO NOTHING",
                      2, values, err);
}

/* Begins a transaction that has the row locked, and reads it. */
static int lock_row(struct sale *sale, struct pp_err *err)
{
    const char *values[] = {sale->account_id};
    struct pp_pg *pg = sale->clerk->pg;
    struct pp_pg_rows rows;
    int result;

    if (pp_pg_begin(pg, err) < 0 ||
        pp_pg_exec(pg, "SET LOCAL idle_in_transaction_session_timeout = '30s'",
                   0, NULL, err) < 0 ||
        pp_pg_exec(pg,
                   "SELECT 1 FROM billing_checkout WHERE account_id = $1 FOR "
                   "UPDATE",
                   1, values, err) < 0)
        return -1;
    /* A statement of its own: it sees what was committed meanwhile. */
    result = pp_pg_query(
        pg,
        "SELECT c.nonce, pp_ms(c.nonce_at), coalesce(c.session_id, ''), "
        "coalesce(c.plan_code, ''), coalesce(c.period, ''), coalesce(c.url, "
        "''), pp_ms(c.expires_at), coalesce(b.stripe_customer_id, ''), "
        "coalesce(b.subscription_status, ''), pp_ms(pp_now()), a.owner_mail, "
        "a.name, a.locale, b.subscription_status IS NULL AND "
        "b.trial_start IS NULL FROM billing_checkout AS c JOIN billing_profile "
        "AS b USING "
        "(account_id) JOIN account AS a USING (account_id) WHERE "
        "c.account_id = $1",
        1, values, &rows, err);
    if (result == 0 && rows.count != 1)
        result = pp_err_set(err, PP_ERR_AGAIN, "the account's row is gone");
    if (result == 0)
        take_row(sale, &rows);
    pp_pg_rows_fini(&rows);
    return result;
}

/* Writes within the transaction, and ends it. */
static int write_row(struct sale *sale, const char *sql, int count,
                     const char *const *values, struct pp_err *err)
{
    if (pp_pg_exec(sale->clerk->pg, sql, count, values, err) < 0)
        return -1;
    return pp_pg_commit(sale->clerk->pg, err);
}

/* --- steps -----------------------------------------------------------------
 */

static int finish(struct sale *sale, enum web_result result)
{
    sale->done = true;
    sale->result = result;
    return 0;
}

/* No session is open any more, and the next one is asked for under new keys: $2
 * is what they hold. */
#define RENEW                                                                  \
    "UPDATE billing_checkout SET nonce = $2, nonce_at = pp_now(), session_id " \
    "= NULL, url = NULL, plan_code = NULL, period = NULL, expires_at = NULL "  \
    "WHERE account_id "

int checkout_is_over(struct pp_pg *pg, const char *session_id,
                     struct pp_err *err)
{
    char nonce[NONCE_BYTES];
    const char *values[] = {session_id, nonce};

    make_nonce(nonce);
    return pp_pg_exec(pg,
                      RENEW "IN (SELECT account_id FROM billing_checkout WHERE "
                            "session_id = $1 FOR UPDATE SKIP LOCKED)",
                      2, values, err);
}

static int renew(struct sale *sale, struct pp_err *err)
{
    char nonce[NONCE_BYTES];
    const char *values[] = {sale->account_id, nonce};

    make_nonce(nonce);
    return write_row(sale, RENEW "= $1", 2, values, err);
}

/* Stripe knows this customer no more: it was deleted there, or is of another
 * mode. The next turn makes another one. */
static int forget_customer(struct sale *sale, struct pp_err *err)
{
    const char *values[] = {sale->account_id, sale->customer};

    if (pp_pg_exec(sale->clerk->pg,
                   "UPDATE billing_profile SET stripe_customer_id = NULL WHERE "
                   "account_id = $1 AND stripe_customer_id = $2",
                   2, values, err) < 0)
        return -1;
    return renew(sale, err);
}

/*
 * What a fault of Stripe's means for the customer. 0: the sale goes on or is
 * done; -1: err is Postgres's.
 */
static int take_fault(struct sale *sale, const struct stripe_answer *answer,
                      struct pp_err *err)
{
    if (answer->fault == STRIPE_AWAY || answer->fault == STRIPE_IN_USE ||
        answer->fault == STRIPE_UNREADABLE)
        return finish(sale, WEB_STRIPE_AWAY);
    if (answer->fault == STRIPE_MISSING &&
        (strcmp(answer->param, "customer") == 0 ||
         strcmp(answer->param, "id") == 0))
        return forget_customer(sale, err);
    if (strcmp(answer->code, "customer_max_subscriptions") == 0)
        return finish(sale, WEB_ALREADY_SUBSCRIBED);
    if (answer->fault == STRIPE_KEY_REUSED)
        return renew(sale, err);
    if (answer->fault != STRIPE_DENIED && renew(sale, err) < 0)
        return -1; /* a definite no stays under its key */
    return finish(sale, WEB_NOT_CONFIGURED);
}

static int make_customer(struct sale *sale, struct pp_err *err)
{
    const char *values[] = {sale->account_id, sale->customer, NULL};
    struct stripe_answer answer;
    char key[KEY_BYTES];
    struct pp_buf form;
    int result;

    snprintf(key, sizeof(key), "customer:%s:%s", sale->account_id, sale->nonce);
    pp_buf_init(&form, FORM_BYTES);
    stripe_form_add(&form, "email", sale->mail);
    stripe_form_add(&form, "name", sale->name);
    stripe_form_add(&form, "metadata[account_id]", sale->account_id);
    result = stripe_post(sale->clerk->stripe, "/v1/customers",
                         pp_buf_str(&form), key, &answer, err);
    pp_buf_fini(&form);
    if (result < 0)
        return take_fault(sale, &answer, err);
    copy(sale->customer, sizeof(sale->customer),
         pick_text(pick_at(answer.body, "id")));
    if (!sale->customer[0])
        return finish(sale, WEB_STRIPE_AWAY);
    values[2] = pick_is_true(pick_at(answer.body, "livemode")) ? "t" : "f";
    return write_row(sale,
                     "UPDATE billing_profile SET stripe_customer_id = $2, "
                     "livemode = $3::boolean WHERE account_id = $1 AND "
                     "stripe_customer_id IS NULL",
                     3, values, err);
}

/* "/v1/checkout/sessions/ID" and what follows. */
static void session_path(const struct sale *sale, const char *rest,
                         struct pp_buf *path)
{
    pp_buf_init(path, FORM_BYTES);
    pp_buf_add_text(path, "/v1/checkout/sessions/");
    stripe_path_add(path, pp_str_of(sale->session));
    pp_buf_printf(path, "%s%c", rest, '\0');
}

static int look(struct sale *sale, struct pp_err *err)
{
    struct stripe_answer answer;
    struct pp_buf path;
    int result;

    session_path(sale, "", &path);
    result = stripe_get(sale->clerk->stripe, path.p, &answer, err);
    pp_buf_fini(&path);
    if (result < 0 && answer.fault != STRIPE_MISSING)
        return take_fault(sale, &answer, err);
    sale->facts.session_is_open =
        result == 0 &&
        pp_str_eq(pick_text(pick_at(answer.body, "status")), PP_LIT("open"));
    return sale->facts.session_is_open ? 0 : renew(sale, err);
}

/* One that is not open any more can't be ended: that is as good. */
static int close_session(struct sale *sale, struct pp_err *err)
{
    struct stripe_answer answer;
    char key[ID_BYTES + 8];
    struct pp_buf path;
    int result;

    snprintf(key, sizeof(key), "expire:%s", sale->session);
    session_path(sale, "/expire", &path);
    result =
        stripe_post(sale->clerk->stripe, path.p, PP_LIT(""), key, &answer, err);
    pp_buf_fini(&path);
    if (result < 0 && answer.fault != STRIPE_MISSING &&
        answer.fault != STRIPE_REFUSED)
        return take_fault(sale, &answer, err);
    return renew(sale, err);
}

/* The profile may not have heard yet of a subscription that there is. */
static int list_subscriptions(struct sale *sale, struct pp_err *err)
{
    struct stripe_answer answer;
    struct pick_list list;
    struct pick subscription;
    struct pp_buf path;
    int result;

    pp_buf_init(&path, FORM_BYTES);
    pp_buf_add_text(&path, "/v1/subscriptions?status=all&limit=100&customer=");
    stripe_path_add(&path, pp_str_of(sale->customer));
    pp_buf_add_byte(&path, '\0');
    result = stripe_get(sale->clerk->stripe, path.p, &answer, err);
    pp_buf_fini(&path);
    if (result < 0)
        return take_fault(sale, &answer, err);
    pick_list(pick_at(answer.body, "data"), &list);
    while (pick_next(&list, &subscription))
        if (checkout_is_live(pick_text(pick_at(subscription, "status"))))
            return finish(sale, WEB_ALREADY_SUBSCRIBED);
    sale->facts.none_is_live = true;
    return 0;
}

static int keep_session(struct sale *sale, const struct stripe_answer *answer,
                        struct pp_err *err)
{
    char expires[24];
    const char *values[] = {
        sale->account_id, sale->session,
        sale->plan->code, pp_plan_interval_name(sale->interval),
        sale->open.url,   expires};

    copy(sale->session, sizeof(sale->session),
         pick_text(pick_at(answer->body, "id")));
    copy(sale->open.url, sizeof(sale->open.url),
         pick_text(pick_at(answer->body, "url")));
    sale->open.expires_at_ms =
        pick_instant_ms(pick_at(answer->body, "expires_at"));
    if (!sale->session[0] || !stripe_url_is_theirs(sale->clerk->stripe_options,
                                                   pp_str_of(sale->open.url))) {
        pp_err_set(err, PP_ERR_INVALID, "stripe: a session's URL leads away");
        return finish(sale, WEB_NOT_CONFIGURED);
    }
    snprintf(expires, sizeof(expires), "%" PRId64, sale->open.expires_at_ms);
    if (write_row(sale,
                  "UPDATE billing_checkout SET session_id = $2, plan_code = "
                  "$3, period = $4, url = $5, expires_at = pp_at($6::bigint) "
                  "WHERE account_id = $1",
                  6, values, err) < 0)
        return -1;
    return finish(sale, WEB_OK);
}

static int create(struct sale *sale, struct pp_err *err)
{
    const struct checkout_session_form session = {
        .account_id = sale->account_id,
        .customer = sale->customer,
        .price = sale->plan->offers[sale->interval].price_id,
        .locale = sale->locale,
        .returns_to = sale->returns_to,
        .expires_at_s =
            (sale->facts.nonce_at_ms + CHECKOUT_LIFE_MS) / 1000 - 60,
        .is_first = sale->is_first,
    };
    struct stripe_answer answer;
    char key[KEY_BYTES];
    struct pp_buf form;
    int result;

    snprintf(key, sizeof(key), "checkout:%s:%s:%s:%s", sale->account_id,
             sale->plan->code, pp_plan_interval_name(sale->interval),
             sale->nonce);
    pp_buf_init(&form, FORM_BYTES);
    checkout_form_session(&session, sale->clerk->checkout, &form);
    result = stripe_post(sale->clerk->stripe, "/v1/checkout/sessions",
                         pp_buf_str(&form), key, &answer, err);
    pp_buf_fini(&form);
    if (result < 0)
        return take_fault(sale, &answer, err);
    return keep_session(sale, &answer, err);
}

/* --- all of it -------------------------------------------------------------
 */

static int one_step(struct sale *sale, enum checkout_step step,
                    struct pp_err *err)
{
    switch (step) {
    case CHECKOUT_SUBSCRIBED:
        return finish(sale, WEB_ALREADY_SUBSCRIBED);
    case CHECKOUT_MAKE_CUSTOMER:
        return make_customer(sale, err);
    case CHECKOUT_LOOK:
        return look(sale, err);
    case CHECKOUT_GIVE:
        return finish(sale, WEB_OK);
    case CHECKOUT_CLOSE:
        return close_session(sale, err);
    case CHECKOUT_RENEW:
        return renew(sale, err);
    case CHECKOUT_LIST:
        return list_subscriptions(sale, err);
    case CHECKOUT_CREATE:
        break;
    }
    return create(sale, err);
}

/* Steps that only ask keep the lock; each that writes commits, and the next
 * turn locks and reads again. */
static bool keeps_lock(const struct sale *sale, enum checkout_step step)
{
    return (step == CHECKOUT_LOOK && sale->facts.session_is_open) ||
           (step == CHECKOUT_LIST && sale->facts.none_is_live);
}

static int sell(struct sale *sale, struct pp_err *err)
{
    bool locked = false;

    if (make_row(sale, err) < 0)
        return -1;
    for (int i = 0; i < STEPS_MAX && !sale->done; i++) {
        enum checkout_step step;

        if (!locked && lock_row(sale, err) < 0)
            return -1;
        step = checkout_step(&sale->facts);
        if (one_step(sale, step, err) < 0)
            return -1;
        locked = !sale->done && keeps_lock(sale, step);
    }
    if (!sale->done)
        return pp_err_set(err, PP_ERR_AGAIN, "the checkout comes to no end");
    return 0;
}

enum web_result checkout_open(struct desk_clerk *clerk, const char *account_id,
                              const struct pp_plan *plan,
                              enum pp_plan_interval interval,
                              const char *returns_to, struct checkout *out,
                              struct pp_err *err)
{
    struct sale sale = {.clerk = clerk,
                        .account_id = account_id,
                        .returns_to = returns_to,
                        .plan = plan,
                        .interval = interval};
    int result = sell(&sale, err);

    pp_pg_rollback(clerk->pg);
    if (result < 0)
        return WEB_NOT_READY;
    *out = sale.open;
    return sale.result;
}

/* Who stands at the portal's door. */
struct visitor {
    char customer[ID_BYTES], subscription[ID_BYTES], status[33],
        locale[LOCALE_BYTES];
};

static int visitor_of(struct pp_pg *pg, const char *account_id,
                      struct visitor *out, struct pp_err *err)
{
    const char *values[] = {account_id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        pg,
        "SELECT coalesce(stripe_customer_id, ''), "
        "coalesce(stripe_subscription_id, ''), coalesce(subscription_status, "
        "''), locale FROM billing_profile JOIN account USING (account_id) "
        "WHERE account_id = $1",
        1, values, &rows, err);

    *out = (struct visitor){0};
    if (result == 0 && rows.count == 1) {
        copy(out->customer, ID_BYTES, pp_str_of(pp_pg_text(&rows, 0, 0)));
        copy(out->subscription, ID_BYTES, pp_str_of(pp_pg_text(&rows, 0, 1)));
        copy(out->status, sizeof(out->status),
             pp_str_of(pp_pg_text(&rows, 0, 2)));
        copy(out->locale, LOCALE_BYTES, pp_str_of(pp_pg_text(&rows, 0, 3)));
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static enum web_result portal_fault(const struct stripe_answer *answer)
{
    if (answer->fault == STRIPE_AWAY || answer->fault == STRIPE_IN_USE ||
        answer->fault == STRIPE_UNREADABLE)
        return WEB_STRIPE_AWAY;
    if (answer->fault == STRIPE_MISSING &&
        strcmp(answer->param, "customer") == 0)
        return WEB_NO_CUSTOMER;
    if (answer->fault == STRIPE_KEY_REUSED)
        return WEB_KEY_REUSED;
    return WEB_NOT_CONFIGURED;
}

static enum web_result enter_portal(struct desk_clerk *clerk,
                                    const struct checkout_portal_form *form,
                                    const char *key, struct checkout *out,
                                    struct pp_err *err)
{
    struct stripe_answer answer;
    struct pp_buf body;
    int result;

    pp_buf_init(&body, FORM_BYTES);
    checkout_form_portal(form, clerk->checkout, &body);
    result = stripe_post(clerk->stripe, "/v1/billing_portal/sessions",
                         pp_buf_str(&body), key, &answer, err);
    pp_buf_fini(&body);
    if (result < 0)
        return portal_fault(&answer);
    copy(out->url, sizeof(out->url), pick_text(pick_at(answer.body, "url")));
    if (stripe_url_is_theirs(clerk->stripe_options, pp_str_of(out->url)))
        return WEB_OK;
    pp_err_set(err, PP_ERR_INVALID, "stripe: the portal's URL leads away");
    return WEB_NOT_CONFIGURED;
}

enum web_result checkout_portal(struct desk_clerk *clerk,
                                const char *account_id, enum wish_flow flow,
                                const char *returns_to, const char *key,
                                struct checkout *out, struct pp_err *err)
{
    struct visitor who;
    bool is_subscribed;

    *out = (struct checkout){0};
    if (visitor_of(clerk->pg, account_id, &who, err) < 0)
        return WEB_NOT_READY;
    if (!who.customer[0])
        return WEB_NO_CUSTOMER;
    is_subscribed =
        who.subscription[0] && checkout_is_live(pp_str_of(who.status));
    if ((flow == WISH_UPDATE || flow == WISH_CANCEL) && !is_subscribed)
        return WEB_NO_SUBSCRIPTION;
    return enter_portal(clerk,
                        &(struct checkout_portal_form){
                            .customer = who.customer,
                            .subscription = who.subscription,
                            .locale = who.locale,
                            .returns_to = returns_to,
                            .flow = flow,
                        },
                        key, out, err);
}
