#ifndef SITE_STATUS_H
#define SITE_STATUS_H

#include "cli.h"

/*
 * Gives a site another status and puts it into the outbox, all of it in a
 * transaction of its own. Nothing happens when it has that status already.
 * PP_ERR_INVALID: no such site, or it is erased.
 */
int site_status_set(struct cli *cli, const char *site_id, const char *status,
                    struct pp_err *err);

/* The same of a site that may not be there: then nothing happens. */
int site_status_change(struct cli *cli, const char *site_id, const char *status,
                       struct pp_err *err);

/* Waits until the relay has told Kafka how the site stands. */
int site_status_sent(struct cli *cli, const char *site_id, int wait_ms,
                     struct pp_err *err);

#endif
