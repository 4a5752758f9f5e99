#ifndef ALARM_H
#define ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When a job has gone wrong, and when people are told: a function of what is
 * known of the job, of what was told before, and of the time. No I/O, no
 * clock; any thread. docs/jobs.md has the rules.
 */
enum alarm_kind {
    ALARM_LATE,    /* it should have begun */
    ALARM_LONG,    /* it takes too long */
    ALARM_STALLED, /* its lease is over and nobody has gone on */
    ALARM_FAILED,  /* dead, or failed twice in a row */
    ALARM_SHORT,   /* done in less time than it can be */
    ALARM_OFTEN,
    ALARM_BACKLOG,     /* something waits for long */
    ALARM_EMPTY,       /* the last run found less to do than there can be */
    ALARM_UNDELIVERED, /* too few of the reports it made have arrived */
    ALARM_KINDS
};

/* As in the key of a message, "late"; and for a person. */
const char *alarm_name(enum alarm_kind kind);
const char *alarm_words(enum alarm_kind kind);

/* Of a job; 0: no such limit. */
struct alarm_limits {
    int64_t start_ms, run_ms, run_least_ms, backlog_ms;
    int64_t runs_an_hour;
    int64_t items_least;
    int64_t delivered_percent;
};

/* What is known of a job; instants and lengths are 0 where there is none. */
struct alarm_facts {
    bool is_paused;
    int64_t now_ms;
    int64_t waits_since_ms; /* the first that should have begun and has not */
    int64_t open_since_ms;  /* what waits for longest, or is tried again */
    int64_t runs_since_ms;  /* the run that is under way for longest */
    int64_t lease_until_ms; /* of the one whose lease ended first */
    int64_t done_at_ms, dead_at_ms; /* the last */
    int64_t failures;               /* tries in a row of an open run */
    int64_t last_took_ms;           /* of the last that was done, or -1 */
    int64_t runs_last_hour;
    int64_t last_items; /* of the last that was done, or -1 */
    /* Of the reports of a day that ended six hours ago. */
    int64_t reports_due, reports_delivered;
};

/* What values and limits of a kind are: "milliseconds". */
const char *alarm_unit(enum alarm_kind kind);

/* How far it is past its limit, in value_out. */
bool alarm_holds(enum alarm_kind kind, const struct alarm_limits *limits,
                 const struct alarm_facts *facts, int64_t *value_out,
                 int64_t *limit_out);

/* What was told of one kind and job. */
struct alarm {
    int64_t since_ms; /* 0: all is well */
    int64_t episode;  /* how often it went wrong */
    int messages;     /* of this episode */
};

enum alarm_message { ALARM_NOTHING, ALARM_FIRED, ALARM_NAG, ALARM_CLEARED };

/* One message when it goes wrong, again after 1, 6 and 24 hours, one when it
 * is well. Changes *alarm; a message belongs to the episode that is in it. */
enum alarm_message alarm_step(struct alarm *alarm, bool holds, int64_t now_ms);

#endif
