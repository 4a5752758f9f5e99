#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>

#include "pp_clickhouse.h"
#include "pp_config.h"
#include "pp_kafka.h"

#include "watch.h"

/*
 * What the meter does at a time, on a thread of its own with connections of
 * its own: usage is compared with ClickHouse, and corrected, and kept as it
 * stood each quarter of an hour; alert rules are evaluated; staff is told what
 * it has to know. Replicas share the runs.
 */
struct jobs;

struct jobs_options {
    const struct pp_kafka_access *kafka;
    const struct pp_clickhouse_access *clickhouse;
    const char *postgres;
    const char *prefix;
    int every_s, age_s, back_hours, back_days, lookback_hours;
    int alert_every_s, alert_delay_s;
    struct watch_options watch;
};

#define JOBS_SETTINGS(options)                                                 \
    PP_INT_RANGE("PAWPRINT_METER_RECONCILE_SECONDS", &(options)->every_s,      \
                 "900", 1, 86400,                                              \
                 "seconds between two comparisons with ClickHouse"),           \
        PP_INT_RANGE("PAWPRINT_METER_RECONCILE_AGE_SECONDS",                   \
                     &(options)->age_s, "600", 0, 86400,                       \
                     "quarters of an hour that ended later are left out"),     \
        PP_INT_RANGE("PAWPRINT_METER_RECONCILE_HOURS", &(options)->back_hours, \
                     "24", 1, 720, "hours that are compared each time"),       \
        PP_INT_RANGE("PAWPRINT_METER_RECONCILE_DAYS", &(options)->back_days,   \
                     "32", 1, 400, "days that are compared once a day"),       \
        PP_INT_RANGE("PAWPRINT_METER_LOOKBACK_HOURS",                          \
                     &(options)->lookback_hours, "24", 0, 720,                 \
                     "an event that came so long before these times, too, "    \
                     "counts only there"),                                     \
        PP_INT_RANGE("PAWPRINT_METER_ALERT_SECONDS",                           \
                     &(options)->alert_every_s, "60", 1, 3600,                 \
                     "seconds between two looks at the alert rules"),          \
        PP_INT_RANGE(                                                          \
            "PAWPRINT_METER_ALERT_DELAY_SECONDS", &(options)->alert_delay_s,   \
            "60", 0, 3600,                                                     \
            "alert rules leave out what came later than so long ago"),         \
        WATCH_SETTINGS(&(options)->watch)

int jobs_open(struct jobs **jobs_out, const struct jobs_options *options,
              struct pp_err *err);

/* True once after each comparison that this process has done. Any thread. */
bool jobs_compared(struct jobs *jobs);

/* Waits until a statement that runs has ended. */
void jobs_close(struct jobs **jobs);

/* Adds its metrics; before there are other threads. */
void jobs_metrics_add(void);

#endif
