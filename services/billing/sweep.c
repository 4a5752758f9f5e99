#include "sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_job_thread.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_time.h"

#include "inbox.h"

#define LEASE_S     30 /* a call of Stripe's takes 10 at most */
#define PAGES_MAX   1000
#define OVERLAP_S   INT64_C(259200)  /* Stripe tries for 3 days by itself */
#define REACH_S     INT64_C(2592000) /* and lists 30 */
#define ARENA_BYTES ((size_t)8 << 20)
#define PATH_BYTES  ((size_t)1024)

static struct pp_counter swept =
    PP_COUNTER("pawprint_billing_swept_events_total",
               "events that Stripe could not deliver and the sweep fetched; "
               "alarm when it rises");
static struct pp_counter drift =
    PP_COUNTER("pawprint_billing_drift_total",
               "profiles that a comparison found to differ from Stripe; alarm "
               "when it rises");
static struct pp_gauge sweep_age =
    PP_GAUGE("pawprint_billing_sweep_age_seconds",
             "time since the last good sweep, of any replica; -1 before the "
             "first");
static struct pp_gauge compare_age =
    PP_GAUGE("pawprint_billing_compare_age_seconds",
             "time since the last good comparison; -1 before the first");

void sweep_metrics_add(void)
{
    pp_metrics_add(&swept.metric);
    pp_metrics_add(&drift.metric);
    pp_metrics_add(&sweep_age.metric);
    pp_metrics_add(&compare_age.metric);
}

/* --- events that were not delivered --------------------------------------- */

static int add_event(struct sync *sync, struct pick event,
                     struct pp_arena *arena, struct sweep_found *found,
                     struct pp_err *err)
{
    struct inbox_entry entry = {.body = event.raw, .label = ""};
    struct inbox_entry *const entries[] = {&entry};

    if (notice_read(event.raw, arena, &entry.notice, err) < 0) {
        *err = (struct pp_err){0};
        return inbox_add_unreadable(sync->pg, event.raw, "", "swept", err);
    }
    entry.is_foreign = entry.notice.is_live != sync->is_live;
    if (inbox_add(sync->pg, entries, 1, err) < 0)
        return -1;
    found->seen++;
    found->added += entry.is_new;
    return 0;
}

/* How far the list was read: it goes from the newest to the oldest, so what
 * comes in meanwhile does not move it. */
struct place {
    char id[NOTICE_ID_BYTES]; /* behind this one; empty: from the newest */
    int64_t created_s;        /* the last one that was read */
    int64_t until_s;          /* none that is younger; 0: any */
};

static int add_page(struct sync *sync, struct pick page, struct place *place,
                    struct sweep_found *found, struct pp_err *err)
{
    struct pp_arena arena;
    struct pick_list list;
    struct pick event;
    int result = pp_pg_begin(sync->pg, err);

    pp_arena_init(&arena, ARENA_BYTES);
    place->id[0] = '\0';
    pick_list(pick_at(page, "data"), &list);
    while (result == 0 && pick_next(&list, &event)) {
        struct pp_str id = pick_id(event);

        result = add_event(sync, event, &arena, found, err);
        if (notice_is_id(id))
            snprintf(place->id, sizeof(place->id), "%.*s", PP_ARG(id));
        place->created_s = pick_number(pick_at(event, "created"));
    }
    pp_arena_fini(&arena);
    if (!pick_is_true(pick_at(page, "has_more")))
        place->id[0] = '\0';
    if (result < 0) {
        pp_pg_rollback(sync->pg);
        return -1;
    }
    pp_crash_point("B10");
    if (pp_pg_commit(sync->pg, err) < 0)
        return -1;
    pp_crash_point("B11");
    return 0;
}

static int ask_page(struct sync *sync, int64_t since_s,
                    const struct place *place, struct stripe_answer *answer,
                    struct pp_err *err)
{
    struct pp_buf path;
    int result;

    pp_buf_init(&path, PATH_BYTES);
    pp_buf_printf(&path,
                  "/v1/events?delivery_success=false&limit=100&created%%5Bgte"
                  "%%5D=%" PRId64,
                  since_s);
    if (place->until_s)
        pp_buf_printf(&path, "&created%%5Blte%%5D=%" PRId64, place->until_s);
    if (place->id[0])
        pp_buf_add_text(&path, "&starting_after=");
    stripe_path_add(&path, pp_str_of(place->id));
    pp_buf_add_byte(&path, '\0');
    result = stripe_get(sync->stripe, path.p, answer, err);
    pp_buf_fini(&path);
    return result;
}

