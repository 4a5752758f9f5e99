#ifndef SALTS_H
#define SALTS_H

#include "pp_redis.h"

#include "visitor.h"

/*
 * The salts of today and yesterday, shared by all collectors through Redis,
 * which keeps each for 48 hours and on no disk.
 *
 * Whoever needs a day's salt first makes it, with set-if-absent. While Redis
 * is away the ones in memory serve on; without one hits have no visitor. A
 * thread beside asks; no request ever waits for it.
 */
struct salts {
    struct visitor_salt today, yesterday;
    bool tried; /* Redis was asked once, whatever it said */

    /* Its own. */
    int64_t tried_ms;
    struct pp_aside *aside;

    /* The thread's while it asks. */
    struct pp_redis *redis;
    struct pp_arena arena;
    int64_t day;
    struct visitor_salt answer_today, answer_yesterday;
    struct pp_err err;
};

/* redis: as for pp_redis_open(). */
int salts_open(struct salts *salts, const char *redis, struct pp_err *err);
void salts_close(struct salts *salts);

/*
 * Brings them up to date for the instant: call it often, Redis is asked only
 * when today's is missing, at most once a second.
 */
void salts_turn(struct salts *salts, int64_t now_ms);

#endif
