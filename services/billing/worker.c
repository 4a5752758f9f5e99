#include "worker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_retry.h"
#include "pp_time.h"

#include "apply.h"

#define IDLE_MS       500
#define LOOK_MS       2000
#define STRIPE_MS     500 /* first pause when Stripe is away; doubles */
#define POSTGRES_MS   100
#define POSTGRES_MAX  10000
#define TELL_FAILURES 5 /* in a row, until staff are told */

#define EVENT(state_)                                                          \
    PP_COUNTER_WITH("pawprint_billing_events_total",                           \
                    "events that were worked on, by what came of them",        \
                    {"outcome", state_})
static struct pp_counter done = EVENT("done"), ignored = EVENT("ignored"),
                         failed = EVENT("failed"), dead = EVENT("dead"),
                         postponed = EVENT("postponed");
#define SYNC(outcome_)                                                         \
    PP_COUNTER_WITH("pawprint_billing_syncs_total",                            \
                    "answers of Stripe about a customer, by what came of "     \
                    "them",                                                    \
                    {"outcome", outcome_})
static struct pp_counter syncs[SYNC_OUTCOMES] = {
    [SYNC_CHANGED] = SYNC("changed"),
    [SYNC_SAME] = SYNC("same"),
    [SYNC_SUPERSEDED] = SYNC("superseded"),
    [SYNC_DOUBTFUL] = SYNC("doubtful"),
};
static struct pp_gauge open_events =
    PP_GAUGE("pawprint_billing_events_open", "events that are not done yet");
static struct pp_gauge oldest =
    PP_GAUGE("pawprint_billing_events_oldest_seconds",
             "age of the oldest event that is not done yet");
static struct pp_gauge dead_events =
    PP_GAUGE("pawprint_billing_events_dead",
             "events that failed too often; alarm above 0");
static struct pp_gauge away =
    PP_GAUGE("pawprint_billing_stripe_away",
             "1 while Stripe's API can't be used; alarm after 5 minutes");

void workers_metrics_add(void)
{
    pp_metrics_add(&done.metric);
    pp_metrics_add(&ignored.metric);
    pp_metrics_add(&failed.metric);
    pp_metrics_add(&dead.metric);
    pp_metrics_add(&postponed.metric);
    for (int i = 0; i < SYNC_OUTCOMES; i++)
        pp_metrics_add(&syncs[i].metric);
    pp_metrics_add(&open_events.metric);
    pp_metrics_add(&oldest.metric);
    pp_metrics_add(&dead_events.metric);
    pp_metrics_add(&away.metric);
}

struct workers {
    struct workers_options options;
    pthread_t *threads;
    int thread_count;
    atomic_bool stop;
};

/* What a thread has. */
struct worker {
    struct workers *all;
    struct pp_pg *pg;
    struct stripe *stripe;
    struct pp_retry stripe_retry, postgres_retry;
    struct pp_mono looked_at;
    bool is_listening, was_logged;
};

/* In slices: a process that is told to stop does not sleep on. */
static void pause_for(struct worker *self, int64_t ms)
{
    struct pp_mono start = pp_mono_now();

    while (!atomic_load(&self->all->stop) &&
           pp_mono_ms(start, pp_mono_now()) < ms)
        usleep(20000);
}

/* --- Stripe is away ------------------------------------------------------- */

static int tell_staff(struct worker *self, const struct pp_err *why,
                      struct pp_err *err)
{
    bool is_denied = why->kind == PP_ERR_DENIED;
    char key[100];

    /* Once an hour, or a day. */
    snprintf(key, sizeof(key), "stripe/%s/%" PRId64,
             is_denied ? "denied" : "away",
             pp_wall_now().ms / (is_denied ? 86400000 : 3600000));
    return inbox_tell_staff(self->pg, key, NULL,
                            is_denied ? "Stripe does not take our key"
                                      : "Stripe is away",
                            "Events wait; no plan changes meanwhile.", err);
}

static int postpone(struct worker *self, const struct inbox_lot *lot,
                    const struct pp_err *why, int64_t *wait_ms,
                    struct pp_err *err)
{
    *wait_ms = pp_retry_wait_ms(&self->stripe_retry);
    pp_gauge_set(&away, 1);
    pp_counter_add(&postponed, (uint64_t)lot->count);
    pp_warn("stripe.away", "events=%d wait_ms=%" PRId64 " why=%s", lot->count,
            *wait_ms, why->msg);
    if ((why->kind == PP_ERR_DENIED ||
         self->stripe_retry.failures >= TELL_FAILURES) &&
        tell_staff(self, why, err) < 0)
        return -1;
    return inbox_postpone(self->pg, lot, *wait_ms, why->msg, err);
}

/* --- a lot ---------------------------------------------------------------- */

static void count(const struct inbox_lot *lot,
                  const struct apply_outcome *outcome)
{
    pp_counter_add(&done, (uint64_t)outcome->done);
    pp_counter_add(&ignored, (uint64_t)outcome->ignored);
    pp_counter_add(&failed, (uint64_t)outcome->failed);
    pp_counter_add(&dead, (uint64_t)outcome->dead);
    if (outcome->has_synced)
        pp_counter_add(&syncs[outcome->sync], 1);
    pp_info("events.applied",
            "event=%s count=%d done=%d ignored=%d failed=%d dead=%d sync=%s",
            lot->ids[0], lot->count, outcome->done, outcome->ignored,
            outcome->failed, outcome->dead,
            outcome->has_synced ? sync_outcome_name(outcome->sync) : "none");
}

