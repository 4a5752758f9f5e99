#include "sender.h"

#include <stdio.h>
#include <stdlib.h>

#include "pp_aside.h"
#include "pp_mem.h"

#define TOKEN_BYTES 160
#define BODY_BYTES  ((size_t)256 << 20)
#define WAIT_MS     1000 /* and again */

struct sender {
    struct pp_aside *aside;
    struct body bodies[2];
    struct body *ready; /* what is prepared */
    uint64_t taken_bytes;

    /* The thread's while an insert is under way. */
    struct store *store;
    struct body *sent;
    struct native *block;
    char token[TOKEN_BYTES];
    enum store_verdict verdict;
    struct pp_err err;
};

static void work(void *context)
{
    struct sender *self = context;

    self->err = (struct pp_err){0};
    self->verdict = store_insert(self->store, self->block, self->sent,
                                 self->token, &self->err);
}

int sender_open(struct sender **sender_out,
                const struct pp_clickhouse_access *access, struct pp_err *err)
{
    struct sender *self = pp_calloc(1, sizeof(*self));

    *sender_out = self;
    for (size_t i = 0; i < PP_COUNT(self->bodies); i++)
        body_init(&self->bodies[i], BODY_BYTES);
    self->sent = &self->bodies[0];
    self->ready = &self->bodies[1];
    if (store_open(&self->store, access, err) < 0)
        return -1;
    return pp_aside_open(&self->aside, work, self, err);
}

void sender_close(struct sender **sender)
{
    struct sender *self = *sender;

    if (!self)
        return;
    pp_aside_close(&self->aside);
    store_close(&self->store);
    for (size_t i = 0; i < PP_COUNT(self->bodies); i++)
        body_fini(&self->bodies[i]);
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
    if (body_holds(sender->ready, block)) {
        struct body *ready = sender->ready;

        sender->ready = sender->sent;
        sender->sent = ready;
    }
    sender->block = block;
    snprintf(sender->token, sizeof(sender->token), "%s", token);
    pp_aside_begin(sender->aside);
}

bool sender_done(struct sender *sender, int wait_ms)
{
    return !pp_aside_is_under_way(sender->aside) ||
           pp_aside_ended(sender->aside, wait_ms);
}

enum store_verdict sender_end(struct sender *sender, struct pp_err *err)
{
    while (!sender_done(sender, WAIT_MS))
        continue;
    if (sender->verdict != STORE_STORED)
        *err = sender->err;
    return sender->verdict;
}

uint64_t sender_take_bytes(struct sender *sender)
{
    uint64_t bytes = store_sent_bytes(sender->store) - sender->taken_bytes;

    sender->taken_bytes += bytes;
    return bytes;
}
