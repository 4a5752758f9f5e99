#include "housekeeping.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_log.h"

const char *housekeeping_name(enum housekeeping_thing thing)
{
    static const char *const names[HOUSEKEEPING_THINGS] = {
        "job_runs",      "message_texts", "login_links",    "login_sessions",
        "billing_calls", "outbox_rows",   "usage_snapshots"};

    return names[thing];
}

/* The number of rows of a page, or -1. */
static int64_t take_page(struct pp_pg *pg, const char *thing,
                         struct pp_err *err)
{
    char most[16];
    const char *values[] = {thing, most};
    struct pp_pg_rows rows;
    int64_t gone = -1;

    snprintf(most, sizeof(most), "%d", HOUSEKEEPING_PAGE);
    if (pp_pg_query(pg, "SELECT housekeeping($1, $2::int)", 2, values, &rows,
                    err) == 0)
        gone = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return gone;
}

/* All of one thing; counts also what was done before it failed. */
static int take_away(struct pp_job_run *run, struct housekeeping *self,
                     enum housekeeping_thing thing, struct pp_err *err)
{
    const char *name = housekeeping_name(thing);
    int64_t page, all = 0;

    do {
        if (self->keep_on(self->context, run, err) < 0)
            page = -1;
        else
            page = take_page(run->pg, name, err);
        if (page > 0)
            all += page;
    } while (page == HOUSEKEEPING_PAGE);
    if (self->gone)
        pp_counter_add(&self->gone[thing], (uint64_t)all);
    pp_job_number(run, name, all);
    if (all > 0)
        pp_info("housekeeping.gone", "thing=%s rows=%" PRId64, name, all);
    return page < 0 ? -1 : 0;
}

int housekeeping_run(struct pp_job_run *run, struct housekeeping *self,
                     struct pp_err *err)
{
    for (int thing = 0; thing < HOUSEKEEPING_THINGS; thing++)
        if (take_away(run, self, (enum housekeeping_thing)thing, err) < 0)
            return -1;
    return 0;
}
