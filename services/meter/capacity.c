/* No plan has a limit: accounts are counted, and nothing follows from it. */
#include "capacity.h"

int pp_capacity_run(struct pp_pg *pg, const char *account_id,
                    struct pp_err *err)
{
    (void)pg;
    (void)account_id;
    (void)err;
    return 0;
}

int pp_capacity_confirm(struct pp_pg *pg, const char *account_id,
                        struct pp_err *err)
{
    return pp_capacity_run(pg, account_id, err);
}

int pp_capacity_tick(struct pp_pg *pg, struct pp_err *err)
{
    (void)pg;
    (void)err;
    return 0;
}
