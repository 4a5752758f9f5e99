#include "apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "checkout.h"
#include "effect.h"
#include "invoice.h"

#define PATH_BYTES  ((size_t)1024)
#define FACTS_BYTES ((size_t)4096)
#define NOT_OURS    "no account has this customer"

/* An event of the lot. */
struct event {
    char id[NOTICE_ID_BYTES];
    struct notice notice;
    struct effect effect;
    bool is_foreign; /* its checkout ties somebody we can't tie */
};

struct work {
    struct sync *sync;
    const struct stripe_options *options;
    const struct inbox_lot *lot;
    struct pp_arena arena;
    struct event *events; /* lot->count of them */
    unsigned does;        /* EFFECT_* of all */
    char account[64];     /* whose customer it is, or empty */
    struct sync_answer answer;
    bool has_answer;
    char why[240]; /* the answer failed, and why; empty: it did not */
    struct invoices invoices;
    char invoices_why[240]; /* the same of theirs */
};

/* --- reading the events --------------------------------------------------- */

/* A body that is gone, after 90 days, leaves what the columns say. */
static int read_event(struct work *work, struct event *event,
                      const struct pp_pg_rows *rows, int row,
                      struct pp_err *err)
{
    struct notice *notice = &event->notice;
    struct pp_str body;

    snprintf(event->id, sizeof(event->id), "%s", pp_pg_text(rows, row, 0));
    if (!pp_pg_is_null(rows, row, 5)) {
        if (pp_pg_bytes(rows, row, 5, &work->arena, &body, err) < 0 ||
            notice_read(body, &work->arena, notice, err) < 0)
            return -1;
    } else {
        *notice = (struct notice){.object.kind = PP_JSON_ERROR};
        snprintf(notice->type, sizeof(notice->type), "%s",
                 pp_pg_text(rows, row, 1));
        snprintf(notice->object_type, sizeof(notice->object_type), "%s",
                 pp_pg_text(rows, row, 2));
        snprintf(notice->object_id, sizeof(notice->object_id), "%s",
                 pp_pg_text(rows, row, 3));
    }
    snprintf(notice->customer, sizeof(notice->customer), "%s",
             pp_pg_text(rows, row, 4));
    event->effect = effect_of(pp_str_of(notice->type));
    work->does |= event->effect.does;
    return 0;
}

static int read_one(struct work *work, int i, struct pp_err *err)
{
    const char *id = work->lot->ids[i];
    struct pp_pg_rows rows;
    int result = pp_pg_query_often(
        work->sync->pg,
        "SELECT event_id, type, object_type, object_id, customer_id, body FROM "
        "stripe_event WHERE event_id = $1",
        1, &id, &rows, err);

    if (result == 0 && rows.count == 1)
        result = read_event(work, &work->events[i], &rows, 0, err);
    pp_pg_rows_fini(&rows);
    return result;
}

static int read_events(struct work *work, struct pp_err *err)
{
    for (int i = 0; i < work->lot->count; i++)
        if (read_one(work, i, err) < 0)
            return -1;
    return 0;
}

/* --- whose it is ---------------------------------------------------------- */

/* Where Stripe keeps an object of that type; NULL: nothing leads to a customer
 * from there. */
static const char *path_of(const char *type)
{
    static const struct {
        const char *type, *path;
    } paths[] = {
        {"subscription", "/v1/subscriptions/"},
        {"invoice", "/v1/invoices/"},
        {"subscription_schedule", "/v1/subscription_schedules/"},
        {"checkout.session", "/v1/checkout/sessions/"},
        {"charge", "/v1/charges/"},
    };

    for (size_t i = 0; i < PP_COUNT(paths); i++)
        if (strcmp(paths[i].type, type) == 0)
            return paths[i].path;
    return NULL;
}

