#ifndef SWEEP_H
#define SWEEP_H

#include "pp_config.h"

#include "sync.h"

/*
 * What is done at a time, on a thread of its own: events that Stripe could not
 * deliver are fetched (hourly), and each customer is compared with what Stripe
 * has (nightly), which repairs what differs and counts it. Replicas share the
 * runs.
 */
struct sweep;

struct sweep_options {
    const char *postgres;
    const struct stripe_options *stripe;
    const struct pp_plans *plans;
    bool is_live;
    int sweep_s, compare_s;
};

#define SWEEP_SETTINGS(options)                                                \
    PP_INT_RANGE("PAWPRINT_BILLING_SWEEP_SECONDS", &(options)->sweep_s,        \
                 "3600", 1, 86400,                                             \
                 "seconds between two looks for events that Stripe could not " \
                 "deliver"),                                                   \
        PP_INT_RANGE("PAWPRINT_BILLING_COMPARE_SECONDS",                       \
                     &(options)->compare_s, "86400", 1, 604800,                \
                     "seconds between two comparisons of all customers")

int sweep_open(struct sweep **sweep_out, const struct sweep_options *options,
               struct pp_err *err);
void sweep_close(struct sweep **sweep);

/*
 * The two by hand. since_s: seconds since 1970; at most 30 days ago, where
 * Stripe's list ends. keep_on is asked now and then, or NULL; -1 ends it.
 */
struct sweep_found {
    int64_t seen;     /* events, or customers */
    int64_t added;    /* events that were not there; profiles that differed */
    int64_t failures; /* customers that could not be compared */
};
int sweep_undelivered(struct sync *sync, int64_t since_s,
                      int (*keep_on)(void *context, struct pp_err *err),
                      void *context, struct sweep_found *found_out,
                      struct pp_err *err);
int sweep_compare(struct sync *sync, bool is_dry,
                  int (*keep_on)(void *context, struct pp_err *err),
                  void *context, struct sweep_found *found_out,
                  struct pp_err *err);

void sweep_metrics_add(void);

#endif
