#ifndef SHARE_H
#define SHARE_H

#include "pp_redis.h"

#include "capacities.h"

/*
 * The answer to has_enough_capacity for those that ask from outside: in Redis,
 * the hash capacity:ACCOUNT with the fields has_enough_capacity (1 or 0),
 * state, version and reject_until_ms. It is kept 15 minutes, or until the
 * refusal ends if that is sooner, and replaced whenever the account changes,
 * a plan's change included; an older version never replaces a newer one.
 * Whoever finds none asks Postgres. The collector itself never reads it.
 */
#define SHARE_KEPT_S 900

/* Tells what changed, some of it at a time; what failed is told again. */
int share_changes(struct capacities *capacities, struct pp_redis *redis,
                  struct pp_arena *arena, int64_t now_ms, struct pp_err *err);

#endif