/* It can't be done for a reason of its own. */
static int fail_all(struct worker *self, const struct inbox_lot *lot,
                    const struct pp_err *why, struct pp_err *err)
{
    bool is_dead;

    pp_warn("events.failed", "event=%s count=%d why=%s", lot->ids[0],
            lot->count, why->msg);
    if (pp_pg_begin(self->pg, err) < 0)
        return -1;
    for (int i = 0; i < lot->count; i++) {
        if (inbox_fail(self->pg, lot->ids[i], why->msg, &is_dead, err) < 0) {
            pp_pg_rollback(self->pg);
            return -1;
        }
        pp_counter_add(is_dead ? &dead : &failed, 1);
    }
    if (pp_pg_commit(self->pg, err) < 0)
        return -1;
    pp_crash_point("B9");
    return 0;
}

static int do_lot(struct worker *self, const struct inbox_lot *lot,
                  int64_t *wait_ms, struct pp_err *err)
{
    struct sync sync = {
        .pg = self->pg,
        .stripe = self->stripe,
        .plans = self->all->options.plans,
        .is_live = self->all->options.is_live,
    };
    struct apply_outcome outcome;
    struct pp_err why = {0};
    bool is_stripe;

    pp_crash_point("B4");
    if (apply_lot(&sync, self->all->options.stripe, lot, &outcome, &is_stripe,
                  &why) == 0) {
        count(lot, &outcome);
        if (outcome.has_synced) {
            pp_retry_worked(&self->stripe_retry);
            pp_gauge_set(&away, 0);
        }
        return 0;
    }
    if (is_stripe && (why.kind == PP_ERR_AGAIN || why.kind == PP_ERR_DENIED))
        return postpone(self, lot, &why, wait_ms, err);
    if (why.kind == PP_ERR_AGAIN) {
        *err = why;
        return -1; /* Postgres is away: it comes again by itself */
    }
    return fail_all(self, lot, &why, err);
}

/* --- the threads ---------------------------------------------------------- */

static int look(struct worker *self, struct pp_err *err)
{
    struct inbox_waiting waiting;

    if (self->looked_at.ns &&
        pp_mono_ms(self->looked_at, pp_mono_now()) < LOOK_MS)
        return 0;
    self->looked_at = pp_mono_now();
    if (inbox_look(self->pg, &waiting, err) < 0)
        return -1;
    pp_gauge_set(&open_events, waiting.open);
    pp_gauge_set(&oldest, waiting.oldest_s);
    pp_gauge_set(&dead_events, waiting.dead);
    return 0;
}

/* A connection that was lost listens to nothing any more. */
static int wait_for_some(struct worker *self, struct pp_err *err)
{
    if (!self->is_listening &&
        pp_pg_exec(self->pg, "LISTEN stripe_event", 0, NULL, err) < 0)
        return -1;
    self->is_listening = true;
    if (pp_pg_wait(self->pg, IDLE_MS, err) >= 0)
        return 0;
    self->is_listening = false;
    return -1;
}

static int one_turn(struct worker *self, struct pp_err *err)
{
    enum inbox_taken taken;
    struct inbox_lot lot;
    int64_t wait_ms = 0;
    int result;

    if (look(self, err) < 0 || inbox_take(self->pg, &taken, &lot, err) < 0)
        return -1;
    if (taken == INBOX_NONE)
        return wait_for_some(self, err);
    if (taken == INBOX_DONE) {
        pp_counter_add(&done, (uint64_t)lot.done_count);
        pp_info("events.quiet", "count=%d", lot.done_count);
        return 0;
    }
    if (taken == INBOX_OTHERS) {
        usleep(5000);
        return 0;
    }
    result = do_lot(self, &lot, &wait_ms, err);
    inbox_unlock(self->pg, lot.key);
    pause_for(self, wait_ms);
    return result;
}

static void work_on(struct worker *self)
{
    while (!atomic_load(&self->all->stop)) {
        struct pp_err err = {0};

        if (one_turn(self, &err) == 0) {
            pp_retry_worked(&self->postgres_retry);
            self->was_logged = false;
            continue;
        }
        self->is_listening = false;
        if (!self->was_logged)
            pp_warn("worker.wait", "why=%s", err.msg);
        self->was_logged = true;
        pause_for(self, pp_retry_wait_ms(&self->postgres_retry));
    }
}

static void *work(void *context)
{
    struct worker self = {.all = context};
    const struct workers_options *options = &self.all->options;
    uint64_t seed = (uint64_t)pp_mono_now().ns ^ (uint64_t)getpid();
    struct pp_err err = {0};

    pp_retry_init(&self.stripe_retry, STRIPE_MS, options->away_ms, seed);
    pp_retry_init(&self.postgres_retry, POSTGRES_MS, POSTGRES_MAX, seed);
    if (pp_pg_open(&self.pg, options->postgres, "billing", &err) < 0 ||
        stripe_open(&self.stripe, options->stripe, &err) < 0)
        pp_error("worker.closed", "why=%s", err.msg);
    else
        work_on(&self);
    stripe_close(&self.stripe);
    pp_pg_close(&self.pg);
    return NULL;
}

int workers_open(struct workers **workers_out,
                 const struct workers_options *options, struct pp_err *err)
{
    struct workers *self = pp_calloc(1, sizeof(*self));

    *workers_out = self;
    self->options = *options;
    self->threads = pp_calloc((size_t)options->threads, sizeof(pthread_t));
    for (int i = 0; i < options->threads; i++) {
        if (pthread_create(&self->threads[i], NULL, work, self))
            return pp_err_set(err, PP_ERR_FATAL, "a thread can't be started");
        self->thread_count++;
    }
    return 0;
}

void workers_close(struct workers **workers)
{
    struct workers *self = *workers;

    if (!self)
        return;
    atomic_store(&self->stop, true);
    for (int i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
    free(self->threads);
    free(self);
    *workers = NULL;
}
