#ifndef JOBS_WATCH_H
#define JOBS_WATCH_H

#include "pp_err.h"
#include "pp_pg.h"

/*
 * Looks at all jobs of the table job and tells the staff what is wrong with
 * them, on a thread of its own. Any number of replicas: a look is a run of the
 * job jobs.watch, and a message has a key of its own. Where Postgres is what is
 * away each replica says so itself, straight to a URL.
 */
struct jobs_watch_options {
    const char *postgres;
    int every_s;
    int away_s;        /* Postgres may be away for so long */
    const char *url;   /* for that; NULL or empty: nothing is said */
    const char *slack; /* each message goes there, too; or NULL, or empty */
    const char *sms;   /* the same, a telephone number */
    const char *beat;  /* pp_beat: each good look is told there; or empty */
};

struct jobs_watch;

void jobs_watch_metrics_add(void);

/* options are copied, not what they point at. */
int jobs_watch_open(struct jobs_watch **watch_out,
                    const struct jobs_watch_options *options,
                    struct pp_err *err);
void jobs_watch_close(struct jobs_watch **watch);

/* One look, in a transaction of its own for each job; told_out: messages. */
int jobs_watch_look(struct pp_pg *pg, const struct jobs_watch_options *options,
                    int64_t *told_out, struct pp_err *err);

#endif
