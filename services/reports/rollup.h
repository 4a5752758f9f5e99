#ifndef ROLLUP_H
#define ROLLUP_H

#include "pp_clickhouse.h"
#include "pp_job.h"
#include "pp_metrics.h"

/* The jobs that keep visits and rollups equal to events. */
struct rollup_context {
    struct pp_clickhouse *clickhouse;
    int recent_days;
    int statement_s;
    int lag_s;             /* of today */
    bool (*running)(void); /* false: stop, and leave the run to others */
    struct pp_counter *days, *partitions;
    struct pp_gauge *days_left;
};

/* The recent days, of which late events may still come. */
int rollup_recent(struct pp_job_run *run, void *context, struct pp_err *err);

/* Every day that there is: an erasure, a restore or damage may be anywhere. */
int rollup_all(struct pp_job_run *run, void *context, struct pp_err *err);

#endif
