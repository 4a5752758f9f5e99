#ifndef PROVE_H
#define PROVE_H

#include "cli.h"
#include "proof.h"
#include "topic_scan.h"

/* What became of the topic `events`, by partition. */
struct prove_topics {
    int partitions;
    struct proof_sum sums[SCAN_PARTITIONS];
    struct proof_sum all;
};

/*
 * Reads `events` and `rejects` and asks ClickHouse and Postgres; the numbers
 * are of one moment where nothing moves. With whole, all that Kafka keeps and
 * all rows; else only what the writer has not yet said to be settled, and
 * what is denied.
 */
int prove_topics_measure(struct cli *cli, bool whole, struct prove_topics *out,
                         struct pp_err *err);

#endif
