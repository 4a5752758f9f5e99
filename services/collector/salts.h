#ifndef SALTS_H
#define SALTS_H

#include "pp_redis.h"

#include "visitor.h"

/*
 * The salts of today and yesterday, shared by all collectors through Redis,
 * which keeps each for 48 hours and on no disk.
 *
 * Whoever needs a day's salt first makes it, with set-if-absent. While Redis
 * is away the ones in memory serve on; without one hits have no visitor.
 */
struct salts {
    struct visitor_salt today, yesterday;
    int64_t tried_ms; /* when Redis was last asked */
};

/*
 * Brings them up to date for the instant: call it often, it asks Redis only
 * when one is missing, at most once a second. Returns -1 with *err when one
 * stays missing; the others are right all the same.
 */
int salts_refresh(struct salts *salts, struct pp_redis *redis,
                  struct pp_arena *arena, int64_t now_ms, struct pp_err *err);

#endif
