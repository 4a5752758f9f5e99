#ifndef PP_ALERT_REPORT_H
#define PP_ALERT_REPORT_H

#include "pp_alert.h"
#include "pp_buf.h"

/*
 * What a message about an alert rule shows: the facts that alert_fired and
 * alert_resolved of common/messages have names for. No I/O; any thread.
 */

/* What rules of a kind are called in messages; never NULL. */
const char *pp_alert_title(enum pp_alert_kind kind);

struct pp_alert_report {
    const char *alert_id;
    const struct pp_alert_rule *rule; /* borrowed, as all here */
    const struct pp_alert_facts *facts;
    const struct pp_alert_decision *decision;
    bool is_test; /* somebody asked for it; it is none of the rule's */
};

/* Adds one JSON object, of less than 1 KiB. */
void pp_alert_report_add(const struct pp_alert_report *report,
                         struct pp_buf *out);

#endif
