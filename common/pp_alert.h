#ifndef PP_ALERT_H
#define PP_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether an alert rule fires, and what is said about it: a function of the
 * rule, of what was decided before, and of what is measured. No I/O, no
 * clock; safe from any thread. docs/alerts.md describes the kinds.
 */
enum pp_alert_kind {
    PP_ALERT_USAGE,   /* percent of the account's limit */
    PP_ALERT_SPIKE,   /* times the usual */
    PP_ALERT_DROP,    /* percent of the usual, or less */
    PP_ALERT_NO_DATA, /* events in the window: none */
    PP_ALERT_LCP,     /* 75th percentile, milliseconds */
    PP_ALERT_INP,
    PP_ALERT_CLS, /* without a unit */
    PP_ALERT_TTFB,
};

/* What stands where nothing is said. */
struct pp_alert_defaults {
    const char *name;  /* as in SQL and on the command line */
    const char *words; /* what is measured, for a person */
    double threshold;
    int window_s;
    int64_t least;
};

/* False: there is no such kind. */
bool pp_alert_kind_of(const char *name, enum pp_alert_kind *kind_out);
const struct pp_alert_defaults *pp_alert_defaults(enum pp_alert_kind kind);
bool pp_alert_is_vital(enum pp_alert_kind kind);

struct pp_alert_rule {
    enum pp_alert_kind kind;
    double threshold;
    int window_s;
    int64_t least;
    int64_t repeat_ms; /* 0: once */
};

/* The same hours of so many weeks are what is usual. */
#define PP_ALERT_WEEKS 4

struct pp_alert_facts {
    int64_t now_ms;
    bool is_known;   /* false: who could say did not answer */
    bool is_over;    /* the site is paused or gone */
    bool is_silent;  /* quiet hours, or snoozed */
    double value;    /* usage in percent, events, or the percentile */
    int64_t samples; /* of a vital */
    int64_t limit;   /* usage: of the account; below 0 there is none */
    int64_t weeks[PP_ALERT_WEEKS]; /* events, the newest first */
    int week_count;                /* of which the site was there */
};

/* Does it hold; PP_ALERT_UNKNOWN changes nothing. */
enum pp_alert_answer { PP_ALERT_UNKNOWN, PP_ALERT_CALM, PP_ALERT_HOLDS };

/* So often in a row it does not hold before it is resolved. */
#define PP_ALERT_CALM_COUNT 3

struct pp_alert {
    bool firing;
    bool told; /* the last message said that it fires */
    int calm;
    int64_t episode;
    int64_t messages; /* of this episode */
    int64_t since_ms, resolved_ms, sent_ms;
};

enum pp_alert_message { PP_ALERT_NOTHING, PP_ALERT_FIRED, PP_ALERT_RESOLVED };

struct pp_alert_decision {
    struct pp_alert next;
    enum pp_alert_answer answer;
    enum pp_alert_message message; /* to be sent with the state */
    double limit;                  /* what the value is compared with */
    double usual;                  /* spike, drop: the median; else below 0 */
};

struct pp_alert_decision pp_alert_decide(const struct pp_alert_rule *rule,
                                         const struct pp_alert *before,
                                         const struct pp_alert_facts *facts);

#endif