/* A thin event names an object; Stripe says whose that is. */
static int resolve(struct work *work, struct event *event, bool *is_stripe,
                   struct pp_err *err)
{
    const char *where = path_of(event->notice.object_type);
    struct stripe_answer answer;
    struct pp_buf path;
    struct pp_str customer;
    int result;

    if (!where || !event->notice.object_id[0])
        return 0;
    pp_buf_init(&path, PATH_BYTES);
    pp_buf_add_text(&path, where);
    stripe_path_add(&path, pp_str_of(event->notice.object_id));
    pp_buf_add_byte(&path, '\0');
    *is_stripe = true;
    result = stripe_get(work->sync->stripe, path.p, &answer, err);
    pp_buf_fini(&path);
    if (result < 0)
        return -1;
    *is_stripe = false;
    customer = pick_id(pick_at(answer.body, "customer"));
    if (!notice_is_id(customer))
        return 0;
    snprintf(event->notice.customer, sizeof(event->notice.customer), "%.*s",
             PP_ARG(customer));
    return inbox_set_customer(work->sync->pg, event->id, event->notice.customer,
                              err);
}

/* Both have to name the same account: one of them alone ties nobody. */
static struct pp_str account_of(const struct notice *notice)
{
    struct pp_str reference =
        pick_text(pick_at(notice->object, "client_reference_id"));
    struct pp_str metadata =
        pick_text(pick_at(notice->object, "metadata.account_id"));

    return reference.n && pp_str_eq(reference, metadata) ? reference
                                                         : PP_LIT("");
}

static int tell_of_link(struct work *work, struct event *event,
                        struct pp_err *err)
{
    char key[300], detail[900];

    event->is_foreign = true;
    snprintf(key, sizeof(key), "stripe/link/%s", event->id);
    snprintf(detail, sizeof(detail),
             "Checkout %s of customer %s names an account that has another "
             "customer, or is not there, or two accounts.",
             event->notice.object_id, event->notice.customer);
    return inbox_tell_staff(work->sync->pg, key, NULL,
                            "A checkout could not be tied to an account",
                            detail, err);
}

/* Somebody else's checkouts at the same Stripe account name none of ours. */
static int link_event(struct work *work, struct event *event,
                      struct pp_err *err)
{
    struct pp_str account = account_of(&event->notice);
    bool is_anybodys =
        pick_is_there(pick_at(event->notice.object, "metadata.account_id"));
    char id[64];
    int result = 0;

    if (!event->notice.customer[0] || event->notice.is_thin)
        return 0;
    if (account.n && account.n < sizeof(id)) {
        snprintf(id, sizeof(id), "%.*s", PP_ARG(account));
        result = sync_link(work->sync, id, event->notice.customer, err);
    }
    if (result == 0 && is_anybodys)
        return tell_of_link(work, event, err);
    return result < 0 ? -1 : 0;
}

static int link_all(struct work *work, struct pp_err *err)
{
    if (!(work->does & EFFECT_LINK))
        return 0;
    if (pp_pg_begin(work->sync->pg, err) < 0)
        return -1;
    for (int i = 0; i < work->lot->count; i++)
        if (work->events[i].effect.does & EFFECT_LINK &&
            link_event(work, &work->events[i], err) < 0) {
            pp_pg_rollback(work->sync->pg);
            return -1;
        }
    return pp_pg_commit(work->sync->pg, err);
}

/* --- asking --------------------------------------------------------------- */

/*
 * What can't be known is the answer's failure, not the lot's: what does not
 * depend on it is done all the same.
 */
static int not_known(char why[static 240], bool *is_stripe, struct pp_err *err)
{
    if (err->kind != PP_ERR_INVALID) {
        *is_stripe = true;
        return -1;
    }
    snprintf(why, 240, "%s", err->msg);
    *err = (struct pp_err){0};
    return 0;
}

