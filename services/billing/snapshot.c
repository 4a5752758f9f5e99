#include "snapshot.h"

#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

enum kind { LIVE, ENDED, BEGINNING, UNKNOWN };

static const struct {
    const char *status;
    enum kind kind;
} statuses[] = {
    {"trialing", LIVE},        {"active", LIVE},
    {"past_due", LIVE}, /* Stripe's dunning decides what becomes of it */
    {"incomplete", BEGINNING}, {"incomplete_expired", ENDED},
    {"unpaid", ENDED},         {"canceled", ENDED},
    {"paused", ENDED}, /* a trial is over, and there is no way to pay */
};

static enum kind kind_of(struct pp_str status)
{
    for (size_t i = 0; i < PP_COUNT(statuses); i++)
        if (pp_str_eq(status, pp_str_of(statuses[i].status)))
            return statuses[i].kind;
    return UNKNOWN;
}

static void copy(char *to, size_t bytes, struct pp_str text)
{
    snprintf(to, bytes, "%.*s", (int)(text.n < bytes ? text.n : bytes - 1),
             text.p ? text.p : "");
}

/* --- reading -------------------------------------------------------------- */

static void read_period(struct snapshot_subscription *out, struct pick from)
{
    int64_t start_ms = pick_instant_ms(pick_at(from, "current_period_start"));
    int64_t end_ms = pick_instant_ms(pick_at(from, "current_period_end"));

    if (start_ms == 0 || end_ms <= start_ms)
        return;
    out->period_start_ms = start_ms;
    out->period_end_ms = end_ms;
}

/* More is better; unlimited is the most. */
static bool is_more(const struct pp_plan *a, const struct pp_plan *b)
{
    if (!a || !b)
        return a != NULL;
    if ((a->monthly_limit == PP_PLAN_UNLIMITED) !=
        (b->monthly_limit == PP_PLAN_UNLIMITED))
        return a->monthly_limit == PP_PLAN_UNLIMITED;
    return a->monthly_limit > b->monthly_limit;
}

static struct pp_str price_of(struct pick item)
{
    struct pp_str price = pick_id(pick_at(item, "price"));

    return price.n ? price : pick_id(pick_at(item, "plan")); /* before 2020 */
}

/* A subscription may have extras beside its plan: the plan's item is the one
 * whose price we know. */
static void read_item(struct snapshot_subscription *out, struct pick item,
                      const struct pp_plans *plans)
{
    struct pp_str price = price_of(item);
    const struct pp_plan *plan = pp_plans_of_price(plans, price);

    if (out->price[0] && !is_more(plan, out->plan))
        return;
    copy(out->price, sizeof(out->price), price);
    out->plan = plan;
    read_period(out, item);
}

static void read_subscription(struct snapshot_subscription *out,
                              struct pick from, const struct pp_plans *plans)
{
    struct pick_list items;
    struct pick item;

    *out = (struct snapshot_subscription){0};
    copy(out->id, sizeof(out->id), pick_id(from));
    copy(out->status, sizeof(out->status), pick_text(pick_at(from, "status")));
    copy(out->schedule, sizeof(out->schedule),
         pick_id(pick_at(from, "schedule")));
    out->created_ms = pick_instant_ms(pick_at(from, "created"));
    out->anchor_ms = pick_instant_ms(pick_at(from, "billing_cycle_anchor"));
    out->trial_start_ms = pick_instant_ms(pick_at(from, "trial_start"));
    out->trial_end_ms = pick_instant_ms(pick_at(from, "trial_end"));
    out->cancel_at_ms = pick_instant_ms(pick_at(from, "cancel_at"));
    out->cancel_at_period_end =
        pick_is_true(pick_at(from, "cancel_at_period_end"));
    out->awaits_payer = pick_is_there(pick_at(from, "pending_update")) ||
                        strcmp(out->status, "incomplete") == 0 ||
                        strcmp(out->status, "past_due") == 0;
    out->is_live = kind_of(pp_str_of(out->status)) == LIVE;
    read_period(out, from);
    pick_list(pick_at(from, "items.data"), &items);
    while (pick_next(&items, &item))
        read_item(out, item, plans);
    if (!out->price[0])
        read_item(out, from, plans); /* `plan`, as it was before items */
}

