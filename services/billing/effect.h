#ifndef EFFECT_H
#define EFFECT_H

#include <stdbool.h>
#include <stddef.h>

#include "pp_str.h"

/*
 * What an event of Stripe's means to us, by its type; docs/billing.md has the
 * table. Events are hints: most of them only have us ask Stripe. Pure.
 */
enum {
    EFFECT_SYNC = 1,       /* ask for the customer's subscriptions, apply */
    EFFECT_LINK = 2,       /* a checkout ties a customer to an account */
    EFFECT_ACTION = 4,     /* the payer has to do something */
    EFFECT_STAFF = 8,      /* people of ours have to look */
    EFFECT_CATALOGUE = 16, /* a price or product changed at Stripe */
    EFFECT_INVOICES = 32,  /* ask for the customer's invoices, keep them */
    EFFECT_CLOSE = 64,     /* the checkout that we keep is over */
};

struct effect {
    const char *type;  /* NULL: nobody heard of it */
    unsigned does;     /* EFFECT_*; 0: it is kept, and changes nothing */
    const char *mail;  /* the kind of message to the account's owner, or NULL */
    const char *staff; /* what staff are told, or NULL */
};

/* .type is NULL for one that is not in the table: it is stored, no more. */
struct effect effect_of(struct pp_str type);

/* It is known, and nothing follows from it. */
bool effect_is_quiet(const struct effect *effect);

/* The table's i-th; .type is NULL behind the last. */
struct effect effect_at(size_t i);

#endif
