#ifndef TOPIC_SCAN_H
#define TOPIC_SCAN_H

#include "pp_consumer.h"

#include "cli.h"

/* Reads what a topic keeps, once, from outside of every group. */
#define SCAN_PARTITIONS 1024

/* The offsets of each partition: from first on, before end. */
struct topic_range {
    int partitions;
    int64_t first[SCAN_PARTITIONS], end[SCAN_PARTITIONS];
};

/*
 * All that the topic (its name without the prefix) keeps now.
 * PP_ERR_FATAL: there is no such topic.
 */
int topic_kept(struct cli *cli, const char *name, struct topic_range *out,
               struct pp_err *err);

typedef int topic_take(void *context, const struct pp_message *message,
                       struct pp_err *err);

/*
 * Hands out each record of the range, those of one partition in order. Says
 * on a terminal how far it is.
 */
int topic_scan(struct cli *cli, const char *name,
               const struct topic_range *range, topic_take *take, void *context,
               struct pp_err *err);

#endif
