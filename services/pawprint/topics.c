/*
 * Creates the topics that are missing, never changes one, and writes down
 * each one's epoch. Epochs and schemas go out on the compacted topic
 * `schemas.v1`, through the outbox like every other state.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_mem.h"

#include "capacity.h"
#include "counts.h"
#include "event.h"
#include "hit.h"
#include "reject.h"
#include "site.h"

#include "cli.h"

#define HOURS_48  "172800000"
#define HOURS_72  "259200000"
#define ONE_ALIVE 1 /* partition of a compacted topic */

static const struct pp_kafka_option compacted[] = {
    {"cleanup.policy", "compact"},
    {"min.cleanable.dirty.ratio", "0.1"},
    {0},
};
static const struct pp_kafka_option hits_options[] = {
    {"retention.ms", HOURS_48},
    {"message.timestamp.type", "LogAppendTime"}, /* the clock guard */
    {0},
};
static const struct pp_kafka_option customer_options[] = {
    {"retention.ms", HOURS_72}, /* an erasure is final after that */
    {0},
};

static const struct {
    const char *name;
    int partitions; /* 0: as asked for */
    const struct pp_kafka_option *options;
} topics[] = {
    {"hits.v1", 0, hits_options},
    {"events.v1", 0, customer_options},
    {"rejects.v1", ONE_ALIVE, customer_options},
    {"counts.v1", ONE_ALIVE, customer_options},
    {"sites.v1", ONE_ALIVE, compacted},
    {"capacity.v1", ONE_ALIVE, compacted},
    {"schemas.v1", ONE_ALIVE, compacted},
};

static const struct {
    const char *text;
    uint64_t fingerprint;
} schemas[] = {
    {hit_schema, HIT_FINGERPRINT},
    {event_schema, EVENT_FINGERPRINT},
    {reject_schema, REJECT_FINGERPRINT},
    {site_schema, SITE_FINGERPRINT},
    {capacity_schema, CAPACITY_FINGERPRINT},
    {counts_schema, COUNTS_FINGERPRINT},
};

static int outbox_add(struct cli *cli, const char *key, const char *value,
                      struct pp_err *err)
{
    const char *values[] = {key, value};

    return pp_pg_exec(cli->pg,
                      "INSERT INTO outbox (topic, key, value) VALUES "
                      "('schemas.v1', convert_to($1, 'UTF8'), "
                      "convert_to($2, 'UTF8'))",
                      2, values, err);
}

/* A topic made anew gets another epoch; one that was there keeps its own. */
static int epoch_write(struct cli *cli, const char *name, bool made,
                       struct pp_err *err)
{
    const char *values[] = {name, made ? "1" : "0"};
    struct pp_pg_rows rows;
    char key[80];
    int result;

    result = pp_pg_query(
        cli->pg,
        "INSERT INTO topic (name, epoch) VALUES ($1, 1) "
        "ON CONFLICT (name) DO UPDATE SET epoch = topic.epoch + $2::int "
        "RETURNING epoch",
        2, values, &rows, err);
    if (result == 0) {
        snprintf(key, sizeof(key), "epoch/%s", name);
        result = outbox_add(cli, key, pp_pg_text(&rows, 0, 0), err);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static int number_of(const char *text, int *number_out, struct pp_err *err)
{
    int64_t number;

    if (!pp_str_int64(pp_str_of(text), &number) || number < 1 || number > 1000)
        return cli_usage(err, "partitions and replicas are 1 to 1000");
    *number_out = (int)number;
    return 0;
}

static int create_one(struct cli *cli, size_t i, int partitions, int replicas,
                      struct pp_err *err)
{
    char name[200];
    struct pp_kafka_topic topic = {
        .name = name,
        .partitions = topics[i].partitions ? topics[i].partitions : partitions,
        .replicas = replicas,
        .options = topics[i].options,
    };
    int made;

    snprintf(name, sizeof(name), "%s%s", cli->prefix, topics[i].name);
    made = pp_kafka_topic_create(cli->kafka, &topic, err);
    if (made < 0 || epoch_write(cli, topics[i].name, made, err) < 0)
        return -1;
    if (!cli->json)
        printf("%s %s\n", made ? "created" : "found  ", name);
    return made;
}

static void print_one(const struct cli *cli, size_t i, int partitions)
{
    const struct pp_kafka_option *option = topics[i].options;

    if (topics[i].partitions)
        partitions = topics[i].partitions;
    if (cli->json)
        printf("%s{\"name\":\"%s%s\",\"partitions\":%d,\"config\":{",
               i ? "," : "", cli->prefix, topics[i].name, partitions);
    else
        printf("%s%s partitions=%d", cli->prefix, topics[i].name, partitions);
    for (; option->name; option++)
        if (cli->json)
            printf("%s\"%s\":\"%s\"", option == topics[i].options ? "" : ",",
                   option->name, option->value);
        else
            printf(" %s=%s", option->name, option->value);
    puts(cli->json ? "}}" : "");
}

int topics_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    int partitions = 0;

    if (number_of(cli_option(argc, argv, "--partitions", "8"), &partitions,
                  err) < 0)
        return -1;
    if (cli->json)
        puts("[");
    for (size_t i = 0; i < PP_COUNT(topics); i++)
        print_one(cli, i, partitions);
    if (cli->json)
        puts("]");
    return 0;
}

int topics_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    int partitions = 0, replicas = 0, created = 0;

    if (number_of(cli_option(argc, argv, "--partitions", "8"), &partitions,
                  err) < 0 ||
        number_of(cli_option(argc, argv, "--replicas", "1"), &replicas, err) <
            0)
        return -1;
    for (size_t i = 0; i < PP_COUNT(topics); i++) {
        int made = create_one(cli, i, partitions, replicas, err);

        if (made < 0)
            return -1;
        created += made;
    }
    for (size_t i = 0; i < PP_COUNT(schemas); i++) {
        char key[40];

        snprintf(key, sizeof(key), "schema/%016" PRIx64,
                 schemas[i].fingerprint);
        if (outbox_add(cli, key, schemas[i].text, err) < 0)
            return -1;
    }
    if (cli->json)
        printf("{\"created\":%d}\n", created);
    return 0;
}
