#ifndef UA_CACHE_H
#define UA_CACHE_H

#include <stddef.h>

#include "ua.h"

/*
 * What was found for the user agents seen last, within bounds: at most slots
 * entries of a kilobyte or so. Two that share a slot push each other out, so
 * strangers may make it useless but not large. One thread at a time.
 */
struct ua_cache;

struct ua_cache *ua_cache_new(size_t slots);
void ua_cache_free(struct ua_cache **cache);

/* NULL when it is not there. Valid until the next put. */
const struct ua_result *ua_cache_get(const struct ua_cache *cache,
                                     struct pp_str agent);

/* Copies both. */
void ua_cache_put(struct ua_cache *cache, struct pp_str agent,
                  const struct ua_result *result);

#endif
