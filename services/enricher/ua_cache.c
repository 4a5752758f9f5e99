#include "ua_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define WAYS 4 /* a set fills a line of the processor's cache */

struct entry {
    struct pp_str agent; /* it and the result's texts are in bytes */
    struct ua_result result;
    char bytes[];
};

struct slot {
    uint64_t hash; /* so that other agents need not be looked at */
    struct entry *entry;
};

/* An agent may be in one set only, which has the last used first. */
struct set {
    struct slot slots[WAYS];
};

struct ua_cache {
    size_t set_count;
    struct set *sets;
};

struct ua_cache *ua_cache_new(size_t entries)
{
    struct ua_cache *cache = pp_calloc(1, sizeof(*cache));

    cache->set_count = (entries + WAYS - 1) / WAYS;
    cache->sets = pp_calloc(cache->set_count, sizeof(*cache->sets));
    return cache;
}

void ua_cache_free(struct ua_cache **cache)
{
    if (!*cache)
        return;
    for (size_t i = 0; i < (*cache)->set_count; i++)
        for (size_t j = 0; j < WAYS; j++)
            free((*cache)->sets[i].slots[j].entry);
    free((*cache)->sets);
    free(*cache);
    *cache = NULL;
}

/* FNV-1a, eight bytes at a step. */
static uint64_t hash_of(struct pp_str agent)
{
    uint64_t hash = 0xcbf29ce484222325, word;
    size_t i = 0;

    for (; i + sizeof(word) <= agent.n; i += sizeof(word)) {
        memcpy(&word, agent.p + i, sizeof(word));
        hash = (hash ^ word) * 0x100000001b3;
        hash ^= hash >> 29;
    }
    for (; i < agent.n; i++)
        hash = (hash ^ (unsigned char)agent.p[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* Makes room in front by moving the slots before i up to it. */
static void move_to_front(struct set *set, size_t i, struct slot slot)
{
    memmove(&set->slots[1], &set->slots[0], i * sizeof(slot));
    set->slots[0] = slot;
}

const struct ua_result *ua_cache_get(struct ua_cache *cache,
                                     struct pp_str agent)
{
    uint64_t hash = hash_of(agent);
    struct set *set = &cache->sets[hash % cache->set_count];

    for (size_t i = 0; i < WAYS && set->slots[i].entry; i++) {
        struct slot slot = set->slots[i];

        if (slot.hash != hash || !pp_str_eq(slot.entry->agent, agent))
            continue;
        move_to_front(set, i, slot);
        return &slot.entry->result;
    }
    return NULL;
}

/* A copy at *free, which moves behind it. */
static struct pp_str keep(char **free, struct pp_str text)
{
    struct pp_str kept = {*free, text.n};

    if (text.n)
        memcpy(*free, text.p, text.n);
    *free += text.n;
    return kept;
}

void ua_cache_put(struct ua_cache *cache, struct pp_str agent,
                  const struct ua_result *result)
{
    uint64_t hash = hash_of(agent);
    struct set *set = &cache->sets[hash % cache->set_count];
    struct entry *entry;
    char *next;

    entry = pp_calloc(1, sizeof(*entry) + agent.n + result->browser.n +
                             result->browser_version.n + result->os.n);
    next = entry->bytes;
    entry->result = *result; /* the device is a constant text */
    entry->agent = keep(&next, agent);
    entry->result.browser = keep(&next, result->browser);
    entry->result.browser_version = keep(&next, result->browser_version);
    entry->result.os = keep(&next, result->os);
    free(set->slots[WAYS - 1].entry);
    move_to_front(set, WAYS - 1, (struct slot){hash, entry});
}
