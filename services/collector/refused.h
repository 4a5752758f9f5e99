#ifndef REFUSED_H
#define REFUSED_H

#include "pp_counts.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "result.h"

/*
 * Hits that were not accepted, counted by site and reason and told to the topic
 * `counts` every few seconds. Nothing here waits.
 */
struct refused {
    struct pp_counts *counts;
    struct pp_producer *producer;
    const struct pp_registry *registry; /* borrowed */
    char topic[200];
    struct pp_mono told;
};

int refused_open(struct refused *self, const struct pp_kafka_access *kafka,
                 const char *topic_prefix, const struct pp_registry *registry,
                 struct pp_err *err);

/* Tells what is left, waiting for it a little. */
void refused_close(struct refused *self, const char *epoch);

/* One hit; site_id is empty unless there is such a site. */
void refused_add(struct refused *self, struct pp_str site_id,
                 enum result result);

/* Once a turn. epoch is that of the topic; empty: not known yet. */
void refused_tell(struct refused *self, const char *epoch);

/* Adds its metric; before there are other threads. */
void refused_metrics_add(void);

#endif
