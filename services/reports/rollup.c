#include "rollup.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_log.h"
#include "pp_rollup.h"

struct turn {
    struct rollup_context *context;
    struct pp_job_run *run;
};

/* Between two statements: are we to stop, and is the run still ours? */
static int progress(void *data, const char *table, const char *day,
                    struct pp_err *err)
{
    const struct turn *turn = data;

    if (table)
        pp_debug("rollup.making", "table=%s day=%s", table, day);
    if (!turn->context->running()) {
        pp_job_give_back(turn->run);
        return pp_err_set(err, PP_ERR_AGAIN, "told to stop");
    }
    return pp_job_renew(turn->run, err);
}

static int days_of(struct pp_rollup *rollup, const struct turn *turn, bool all,
                   int64_t *first_out, int64_t *last_out, struct pp_err *err)
{
    if (all)
        return pp_rollup_range(rollup, first_out, last_out, err);
    if (pp_rollup_today(rollup, last_out, err) < 0)
        return -1;
    *first_out = *last_out - turn->context->recent_days + 1;
    return 0;
}

static int make_right(struct pp_job_run *run, void *context, bool all,
                      struct pp_err *err)
{
    struct turn turn = {context, run};
    char tag[32];
    struct pp_rollup rollup = {
        .clickhouse = turn.context->clickhouse,
        .tag = tag,
        .timeout_ms = turn.context->statement_s * 1000,
        .lag_s = turn.context->lag_s,
        .progress = progress,
        .context = &turn,
    };
    int64_t first, last, left = 0;
    int result;

    snprintf(tag, sizeof(tag), "run%" PRId64, run->fence);
    result = pp_rollup_clean(&rollup, err);
    if (result == 0)
        result = days_of(&rollup, &turn, all, &first, &last, err);
    if (result == 0)
        result = pp_rollup_days(&rollup, first, last, false, &left, err);
    pp_counter_add(turn.context->days, (uint64_t)rollup.days);
    pp_counter_add(turn.context->partitions, (uint64_t)rollup.partitions);
    if (result < 0)
        return -1;
    pp_gauge_set(turn.context->days_left, left);
    pp_job_number(run, "days", rollup.days);
    pp_job_number(run, "partitions", rollup.partitions);
    pp_job_number(run, "days_left", left);
    if (rollup.days > 0)
        pp_info("rollup.made",
                "days=%" PRId64 " partitions=%" PRId64 " days_left=%" PRId64,
                rollup.days, rollup.partitions, left);
    return 0;
}

int rollup_recent(struct pp_job_run *run, void *context, struct pp_err *err)
{
    return make_right(run, context, false, err);
}

int rollup_all(struct pp_job_run *run, void *context, struct pp_err *err)
{
    return make_right(run, context, true, err);
}
