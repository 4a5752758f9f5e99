#ifndef SYNC_H
#define SYNC_H

#include "pp_pg.h"

#include "snapshot.h"
#include "stripe.h"

/*
 * Asks Stripe what a customer has, and makes his account's profile say so: the
 * one way in which a plan changes by Stripe.
 *
 * sync_begin() takes a number, sync_ask() asks, sync_apply() writes. An answer
 * with a number lower than one that was applied is dropped: whatever is slow,
 * is killed or runs twice, what stands at last was asked for after the last
 * event. One thread; everything is borrowed.
 */
struct sync {
    struct pp_pg *pg;
    struct stripe *stripe;
    const struct pp_plans *plans;
    bool is_live; /* the mode */
};

struct sync_answer {
    char customer[NOTICE_ID_BYTES];
    char account[64];
    int64_t number;
    bool is_deleted; /* the customer is no more, at Stripe */
    struct snapshot snapshot;
    const char *pending; /* a plan's code, or NULL */
};

/*
 * 1: *answer_out has account and number; 0: no account has this customer.
 * Outside of a transaction.
 */
int sync_begin(struct sync *sync, const char *customer,
               struct sync_answer *answer_out, struct pp_err *err);

/*
 * PP_ERR_AGAIN, PP_ERR_DENIED: Stripe is away, or does not take our key.
 * PP_ERR_INVALID: it knows no such customer; nothing may follow from that.
 */
int sync_ask(struct sync *sync, struct sync_answer *answer, struct pp_err *err);

enum sync_outcome {
    SYNC_CHANGED,    /* the profile has a new version */
    SYNC_SAME,       /* nothing that one can see */
    SYNC_SUPERSEDED, /* a later answer was there before */
    SYNC_DOUBTFUL,   /* a price or status that nobody knows: nothing changed */
    SYNC_OUTCOMES,
};

/*
 * Applies the answer in the caller's transaction: profile, capacity, what staff
 * are told. wants_payer: an event said that the payer has to do something.
 */
int sync_apply(struct sync *sync, const struct sync_answer *answer,
               bool wants_payer, enum sync_outcome *outcome_out,
               struct pp_err *err);

/*
 * All of it for one customer, under his lock; is_dry: what it would change is
 * found out, and rolled back. *old and *new_plan_out may be NULL; the codes
 * before and after, each 64 bytes.
 */
int sync_customer(struct sync *sync, const char *customer, bool is_dry,
                  enum sync_outcome *outcome_out, char *account_out,
                  char *plan_before_out, char *plan_after_out,
                  struct pp_err *err);

/*
 * Ties a customer to an account, in the caller's transaction. 1: it is; 0: the
 * account has another one, or there is no such account, or another has him.
 */
int sync_link(struct sync *sync, const char *account, const char *customer,
              struct pp_err *err);

const char *sync_outcome_name(enum sync_outcome outcome);

#endif
