#ifndef WATCH_H
#define WATCH_H

#include "pp_config.h"
#include "pp_kafka.h"
#include "pp_pg.h"

/*
 * What those who run Pawprint are told of: an account that uses far more than
 * it is wont to, records that were rejected, a group of consumers that lags.
 * (Ten times the limit is pp_capacity's.) Postgres and Kafka are asked,
 * staff_decide() decides, and the state and the message are one transaction.
 */
struct watch_options {
    int every_s;
    int median_times; /* 0: accounts are not looked at */
    int median_events;
    int rejects; /* 0: not looked at; as lag_records */
    int lag_records;
    int lag_s;
};

#define WATCH_SETTINGS(options)                                                \
    PP_INT_RANGE("PAWPRINT_METER_STAFF_SECONDS", &(options)->every_s, "300",   \
                 1, 3600, "seconds between two looks at what staff is told"),  \
        PP_INT_RANGE("PAWPRINT_METER_STAFF_MEDIAN_TIMES",                      \
                     &(options)->median_times, "10", 0, 1000,                  \
                     "staff is told of an account whose last 24 hours are so " \
                     "many times the median of its last 14 days; 0: of none"), \
        PP_INT_RANGE("PAWPRINT_METER_STAFF_MEDIAN_EVENTS",                     \
                     &(options)->median_events, "10000", 1, 2000000000,        \
                     "but not of one with fewer events in 24 hours"),          \
        PP_INT_RANGE("PAWPRINT_METER_STAFF_REJECTS", &(options)->rejects, "1", \
                     0, 1000000000,                                            \
                     "staff is told when so many records were rejected "       \
                     "between two looks; 0: never"),                           \
        PP_INT_RANGE("PAWPRINT_METER_STAFF_LAG_RECORDS",                       \
                     &(options)->lag_records, "100000", 0, 2000000000,         \
                     "staff is told when a group of consumers is so many "     \
                     "records behind; 0: never"),                              \
        PP_INT_RANGE("PAWPRINT_METER_STAFF_LAG_SECONDS", &(options)->lag_s,    \
                     "300", 0, 86400, "and has been for so long")

struct watch {
    struct pp_pg *pg; /* borrowed, as all here */
    struct pp_kafka *kafka;
    const char *prefix;
    const struct watch_options *options;
    int64_t told; /* messages that the call wrote */
};

/* Once. PP_ERR_AGAIN: Postgres or Kafka is away; what could be looked at has
 * been. */
int watch_look(struct watch *watch, struct pp_err *err);

#endif
