#ifndef BATCH_H
#define BATCH_H

#include "pp_consumer.h"
#include "pp_producer.h"
#include "pp_redis.h"
#include "pp_registry.h"

#include "enrich.h"
#include "ua.h"

/*
 * A batch of hits on its way to being events and rejects: made in memory
 * first, all of it, and sent only then. A hit that was sent twice becomes one
 * event; the other one is counted, as rejects are. One that Kafka hands out
 * again though it is done is passed over.
 */
struct batch;

struct batch_tables {
    struct geo *geo;
    struct referrers *referrers;
    struct ua *ua;
    struct pp_registry *registry;
};

struct batch_topics {
    const char *prefix;
    int64_t hits_epoch;   /* what a hit's header has to say */
    int64_t events_epoch; /* what ours will say */
    int64_t counts_epoch;
    int64_t seen_ms; /* how long an id of a hit is remembered; 0: not at all */
};

struct batch *batch_new(size_t max_hits, const struct batch_topics *topics);
void batch_free(struct batch **batch);

/*
 * Decides what becomes of the messages of the last poll of hits, visits
 * included. Where a hit is of a schema that only a newer program knows, its
 * partition stays at it; the others go on. PP_ERR_AGAIN: Redis is away: wait.
 * PP_ERR_FATAL: the topic is another than it was. The messages have to stay
 * valid until the batch is finished.
 */
int batch_make(struct batch *batch, struct pp_consumer *hits,
               const struct pp_messages *messages,
               const struct batch_tables *tables, struct pp_redis *redis,
               struct pp_err *err);

/* False: all that was read has to wait, and there is nothing to commit. */
bool batch_has_any(const struct batch *batch);

/* Sends events, rejects and counts, in the producer's open transaction. */
int batch_send(struct batch *batch, struct pp_producer *producer,
               struct pp_err *err);

/*
 * After its transaction was committed: notes that its hits are done (done.h)
 * and counts what it came to.
 */
void batch_finish(struct batch *batch, struct pp_redis *redis);

void batch_metrics_add(void);

#endif
