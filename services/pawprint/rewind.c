/*
 * Sets the writers' offsets back. Without a note beside them the next writer
 * trusts nothing: it asks ClickHouse for every row from there on, and stores
 * only those that are missing.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_mem.h"

#include "cli.h"
#include "rewind_from.h"
#include "topic_scan.h"

#define GROUP "writer"

struct rewind {
    char topic[200];
    int only; /* this partition, or -1 */
    struct rewind_from from;
    struct topic_range kept;
    int64_t committed[SCAN_PARTITIONS];
    int64_t wanted[SCAN_PARTITIONS]; /* -1: it stays where it is */
};

/* Where one partition goes to; never forward. */
static int aim_one(struct cli *cli, struct rewind *r, int i, struct pp_err *err)
{
    int64_t to = r->from.value;

    r->wanted[i] = -1;
    if (pp_kafka_committed(cli->kafka, GROUP, r->topic, i, &r->committed[i],
                           err) < 0)
        return -1;
    if (r->only >= 0 && r->only != i)
        return 0;
    if (r->from.kind == REWIND_TIME &&
        pp_kafka_offset_at(cli->kafka, r->topic, i, r->from.value, &to, err) <
            0)
        return -1;
    if (r->from.kind == REWIND_BEGINNING || (to >= 0 && to < r->kept.first[i]))
        to = r->kept.first[i];
    if (to >= 0 && to <= r->committed[i])
        r->wanted[i] = to;
    return 0;
}

static int aim(struct cli *cli, struct rewind *r, struct pp_err *err)
{
    snprintf(r->topic, sizeof(r->topic), "%sevents.v1", cli->prefix);
    if (topic_kept(cli, "events.v1", &r->kept, err) < 0)
        return -1;
    if (r->only >= r->kept.partitions)
        return cli_usage(err, "there is no such partition");
    for (int i = 0; i < r->kept.partitions; i++)
        if (aim_one(cli, r, i, err) < 0)
            return -1;
    return 0;
}

static void print_plan(const struct rewind *r, FILE *out)
{
    for (int i = 0; i < r->kept.partitions; i++)
        if (r->wanted[i] >= 0)
            fprintf(out,
                    "partition %-3d from %" PRId64 " back to %" PRId64 "\n", i,
                    r->committed[i], r->wanted[i]);
}

static void print_done(const struct cli *cli, const struct rewind *r)
{
    bool more = false;

    if (!cli->json) {
        print_plan(r, stdout);
        puts("Start the writers again: they ask for what is stored, and store "
             "what is missing.");
        return;
    }
    printf("[");
    for (int i = 0; i < r->kept.partitions; i++) {
        if (r->wanted[i] < 0)
            continue;
        printf("%s{\"partition\":%d,\"from\":%" PRId64 ",\"to\":%" PRId64 "}",
               more ? "," : "", i, r->committed[i], r->wanted[i]);
        more = true;
    }
    puts("]");
}

static int options_read(int argc, char **argv, struct rewind *r,
                        struct pp_err *err)
{
    const char *from = cli_option(argc, argv, "--from", NULL);
    const char *partition = cli_option(argc, argv, "--partition", NULL);
    int64_t number = -1;

    if (!from)
        return cli_usage(err, "--from is needed");
    if (rewind_from_read(pp_str_of(from), &r->from, err) < 0)
        return -1;
    if (partition && (!pp_str_int64(pp_str_of(partition), &number) ||
                      number < 0 || number >= SCAN_PARTITIONS))
        return cli_usage(err, "--partition takes a number");
    if (r->from.kind == REWIND_OFFSET && !partition)
        return cli_usage(err, "an offset is one of a partition: --partition "
                              "is needed");
    r->only = (int)number;
    return 0;
}

int writer_rewind_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    static struct rewind r;
    bool yes = cli_flag(&argc, argv, "--yes");

    if (options_read(argc, argv, &r, err) < 0 || aim(cli, &r, err) < 0)
        return -1;
    if (!yes) {
        print_plan(&r, stderr);
        if (cli_confirm("The writers read these events again.", "yes", err) < 0)
            return -1;
    }
    if (pp_kafka_commit_for(cli->kafka, GROUP, r.topic, r.wanted,
                            r.kept.partitions, err) < 0) {
        if (err->kind == PP_ERR_DENIED)
            pp_err_set(err, PP_ERR_DENIED,
                       "writers run: stop all of them first (a killed one is "
                       "gone after 10 seconds), and start them afterwards; "
                       "nothing was changed");
        return -1;
    }
    print_done(cli, &r);
    return 0;
}