/*
 * Stripe delivered the event that the page before ended with, and it left the
 * list: that goes on by time, where a few come once more.
 */
static bool has_lost_its_place(struct place *place,
                               const struct stripe_answer *answer,
                               struct pp_err *err)
{
    if (!place->id[0] || answer->fault != STRIPE_MISSING ||
        strcmp(answer->param, "starting_after") != 0)
        return false;
    place->id[0] = '\0';
    place->until_s = place->created_s;
    *err = (struct pp_err){0};
    return true;
}

int sweep_undelivered(struct sync *sync, int64_t since_s,
                      int (*keep_on)(void *context, struct pp_err *err),
                      void *context, struct sweep_found *found_out,
                      struct pp_err *err)
{
    int64_t oldest_s = pp_wall_now().ms / 1000 - REACH_S;
    struct place place = {.id = ""};
    struct stripe_answer answer;

    *found_out = (struct sweep_found){0};
    if (since_s < oldest_s)
        since_s = oldest_s;
    for (int pages = 0; pages < PAGES_MAX; pages++) {
        if (keep_on && keep_on(context, err) < 0)
            return -1;
        if (ask_page(sync, since_s, &place, &answer, err) < 0) {
            if (!has_lost_its_place(&place, &answer, err))
                return -1;
            continue;
        }
        if (add_page(sync, answer.body, &place, found_out, err) < 0)
            return -1;
        if (!place.id[0])
            return 0;
    }
    return pp_err_set(err, PP_ERR_INVALID, "Stripe's list does not end");
}

/* --- all customers -------------------------------------------------------- */

static int next_customer(struct sync *sync, char customer[static 256],
                         struct pp_err *err)
{
    const char *values[] = {customer, sync->is_live ? "true" : "false"};
    struct pp_pg_rows rows;
    int result = pp_pg_query(sync->pg,
                             "SELECT stripe_customer_id FROM billing_profile "
                             "WHERE stripe_customer_id > $1 AND livemode = $2 "
                             "ORDER BY stripe_customer_id LIMIT 1",
                             2, values, &rows, err);

