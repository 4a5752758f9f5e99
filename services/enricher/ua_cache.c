#include "ua_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

struct entry {
    struct pp_str agent; /* it and the result's texts are in bytes */
    struct ua_result result;
    char bytes[];
};

struct ua_cache {
    size_t slot_count;
    struct entry **slots;
};

struct ua_cache *ua_cache_new(size_t slots)
{
    struct ua_cache *cache = pp_calloc(1, sizeof(*cache));

    cache->slot_count = slots;
    cache->slots = pp_calloc(slots, sizeof(*cache->slots));
    return cache;
}

void ua_cache_free(struct ua_cache **cache)
{
    if (!*cache)
        return;
    for (size_t i = 0; i < (*cache)->slot_count; i++)
        free((*cache)->slots[i]);
    free((*cache)->slots);
    free(*cache);
    *cache = NULL;
}

/* FNV-1a, eight bytes at a step. */
static struct entry **slot_of(const struct ua_cache *cache, struct pp_str agent)
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
    return &cache->slots[(hash ^ hash >> 32) % cache->slot_count];
}

const struct ua_result *ua_cache_get(const struct ua_cache *cache,
                                     struct pp_str agent)
{
    const struct entry *entry = *slot_of(cache, agent);

    return entry && pp_str_eq(entry->agent, agent) ? &entry->result : NULL;
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
    struct entry **slot = slot_of(cache, agent), *entry;
    char *next;

    entry = pp_calloc(1, sizeof(*entry) + agent.n + result->browser.n +
                             result->browser_version.n + result->os.n);
    next = entry->bytes;
    entry->result = *result; /* the device is a constant text */
    entry->agent = keep(&next, agent);
    entry->result.browser = keep(&next, result->browser);
    entry->result.browser_version = keep(&next, result->browser_version);
    entry->result.os = keep(&next, result->os);
    free(*slot);
    *slot = entry;
}
