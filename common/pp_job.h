#ifndef PP_JOB_H
#define PP_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_job_rule.h"
#include "pp_pg.h"

/*
 * Work that is due at a time, done by any number of processes without a
 * leader: one row of the table job_run per job, scope and instant, claimed
 * under a lease. A run whose process dies is claimed again when its lease is
 * over, so a job's function may be called more than once for one row; what it
 * writes to Postgres together with pp_job_finish() is there exactly once.
 *
 * All time is the database's pp_now(). One thread.
 */

struct pp_job_run;

/*
 * Its instants are those of every_s or of cron; with neither it does only what
 * pp_job_add() adds. What a service registers stands in the table job.
 */
struct pp_job {
    const char *name;
    int every_s;      /* at the multiples since 1970 */
    const char *cron; /* five fields, as pp_cron has them; or NULL */
    const char *zone; /* of cron; NULL: UTC */
    enum pp_job_catch_up catch_up;
    int window_s; /* of PP_JOB_ALL and PP_JOB_NONE */
    int spread_s; /* each starts up to so much later, by its name and scope */
    int lease_s;  /* longer than anything between two pp_job_renew() */
    int attempts_max;             /* PP_JOB_MUST has no end */
    int backoff_s, backoff_max_s; /* 0: 5 and 300; doubles in between */
    int statement_s;   /* longest of one statement; 0: the role's, else 60 */
    const char *items; /* its pp_job_number() of how much it did; or NULL */
    /* 0 done, -1 failed: it is tried again later, up to attempts_max. It
     * leaves no transaction open. */
    int (*run)(struct pp_job_run *run, void *context, struct pp_err *err);
};

#define PP_JOB_SCOPE_BYTES 200

/* A run that this process has claimed. */
struct pp_job_run {
    const struct pp_job *job;
    char scope[PP_JOB_SCOPE_BYTES];
    char scheduled_for[40]; /* as Postgres takes it back */
    int64_t scheduled_at_ms;
    int attempt; /* 1 is the first */
    int64_t fence;
    struct pp_pg *pg;      /* the runner's connection, for the job to use */
    struct pp_buf numbers; /* JSON, of pp_job_number() */
    bool finished, given_back;
};

struct pp_jobs;

/*
 * table of count jobs and context are borrowed; application is also the name
 * of the service in the table job. Does not connect yet. PP_ERR_FATAL: a job's
 * cron can't be, or there is no tzdata.
 */
int pp_jobs_open(struct pp_jobs **jobs_out, const char *dsn,
                 const char *application, const struct pp_job *table,
                 size_t count, void *context, struct pp_err *err);
void pp_jobs_close(struct pp_jobs **jobs);

/* How the run of a turn ended. */
enum pp_job_outcome {
    PP_JOB_NOTHING, /* there was none to do */
    PP_JOB_DONE,
    PP_JOB_FAILED, /* and is tried again, or has been too often */
    PP_JOB_LOST,   /* its lease ran out, and another has it */
    PP_JOB_GIVEN_BACK,
};

/*
 * Plans what is due, claims one run and does it. -1: Postgres is away, or
 * wrong; a failed run is no error but an outcome, and logged here.
 */
int pp_jobs_turn(struct pp_jobs *jobs, enum pp_job_outcome *outcome_out,
                 const struct pp_job **job_out, struct pp_err *err);

/*
 * Adds a run at that instant, in whatever transaction is open on pg; one that
 * is there already stays as it is. scheduled_for as Postgres takes it.
 */
int pp_job_add(struct pp_pg *pg, const char *job, const char *scope,
               const char *scheduled_for, struct pp_err *err);

/*
 * The same for one of an account's: accounts take turns, so that however many
 * runs one of them has, the first of another comes after at most one of it.
 * It begins later_ms after that instant: pp_schedule_jitter_ms(), or 0.
 */
int pp_job_add_of(struct pp_pg *pg, const char *job, const char *account,
                  const char *scope, const char *scheduled_for,
                  int64_t later_ms, struct pp_err *err);

/* Seconds since a run of that job was last done; -1: none ever was. */
int pp_job_age(struct pp_jobs *jobs, const char *job, int64_t *seconds_out,
               struct pp_err *err);

/* --- for the function of a job ---------------------------------------------
 */

/* The lease begins anew. PP_ERR_DENIED: it is another's; stop at once. */
int pp_job_renew(struct pp_job_run *run, struct pp_err *err);

/* A number that is kept with the run: name in plain letters. */
void pp_job_number(struct pp_job_run *run, const char *name, int64_t value);

/*
 * Marks it as done, in the transaction that is open on run->pg: then what was
 * written in it is there exactly when the run is done. PP_ERR_DENIED: it is
 * another's, roll back. Without it the run is marked after the function.
 */
int pp_job_finish(struct pp_job_run *run, struct pp_err *err);

/*
 * It was not done for a reason of this process, which stops, say: it is due
 * for others at once and this attempt does not count. Then return -1.
 */
void pp_job_give_back(struct pp_job_run *run);

#endif
