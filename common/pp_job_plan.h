#ifndef PP_JOB_PLAN_H
#define PP_JOB_PLAN_H

#include "pp_job.h"
#include "pp_zones.h"

/*
 * What pp_job does before it claims: says in the table job what jobs there
 * are, and puts the instants that have come into job_run. One thread.
 */

/* The limit of a statement where neither job nor role sets one. */
#define PP_JOB_STATEMENT_S 60

/* What a job's row says of it. */
struct pp_job_row {
    bool is_paused;
    bool has_next;
    int64_t next_ms, now_ms;
};

/* PP_ERR_FATAL: its cron or zone can't be. */
int pp_job_register(struct pp_pg *pg, const char *service,
                    const struct pp_job *job, struct pp_err *err);

/* Also sets the time limit of what the connection does from now on. */
int pp_job_row_read(struct pp_pg *pg, const struct pp_job *job,
                    const char *timeout, struct pp_job_row *row_out,
                    struct pp_err *err);

/*
 * Plans what has come since, at most 1,000 runs, the rest at the next call.
 * zones may be NULL where the job has no cron. Any number of processes.
 */
int pp_job_plan(struct pp_pg *pg, struct pp_zones *zones,
                const struct pp_job *job, const struct pp_job_row *row,
                struct pp_err *err);

#endif
