#include "jobs_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "pp_beat.h"
#include "pp_httpc.h"
#include "pp_job_thread.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_time.h"

#include "alarm.h"

#define LEASE_S      60
#define CONNECT_MS   5000
#define CALL_MS      10000
#define AGAIN_MS     2000 /* after a message that did not arrive */
#define ANSWER_BYTES ((size_t)16 << 10)

static struct pp_counter told = PP_COUNTER("pawprint_reports_job_alarms_total",
                                           "messages about jobs gone wrong");
static struct pp_counter straight =
    PP_COUNTER("pawprint_reports_straight_total",
               "messages sent to the URL since Postgres was away");

struct jobs_watch {
    struct jobs_watch_options options;
    struct pp_job job;
    struct pp_jobs *jobs;
    struct pp_job_thread *thread;
    struct pp_httpc *httpc;
    struct alarm away;     /* Postgres is, on the monotonic clock */
    int64_t away_since_ms; /* 0: it is there */
    int64_t quiet_until_ms;
};

void jobs_watch_metrics_add(void)
{
    pp_metrics_add(&told.metric);
    pp_metrics_add(&straight.metric);
}

/* Whoever hears nothing any more knows that no job runs. */
static void beat(const struct jobs_watch *self)
{
    const char *where = self->options.beat;
    struct pp_beat_run run;
    struct pp_err err = {0};

    if (!where || !*where)
        return;
    pp_beat_run_init(&run);
    if (pp_beat(where, PP_BEAT_DONE, &run, &err) < 0)
        pp_warn("beat.failed", "why=%s", err.msg);
}

static int look(struct pp_job_run *run, void *context, struct pp_err *err)
{
    struct jobs_watch *self = context;
    int64_t count;
    int result = jobs_watch_look(run->pg, &self->options, &count, err);

    pp_counter_add(&told, (uint64_t)count);
    pp_job_number(run, "told", count);
    if (result == 0)
        beat(self);
    return result;
}

/* --- Postgres is away ------------------------------------------------------
 */

/* Whether it arrived. */
static bool say(struct jobs_watch *self, const char *body)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          NULL};
    const struct pp_httpc_call call = {.method = "POST",
                                       .url = self->options.url,
                                       .headers = headers,
                                       .body = pp_str_of(body),
                                       .timeout_ms = CALL_MS};
    struct pp_httpc_answer answer = {0};
    struct pp_err err = {0};

    if (pp_httpc_run(self->httpc, &call, &answer, &err) < 0)
        pp_error("straight.failed", "why=%s", err.msg);
    else if (answer.status < 200 || answer.status > 299)
        pp_error("straight.failed", "status=%d", answer.status);
    else {
        pp_counter_add(&straight, 1);
        return true;
    }
    return false;
}

/* What Slack and most others take. */
static void notice(struct jobs_watch *self, bool is_away)
{
    static const char *const bodies[] = {
        [ALARM_FIRED] =
            "{\"text\":\"Pawprint: reports can't reach Postgres. No job runs "
            "and no message goes out until it is back.\"}",
        [ALARM_NAG] = "{\"text\":\"Pawprint: reports still can't reach "
                      "Postgres.\"}",
        [ALARM_CLEARED] = "{\"text\":\"Pawprint: reports reaches Postgres "
                          "again.\"}",
    };
    int64_t now_ms = pp_mono_ms((struct pp_mono){0}, pp_mono_now());
    const struct alarm before = self->away;
    enum alarm_message message;

    if (!is_away)
        self->away_since_ms = 0;
    else if (self->away_since_ms == 0)
        self->away_since_ms = now_ms;
    if (now_ms < self->quiet_until_ms)
        return;
    message = alarm_step(&self->away,
                         is_away && now_ms - self->away_since_ms >=
                                        self->options.away_s * INT64_C(1000),
                         now_ms);
    if (message == ALARM_NOTHING || !self->options.url || !*self->options.url ||
        say(self, bodies[message]))
        return;
    /* It has not been told yet. */
    self->away = before;
    self->quiet_until_ms = now_ms + AGAIN_MS;
}

/* --- the thread ------------------------------------------------------------
 */

static int one_turn(void *context, enum pp_job_outcome *outcome_out,
                    struct pp_err *err)
{
    struct jobs_watch *self = context;
    const struct pp_job *job;
    int result = pp_jobs_turn(self->jobs, outcome_out, &job, err);

    notice(self, result < 0);
    return result;
}

int jobs_watch_open(struct jobs_watch **watch_out,
                    const struct jobs_watch_options *options,
                    struct pp_err *err)
{
    static const struct pp_httpc_options limits = {
        .connect_ms = CONNECT_MS, .answer_bytes = ANSWER_BYTES};
    struct jobs_watch *self = pp_calloc(1, sizeof(*self));

    *watch_out = self;
    self->options = *options;
    self->job = (struct pp_job){.name = "jobs.watch",
                                .every_s = options->every_s,
                                .catch_up = PP_JOB_LATEST,
                                .lease_s = LEASE_S,
                                .attempts_max = 3,
                                .run = look};
    if (pp_httpc_open(&self->httpc, &limits, err) < 0 ||
        pp_jobs_open(&self->jobs, options->postgres, "reports", &self->job, 1,
                     self, err) < 0)
        return -1;
    return pp_job_thread_open(&self->thread, one_turn, self, err);
}

void jobs_watch_close(struct jobs_watch **watch)
{
    struct jobs_watch *self = *watch;

    if (!self)
        return;
    pp_job_thread_close(&self->thread);
    pp_jobs_close(&self->jobs);
    pp_httpc_close(&self->httpc);
    free(self);
    *watch = NULL;
}
