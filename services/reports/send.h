#ifndef SEND_H
#define SEND_H

#include "pp_clickhouse.h"
#include "pp_job.h"
#include "pp_metrics.h"
#include "pp_zones.h"

/*
 * Reports to people: when each is due, and what it says. A job puts the
 * occurrences of all subscriptions among the runs, a second one does one of
 * them: it counts, keeps the numbers, and asks the notifier to send them, in
 * one transaction with the run's end. So each period of a subscription is told
 * once, whoever is killed. docs/reports.md
 */
#define SEND_DISPATCH "report.dispatch"
#define SEND_REPORT   "report"

struct send_context {
    struct pp_clickhouse *clickhouse;
    struct pp_zones *zones;
    int statement_s;
    int spread_s; /* reports begin up to so much later: send_jitter_ms() */
    /* Before every step: -1, and *err says why, when the run is to end. */
    int (*keep_on)(void *context, struct pp_job_run *run, struct pp_err *err);
    void *context;
    struct pp_counter *planned;  /* occurrences that were put among the runs */
    struct pp_counter *missed;   /* that were too late to be told at all */
    struct pp_counter *sent;     /* messages that the notifier was asked for */
    struct pp_counter *empty;    /* periods without traffic */
    struct pp_counter *disabled; /* subscriptions that were stopped */
};

int send_dispatch(struct pp_job_run *run, struct send_context *context,
                  struct pp_err *err);
int send_report(struct pp_job_run *run, struct send_context *context,
                struct pp_err *err);

/*
 * How long after its instant a subscription's report is begun, so that not all
 * of an hour are counted at once: always the same. Pure.
 */
int64_t send_jitter_ms(int64_t subscription_id, int spread_s);

/* The scope of a run: subscription and date of the occurrence. Pure. */
#define SEND_SCOPE_BYTES 48
void send_scope(int64_t subscription_id, int64_t date,
                char scope[static SEND_SCOPE_BYTES]);
bool send_scope_read(const char *scope, int64_t *subscription_id_out,
                     int64_t *date_out);

#endif
