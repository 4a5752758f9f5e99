#ifndef PP_CAPACITY_H
#define PP_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether an account's hits are taken: the state machine of capacity, as one
 * pure function of the state, the facts and the time. It reads no clock and
 * does no I/O; pp_capacity_pg.h runs it inside a transaction.
 *
 * An account within its limit is `ok`. Over it, `grace` begins: everything is
 * still taken, and the clock of the grace starts when the "Capacity depleted"
 * mail was handed over. Only after that, and a fresh count, comes `rejecting`,
 * which ends by itself with the usage window. There is no way from ok to
 * rejecting that does not pass a grace. docs/capacity.md has the whole of it.
 *
 * Instants are milliseconds since 1970 UTC by the clock of Postgres; 0 is "no
 * such instant".
 */
#define PP_CAPACITY_UNLIMITED INT64_C(-1)

enum pp_capacity_state {
    PP_CAPACITY_OK,
    PP_CAPACITY_GRACE,
    PP_CAPACITY_REJECTING,
};

/* What was decided so far, and what it needs to be remembered. */
struct pp_capacity {
    enum pp_capacity_state state;
    bool blocked, closed;
    int64_t version; /* of what was told to the world */
    int64_t told_at_ms;

    int64_t window_start_ms, window_end_ms; /* 0: it was never decided yet */
    int64_t limit;                          /* or PP_CAPACITY_UNLIMITED */
    int64_t limit_version;                  /* rises with every other limit */

    int64_t detected_at_ms;   /* when this grace was found to be due */
    int64_t grace_ends_at_ms; /* 0: its clock does not run yet */
    int64_t reject_until_ms;  /* while rejecting */
    int64_t paused_at_ms;     /* blocked or closed since: clocks stand */

    /* Of the window. */
    int graces;               /* that were begun anew */
    int64_t grace_version;    /* limit version of the last one */
    int64_t last_deadline_ms; /* of the last one, if its clock ever ran */
    unsigned mailed;          /* PP_CAPACITY_MAIL_*, under limit_version */
    unsigned alerted;         /* PP_CAPACITY_STAFF_* */
};

/* What is the case now. */
struct pp_capacity_facts {
    int64_t now_ms;
    int64_t window_start_ms, window_end_ms; /* of now */
    int64_t used;                           /* in that window */
    int64_t limit;                          /* or PP_CAPACITY_UNLIMITED */
    int64_t grace_ms;
    int64_t ceiling; /* so much used ends a grace early; 0: nothing does */
    bool blocked, closed;
    /* When the relay took the depleted mail of (window_start, grace_version);
     * 0: not yet. */
    int64_t handed_over_at_ms;
    /* A fresh count of ClickHouse says as well that used >= limit. */
    bool is_confirmed;
    /* The clock did not jump: pp_capacity_clock_is_steady(). */
    bool clock_is_steady;
};

enum pp_capacity_transition {
    PP_CAPACITY_T1_DEPLETED,
    PP_CAPACITY_T1B_CLOCK_STARTED,
    PP_CAPACITY_T2_WITHIN_AGAIN,
    PP_CAPACITY_T3_GRACE_OVER,
    PP_CAPACITY_T3_CEILING,
    PP_CAPACITY_T4_ACCEPTED_AGAIN,
    PP_CAPACITY_T5_FRESH_GRACE,
    PP_CAPACITY_T6_LIMIT_LOWERED,
    PP_CAPACITY_T7_STILL_OVER,
    PP_CAPACITY_T8_NEW_WINDOW,
    PP_CAPACITY_T9_EXEMPT,
    PP_CAPACITY_T10_BLOCKED,
    PP_CAPACITY_T10_UNBLOCKED,
    PP_CAPACITY_T11_CLOSED,
    PP_CAPACITY_T11_RESTORED,
    PP_CAPACITY_TRANSITIONS,
};

/* Bits of what the account is to be told, ... */
enum {
    PP_CAPACITY_MAIL_WARNING_80 = 1,
    PP_CAPACITY_MAIL_WARNING_90 = 2,
    PP_CAPACITY_MAIL_DEPLETED = 4,
    PP_CAPACITY_MAIL_REMINDER_72H = 8,
    PP_CAPACITY_MAIL_REMINDER_24H = 16,
    PP_CAPACITY_MAIL_REJECTING = 32,
    PP_CAPACITY_MAIL_RESTORED = 64,
    PP_CAPACITY_MAILS = 7, /* how many */
};

/* ... and of what staff are. */
enum {
    PP_CAPACITY_STAFF_NO_HANDOVER = 1, /* no mail in 24 h: clock runs */
    PP_CAPACITY_STAFF_UNCONFIRMED = 2, /* no count for 48 h: still taken */
    PP_CAPACITY_STAFF_TEN_TIMES = 4,   /* used is ten times the limit */
    PP_CAPACITY_STAFF_BLOCKED = 8,
    PP_CAPACITY_STAFFS = 4, /* how many */
};

#define PP_CAPACITY_STEPS_MAX 8

struct pp_capacity_decision {
    struct pp_capacity next;
    struct pp_capacity_step {
        enum pp_capacity_transition transition;
        enum pp_capacity_state from, to;
    } steps[PP_CAPACITY_STEPS_MAX]; /* in order; for the log */
    size_t step_count;
    unsigned mails, staff; /* to be sent now; PP_CAPACITY_* above */
    bool tell;             /* next goes out, under its new version */
};

/* The state machine. The same arguments always give the same decision. */
struct pp_capacity_decision
pp_capacity_decide(const struct pp_capacity *capacity,
                   const struct pp_capacity_facts *facts);

/*
 * How many more events of the account make another decision likely: to the
 * next warning or to the limit. INT64_MAX: no count does.
 */
int64_t pp_capacity_left(const struct pp_capacity *capacity, int64_t used);

/* Of what was never decided yet. */
struct pp_capacity pp_capacity_new(void);

/* What a collector does with a hit. */
enum pp_capacity_verdict {
    PP_CAPACITY_TAKE,
    PP_CAPACITY_EXHAUSTED, /* 402 */
    PP_CAPACITY_BLOCKED,   /* 403 */
    PP_CAPACITY_CLOSED,    /* 404 */
};

enum pp_capacity_verdict pp_capacity_judge(enum pp_capacity_state state,
                                           bool blocked, bool closed,
                                           int64_t reject_until_ms,
                                           int64_t now_ms);

/*
 * The usage window that holds now: one month, from the anchor on, at the
 * anchor's time of day, its day cut to the month's last one each time from
 * the anchor itself. Before the anchor it is the month before it. UTC.
 */
void pp_capacity_window(int64_t anchor_ms, int64_t now_ms, int64_t *start_out,
                        int64_t *end_out);

/*
 * False when the time moved, since the last tick, further or backwards as no
 * clock does: nobody is refused on its word then.
 */
bool pp_capacity_clock_is_steady(int64_t last_tick_ms, int64_t now_ms);

/* "ok"; "T1", "usage reached the limit"; "capacity_depleted";
 * "staff_capacity_unconfirmed": as they stand in a message's key. A mail or
 * staff is one bit. */
const char *pp_capacity_state_name(enum pp_capacity_state state);
const char *pp_capacity_transition_name(enum pp_capacity_transition transition);
const char *
pp_capacity_transition_words(enum pp_capacity_transition transition);
const char *pp_capacity_mail_name(unsigned mail);
const char *pp_capacity_staff_name(unsigned staff);

#endif
