#ifndef LIMIT_SHARE_H
#define LIMIT_SHARE_H

#include "limits.h"

/*
 * All collectors count together, through Redis.
 *
 * A thread beside asks Redis; no request ever waits for it. While Redis is away
 * each collector counts alone, by the same rules, so nobody is refused for it;
 * when it is back they go on together. What is in Redis is hashes and times,
 * each gone when it no longer limits anybody, and the day's key of the hashes,
 * for 48 hours: who comes first makes it, and after a loss gives the one it
 * has.
 */
struct limit_share;

/* redis: as for pp_redis_open(). limits has to outlive it. */
int limit_share_open(struct limit_share **share_out, const char *redis,
                     struct limits *limits, struct pp_err *err);
void limit_share_close(struct limit_share **share);

/*
 * Takes what the thread has brought and gives it what waits. Call it often,
 * and again after limit_share_wait_ms() at the latest. Waits for nothing.
 */
void limit_share_turn(struct limit_share *share, int64_t now_ns);

/* most_ms, or less where something waits. */
int limit_share_wait_ms(const struct limit_share *share, int most_ms);

/* Adds its metric; before there are other threads. */
void limit_share_metrics_add(void);

#endif
