#ifndef MAILS_H
#define MAILS_H

#include "pp_clickhouse.h"
#include "pp_config.h"
#include "pp_err.h"

/*
 * What people are told at a time, and what is kept no longer, on a thread of
 * its own with connections of its own, so that a day that is long to make anew
 * holds up no report. Replicas share the runs.
 */
struct mails;

struct mails_options {
    const struct pp_clickhouse_access *clickhouse;
    const char *postgres;
    int every_s; /* between two looks at what is due */
    int statement_s;
    int spread_s;
    const char *staff_mail, *staff_zone, *staff_at;
};

#define MAILS_SETTINGS(options)                                                \
    PP_INT_RANGE("PAWPRINT_REPORTS_DISPATCH_SECONDS", &(options)->every_s,     \
                 "60", 1, 3600,                                                \
                 "seconds between two looks at which reports are due"),        \
        PP_INT_RANGE("PAWPRINT_REPORTS_SPREAD_SECONDS", &(options)->spread_s,  \
                     "1800", 0, 7200,                                          \
                     "reports are begun up to so much after their time, each " \
                     "always as much"),                                        \
        PP_STR("PAWPRINT_STAFF_MAIL", &(options)->staff_mail, "",              \
               "where the daily mail to those who run Pawprint goes; empty: "  \
               "there is none"),                                               \
        PP_STR("PAWPRINT_REPORTS_STAFF_ZONE", &(options)->staff_zone, "UTC",   \
               "their time zone"),                                             \
        PP_STR_CHECKED("PAWPRINT_REPORTS_STAFF_AT", &(options)->staff_at,      \
                       "07:00", mails_time_wrong,                              \
                       "when they get it, by its clocks")

int mails_open(struct mails **mails_out, const struct mails_options *options,
               struct pp_err *err);

/* For pp_config: what a time of the day has to be, or NULL when it is one. */
const char *mails_time_wrong(const char *text);

/* Waits until a statement that runs has ended. */
void mails_close(struct mails **mails);

/* Adds its metrics; before there are other threads. */
void mails_metrics_add(void);

#endif
