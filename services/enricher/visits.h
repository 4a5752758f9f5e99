#ifndef VISITS_H
#define VISITS_H

#include "pp_redis.h"

#include "event.h"
#include "hit.h"

/*
 * Which visit an event belongs to: one visitor on one site, until thirty
 * minutes of event time pass without an event.
 *
 * The state is in Redis and changes by one script, so that any number of
 * enrichers agree. A visit's id is made of its first event's time and the
 * visitor, not drawn: an event that comes again gets the same one.
 */
#define VISITS_IDLE_MS ((int64_t)30 * 60 * 1000)

/* One event that wants its visit, and the hit it was made from. */
struct visits_item {
    const struct hit *hit;
    struct event *event;
};

/*
 * Fills in has_visit_id and visit_id of every event that has a visitor, in
 * order. PP_ERR_AGAIN when Redis is away: nothing is guessed.
 */
int visits_assign(struct pp_redis *redis, struct visits_item *items,
                  size_t count, struct pp_arena *arena, struct pp_err *err);

/* The id of a visit that began at that instant. */
int64_t visits_id(struct pp_str site_id, int64_t visitor, int64_t started_ms);

#endif
