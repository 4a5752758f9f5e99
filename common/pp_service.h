#ifndef PP_SERVICE_H
#define PP_SERVICE_H

#include <stdbool.h>

#include "pp_config.h"
#include "pp_err.h"
#include "pp_log.h"
#include "pp_metrics.h"

/*
 * Start, ready, stop, exit code; /livez, /readyz and /metrics on a port of
 * their own.
 *
 * There is one service in a process. The internal port is served by a thread
 * of its own, so that it answers however long a turn of the work takes. All
 * the rest belongs to the thread of main().
 */

/* Exit codes, the same everywhere. */
enum { PP_EXIT_STOPPED = 0, PP_EXIT_FAILED = 1, PP_EXIT_MISCONFIGURED = 2 };

/*
 * Reads settings (its own rows and the ones every service has), opens the log,
 * takes SIGTERM and SIGINT, and serves the internal port. Does not return for
 * --help, --check, --settings (the table of docs/configuration.md), --health
 * (asks the running service's /livez; for a container's health) and --ready
 * (its /readyz), nor when a setting is wrong: exit code 2.
 */
void pp_service_init(const char *name, const struct pp_setting *settings,
                     int argc, char **argv);

/* From now on /readyz says 200, until pp_service_not_ready() or the stop. */
void pp_service_ready(void);
void pp_service_not_ready(void);

/*
 * False once the service was told to stop. Call it once a turn: /livez says
 * 503 when it was not called for a minute.
 */
bool pp_service_running(void);

/*
 * Something is away: logs err once, waits longer each time up to 10 s but ends
 * at once when told to stop, and clears err.
 */
void pp_service_backoff(struct pp_err *err);

/* Logs how it ended, stops the internal port, and gives main's exit code. */
int pp_service_exit(const struct pp_err *err);

/*
 * The same where it did not begin, since settings don't go together: exit code
 * 2. PP_ERR_AGAIN was no fault of theirs.
 */
int pp_service_misconfigured(const struct pp_err *err);

#endif
