#ifndef KNOWN_H
#define KNOWN_H

#include <stdbool.h>

#include "pp_consumer.h"
#include "pp_http.h"
#include "pp_sites.h"
#include "pp_time.h"

#include "capacities.h"

/*
 * What has to be known before a hit can be judged: the sites, their accounts'
 * capacity, and the epochs of the topics that are written. All are read from
 * Kafka, whole, and followed from then on. Belongs to the thread of the HTTP
 * server; nothing here waits.
 */
struct known {
    struct pp_sites *sites;
    struct capacities *capacities;
    bool capacities_known; /* the topic was read to its end once */
    char epoch[24];        /* of `hits`, in text; empty until it is read */
    char counts_epoch[24]; /* of `counts`; nothing waits for it */
    bool ready;            /* all was read once; stays so with Kafka away */

    /* Its own. */
    const struct pp_registry *registry;
    struct pp_consumer *sites_topic;
    struct pp_consumer *capacity_topic;
    struct pp_consumer *schemas_topic;
    struct pp_mono waits_since; /* for capacity: all else is there */
    struct pp_err trouble; /* of a callback, for known_read() to say once */
};

/* registry has to outlive it. */
int known_open(struct known *self, const struct pp_kafka_access *kafka,
               const char *topic_prefix, const struct pp_registry *registry,
               struct pp_err *err);
void known_close(struct known *self);

/* Reads what comes as soon as it comes, inside of pp_http_turn(). */
int known_watch(struct known *self, struct pp_http *http, struct pp_err *err);

/* Reads what is there. -1 when it can never go on; lesser trouble is logged. */
int known_read(struct known *self, struct pp_err *err);

/* Adds its metric; before there are other threads. */
void known_metrics_add(void);

#endif
