#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "pp_plans.h"

#include "notice.h"
#include "pick.h"

/*
 * A customer's subscriptions, as Stripe has them, and the plan that follows.
 * Both shapes are read: the period stands on the item (API 2025-03-31.basil
 * and later) or on the subscription. The order in which they are added does
 * not matter. What is not known decides nothing: then `plan_code` is NULL, and
 * what is in force stays. Pure; docs/billing.md has the rules in words.
 *
 * Instants are milliseconds since 1970, 0 for none.
 */
enum snapshot_doubt {
    SNAPSHOT_SURE,
    SNAPSHOT_UNKNOWN_PRICE,  /* of a subscription that is live */
    SNAPSHOT_UNKNOWN_STATUS, /* that Stripe has not had before */
};

struct snapshot_subscription {
    char id[NOTICE_ID_BYTES];
    char status[32];
    char price[NOTICE_ID_BYTES];
    char schedule[NOTICE_ID_BYTES]; /* a plan that is to come, or empty */
    const struct pp_plan *plan;     /* of its price; NULL: nobody knows it */
    int64_t created_ms;
    int64_t anchor_ms; /* where its months begin */
    int64_t period_start_ms, period_end_ms;
    int64_t trial_start_ms, trial_end_ms;
    int64_t cancel_at_ms;
    bool cancel_at_period_end;
    bool is_live;      /* active, trialing or past_due */
    bool awaits_payer; /* a payment waits for something that he has to do */
};

struct snapshot {
    int count, live_count, ended_count;
    struct snapshot_subscription best;   /* of those that are live */
    struct snapshot_subscription newest; /* of the others */
    enum snapshot_doubt doubt;
    char doubtful[NOTICE_ID_BYTES]; /* the price or status, for people */
};

/* Begins with {0}. Adds one as the API gives it. */
void snapshot_add(struct snapshot *snapshot, struct pick subscription,
                  const struct pp_plans *plans);

/* What follows. */
struct snapshot_result {
    const char *plan_code;                     /* NULL: as it is */
    const struct snapshot_subscription *shown; /* NULL: there is none */
};
struct snapshot_result snapshot_result(const struct snapshot *snapshot);

/*
 * The plan that a subscription's schedule puts in force next, or NULL where
 * there is none, or it is the same.
 */
const char *snapshot_pending(struct pick schedule,
                             const struct snapshot_subscription *shown,
                             const struct pp_plans *plans);

#endif
