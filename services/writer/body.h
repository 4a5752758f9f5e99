#ifndef BODY_H
#define BODY_H

#include "native.h"

/*
 * The body of an insert with decompress=1: one block of Native, in frames.
 *
 * A server stores one block whole or not at all, wherever the connection
 * breaks, and the frames' checksums tell it what was changed on the way.
 *
 * Adds it to out; out->overflow says that a limit was too small. piece is
 * memory to work in, emptied before and after: columns go through it one by
 * one, so that what is compressed was just written and is still in the cache.
 */
void body_write(const struct native *block, struct pp_buf *piece,
                struct pp_buf *out);

#endif
