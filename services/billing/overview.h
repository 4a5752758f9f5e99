#ifndef OVERVIEW_H
#define OVERVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_capacity.h"
#include "pp_pg.h"
#include "pp_plans.h"

/*
 * What a customer sees of an account's billing: plan, subscription, and usage
 * against capacity, by the same definition as everywhere: usage_of() and what
 * pp_capacity decided. Instants are milliseconds since 1970 UTC; 0 is none.
 */
#define OVERVIEW_REASONS  24
#define OVERVIEW_INVOICES 12

struct overview {
    char account_id[33];
    char name[801]; /* 200 characters of UTF-8, whatever they are */

    char plan_code[65];
    const struct pp_plan *plan; /* the catalogue's; NULL: not in it */
    char pending_plan[65];      /* from the next window on; or empty */
    bool has_customer;
    char status[33]; /* of the subscription, in Stripe's word; or empty */
    int64_t period_start_ms, period_end_ms;
    bool cancels_at_period_end;
    int64_t cancel_at_ms;
    int64_t past_due_since_ms;
    bool awaits_payer; /* a payment waits for something that he has to do */

    int64_t now_ms;
    int64_t window_start_ms, window_end_ms;
    int64_t used;
    int64_t limit; /* or PP_CAPACITY_UNLIMITED */
    enum pp_capacity_state state;
    bool blocked;
    int64_t grace_ends_at_ms;   /* 0: its clock does not run yet */
    int64_t rejecting_since_ms; /* while rejecting */
    int64_t reject_until_ms;

    size_t refused_count; /* most first; the least are left out beyond */
    struct overview_refused {
        char reason[64];
        int64_t n;
    } refused[OVERVIEW_REASONS];

    size_t invoice_count; /* the newest first; no drafts */
    struct overview_invoice {
        char id[256], number[64], status[32], currency[8];
        char url[600];                   /* Stripe's page of it, or empty */
        int64_t amount_due, amount_paid; /* in the smallest unit */
        int64_t created_ms, period_start_ms, period_end_ms;
    } invoices[OVERVIEW_INVOICES];
};

/* PP_ERR_INVALID: there is no such account. */
int overview_read(struct pp_pg *pg, const struct pp_plans *plans,
                  const char *account_id, struct overview *out,
                  struct pp_err *err);

/* The answers of GET /v1/billing and what is below it, as JSON. */
void overview_billing_json(const struct overview *is, struct pp_buf *out);
void overview_usage_json(const struct overview *is, struct pp_buf *out);
void overview_invoices_json(const struct overview *is, struct pp_buf *out);

/*
 * How full: 0 to 100, and no more; 100 only when the limit is reached. Nothing
 * of nothing is full; of an unlimited plan it is 0.
 */
int overview_percent(const struct overview *is);

#endif
