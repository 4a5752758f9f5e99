#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "pp_job.h"
#include "pp_metrics.h"

/*
 * Takes away what nobody needs any more. What that is, and how old it has to
 * be, says the function housekeeping() in Postgres; this calls it, a page at a
 * time, until nothing is left. docs/jobs.md
 */
#define HOUSEKEEPING_JOB         "housekeeping"
#define HOUSEKEEPING_STATEMENT_S 20
#define HOUSEKEEPING_PAGE        1000

enum housekeeping_thing {
    HOUSEKEEPING_JOB_RUNS,
    HOUSEKEEPING_MESSAGE_TEXTS,
    HOUSEKEEPING_LOGIN_LINKS,
    HOUSEKEEPING_LOGIN_SESSIONS,
    HOUSEKEEPING_BILLING_CALLS,
    HOUSEKEEPING_OUTBOX_ROWS,
    HOUSEKEEPING_USAGE_SNAPSHOTS,
    HOUSEKEEPING_THINGS
};

/* As in SQL: "job_runs". */
const char *housekeeping_name(enum housekeeping_thing thing);

struct housekeeping {
    /* Before every page: -1, and *err says why, when the run is to end. */
    int (*keep_on)(void *context, struct pp_job_run *run, struct pp_err *err);
    void *context;
    struct pp_counter *gone; /* of each thing, so many; or NULL */
};

int housekeeping_run(struct pp_job_run *run, struct housekeeping *self,
                     struct pp_err *err);

#endif
