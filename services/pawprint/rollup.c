/* Visits and rollups made right by hand, as the job of `reports` does. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pp_date.h"
#include "pp_rollup.h"

#include "cli.h"

#define RECENT_DAYS  9
#define STATEMENT_MS 3600000 /* somebody watches */
#define TAG_BYTES    32

static int show(void *context, const char *table, const char *day,
                struct pp_err *err)
{
    const struct cli *cli = context;

    (void)err;
    if (!cli->json && table)
        fprintf(stderr, "%s %s\n", day, table);
    return 0;
}

static bool wants_all(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--all") == 0)
            return true;
    return false;
}

static int which_days(struct pp_rollup *rollup, int argc, char **argv,
                      int64_t *first, int64_t *last, struct pp_err *err)
{
    const char *day = cli_option(argc, argv, "--day", NULL);

    if (day) {
        if (!pp_date_parse(pp_str_of(day), first))
            return cli_usage(err, "--day takes a day such as 2026-11-24");
        *last = *first;
        return 0;
    }
    if (wants_all(argc, argv))
        return pp_rollup_range(rollup, first, last, err);
    if (argc > 0)
        return cli_usage(err, "rollup takes --all or --day");
    if (pp_rollup_today(rollup, last, err) < 0)
        return -1;
    *first = *last - RECENT_DAYS + 1;
    return 0;
}

/* Its staging tables have this process's name, which stays in tag. */
static struct pp_rollup by_hand(const struct cli *cli,
                                char tag[static TAG_BYTES])
{
    snprintf(tag, TAG_BYTES, "hand%d", (int)getpid());
    return (struct pp_rollup){
        .clickhouse = cli->clickhouse, .tag = tag, .timeout_ms = STATEMENT_MS};
}

/* A day that was named is made anew whether it looks right or not. */
int rollup_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    char tag[TAG_BYTES];
    struct pp_rollup rollup = by_hand(cli, tag);
    bool force = cli_option(argc, argv, "--day", NULL) != NULL;
    int64_t first, last, left;

    rollup.progress = show;
    rollup.context = cli;
    if (which_days(&rollup, argc, argv, &first, &last, err) < 0 ||
        pp_rollup_days(&rollup, first, last, force, &left, err) < 0)
        return -1;
    printf(cli->json ? "{\"days\":%" PRId64 ",\"partitions\":%" PRId64
                       ",\"days_left\":%" PRId64 "}\n"
                     : "days made anew: %" PRId64 " (%" PRId64
                       " partitions); not right yet: %" PRId64 "\n",
           rollup.days, rollup.partitions, left);
    return left > 0;
}

int64_t rollup_all(struct cli *cli, struct pp_err *err)
{
    char tag[TAG_BYTES];
    struct pp_rollup rollup = by_hand(cli, tag);
    int64_t first, last, left;

    if (pp_rollup_range(&rollup, &first, &last, err) < 0 ||
        pp_rollup_days(&rollup, first, last, false, &left, err) < 0)
        return -1;
    return left;
}