static int ask_subscriptions(struct work *work, bool *is_stripe,
                             struct pp_err *err)
{
    pp_crash_point("B5");
    if (sync_ask(work->sync, &work->answer, err) < 0)
        return not_known(work->why, is_stripe, err);
    pp_crash_point("B6");
    work->has_answer = true;
    return 0;
}

static int ask(struct work *work, bool *is_stripe, struct pp_err *err)
{
    int is_ours;

    if (!work->lot->customer[0])
        return 0;
    is_ours = sync_begin(work->sync, work->lot->customer, &work->answer, err);
    if (is_ours < 0)
        return -1;
    snprintf(work->account, sizeof(work->account), "%s", work->answer.account);
    if (is_ours && work->does & EFFECT_SYNC &&
        ask_subscriptions(work, is_stripe, err) < 0)
        return -1;
    if (is_ours && work->does & EFFECT_INVOICES && !work->answer.is_deleted &&
        invoices_ask(work->sync, &work->answer, work->options, &work->invoices,
                     err) < 0)
        return not_known(work->invoices_why, is_stripe, err);
    return 0;
}

/* --- what people are told ------------------------------------------------- */

static void add_fact(struct pp_buf *facts, const char *name, const char *value)
{
    pp_buf_printf(facts, "%s\"%s\":", facts->n > 1 ? "," : "{", name);
    pp_json_add_str(facts, pp_str_of(value));
}

/* One message for what happened, not for each event that tells of it. */
static void mail_key(const struct event *event, char *key, size_t bytes)
{
    const struct pick object = event->notice.object;

    snprintf(key, bytes, "stripe/%s/%s/%" PRId64, event->effect.mail,
             event->notice.object_id,
             pick_number(pick_at(object, "attempt_count")) +
                 pick_number(pick_at(object, "trial_end")));
}

static int mail(struct work *work, const struct event *event,
                struct pp_err *err)
{
    const struct pick object = event->notice.object;
    struct pp_str url = pick_text(pick_at(object, "hosted_invoice_url"));
    int64_t end_ms = pick_instant_ms(pick_at(object, "trial_end"));
    char key[400], text[600];
    const char *values[4] = {key, event->effect.mail, work->account, NULL};
    struct pp_buf facts;
    int result;

    if (!work->account[0])
        return 0;
    mail_key(event, key, sizeof(key));
    pp_buf_init(&facts, FACTS_BYTES);
    add_fact(&facts, "event", event->id);
    if (url.n < sizeof(text) && stripe_url_is_theirs(work->options, url)) {
        snprintf(text, sizeof(text), "%.*s", PP_ARG(url));
        add_fact(&facts, "url", text);
    }
    if (end_ms) {
        pp_wall_text((struct pp_wall){end_ms}, text);
        add_fact(&facts, "trial_ends_at", text);
    }
    pp_buf_add_text(&facts, "}");
    pp_buf_add_byte(&facts, '\0');
    values[3] = facts.p;
    result = pp_pg_exec(work->sync->pg,
                        "INSERT INTO notification (business_key, kind, "
                        "account_id, facts) VALUES ($1, $2, $3, $4) ON "
                        "CONFLICT (business_key) DO NOTHING",
                        4, values, err);
    pp_buf_fini(&facts);
    return result;
}

static int tell_staff(struct work *work, const struct event *event,
                      struct pp_err *err)
{
    char key[300], detail[900];

    snprintf(key, sizeof(key), "stripe/event/%s", event->id);
    snprintf(detail, sizeof(detail), "Event %s, %s %s.", event->id,
             event->notice.object_type, event->notice.object_id);
    return inbox_tell_staff(work->sync->pg, key,
                            work->account[0] ? work->account : NULL,
                            event->effect.staff, detail, err);
}

static int tell_of_type(struct work *work, const struct event *event,
                        struct pp_err *err)
{
    char key[300];

    snprintf(key, sizeof(key), "stripe/type/%s", event->notice.type);
    return inbox_tell_staff(work->sync->pg, key, NULL,
                            "Stripe sends events of a type that is not known",
                            event->notice.type, err);
}

