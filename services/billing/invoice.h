#ifndef INVOICE_H
#define INVOICE_H

#include "sync.h"

/*
 * What Stripe says of a customer's last invoices, for people to look at. An
 * event only has us ask; an answer never overwrites one that was asked for
 * later. No amount is computed. Instants are milliseconds since 1970, 0: none.
 */
#define INVOICES_MAX      24
#define INVOICE_URL_BYTES 600

struct invoice {
    char id[NOTICE_ID_BYTES];
    char number[64]; /* a draft has none */
    char status[32]; /* draft, open, paid, void, uncollectible */
    char currency[8];
    char url[INVOICE_URL_BYTES]; /* on Stripe's hosts, or empty */
    int64_t amount_due, amount_paid;
    int64_t created_ms, period_start_ms, period_end_ms;
};

/* False: it is no invoice. options: which hosts are Stripe's. Pure. */
bool invoice_read(struct pick from, const struct stripe_options *options,
                  struct invoice *out);

struct invoices {
    int count;
    struct invoice all[INVOICES_MAX];
};

/* The newest of answer->customer's; errors as sync_ask(). */
int invoices_ask(struct sync *sync, const struct sync_answer *answer,
                 const struct stripe_options *options,
                 struct invoices *invoices_out, struct pp_err *err);

/* In the caller's transaction: under the number of *answer. */
int invoices_write(struct sync *sync, const struct sync_answer *answer,
                   const struct invoices *invoices, struct pp_err *err);

#endif
