#ifndef PP_JOB_RULE_H
#define PP_JOB_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_cron.h"
#include "pp_zone.h"

/*
 * At which instants a job is due, and what becomes of one at which nobody was
 * there. Pure; safe from any thread.
 */

/* What becomes of instants at which nobody was there. */
enum pp_job_catch_up {
    PP_JOB_LATEST, /* the last of them is done, the ones before never */
    PP_JOB_ALL,    /* each that is not older than the window, oldest first */
    PP_JOB_NONE,   /* none; the window says how late is still there */
    PP_JOB_MUST,   /* each, however old, and tried until it is done */
};

/* As in SQL: "latest". */
const char *pp_job_catch_up_name(enum pp_job_catch_up catch_up);

struct pp_job_rule {
    int every_s; /* at the multiples since 1970; 0: as cron says */
    struct pp_cron cron;
    const struct pp_zone *zone; /* of cron */
};

/* The first instant after one. False: there is none. */
bool pp_job_rule_next(const struct pp_job_rule *rule, int64_t after_ms,
                      int64_t *at_ms_out);

/* How late PP_JOB_NONE may be where no window is set. */
#define PP_JOB_NONE_WINDOW_S 10

/*
 * Whether an instant that has come is to be done; else it is left out for
 * good. next_ms is the instant after it.
 */
bool pp_job_is_wanted(enum pp_job_catch_up catch_up, int window_s,
                      int64_t at_ms, int64_t next_ms, int64_t now_ms);

#endif
