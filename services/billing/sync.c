#include "sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_capacity_pg.h"
#include "pp_crash.h"
#include "pp_log.h"

#include "inbox.h"

#define PAGES_MAX  20
#define PATH_BYTES ((size_t)2048)

static const char *const outcome_names[SYNC_OUTCOMES] = {
    [SYNC_CHANGED] = "changed",
    [SYNC_SAME] = "same",
    [SYNC_SUPERSEDED] = "superseded",
    [SYNC_DOUBTFUL] = "doubtful",
};

const char *sync_outcome_name(enum sync_outcome outcome)
{
    return outcome_names[outcome];
}

static const char *truth(bool is)
{
    return is ? "true" : "false";
}

/* --- the number ----------------------------------------------------------- */

int sync_begin(struct sync *sync, const char *customer,
               struct sync_answer *answer_out, struct pp_err *err)
{
    const char *values[] = {customer, truth(sync->is_live)};
    struct pp_pg_rows rows;
    int result;

    *answer_out = (struct sync_answer){0};
    snprintf(answer_out->customer, sizeof(answer_out->customer), "%s",
             customer);
    result = pp_pg_query(sync->pg,
                         "UPDATE billing_profile SET ask_number = ask_number + "
                         "1 WHERE stripe_customer_id = $1 AND livemode = $2 "
                         "RETURNING account_id, ask_number",
                         2, values, &rows, err);
    if (result == 0 && rows.count == 1) {
        snprintf(answer_out->account, sizeof(answer_out->account), "%s",
                 pp_pg_text(&rows, 0, 0));
        answer_out->number = pp_pg_int64(&rows, 0, 1);
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- asking --------------------------------------------------------------- */

static int get(struct sync *sync, struct pp_buf *path,
               struct stripe_answer *answer, struct pp_err *err)
{
    pp_buf_add_byte(path, '\0');
    if (path->overflow)
        return pp_err_set(err, PP_ERR_INVALID, "an id is too long");
    return stripe_get(sync->stripe, path->p, answer, err);
}

/* Adds a page's subscriptions; last_id is where the next page begins, or "". */
static void add_page(struct sync *sync, struct sync_answer *answer,
                     struct pick page, char last_id[static NOTICE_ID_BYTES])
{
    struct pick_list list;
    struct pick one;

    pick_list(pick_at(page, "data"), &list);
    last_id[0] = '\0';
    while (pick_next(&list, &one)) {
        struct pp_str id = pick_id(one);

        snapshot_add(&answer->snapshot, one, sync->plans);
        if (notice_is_id(id))
            snprintf(last_id, NOTICE_ID_BYTES, "%.*s", PP_ARG(id));
    }
    if (!pick_is_true(pick_at(page, "has_more")))
        last_id[0] = '\0';
}

static int ask_subscriptions(struct sync *sync, struct sync_answer *answer,
                             struct stripe_answer *stripe, struct pp_err *err)
{
    char last_id[NOTICE_ID_BYTES] = "";
    struct pp_buf path;
    int result = 0, pages = 0;

    pp_buf_init(&path, PATH_BYTES);
    do {
        pp_buf_reset(&path);
        pp_buf_add_text(&path,
                        "/v1/subscriptions?status=all&limit=100&customer=");
        stripe_path_add(&path, pp_str_of(answer->customer));
        if (last_id[0])
            pp_buf_add_text(&path, "&starting_after=");
        stripe_path_add(&path, pp_str_of(last_id));
        result = get(sync, &path, stripe, err);
        if (result == 0)
            add_page(sync, answer, stripe->body, last_id);
        if (++pages == PAGES_MAX && last_id[0])
            result = pp_err_set(err, PP_ERR_INVALID,
                                "the customer has too many subscriptions");
    } while (result == 0 && last_id[0]);
    pp_buf_fini(&path);
    return result;
}

/* A customer that was deleted is still there, and says so. */
static int ask_customer(struct sync *sync, struct sync_answer *answer,
                        struct pp_err *err)
{
    struct stripe_answer stripe;
    struct pp_buf path;
    int result;

    pp_buf_init(&path, PATH_BYTES);
    pp_buf_add_text(&path, "/v1/customers/");
    stripe_path_add(&path, pp_str_of(answer->customer));
    result = get(sync, &path, &stripe, err);
    if (result == 0)
        answer->is_deleted = pick_is_true(pick_at(stripe.body, "deleted"));
    pp_buf_fini(&path);
    return result;
}

static int ask_schedule(struct sync *sync, struct sync_answer *answer,
                        const struct snapshot_subscription *shown,
                        struct pp_err *err)
{
    struct stripe_answer stripe;
    struct pp_buf path;
    int result;

    pp_buf_init(&path, PATH_BYTES);
    pp_buf_add_text(&path, "/v1/subscription_schedules/");
    stripe_path_add(&path, pp_str_of(shown->schedule));
    result = get(sync, &path, &stripe, err);
    if (result == 0)
        answer->pending = snapshot_pending(stripe.body, shown, sync->plans);
    pp_buf_fini(&path);
    return result;
}

int sync_ask(struct sync *sync, struct sync_answer *answer, struct pp_err *err)
{
    const struct snapshot_subscription *shown;
    struct stripe_answer stripe;

    if (ask_subscriptions(sync, answer, &stripe, err) < 0 &&
        stripe.fault != STRIPE_MISSING)
        return -1;
    if (stripe.fault == STRIPE_MISSING || answer->snapshot.live_count == 0) {
        bool is_missing = stripe.fault == STRIPE_MISSING;

        if (ask_customer(sync, answer, err) < 0)
            return -1;
        if (is_missing && !answer->is_deleted)
            return pp_err_set(err, PP_ERR_INVALID,
                              "stripe: the customer is there and his "
                              "subscriptions are not");
    }
    shown = snapshot_result(&answer->snapshot).shown;
    if (shown && shown->is_live && shown->schedule[0])
        return ask_schedule(sync, answer, shown, err);
    return 0;
}

/* --- applying ------------------------------------------------------------- */

/* Locks the profile. 1: the answer counts; 0: it came too late. */
static int lock(struct sync *sync, const struct sync_answer *answer,
                struct pp_err *err)
{
    char number[24];
    const char *values[] = {answer->account, answer->customer, number};
    struct pp_pg_rows rows;
    int result;

    snprintf(number, sizeof(number), "%" PRId64, answer->number);
    result = pp_pg_query(sync->pg,
                         "SELECT stripe_customer_id = $2 AND applied_number < "
                         "$3 FROM billing_profile WHERE account_id = $1 FOR "
                         "UPDATE",
                         3, values, &rows, err);
    if (result == 0 && rows.count == 1 && !pp_pg_is_null(&rows, 0, 0))
        result = pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

/* What one can see of a profile; version rises when any of it changes. */
#define SEEN(p)                                                                \
    "(" p ".plan_code, " p ".plan_source, " p ".pending_plan_code, " p         \
    ".stripe_customer_id, " p ".stripe_subscription_id, " p                    \
    ".subscription_status, " p ".stripe_price_id, " p                          \
    ".current_period_start, " p ".current_period_end, " p                      \
    ".cancel_at_period_end, " p ".cancel_at, " p ".trial_start, " p            \
    ".trial_end, " p ".past_due_since, " p ".action_required_at, " p           \
    ".anchor_at)"

/*
 * $3: the plan, or null; a plan that staff gave is not touched. $16 says that
 * the payer has to do something, $17 that he may have to.
 */
static const char write_sql[] =
    "UPDATE billing_profile AS p SET plan_code = n.plan_code, plan_source = "
    "n.plan_source, pending_plan_code = n.pending_plan_code, "
    "stripe_customer_id = n.stripe_customer_id, stripe_subscription_id = "
    "n.stripe_subscription_id, subscription_status = n.subscription_status, "
    "stripe_price_id = n.stripe_price_id, current_period_start = "
    "n.current_period_start, current_period_end = n.current_period_end, "
    "cancel_at_period_end = n.cancel_at_period_end, cancel_at = n.cancel_at, "
    "trial_start = n.trial_start, trial_end = n.trial_end, past_due_since = "
    "n.past_due_since, action_required_at = n.action_required_at, anchor_at = "
    "n.anchor_at, fetched_at = pp_now(), applied_number = $2, version = "
    "p.version + CASE WHEN " SEEN("p") " IS DISTINCT FROM " SEEN(
        "n") " THEN 1 "
             "ELSE 0 END, changed_at = CASE WHEN " SEEN(
                 "p") " IS DISTINCT FROM " SEEN("n") " THEN pp_now() ELSE "
                                                     "p.changed_at END "
                                                     "FROM (SELECT account_id, "
                                                     "version, "
                                                     "CASE WHEN plan_source = "
                                                     "'staff' THEN plan_code "
                                                     "ELSE coalesce($3, "
                                                     "plan_code) END AS "
                                                     "plan_code, "
                                                     "CASE WHEN plan_source = "
                                                     "'staff' OR $3::text IS "
                                                     "NULL THEN plan_source "
                                                     "WHEN "
                                                     "$6::text IS NULL THEN "
                                                     "'default' ELSE 'stripe' "
                                                     "END AS plan_source, "
                                                     "$4::text AS "
                                                     "pending_plan_code, "
                                                     "$5::text AS "
                                                     "stripe_customer_id, "
                                                     "$6::text AS "
                                                     "stripe_subscription_id, "
                                                     "$7::text AS "
                                                     "subscription_status, "
                                                     "$8::text AS "
                                                     "stripe_price_id, "
                                                     "pp_at($9) AS "
                                                     "current_period_start, "
                                                     "pp_at($10) AS "
                                                     "current_period_end, "
                                                     "$11::boolean AS "
                                                     "cancel_at_period_end, "
                                                     "pp_at($12) AS cancel_at, "
                                                     "pp_at($13) AS "
                                                     "trial_start, pp_at($14) "
                                                     "AS trial_end, "
                                                     "CASE WHEN $7 = "
                                                     "'past_due' THEN "
                                                     "coalesce(past_due_since, "
                                                     "pp_now()) END AS "
                                                     "past_due_since, "
                                                     "CASE WHEN $17::boolean "
                                                     "AND ($16::boolean OR "
                                                     "action_required_at IS "
                                                     "NOT "
                                                     "NULL) THEN "
                                                     "coalesce(action_required_"
                                                     "at, pp_now()) END AS "
                                                     "action_required_at, "
                                                     "coalesce(pp_at($15), "
                                                     "anchor_at) AS anchor_at "
                                                     "FROM billing_profile "
                                                     "WHERE account_id = $1) "
                                                     "AS n "
                                                     "WHERE p.account_id = "
                                                     "n.account_id "
                                                     "RETURNING p.version > "
                                                     "n.version, "
                                                     "p.plan_source, "
                                                     "p.plan_code";

struct numbers {
    char texts[8][24];
    int count;
};

static const char *number(struct numbers *numbers, int64_t value)
{
    char *text = numbers->texts[numbers->count++];

    snprintf(text, sizeof(numbers->texts[0]), "%" PRId64, value);
    return text;
}

/* A plan that staff gave stays; they see that Stripe says another. */
static int tell_of_staff_plan(struct sync *sync,
                              const struct sync_answer *answer,
                              const char *in_force, const char *plan,
                              const char *subscription, struct pp_err *err)
{
    char key[600], detail[200];

    snprintf(key, sizeof(key), "stripe/staff_plan/%s/%s/%s", answer->account,
             subscription, plan);
    snprintf(detail, sizeof(detail),
             "In force is %s, which staff gave; by "
             "Stripe it would be %s.",
             in_force, plan);
    return inbox_tell_staff(sync->pg, key, answer->account,
                            "An account that has its plan from staff pays for "
                            "another",
                            detail, err);
}

static int write_profile(struct sync *sync, const struct sync_answer *answer,
                         bool wants_payer, bool *is_changed, struct pp_err *err)
{
    static const struct snapshot_subscription nothing;
    struct snapshot_result result = snapshot_result(&answer->snapshot);
    const struct snapshot_subscription *is =
        result.shown && !answer->is_deleted ? result.shown : &nothing;
    const char *plan = answer->is_deleted ? PP_PLAN_DEFAULT : result.plan_code;
    bool has = is != &nothing;
    struct numbers n = {.count = 0};
    const char *values[] = {
        answer->account,
        number(&n, answer->number),
        plan,
        has ? answer->pending : NULL,
        answer->is_deleted ? NULL : answer->customer,
        has ? is->id : NULL,
        has ? is->status : NULL,
        has ? is->price : NULL,
        number(&n, is->period_start_ms),
        number(&n, is->period_end_ms),
        truth(is->cancel_at_period_end),
        number(&n, is->cancel_at_ms),
        number(&n, is->trial_start_ms),
        number(&n, is->trial_end_ms),
        number(&n, is->is_live ? is->anchor_ms : 0),
        truth(wants_payer),
        truth(is->awaits_payer),
    };
    struct pp_pg_rows rows;
    int done = pp_pg_query(sync->pg, write_sql, 17, values, &rows, err);

    *is_changed = done == 0 && rows.count == 1 && pp_pg_bool(&rows, 0, 0);
    if (done == 0 && rows.count == 1 && has && is->is_live && plan &&
        strcmp(pp_pg_text(&rows, 0, 1), "staff") == 0 &&
        strcmp(pp_pg_text(&rows, 0, 2), plan) != 0)
        done = tell_of_staff_plan(sync, answer, pp_pg_text(&rows, 0, 2), plan,
                                  is->id, err);
    pp_pg_rows_fini(&rows);
    return done;
}

/* Once for each: people have to look, and nothing else happens by itself. */
static int tell_of_doubt(struct sync *sync, const struct sync_answer *answer,
                         struct pp_err *err)
{
    bool is_price = answer->snapshot.doubt == SNAPSHOT_UNKNOWN_PRICE;
    char key[600], detail[400];

    snprintf(key, sizeof(key), "stripe/%s/%s/%s", is_price ? "price" : "status",
             answer->snapshot.doubtful, answer->account);
    snprintf(detail, sizeof(detail), "%s: %s. The plan stays as it is.",
             is_price ? "Price" : "Status", answer->snapshot.doubtful);
    return inbox_tell_staff(
        sync->pg, key, answer->account,
        is_price ? "A subscription has a price that no plan has"
                 : "A subscription has a status that is not known",
        detail, err);
}

static int tell_of_two(struct sync *sync, const struct sync_answer *answer,
                       struct pp_err *err)
{
    char key[600], detail[200];

    snprintf(key, sizeof(key), "stripe/two/%s/%d/%s", answer->account,
             answer->snapshot.live_count, answer->snapshot.best.id);
    snprintf(detail, sizeof(detail),
             "There are %d; the better plan is in force.",
             answer->snapshot.live_count);
    return inbox_tell_staff(sync->pg, key, answer->account,
                            "A customer has more than one subscription", detail,
                            err);
}

/* Whichever event led to it: the account is no customer's from here on. */
static int tell_of_deleted(struct sync *sync, const struct sync_answer *answer,
                           struct pp_err *err)
{
    char key[300];

    snprintf(key, sizeof(key), "stripe/deleted/%s", answer->customer);
    return inbox_tell_staff(sync->pg, key, answer->account,
                            "A customer was deleted at Stripe",
                            answer->customer, err);
}

int sync_apply(struct sync *sync, const struct sync_answer *answer,
               bool wants_payer, enum sync_outcome *outcome_out,
               struct pp_err *err)
{
    bool is_changed;
    int counts = lock(sync, answer, err);

    *outcome_out = SYNC_SUPERSEDED;
    if (counts <= 0)
        return counts;
    if (answer->is_deleted && tell_of_deleted(sync, answer, err) < 0)
        return -1;
    if (answer->snapshot.live_count > 1 && tell_of_two(sync, answer, err) < 0)
        return -1;
    if (answer->snapshot.doubt != SNAPSHOT_SURE && !answer->is_deleted) {
        *outcome_out = SYNC_DOUBTFUL;
        return tell_of_doubt(sync, answer, err);
    }
    if (write_profile(sync, answer, wants_payer, &is_changed, err) < 0)
        return -1;
    *outcome_out = is_changed ? SYNC_CHANGED : SYNC_SAME;
    return is_changed ? pp_capacity_run(sync->pg, answer->account, err) : 0;
}

/* --- by hand, and at night ------------------------------------------------ */

static int plan_of(struct sync *sync, const char *account, char *plan_out,
                   struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(sync->pg,
                             "SELECT plan_code FROM billing_profile WHERE "
                             "account_id = $1",
                             1, &account, &rows, err);

    if (result == 0 && rows.count == 1 && plan_out)
        snprintf(plan_out, 64, "%s", pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

static int apply_alone(struct sync *sync, const struct sync_answer *answer,
                       bool is_dry, enum sync_outcome *outcome,
                       char *plan_before_out, char *plan_after_out,
                       struct pp_err *err)
{
    if (pp_pg_begin(sync->pg, err) < 0)
        return -1;
    if (plan_of(sync, answer->account, plan_before_out, err) < 0 ||
        sync_apply(sync, answer, false, outcome, err) < 0 ||
        plan_of(sync, answer->account, plan_after_out, err) < 0) {
        pp_pg_rollback(sync->pg);
        return -1;
    }
    if (!is_dry)
        return pp_pg_commit(sync->pg, err);
    pp_pg_rollback(sync->pg);
    return 0;
}

int sync_customer(struct sync *sync, const char *customer, bool is_dry,
                  enum sync_outcome *outcome_out, char *account_out,
                  char *plan_before_out, char *plan_after_out,
                  struct pp_err *err)
{
    struct sync_answer answer;
    int result = inbox_lock(sync->pg, customer, err);

    if (result < 0)
        return -1;
    result = sync_begin(sync, customer, &answer, err);
    if (result == 0)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "no account has the customer %.100s", customer);
    else if (result > 0 && (result = sync_ask(sync, &answer, err)) == 0)
        result = apply_alone(sync, &answer, is_dry, outcome_out,
                             plan_before_out, plan_after_out, err);
    if (account_out)
        snprintf(account_out, 64, "%s", answer.account);
    inbox_unlock(sync->pg, customer);
    return result;
}

int sync_link(struct sync *sync, const char *account, const char *customer,
              struct pp_err *err)
{
    const char *values[] = {account, customer, truth(sync->is_live)};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        sync->pg,
        "UPDATE billing_profile SET version = version + CASE WHEN "
        "stripe_customer_id IS NULL THEN 1 ELSE 0 END, stripe_customer_id = "
        "$2, livemode = $3 WHERE account_id = $1 AND (stripe_customer_id IS "
        "NULL OR (stripe_customer_id = $2 AND livemode = $3)) AND NOT EXISTS "
        "(SELECT FROM billing_profile WHERE stripe_customer_id = $2 AND "
        "livemode = $3 AND account_id <> $1)",
        3, values, &rows, err);
    if (result == 0)
        result = rows.changed == 1;
    pp_pg_rows_fini(&rows);
    return result;
}
