#ifndef ALERT_RULE_H
#define ALERT_RULE_H

#include "pp_err.h"

/*
 * An alert rule as it is typed, before Postgres sees it: what can't be is
 * refused in words. No I/O; any thread.
 */
struct alert_rule {
    const char *threshold, *window, *least; /* window: minutes */
    const char *repeat;
    const char *quiet_from, *quiet_until; /* or NULL */
    const char *channel, *target;         /* target may be NULL */
};

/* PP_ERR_INVALID says which word it is, and what may stand there. */
int alert_rule_check(const struct alert_rule *rule, struct pp_err *err);

/* Of a snooze: whole hours, up to a year; 0 ends it. */
int alert_hours_check(const char *hours, struct pp_err *err);

#endif
