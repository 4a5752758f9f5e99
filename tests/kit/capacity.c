/*
 * What the meter does about capacity, one step of it at a time: for tests that
 * do not wait a minute for its clock.
 *
 *   capacity tick            the clock, twice, as after a jump
 *   capacity run ACCOUNT     after a flush that crossed a threshold
 *   capacity confirm ACCOUNT after ClickHouse was asked
 *
 * Postgres by PAWPRINT_POSTGRES_DSN. Prints how many milliseconds it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_capacity_pg.h"
#include "pp_time.h"

static int decide(struct pp_pg *pg, const char *what, const char *account,
                  struct pp_err *err)
{
    int result;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    result = strcmp(what, "run") == 0 ? pp_capacity_run(pg, account, err)
                                      : pp_capacity_confirm(pg, account, err);
    return result < 0 ? -1 : pp_pg_commit(pg, err);
}

int main(int argc, char **argv)
{
    const char *dsn = getenv("PAWPRINT_POSTGRES_DSN");
    struct pp_mono start = pp_mono_now();
    struct pp_err err = {0};
    struct pp_pg *pg = NULL;
    int result;

    if (!dsn || argc < 2 || pp_pg_open(&pg, dsn, "test", &err) < 0)
        return 2;
    if (strcmp(argv[1], "tick") == 0)
        result =
            pp_capacity_tick(pg, &err) < 0 ? -1 : pp_capacity_tick(pg, &err);
    else
        result = argc < 3 ? -1 : decide(pg, argv[1], argv[2], &err);
    pp_pg_close(&pg);
    if (result < 0) {
        fprintf(stderr, "capacity: %s\n", err.msg);
        return 1;
    }
    printf("%lld\n", (long long)pp_mono_ms(start, pp_mono_now()));
    return 0;
}