/* --- choosing ------------------------------------------------------------- */

/* An order that is the same whichever comes first. */
static bool is_newer(const struct snapshot_subscription *a,
                     const struct snapshot_subscription *b)
{
    if (a->created_ms != b->created_ms)
        return a->created_ms > b->created_ms;
    return strcmp(a->id, b->id) > 0;
}

static bool is_better(const struct snapshot_subscription *a,
                      const struct snapshot_subscription *b)
{
    if (is_more(a->plan, b->plan) != is_more(b->plan, a->plan))
        return is_more(a->plan, b->plan);
    return is_newer(a, b);
}

/* The least of the doubts' texts, so that the order says nothing. */
static void doubt(struct snapshot *snapshot, enum snapshot_doubt doubt,
                  const char *what)
{
    if (snapshot->doubt > doubt ||
        (snapshot->doubt == doubt && strcmp(snapshot->doubtful, what) <= 0))
        return;
    snapshot->doubt = doubt;
    copy(snapshot->doubtful, sizeof(snapshot->doubtful), pp_str_of(what));
}

void snapshot_add(struct snapshot *snapshot, struct pick subscription,
                  const struct pp_plans *plans)
{
    struct snapshot_subscription one;
    enum kind kind;

    read_subscription(&one, subscription, plans);
    kind = kind_of(pp_str_of(one.status));
    snapshot->count++;
    if (kind == UNKNOWN)
        doubt(snapshot, SNAPSHOT_UNKNOWN_STATUS, one.status);
    if (kind == LIVE && !one.plan)
        doubt(snapshot, SNAPSHOT_UNKNOWN_PRICE, one.price);
    if (kind == ENDED)
        snapshot->ended_count++;
    if (kind == LIVE) {
        if (snapshot->live_count++ == 0 || is_better(&one, &snapshot->best))
            snapshot->best = one;
    } else if (!snapshot->newest.id[0] || is_newer(&one, &snapshot->newest)) {
        snapshot->newest = one;
    }
}

struct snapshot_result snapshot_result(const struct snapshot *snapshot)
{
    struct snapshot_result result = {NULL, NULL};

    if (snapshot->live_count > 0)
        result.shown = &snapshot->best;
    else if (snapshot->count > 0)
        result.shown = &snapshot->newest;
    if (snapshot->doubt != SNAPSHOT_SURE)
        return result;
    if (snapshot->live_count > 0)
        result.plan_code = snapshot->best.plan->code;
    else if (snapshot->ended_count > 0 || snapshot->count == 0)
        result.plan_code = PP_PLAN_DEFAULT;
    /* Else the first payment of the only one is not through: as it was. */
    return result;
}

/* --- what is to come ------------------------------------------------------ */

const char *snapshot_pending(struct pick schedule,
                             const struct snapshot_subscription *shown,
                             const struct pp_plans *plans)
{
    int64_t from_ms =
        pick_instant_ms(pick_at(schedule, "current_phase.end_date"));
    int64_t next_ms = INT64_MAX;
    const struct pp_plan *next = NULL;
    struct pick_list phases, items;
    struct pick phase, item;

    pick_list(pick_at(schedule, "phases"), &phases);
    while (from_ms && pick_next(&phases, &phase)) {
        int64_t start_ms = pick_instant_ms(pick_at(phase, "start_date"));

        if (start_ms < from_ms || start_ms >= next_ms)
            continue;
        next_ms = start_ms;
        next = NULL;
        pick_list(pick_at(phase, "items"), &items);
        while (pick_next(&items, &item)) {
            const struct pp_plan *plan =
                pp_plans_of_price(plans, price_of(item));

            if (is_more(plan, next))
                next = plan;
        }
    }
    return next && next != shown->plan ? next->code : NULL;
}
