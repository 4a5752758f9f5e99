/*
 * A service of nothing but jobs, one a policy, for tests of what is done after
 * everything was away. Each run says so in its row, and nothing else.
 *
 *   policies       until it is told to stop
 *
 * Postgres by PAWPRINT_POSTGRES_DSN. Instants are the full minutes, of
 * policy.must and policy.window the full hours.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pp_job.h"
#include "pp_mem.h"

#define MINUTE_S 60
#define HOUR_S   3600
#define IDLE_US  20000

static volatile sig_atomic_t told_to_stop;

static void stop(int signal)
{
    (void)signal;
    told_to_stop = 1;
}

static int run(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)context;
    (void)err;
    pp_job_number(run, "attempts", run->attempt);
    return 0;
}

static const struct pp_job table[] = {
    {.name = "policy.latest",
     .every_s = MINUTE_S,
     .catch_up = PP_JOB_LATEST,
     .lease_s = 10,
     .attempts_max = 3,
     .run = run},
    {.name = "policy.none",
     .every_s = MINUTE_S,
     .catch_up = PP_JOB_NONE,
     .lease_s = 10,
     .attempts_max = 3,
     .run = run},
    {.name = "policy.window",
     .cron = "0 * * * *",
     .zone = "Asia/Kathmandu", /* at a quarter past, by UTC */
     .catch_up = PP_JOB_ALL,
     .window_s = 48 * HOUR_S,
     .lease_s = 10,
     .attempts_max = 3,
     .run = run},
    {.name = "policy.must",
     .every_s = HOUR_S,
     .catch_up = PP_JOB_MUST,
     .lease_s = 10,
     .attempts_max = 1,
     .run = run},
};

static int work(struct pp_err *err)
{
    enum pp_job_outcome outcome;
    const struct pp_job *job;
    struct pp_jobs *jobs;
    int result = pp_jobs_open(&jobs, getenv("PAWPRINT_POSTGRES_DSN"),
                              "policies", table, PP_COUNT(table), NULL, err);

    while (result == 0 && !told_to_stop) {
        result = pp_jobs_turn(jobs, &outcome, &job, err);
        if (result == 0 && outcome == PP_JOB_NOTHING)
            usleep(IDLE_US);
    }
    pp_jobs_close(&jobs);
    return result;
}

int main(void)
{
    struct pp_err err = {0};

    signal(SIGTERM, stop);
    if (work(&err) == 0)
        return 0;
    fprintf(stderr, "policies: %s\n", err.msg);
    return 1;
}
