#ifndef CAPACITY_H
#define CAPACITY_H

#include "pp_pg.h"

/* Looks at an account's capacity anew, in the caller's open transaction. */
int pp_capacity_run(struct pp_pg *pg, const char *account_id,
                    struct pp_err *err);

/* The same after ClickHouse was asked: only such a count may refuse anybody. */
int pp_capacity_confirm(struct pp_pg *pg, const char *account_id,
                        struct pp_err *err);

/* What of capacity is due by the clock; once a minute. */
int pp_capacity_tick(struct pp_pg *pg, struct pp_err *err);

#endif
