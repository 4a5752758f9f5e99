#include "pp_aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "pp_mem.h"

#define WAIT_MS 1000 /* and again */

enum state { IDLE, ASKED, DONE, ENDING };

struct pp_aside {
    void (*work)(void *context);
    void *context;
    pthread_t thread;
    bool under_way; /* the state is not IDLE; the loop's, without the lock */

    pthread_mutex_t lock; /* guards the state */
    pthread_cond_t changed;
    enum state state;
};

static void *run(void *context)
{
    struct pp_aside *self = context;

    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (self->state != ASKED && self->state != ENDING)
            pthread_cond_wait(&self->changed, &self->lock);
        if (self->state == ENDING)
            break;
        pthread_mutex_unlock(&self->lock);
        self->work(self->context);
        pthread_mutex_lock(&self->lock);
        self->state = DONE;
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void aside_free(struct pp_aside **aside)
{
    pthread_cond_destroy(&(*aside)->changed);
    pthread_mutex_destroy(&(*aside)->lock);
    free(*aside);
    *aside = NULL;
}

int pp_aside_open(struct pp_aside **aside_out, void (*work)(void *context),
                  void *context, struct pp_err *err)
{
    struct pp_aside *self = pp_calloc(1, sizeof(*self));
    pthread_condattr_t clock;

    *aside_out = self;
    self->work = work;
    self->context = context;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &clock);
    pthread_condattr_destroy(&clock);
    errno = pthread_create(&self->thread, NULL, run, self);
    if (errno == 0)
        return 0;
    pp_err_sys(err, PP_ERR_FATAL, "a thread");
    aside_free(aside_out);
    return -1;
}

static void set_state(struct pp_aside *self, enum state state)
{
    pthread_mutex_lock(&self->lock);
    self->state = state;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

void pp_aside_begin(struct pp_aside *self)
{
    self->under_way = true;
    set_state(self, ASKED);
}

bool pp_aside_is_under_way(const struct pp_aside *self)
{
    return self->under_way;
}

static struct timespec in_ms(int wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

bool pp_aside_ended(struct pp_aside *self, int wait_ms)
{
    struct timespec until = in_ms(wait_ms);
    bool done;
    int late = 0;

    if (!self->under_way)
        return false;
    pthread_mutex_lock(&self->lock);
    while (self->state == ASKED && wait_ms > 0 && !late)
        late = pthread_cond_timedwait(&self->changed, &self->lock, &until);
    done = self->state == DONE;
    if (done)
        self->state = IDLE;
    pthread_mutex_unlock(&self->lock);
    self->under_way = !done;
    return done;
}

void pp_aside_close(struct pp_aside **aside)
{
    if (!*aside)
        return;
    while (pp_aside_is_under_way(*aside))
        (void)pp_aside_ended(*aside, WAIT_MS);
    set_state(*aside, ENDING);
    pthread_join((*aside)->thread, NULL);
    aside_free(aside);
}
