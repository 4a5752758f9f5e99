#ifndef SEEN_H
#define SEEN_H

#include "pp_consumer.h"
#include "pp_redis.h"

#include "hit.h"

/*
 * Whether a hit was seen before under its id: Redis keeps, for a while, which
 * record of `hits` an id of a site came with first. The same record again is
 * what Kafka delivers twice, and has to be processed; another record is the
 * same hit sent twice. What Redis has forgotten counts as new.
 */
struct seen_item {
    const struct hit *hit;
    const struct pp_message *message; /* where it came from */
    bool duplicate;                   /* filled in */
};

/*
 * Asks for all items, in order; keep_ms is how long Redis remembers. epoch is
 * that of `hits`. PP_ERR_AGAIN when Redis is away: nothing is guessed.
 */
int seen_ask(struct pp_redis *redis, struct seen_item *items, size_t count,
             int64_t epoch, int64_t keep_ms, struct pp_arena *arena,
             struct pp_err *err);

#endif
