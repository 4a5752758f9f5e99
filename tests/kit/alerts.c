/*
 * One look at every alert rule, as the meter's, at the time that Postgres says:
 * for tests that do not wait for its clock.
 *
 *   alerts look [SECONDS]    what came in the last SECONDS is left out; 0
 *
 * Postgres by PAWPRINT_POSTGRES_DSN, ClickHouse by PAWPRINT_CLICKHOUSE_URL.
 * Prints how many rules there were, how many could not be measured, and how
 * many messages were written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_alert_pg.h"

static int look(struct pp_alerts *alerts, struct pp_err *err)
{
    const struct pp_clickhouse_access access = {
        .url = getenv("PAWPRINT_CLICKHOUSE_URL"),
        .database = "pawprint",
        .user = "default",
        .password = "",
    };

    if (pp_pg_open(&alerts->pg, getenv("PAWPRINT_POSTGRES_DSN"), "test", err) <
            0 ||
        pp_clickhouse_open(&alerts->clickhouse, &access, err) < 0)
        return -1;
    return pp_alerts_run(alerts, err);
}

int main(int argc, char **argv)
{
    struct pp_alerts alerts = {.timeout_ms = 10000, .is_stored = true};
    struct pp_err err = {0};
    int result;

    if (argc < 2 || strcmp(argv[1], "look") != 0)
        return 2;
    alerts.delay_s = argc > 2 ? atoi(argv[2]) : 0;
    result = look(&alerts, &err);
    pp_clickhouse_close(&alerts.clickhouse);
    pp_pg_close(&alerts.pg);
    if (result < 0) {
        fprintf(stderr, "alerts: %s\n", err.msg);
        return 1;
    }
    printf("%lld %lld %lld\n", (long long)alerts.rules,
           (long long)alerts.unknown,
           (long long)(alerts.fired + alerts.resolved));
    return 0;
}
