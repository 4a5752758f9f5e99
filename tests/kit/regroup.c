/*
 * Sets what a group has committed of a topic back to the beginning, as
 * somebody would who wants all of it read again. Nobody of the group may run.
 *
 *   regroup BROKERS TOPIC GROUP
 */
#include <stdio.h>

#include "pp_kafka.h"

#define PARTITIONS_MAX 1024

static int regroup(struct pp_kafka *kafka, const char *topic, const char *group,
                   struct pp_err *err)
{
    static int64_t first[PARTITIONS_MAX];
    int64_t end;
    int count;

    if (pp_kafka_partitions(kafka, topic, &count, err) < 0)
        return -1;
    for (int i = 0; i < count; i++)
        if (pp_kafka_offsets(kafka, topic, i, &first[i], &end, err) < 0)
            return -1;
    return pp_kafka_commit_for(kafka, group, topic, first, count, err);
}

int main(int argc, char **argv)
{
    struct pp_kafka_access access = {.client_id = "regroup",
                                     .security = "plaintext"};
    struct pp_kafka *kafka = NULL;
    struct pp_err err = {0};
    int result;

    if (argc != 4) {
        fprintf(stderr, "usage: regroup BROKERS TOPIC GROUP\n");
        return 2;
    }
    access.brokers = argv[1];
    result = pp_kafka_open(&kafka, &access, &err);
    if (result == 0)
        result = regroup(kafka, argv[2], argv[3], &err);
    pp_kafka_close(&kafka);
    if (result < 0)
        fprintf(stderr, "regroup: %s\n", err.msg);
    return result < 0;
}
