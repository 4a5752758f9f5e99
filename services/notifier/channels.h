#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdbool.h>

#include "pp_buf.h"
#include "pp_err.h"

#include "ledger.h"
#include "outcome.h"

/*
 * The ways that messages go out by: which of them this process serves, and
 * what is measured of each. One thread, but for the metrics.
 */
enum channel {
    CHANNEL_MAIL,
    CHANNEL_SLACK,
    CHANNEL_WEBHOOK,
    CHANNEL_SMS,
    CHANNELS, /* how many */
};

struct channels {
    bool wanted[CHANNELS];     /* this process is told to serve it */
    bool configured[CHANNELS]; /* the settings say how to deliver */
};

/* As the table notification has it. */
const char *channel_name(enum channel channel);

/* names: apart by commas. PP_ERR_FATAL: there is no such channel. */
int channels_read(struct channels *channels_out, const char *names,
                  const bool configured[CHANNELS], struct pp_err *err);

/* Adds what can be served now, as ledger_claim() wants it, with a NUL. */
void channels_add(const struct channels *channels, bool mail_rests,
                  struct pp_buf *list);

/* Adds its metrics; before there are other threads. */
void channels_metrics_add(void);

/* One attempt. */
void channels_count(const char *channel, enum outcome outcome);

/* What is not delivered yet. */
void channels_show(enum channel channel, const struct ledger_waiting *waiting);

#endif
