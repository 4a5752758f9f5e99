#ifndef BODY_H
#define BODY_H

#include "native.h"

/*
 * The body of an insert with decompress=1: one block of Native, in frames.
 *
 * A server stores one block whole or not at all, wherever the connection
 * breaks, and the frames' checksums tell it what was changed on the way.
 *
 * It is made in two steps: nearly all of it, while an insert before it may be
 * under way, and its end, with what is known only when it is sent: the
 * block's constants. Memory only; one thread at a time.
 */
struct body {
    struct pp_buf frames;
    struct pp_buf piece;        /* of it, not compressed yet */
    const struct native *block; /* whose rows they hold, or NULL */
    uint64_t version;           /* of the block, then */
};

void body_init(struct body *body, size_t limit_bytes);
void body_fini(struct body *body);

/* Whether it holds the block as it is now, but for its end. */
bool body_holds(const struct body *body, const struct native *block);

/* All but the end; nothing is to do where it holds the block. */
void body_begin(struct body *body, const struct native *block);

/* Nothing made of a block is used any more: its types are others. */
void body_forget(struct body *body);

/*
 * The whole body of the block, begun or not. Valid until the next call;
 * body->frames.overflow says that the limit was too small.
 */
struct pp_str body_end(struct body *body, const struct native *block);

#endif
