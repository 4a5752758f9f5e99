#ifndef WORKER_H
#define WORKER_H

#include "pp_err.h"
#include "pp_plans.h"

#include "stripe.h"

/*
 * Threads that do the inbox's events, each with connections of its own.
 * Replicas share the work.
 */
struct workers;

struct workers_options {
    int threads;
    int away_ms; /* longest pause while Stripe is away */
    bool is_live;
    const char *postgres;
    const struct stripe_options *stripe;
    const struct pp_plans *plans;
};

int workers_open(struct workers **workers_out,
                 const struct workers_options *options, struct pp_err *err);

/* Waits until what is being done is done. */
void workers_close(struct workers **workers);

void workers_metrics_add(void);

#endif
