#ifndef PP_BEAT_H
#define PP_BEAT_H

#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Tells a watcher outside that a job runs, so that somebody notices when all
 * of this is gone. Where to is one text:
 *
 *   healthchecks:https://hc-ping.com/UUID           Healthchecks' pings
 *   cronitor:https://cronitor.link/p/KEY/MONITOR    Cronitor's telemetry
 *   url:https://any.example/path                    a GET of each good end
 *
 * One thread at a time.
 */
enum pp_beat_event { PP_BEAT_RUN, PP_BEAT_DONE, PP_BEAT_FAIL };

#define PP_BEAT_ID_BYTES 37 /* a UUID */

struct pp_beat_run {
    char id[PP_BEAT_ID_BYTES]; /* start and end belong together by it */
    int exit_code;             /* of an end */
    int64_t took_ms;
};

/* A run with an id of its own. */
void pp_beat_run_init(struct pp_beat_run *run);

/* PP_ERR_INVALID says what may stand there. */
int pp_beat_check(const char *where, struct pp_err *err);

/* Adds what is to be fetched, with a NUL; nothing: that is not told there. */
void pp_beat_url(const char *where, enum pp_beat_event event,
                 const struct pp_beat_run *run, struct pp_buf *url);

/*
 * Tells it; a start waits 3 s at most, an end three times 10. A failure is for
 * the log: it must not become the job's. PP_ERR_INVALID: the answer was no.
 */
int pp_beat(const char *where, enum pp_beat_event event,
            const struct pp_beat_run *run, struct pp_err *err);

#endif