    if (result == 0 && rows.count == 1) {
        snprintf(customer, 256, "%s", pp_pg_text(&rows, 0, 0));
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* One that can't be compared does not keep the others from it. */
static int compare_one(struct sync *sync, const char *customer, bool is_dry,
                       struct sweep_found *found, struct pp_err *err)
{
    enum sync_outcome outcome = SYNC_SAME;
    char account[64], before[64] = "", after[64] = "";

    found->seen++;
    if (sync_customer(sync, customer, is_dry, &outcome, account, before, after,
                      err) < 0) {
        if (err->kind != PP_ERR_INVALID)
            return -1;
        found->failures++;
        pp_warn("compare.failed", "customer=%s why=%s", customer, err->msg);
        *err = (struct pp_err){0};
        return 0;
    }
    if (outcome == SYNC_DOUBTFUL)
        found->failures++;
    if (outcome != SYNC_CHANGED)
        return 0;
    found->added++;
    pp_warn("compare.differed", "account=%s before=%s after=%s", account,
            before, after);
    return 0;
}

int sweep_compare(struct sync *sync, bool is_dry,
                  int (*keep_on)(void *context, struct pp_err *err),
                  void *context, struct sweep_found *found_out,
                  struct pp_err *err)
{
    char customer[256] = "";
    int more;

    *found_out = (struct sweep_found){0};
    while ((more = next_customer(sync, customer, err)) > 0)
        if ((keep_on && keep_on(context, err) < 0) ||
            compare_one(sync, customer, is_dry, found_out, err) < 0)
            return -1;
    return more;
}

/* --- the jobs ------------------------------------------------------------- */

enum { SWEEP, COMPARE, JOBS };

struct sweep {
    struct sweep_options options;
    struct pp_jobs *jobs;
    struct stripe *stripe;
    struct pp_job table[JOBS];
    struct pp_job_thread *thread;
};

struct turn {
    struct sweep *self;
    struct pp_job_run *run;
};

static int keep_on(void *context, struct pp_err *err)
{
    const struct turn *turn = context;

    return pp_job_thread_keep_on(turn->self->thread, turn->run, err);
}

static struct sync sync_of(struct sweep *self, struct pp_job_run *run)
{
    return (struct sync){
        .pg = run->pg,
        .stripe = self->stripe,
        .plans = self->options.plans,
        .is_live = self->options.is_live,
    };
}

/* Where nothing was swept for long, from there on. */
static int since(struct pp_pg *pg, int64_t *since_s, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg,
                             "SELECT coalesce(pp_ms(swept_to), 0) / 1000 FROM "
                             "billing_sweep",
                             0, NULL, &rows, err);

    *since_s = pp_wall_now().ms / 1000 - OVERLAP_S;
    if (result == 0 && rows.count == 1 && pp_pg_int64(&rows, 0, 0) < *since_s)
        *since_s = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

static int run_sweep(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct turn turn = {context, run};
    struct sync sync = sync_of(turn.self, run);
    struct sweep_found found;
    int64_t since_s;

    if (inbox_forget(run->pg, err) < 0 || since(run->pg, &since_s, err) < 0 ||
        sweep_undelivered(&sync, since_s, keep_on, &turn, &found, err) < 0)
        return -1;
    pp_counter_add(&swept, (uint64_t)found.added);
    pp_job_number(run, "seen", found.seen);
    pp_job_number(run, "added", found.added);
    return pp_pg_exec(run->pg, "UPDATE billing_sweep SET swept_to = pp_now()",
                      0, NULL, err);
}

static int tell_of_drift(struct pp_pg *pg, const struct sweep_found *found,
                         struct pp_err *err)
{
    char key[64], detail[200];

    snprintf(key, sizeof(key), "stripe/drift/%" PRId64, pp_wall_now().ms);
    snprintf(detail, sizeof(detail),
             "%" PRId64 " of %" PRId64 " differed and were repaired, %" PRId64
             " could not be compared.",
             found->added, found->seen, found->failures);
    return inbox_tell_staff(pg, key, NULL,
                            "Profiles of accounts differed from Stripe", detail,
                            err);
}

static int run_compare(struct pp_job_run *run, void *context,
                       struct pp_err *err)
{
    struct turn turn = {context, run};
    struct sync sync = sync_of(turn.self, run);
    struct sweep_found found;
    char number[24];
    const char *values[] = {number};

    if (sweep_compare(&sync, false, keep_on, &turn, &found, err) < 0)
        return -1;
    pp_counter_add(&drift, (uint64_t)found.added);
    pp_job_number(run, "customers", found.seen);
    pp_job_number(run, "drift", found.added);
    pp_job_number(run, "failures", found.failures);
    if (found.added + found.failures > 0 &&
        tell_of_drift(run->pg, &found, err) < 0)
        return -1;
    snprintf(number, sizeof(number), "%" PRId64, found.added);
    return pp_pg_exec(run->pg,
                      "UPDATE billing_sweep SET compared_at = pp_now(), drift "
                      "= $1",
                      1, values, err);
}

/* --- the thread ----------------------------------------------------------- */

static int one_turn(void *context, enum pp_job_outcome *outcome_out,
                    struct pp_err *err)
{
    struct sweep *self = context;
    const struct pp_job *job;
    int64_t sweep_s, compare_s;

    if (pp_jobs_turn(self->jobs, outcome_out, &job, err) < 0 ||
        pp_job_age(self->jobs, self->table[SWEEP].name, &sweep_s, err) < 0 ||
        pp_job_age(self->jobs, self->table[COMPARE].name, &compare_s, err) < 0)
        return -1;
    pp_gauge_set(&sweep_age, sweep_s);
    pp_gauge_set(&compare_age, compare_s);
    return 0;
}

int sweep_open(struct sweep **sweep_out, const struct sweep_options *options,
               struct pp_err *err)
{
    struct sweep *self = pp_calloc(1, sizeof(*self));
    const struct pp_job common = {
        .catch_up = PP_JOB_LATEST,
        .lease_s = LEASE_S,
        .attempts_max = 20,
    };

    *sweep_out = self;
    self->options = *options;
    self->table[SWEEP] = self->table[COMPARE] = common;
    self->table[SWEEP].name = "billing.sweep";
    self->table[SWEEP].every_s = options->sweep_s;
    self->table[SWEEP].run = run_sweep;
    self->table[COMPARE].name = "billing.compare";
    self->table[COMPARE].every_s = options->compare_s;
    self->table[COMPARE].items = "customers";
    self->table[COMPARE].run = run_compare;
    if (stripe_open(&self->stripe, options->stripe, err) < 0 ||
        pp_jobs_open(&self->jobs, options->postgres, "billing", self->table,
                     JOBS, self, err) < 0)
        return -1;
    return pp_job_thread_open(&self->thread, one_turn, self, err);
}

void sweep_close(struct sweep **sweep)
{
    struct sweep *self = *sweep;

    if (!self)
        return;
    pp_job_thread_close(&self->thread);
    pp_jobs_close(&self->jobs);
    stripe_close(&self->stripe);
    free(self);
    *sweep = NULL;
}
