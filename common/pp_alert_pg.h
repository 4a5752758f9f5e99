#ifndef PP_ALERT_PG_H
#define PP_ALERT_PG_H

#include "pp_alert.h"
#include "pp_clickhouse.h"
#include "pp_pg.h"

/*
 * Alert rules in Postgres, measured in Postgres (usage) and ClickHouse (the
 * rest). A rule's state and its message are one transaction, in which the rule
 * is locked; the message's key makes it once, whoever else evaluates. All time
 * is pp_now(). One thread at a time.
 */
struct pp_alerts {
    struct pp_pg *pg;
    struct pp_clickhouse *clickhouse;
    int timeout_ms; /* of each statement to ClickHouse */
    int delay_s;    /* newer events are left out: they may be on their way */
    bool is_stored; /* all that came before the delay is in ClickHouse; false:
                     * what ClickHouse would say is not known */
    int (*progress)(void *context, struct pp_err *err); /* before each rule */
    void *context;
    int64_t rules, unknown, fired, resolved; /* what the call did */
};

/*
 * Every rule once. One that can't be measured keeps its state and is counted
 * in unknown; once ClickHouse is away it is not asked again. -1: Postgres is
 * away, or progress said to stop.
 */
int pp_alerts_run(struct pp_alerts *alerts, struct pp_err *err);

/*
 * Sends the message that the rule would send if it fired now, marked as a
 * test, with what is measured now; quiet hours and a snooze don't hold it
 * back, and the rule's state stays as it is. PP_ERR_INVALID: no such rule.
 */
int pp_alerts_test(struct pp_alerts *alerts, const char *alert_id,
                   struct pp_err *err);

#endif
