#include "pp_job_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "pp_log.h"
#include "pp_mem.h"
#include "pp_time.h"

#define IDLE_US  200000
#define AWAY_US  2000000
#define RENEW_MS 1000 /* a lease that is younger is not renewed */

struct pp_job_thread {
    int (*turn)(void *context, enum pp_job_outcome *outcome_out,
                struct pp_err *err);
    void *context;
    pthread_t thread;
    atomic_bool stop;
    /* The thread's own: */
    int64_t fence; /* of the run that renewed its lease last */
    struct pp_mono renewed_at;
};

/* In slices: who is told to stop does not sleep on. */
static void rest(const struct pp_job_thread *self, int us)
{
    for (; us > 0 && !atomic_load(&self->stop); us -= IDLE_US)
        usleep(IDLE_US);
}

static void *work(void *context)
{
    struct pp_job_thread *self = context;
    bool is_away = false;

    while (!atomic_load(&self->stop)) {
        enum pp_job_outcome outcome = PP_JOB_DONE;
        struct pp_err err = {0};
        bool failed = self->turn(self->context, &outcome, &err) < 0;

        if (failed && !is_away)
            pp_warn("jobs.wait", "why=%s", err.msg);
        is_away = failed;
        if (failed)
            rest(self, AWAY_US);
        else if (outcome == PP_JOB_NOTHING)
            rest(self, IDLE_US);
    }
    return NULL;
}

int pp_job_thread_open(struct pp_job_thread **thread_out,
                       int (*turn)(void *context,
                                   enum pp_job_outcome *outcome_out,
                                   struct pp_err *err),
                       void *context, struct pp_err *err)
{
    struct pp_job_thread *self = pp_calloc(1, sizeof(*self));

    *thread_out = self;
    self->turn = turn;
    self->context = context;
    errno = pthread_create(&self->thread, NULL, work, self);
    if (errno == 0)
        return 0;
    pp_err_sys(err, PP_ERR_FATAL, "a thread");
    free(self);
    *thread_out = NULL;
    return -1;
}

void pp_job_thread_close(struct pp_job_thread **thread)
{
    if (!*thread)
        return;
    atomic_store(&(*thread)->stop, true);
    pthread_join((*thread)->thread, NULL);
    free(*thread);
    *thread = NULL;
}

static int renew(struct pp_job_thread *self, struct pp_job_run *run,
                 struct pp_err *err)
{
    struct pp_mono now = pp_mono_now();

    if (run->fence == self->fence &&
        pp_mono_ms(self->renewed_at, now) < RENEW_MS)
        return 0;
    if (pp_job_renew(run, err) < 0)
        return -1;
    self->fence = run->fence;
    self->renewed_at = now;
    return 0;
}

int pp_job_thread_keep_on(struct pp_job_thread *thread, struct pp_job_run *run,
                          struct pp_err *err)
{
    if (!atomic_load(&thread->stop))
        return renew(thread, run, err);
    pp_job_give_back(run);
    return pp_err_set(err, PP_ERR_AGAIN, "told to stop");
}