/* --- the catalogue -------------------------------------------------------- */

static const char *price_wrong(struct sync *sync, const struct pp_plan *plan,
                               const char *price_id, struct pick price)
{
    if (!pick_is_true(pick_at(price, "active")))
        return "is not active at Stripe";
    if (pick_is_true(pick_at(price, "livemode")) != sync->is_live)
        return "is of the other mode";
    if (!pick_is_there(pick_at(price, "recurring")))
        return "is no price of a subscription";
    for (int i = 0; i < PP_PLAN_INTERVALS; i++) {
        const struct pp_plan_offer *offer = &plan->offers[i];

        if (!offer->price_id || strcmp(offer->price_id, price_id) != 0)
            continue;
        if (pick_number(pick_at(price, "unit_amount")) != offer->amount ||
            !pp_str_eq(pick_text(pick_at(price, "currency")),
                       pp_str_of(offer->currency)))
            return "costs something else at Stripe than we say";
        if (!pp_str_eq(
                pick_text(pick_at(price, "recurring.interval")),
                pp_str_of(pp_plan_interval_name((enum pp_plan_interval)i))))
            return "is paid at another interval than we say";
    }
    return NULL;
}

int apply_check_catalogue(struct sync *sync,
                          int (*wrong)(void *context, const char *price,
                                       const char *what, struct pp_err *err),
                          void *context, struct pp_err *err)
{
    for (size_t p = 0; p < pp_plans_count(sync->plans); p++) {
        const struct pp_plan *plan = pp_plans_at(sync->plans, p);

        for (size_t i = 0; i < plan->price_id_count; i++) {
            struct stripe_answer answer;
            char path[400];
            const char *what;

            snprintf(path, sizeof(path), "/v1/prices/%.300s",
                     plan->price_ids[i]);
            if (stripe_get(sync->stripe, path, &answer, err) == 0)
                what = price_wrong(sync, plan, plan->price_ids[i], answer.body);
            else if (answer.fault == STRIPE_MISSING)
                what = "is not there at Stripe";
            else
                return -1;
            if (what && wrong(context, plan->price_ids[i], what, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int tell_of_price(void *context, const char *price, const char *what,
                         struct pp_err *err)
{
    struct work *work = context;
    char key[500], detail[400];

    snprintf(key, sizeof(key), "stripe/catalogue/%s/%s", price, what);
    snprintf(detail, sizeof(detail), "%s %s.", price, what);
    return inbox_tell_staff(work->sync->pg, key, NULL,
                            "The plan catalogue and Stripe differ", detail,
                            err);
}

/* --- writing -------------------------------------------------------------- */

/* Its own part failed, where it depends on the answer; or it is done. */
static int end_event(struct work *work, struct event *event,
                     struct apply_outcome *outcome, struct pp_err *err)
{
    const unsigned asks = EFFECT_SYNC | EFFECT_INVOICES;
    const char *why = event->effect.does & EFFECT_SYNC ? work->why : "";
    bool is_dead = false;

    if (!*why && event->effect.does & EFFECT_INVOICES)
        why = work->invoices_why;
    if (*why && work->account[0]) {
        if (inbox_fail(work->sync->pg, event->id, why, &is_dead, err) < 0)
            return -1;
        outcome->failed += !is_dead;
        outcome->dead += is_dead;
        return 0;
    }
    if (!event->effect.type || event->is_foreign ||
        (event->effect.does & asks && !work->account[0])) {
        outcome->ignored++;
        return inbox_finish(work->sync->pg, event->id, "ignored",
                            event->effect.type ? NOT_OURS : "unknown type",
                            err);
    }
    outcome->done++;
    return inbox_finish(work->sync->pg, event->id, "done", "", err);
}

static int write_event(struct work *work, struct event *event,
                       struct apply_outcome *outcome, struct pp_err *err)
{
    if (!event->effect.type && tell_of_type(work, event, err) < 0)
        return -1;
    if (event->effect.mail && mail(work, event, err) < 0)
        return -1;
    if (event->effect.does & EFFECT_CLOSE &&
        checkout_is_over(work->sync->pg, event->notice.object_id, err) < 0)
        return -1;
    /* Of customers of others at the same Stripe account we say nothing. */
    if (event->effect.does & EFFECT_STAFF &&
        (work->account[0] || !work->lot->customer[0]) &&
        tell_staff(work, event, err) < 0)
        return -1;
    return end_event(work, event, outcome, err);
}

/* People have to find out why nobody knows this customer. */
static int tell_of_missing(struct work *work, struct pp_err *err)
{
    char key[300];

    snprintf(key, sizeof(key), "stripe/missing/%s", work->lot->customer);
    return inbox_tell_staff(work->sync->pg, key, work->account,
                            "Stripe does not say what a customer has",
                            work->why, err);
}

static int write_all(struct work *work, struct apply_outcome *outcome,
                     struct pp_err *err)
{
    if (work->has_answer) {
        if (sync_apply(work->sync, &work->answer, work->does & EFFECT_ACTION,
                       &outcome->sync, err) < 0)
            return -1;
        outcome->has_synced = true;
        if (outcome->sync == SYNC_DOUBTFUL)
            snprintf(work->why, sizeof(work->why), "not known: %.200s",
                     work->answer.snapshot.doubtful);
    } else if (work->why[0] && tell_of_missing(work, err) < 0) {
        return -1;
    }
    if (invoices_write(work->sync, &work->answer, &work->invoices, err) < 0)
        return -1;
    for (int i = 0; i < work->lot->count; i++)
        if (write_event(work, &work->events[i], outcome, err) < 0)
            return -1;
    return 0;
}

static int write_transaction(struct work *work, struct apply_outcome *outcome,
                             struct pp_err *err)
{
    if (pp_pg_begin(work->sync->pg, err) < 0)
        return -1;
    if (write_all(work, outcome, err) < 0) {
        pp_pg_rollback(work->sync->pg);
        return -1;
    }
    pp_crash_point("B7");
    if (pp_pg_commit(work->sync->pg, err) < 0)
        return -1;
    pp_crash_point("B8");
    return 0;
}

static int do_lot(struct work *work, struct apply_outcome *outcome,
                  bool *is_stripe, struct pp_err *err)
{
    struct event *first = &work->events[0];

    if (read_events(work, err) < 0)
        return -1;
    if (!work->lot->customer[0] && first->effect.type) {
        if (resolve(work, first, is_stripe, err) < 0)
            return -1;
        if (first->notice.customer[0])
            return 0; /* it comes again, under its customer's lock */
    }
    if (link_all(work, err) < 0 || ask(work, is_stripe, err) < 0)
        return -1;
    if (work->does & EFFECT_CATALOGUE) {
        *is_stripe = true;
        if (apply_check_catalogue(work->sync, tell_of_price, work, err) < 0)
            return -1;
        *is_stripe = false;
    }
    return write_transaction(work, outcome, err);
}

int apply_lot(struct sync *sync, const struct stripe_options *options,
              const struct inbox_lot *lot, struct apply_outcome *outcome_out,
              bool *is_stripe_out, struct pp_err *err)
{
    struct work work = {.sync = sync, .options = options, .lot = lot};
    int result;

    *outcome_out = (struct apply_outcome){0};
    *is_stripe_out = false;
    pp_arena_init(&work.arena,
                  (size_t)lot->count * NOTICE_ARENA_BYTES((size_t)2 << 20));
    work.events = pp_calloc((size_t)lot->count, sizeof(*work.events));
    result = do_lot(&work, outcome_out, is_stripe_out, err);
    free(work.events);
    pp_arena_fini(&work.arena);
    return result;
}
