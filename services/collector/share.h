#ifndef SHARE_H
#define SHARE_H

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

struct share;

/* redis: as for pp_redis_open(). capacities has to outlive it. */
int share_open(struct share **share_out, const char *redis,
               struct capacities *capacities, struct pp_err *err);
void share_close(struct share **share);

/*
 * Has what changed told by a thread beside, some of it at a time; what failed
 * is told again. Call it often. Waits for nothing.
 */
void share_turn(struct share *share);

#endif
