#ifndef UA_CACHE_H
#define UA_CACHE_H

#include <stddef.h>

#include "ua.h"

/*
 * What was found for the user agents seen last, within bounds: at most so many
 * entries, rounded up to four, of a kilobyte or so. A new one pushes out the
 * one of its set of four that was not used for the longest time, so strangers
 * may make it useless but not large. One thread at a time.
 */
struct ua_cache;

struct ua_cache *ua_cache_new(size_t entries);
void ua_cache_free(struct ua_cache **cache);

/* NULL when it is not there. Valid until the next put. */
const struct ua_result *ua_cache_get(struct ua_cache *cache,
                                     struct pp_str agent);

/* Copies both. The agent must not be there yet. */
void ua_cache_put(struct ua_cache *cache, struct pp_str agent,
                  const struct ua_result *result);

#endif
