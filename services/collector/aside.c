#include "aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "pp_mem.h"

enum state { IDLE, ASKED, DONE, ENDING };

struct aside {
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
    struct aside *self = context;

    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (self->state != ASKED && self->state != ENDING)
            pthread_cond_wait(&self->changed, &self->lock);
        if (self->state == ENDING)
            break;
        pthread_mutex_unlock(&self->lock);
        self->work(self->context);
        pthread_mutex_lock(&self->lock);
        if (self->state == ASKED)
            self->state = DONE;
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void aside_free(struct aside **aside)
{
    pthread_cond_destroy(&(*aside)->changed);
    pthread_mutex_destroy(&(*aside)->lock);
    free(*aside);
    *aside = NULL;
}

int aside_open(struct aside **aside_out, void (*work)(void *context),
               void *context, struct pp_err *err)
{
    struct aside *self = pp_calloc(1, sizeof(*self));

    *aside_out = self;
    self->work = work;
    self->context = context;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    errno = pthread_create(&self->thread, NULL, run, self);
    if (errno == 0)
        return 0;
    pp_err_sys(err, PP_ERR_FATAL, "a thread");
    aside_free(aside_out);
    return -1;
}

static void set_state(struct aside *self, enum state state)
{
    pthread_mutex_lock(&self->lock);
    self->state = state;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

void aside_close(struct aside **aside)
{
    if (!*aside)
        return;
    set_state(*aside, ENDING);
    pthread_join((*aside)->thread, NULL);
    aside_free(aside);
}

void aside_begin(struct aside *self)
{
    self->under_way = true;
    set_state(self, ASKED);
}

bool aside_is_under_way(const struct aside *self)
{
    return self->under_way;
}

bool aside_ended(struct aside *self)
{
    bool done;

    if (!self->under_way)
        return false;
    pthread_mutex_lock(&self->lock);
    done = self->state == DONE;
    if (done)
        self->state = IDLE;
    pthread_mutex_unlock(&self->lock);
    self->under_way = !done;
    return done;
}
