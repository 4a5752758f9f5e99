/*
 * Proves that visits and rollups say what events says: rows, checksums, page
 * views, visitors, visits and every quantile, group by group, by statements
 * that share nothing with those that fill the tables.
 */
#include "prove_rollups.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_date.h"
#include "pp_rollup.h"

#define QUERY_MS    600000
#define MINUTE_DAYS 2
#define VALUE_BYTES 64

/* "groups<tab>fingerprint" of one statement. */
static int ask(struct cli *cli, const char *sql, const char *day,
               char value_out[static VALUE_BYTES], struct pp_err *err)
{
    const struct pp_clickhouse_value parameters[] = {{"day", day}, {0}};
    struct pp_str answer;

    if (cli_ask(cli, sql, parameters, QUERY_MS, &answer, err) < 0)
        return -1;
    snprintf(value_out, VALUE_BYTES, "%.*s", PP_ARG(answer));
    return 0;
}

/* How many groups: what stands before the tab. */
static int groups(const char *value)
{
    return (int)strcspn(value, "\t");
}

static int prove_day(struct cli *cli, const char *day, bool with_minutes,
                     bool *equal, struct pp_err *err)
{
    char wanted[VALUE_BYTES], found[VALUE_BYTES];
    const struct pp_rollup_proof *proof;

    *equal = true;
    if (!cli->json)
        printf("%s ", day);
    for (proof = pp_rollup_proofs; proof->name; proof++) {
        bool same;

        if (!with_minutes && strcmp(proof->name, "minute") == 0) {
            if (!cli->json)
                printf(" %12s", "-");
            continue;
        }
        if (ask(cli, proof->events_sql, day, wanted, err) < 0 ||
            ask(cli, proof->table_sql, day, found, err) < 0)
            return -1;
        same = strcmp(wanted, found) == 0;
        *equal &= same;
        if (cli->json)
            continue;
        if (same)
            printf(" %12.*s", groups(found), found);
        else
            printf(" %.*s, not %.*s", groups(found), found, groups(wanted),
                   wanted);
    }
    if (!cli->json)
        puts(*equal ? "  equal" : "  DIFFERS");
    return 0;
}

static void print_head(const struct cli *cli)
{
    if (cli->json)
        return;
    printf("groups     ");
    for (const struct pp_rollup_proof *p = pp_rollup_proofs; p->name; p++)
        printf(" %12s", p->name);
    puts("");
}

int prove_rollups(struct cli *cli, bool *equal_out, struct pp_err *err)
{
    struct pp_rollup rollup = {
        .clickhouse = cli->clickhouse, .tag = "", .timeout_ms = QUERY_MS};
    int64_t first, last, today, differ = 0;

    if (pp_rollup_today(&rollup, &today, err) < 0 ||
        pp_rollup_range(&rollup, &first, &last, err) < 0)
        return -1;
    print_head(cli);
    for (int64_t day = first; day <= last; day++) {
        char text[PP_DATE_TEXT_BYTES];
        bool equal;

        pp_date_text(day, text);
        if (prove_day(cli, text, day >= today - MINUTE_DAYS, &equal, err) < 0)
            return -1;
        differ += !equal;
    }
    if (cli->json)
        printf("{\"days\":%" PRId64 ",\"days_that_differ\":%" PRId64 "}\n",
               last >= first ? last - first + 1 : 0, differ);
    *equal_out = differ == 0;
    return 0;
}

int prove_rollups_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    bool equal;

    (void)argv;
    if (argc > 0)
        return cli_usage(err, "prove rollups takes no arguments");
    if (prove_rollups(cli, &equal, err) < 0)
        return -1;
    return !equal;
}
