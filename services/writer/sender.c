#include "sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pp_mem.h"

#define TOKEN_BYTES 160
#define BODY_BYTES  ((size_t)256 << 20)

enum state { IDLE, ASKED, DONE, ENDING };

struct sender {
    struct store *store; /* the thread's, while state is ASKED */
    uint64_t taken_bytes;
    struct body bodies[2];
    struct body *sent;  /* the thread's as well */
    struct body *ready; /* what is prepared */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    enum state state;
    struct native *block;
    char token[TOKEN_BYTES];
    enum store_verdict verdict;
    struct pp_err err;
};

static void *work(void *context)
{
    struct sender *self = context;

    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (self->state != ASKED && self->state != ENDING)
            pthread_cond_wait(&self->changed, &self->lock);
        if (self->state == ENDING)
            break;
        pthread_mutex_unlock(&self->lock);
        self->err = (struct pp_err){0};
        self->verdict = store_insert(self->store, self->block, self->sent,
                                     self->token, &self->err);
        pthread_mutex_lock(&self->lock);
        self->state = DONE;
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

int sender_open(struct sender **sender_out,
                const struct pp_clickhouse_access *access, struct pp_err *err)
{
    struct sender *self = pp_calloc(1, sizeof(*self));
    pthread_condattr_t clock;

    *sender_out = self;
    for (size_t i = 0; i < PP_COUNT(self->bodies); i++)
        body_init(&self->bodies[i], BODY_BYTES);
    self->sent = &self->bodies[0];
    self->ready = &self->bodies[1];
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (store_open(&self->store, access, err) < 0)
        return -1;
    errno = pthread_create(&self->thread, NULL, work, self);
    if (errno)
        return pp_err_sys(err, PP_ERR_FATAL, "a thread");
    self->started = true;
    return 0;
}

static void await_done(struct sender *self)
{
    while (self->state == ASKED)
        pthread_cond_wait(&self->changed, &self->lock);
}

void sender_close(struct sender **sender)
{
    struct sender *self = *sender;

    if (!self)
        return;
    if (self->started) {
        pthread_mutex_lock(&self->lock);
        await_done(self);
        self->state = ENDING;
        pthread_cond_broadcast(&self->changed);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
    }
    store_close(&self->store);
    for (size_t i = 0; i < PP_COUNT(self->bodies); i++)
        body_fini(&self->bodies[i]);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *sender = NULL;
}

void sender_learn(struct sender *sender, const struct store_facts *facts)
{
    store_learn(sender->store, facts);
    body_forget(sender->ready);
}

void sender_prepare(struct sender *sender, struct native *block)
{
    store_prepare(sender->ready, block, store_known(sender->store));
}

void sender_begin(struct sender *sender, struct native *block,
                  const char *token)
{
    pthread_mutex_lock(&sender->lock);
    if (body_holds(sender->ready, block)) {
        struct body *ready = sender->ready;

        sender->ready = sender->sent;
        sender->sent = ready;
    }
    sender->block = block;
    snprintf(sender->token, sizeof(sender->token), "%s", token);
    sender->state = ASKED;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

bool sender_done(struct sender *sender, int wait_ms)
{
    struct timespec until;
    bool done;
    int late = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&sender->lock);
    while (sender->state == ASKED && wait_ms > 0 && !late)
        late = pthread_cond_timedwait(&sender->changed, &sender->lock, &until);
    done = sender->state != ASKED;
    pthread_mutex_unlock(&sender->lock);
    return done;
}

enum store_verdict sender_end(struct sender *sender, struct pp_err *err)
{
    enum store_verdict verdict;

    pthread_mutex_lock(&sender->lock);
    await_done(sender);
    sender->state = IDLE;
    verdict = sender->verdict;
    if (verdict != STORE_STORED)
        *err = sender->err;
    pthread_mutex_unlock(&sender->lock);
    return verdict;
}

uint64_t sender_take_bytes(struct sender *sender)
{
    uint64_t bytes = store_sent_bytes(sender->store) - sender->taken_bytes;

    sender->taken_bytes += bytes;
    return bytes;
}
