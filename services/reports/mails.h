#ifndef MAILS_H
#define MAILS_H

#include "pp_clickhouse.h"
#include "pp_config.h"
#include "pp_err.h"

/*
 * What people are told at a time, on a thread of its own with connections of
 * its own, so that a day that is long to make anew holds up no report.
 * Replicas share the runs.
 */
struct mails;

struct mails_options {
    const struct pp_clickhouse_access *clickhouse;
    const char *postgres;
    int every_s; /* between two looks at what is due */
    int statement_s;
};

#define MAILS_SETTINGS(options)                                                \
    PP_INT_RANGE("PAWPRINT_REPORTS_DISPATCH_SECONDS", &(options)->every_s,     \
                 "60", 1, 3600,                                                \
                 "seconds between two looks at which reports are due")

int mails_open(struct mails **mails_out, const struct mails_options *options,
               struct pp_err *err);

/* Waits until a statement that runs has ended. */
void mails_close(struct mails **mails);

/* Adds its metrics; before there are other threads. */
void mails_metrics_add(void);

#endif
