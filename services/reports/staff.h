#ifndef STAFF_H
#define STAFF_H

#include <stddef.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_job.h"
#include "pp_zone.h"

/*
 * The daily mail to those who run Pawprint: what happened on the day before,
 * and first of all what is wrong. docs/reports.md
 */
#define STAFF_JOB "report.staff"

enum staff_number {
    STAFF_ACCEPTED, /* events of all accounts, by the time of receipt */
    STAFF_ACCEPTED_DAY_BEFORE,
    STAFF_ACCEPTED_WEEK_BEFORE,
    STAFF_REFUSED, /* hits */
    STAFF_ACCOUNTS_NEW,
    STAFF_ACCOUNTS_STARTED, /* whose first event came */
    STAFF_GRACE,            /* accounts that are so now */
    STAFF_REJECTING,
    STAFF_BLOCKED,
    STAFF_CLOSED,
    STAFF_MESSAGES_SENT,
    STAFF_MESSAGES_FAILED,
    STAFF_MESSAGES_SUPPRESSED,
    STAFF_MESSAGES_BACK, /* mails that came back for good */
    STAFF_RUNS_DONE,
    STAFF_RUNS_DEAD,
    STAFF_RUNS_LATE, /* due for more than an hour, and not done */
    STAFF_REPORTS,
    STAFF_STRIPE_DEAD, /* events of Stripe that are so now */
    STAFF_NUMBERS,
};

/*
 * Says what is wrong, the worst first, in one line each; nothing when all is
 * well. Returns how many there are. Pure.
 */
size_t staff_judge(const int64_t numbers[STAFF_NUMBERS], struct pp_buf *lines);

/* Adds the facts of a message of the kind "staff_daily". Pure. */
void staff_facts(const int64_t numbers[STAFF_NUMBERS], const char *day,
                 const char *zone, struct pp_buf *out);

/* What the job has to know. */
struct staff_context {
    const struct pp_zone *zone; /* of those who run it */
    const char *zone_name;
    int minute; /* of their day */
    const char *mail;
};

/* Puts the last occurrence among the runs, where it is not yet. */
int staff_plan(struct pp_pg *pg, const struct staff_context *context,
               struct pp_err *err);
int staff_report(struct pp_job_run *run, const struct staff_context *context,
                 struct pp_err *err);

#endif
