#ifndef PP_LIMIT_SHARE_H
#define PP_LIMIT_SHARE_H

#include "pp_metrics.h"
#include "pp_rate.h"
#include "pp_str.h"

/*
 * Limits that all processes of a service count together, through Redis.
 *
 * A thread beside asks Redis; no request ever waits for it. While Redis is away
 * each process counts alone, by the same rules, so nobody is refused for it;
 * when it is back they go on together. What is in Redis is hashes and times,
 * each gone when it no longer limits anybody, and the day's key of the hashes,
 * for 48 hours: who comes first makes it, and after a loss gives the one it
 * has.
 */
#define PP_LIMITS_KEY_BYTES 16

/* Buckets, and the key that subjects are hashed with, for a day. */
struct pp_limits {
    struct pp_rate *rate;
    unsigned char key[PP_LIMITS_KEY_BYTES];
};

/* Makes a key of its own. sodium_init() came before. */
void pp_limits_init(struct pp_limits *limits, size_t buckets);
void pp_limits_fini(struct pp_limits *limits);

/* Who is counted, as pp_rate wants it: a keyed hash of what it is known by. */
uint64_t pp_limits_subject(const struct pp_limits *limits, struct pp_str text);

struct pp_limit_share;

/*
 * redis: as for pp_redis_open(). prefix stands before all names in Redis.
 * shared is set to 1 while processes count together, to 0 while this one
 * counts alone. prefix, limits and shared have to outlive it. The rest belongs
 * to the thread that takes from limits.
 */
int pp_limit_share_open(struct pp_limit_share **share_out, const char *redis,
                        const char *prefix, struct pp_limits *limits,
                        struct pp_gauge *shared, struct pp_err *err);
void pp_limit_share_close(struct pp_limit_share **share);

/*
 * Takes what the thread has brought and gives it what waits. Call it often,
 * and again after pp_limit_share_wait_ms() at the latest. Waits for nothing.
 */
void pp_limit_share_turn(struct pp_limit_share *share, int64_t now_ns);

/* most_ms, or less where something waits. */
int pp_limit_share_wait_ms(const struct pp_limit_share *share, int most_ms);

#endif
