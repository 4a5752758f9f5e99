#ifndef PP_ARENA_H
#define PP_ARENA_H

#include <stddef.h>

#include "pp_str.h"

/*
 * Memory for one request or batch, given back all at once.
 *
 * There is no free inside: pp_arena_reset() takes everything back and keeps
 * the first block for the next round. One thread at a time.
 */
struct pp_arena {
    struct pp_arena_block *first; /* kept across resets */
    struct pp_arena_block *last;
    size_t used_bytes;
    size_t max_bytes;
};

/* Allocates nothing yet. max_bytes bounds what one round may take. */
void pp_arena_init(struct pp_arena *arena, size_t max_bytes);
void pp_arena_reset(struct pp_arena *arena);
void pp_arena_fini(struct pp_arena *arena);

/*
 * Aligned for any type, not cleared. NULL when the round would pass
 * max_bytes: the input is too large, and that is the caller's to say.
 */
void *pp_arena_alloc(struct pp_arena *arena, size_t bytes);

/* A NUL-terminated copy, or NULL as above. */
char *pp_arena_text(struct pp_arena *arena, struct pp_str text);

#endif
