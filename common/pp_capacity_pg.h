#ifndef PP_CAPACITY_PG_H
#define PP_CAPACITY_PG_H

#include "pp_capacity.h"
#include "pp_pg.h"
#include "pp_plans.h"
#include "pp_registry.h"

/*
 * Capacity in Postgres: reads the facts of an account, has pp_capacity decide,
 * and writes down what was decided - state, log, messages, and the record for
 * the topic `capacity` - all in one transaction.
 *
 * Whoever changes an account's plan, limit, usage or status calls
 * pp_capacity_run() in the same transaction. The meter alone runs the clock.
 * Usage comes from usage_of(account, from, until). One thread at a time.
 */

/*
 * What all calls use; both are borrowed, for the life of the process. registry
 * has learned capacity_schema, or is NULL. Without this call: the catalogue
 * that is built in, and Avro's single-object encoding.
 */
void pp_capacity_setup(const struct pp_plans *plans,
                       const struct pp_registry *registry);

/*
 * Decides about the account, in the caller's open transaction. An account that
 * is not there, or has a plan that nobody knows, is left as it is: the latter
 * is logged as an error.
 */
int pp_capacity_run(struct pp_pg *pg, const char *account_id,
                    struct pp_err *err);

/*
 * The same after ClickHouse was asked how much the account has used, and
 * usage_of() says what it answered: only such a count may refuse anybody.
 */
int pp_capacity_confirm(struct pp_pg *pg, const char *account_id,
                        struct pp_err *err);

/*
 * What time brings: clocks of graces, ends of windows, what is told again. To
 * be called once a minute, by any number of processes, without an open
 * transaction; each account has one of its own. One that can't be decided is
 * logged, and the others go on; -1: Postgres is away.
 */
int pp_capacity_tick(struct pp_pg *pg, struct pp_err *err);

#endif
