#include "pp_arena.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define BLOCK_BYTES ((size_t)64 << 10)
#define ALIGNMENT   _Alignof(max_align_t)

struct pp_arena_block {
    struct pp_arena_block *next;
    size_t used;
    size_t capacity;
    _Alignas(max_align_t) char bytes[];
};

void pp_arena_init(struct pp_arena *arena, size_t max_bytes)
{
    *arena = (struct pp_arena){.max_bytes = max_bytes};
}

static void blocks_free(struct pp_arena_block *block)
{
    while (block) {
        struct pp_arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void pp_arena_reset(struct pp_arena *arena)
{
    arena->used_bytes = 0;
    if (!arena->first)
        return;
    blocks_free(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->last = arena->first;
}

void pp_arena_fini(struct pp_arena *arena)
{
    blocks_free(arena->first);
    *arena = (struct pp_arena){.max_bytes = arena->max_bytes};
}

static void block_append(struct pp_arena *arena, size_t bytes)
{
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct pp_arena_block *block = pp_malloc(sizeof(*block) + capacity);

    block->next = NULL;
    block->used = 0;
    block->capacity = capacity;
    if (arena->last)
        arena->last->next = block;
    else
        arena->first = block;
    arena->last = block;
}

void *pp_arena_alloc(struct pp_arena *arena, size_t bytes)
{
    struct pp_arena_block *block;
    void *memory;

    if (bytes > arena->max_bytes)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (bytes > arena->max_bytes - arena->used_bytes)
        return NULL;
    if (!arena->last || bytes > arena->last->capacity - arena->last->used)
        block_append(arena, bytes);
    block = arena->last;
    memory = block->bytes + block->used;
    block->used += bytes;
    arena->used_bytes += bytes;
    return memory;
}

char *pp_arena_text(struct pp_arena *arena, struct pp_str text)
{
    char *copy = pp_arena_alloc(arena, text.n + 1);

    if (!copy)
        return NULL;
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}
