#ifndef PUBLIC_H
#define PUBLIC_H

#include <stdint.h>

#include "pp_err.h"

#include "links.h"

/*
 * The public port: what people, and mail servers, answer to messages.
 *
 *   GET, POST  /n/snooze/TOKEN       mutes an alert rule for a while
 *   GET, POST  /n/unsubscribe/TOKEN  switches mails of a kind off [RFC 8058]
 *   POST       /n/bounces            a mail about a delivery [RFC 3464]
 *
 * A GET changes nothing, as mail scanners open every link. A thread of its own
 * serves it, with a connection of its own: a delivery may take long. TLS is
 * the proxy's before it. No token and no address gets into the log.
 */
struct public_options {
    const struct links *links; /* off: nothing is served */
    const char *dsn;
    const char *address;
    int port;
    int trusted_hops;
    const char *limit;         /* as pp_rate.h has it */
    const char *bounce_secret; /* empty: no bounces are taken */
};

struct public;

/*
 * Listens and starts the thread; *public_out stays NULL when links are off.
 * The options are borrowed. PP_ERR_FATAL: an option is wrong, or the port can't
 * be had.
 */
int public_open(struct public **public_out,
                const struct public_options *options, struct pp_err *err);

/* Answers who is there, for 5 s at most, and ends the thread. */
void public_close(struct public **public);

/* Adds its metrics; before there are other threads. */
void public_metrics_add(void);

#endif
