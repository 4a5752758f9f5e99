#ifndef APPLY_H
#define APPLY_H

#include "inbox.h"
#include "sync.h"

/*
 * Does a lot of events: finds out what each means, asks Stripe once for all of
 * them, and writes down in one transaction what follows and that they are done.
 */
struct apply_outcome {
    int done, ignored, failed, dead;
    bool has_synced;
    enum sync_outcome sync;
};

/*
 * 0: each event of the lot is done, ignored, or was marked as failed. -1:
 * nothing was written; PP_ERR_AGAIN and PP_ERR_DENIED with *is_stripe_out: it
 * is Stripe that is away or does not take our key, and the lot may be
 * postponed. options: for the addresses that Stripe may hand out.
 */
int apply_lot(struct sync *sync, const struct stripe_options *options,
              const struct inbox_lot *lot, struct apply_outcome *outcome_out,
              bool *is_stripe_out, struct pp_err *err);

/*
 * Compares the catalogue's prices with Stripe's: calls back for each that is
 * wrong there, in words. -1: Stripe could not be asked.
 */
int apply_check_catalogue(struct sync *sync,
                          int (*wrong)(void *context, const char *price,
                                       const char *what, struct pp_err *err),
                          void *context, struct pp_err *err);

#endif
