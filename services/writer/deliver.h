#ifndef DELIVER_H
#define DELIVER_H

#include "pp_consumer.h"
#include "pp_producer.h"
#include "pp_registry.h"

#include "batch.h"
#include "erased.h"
#include "ledger.h"
#include "store.h"

/*
 * Brings a batch into ClickHouse, every row of it exactly once.
 *
 *   1. Declare: commit to Kafka, with the offsets, how far rows may now be
 *      sent and until when. Kafka takes it from the present owner only.
 *   2. Insert: one block, one part, and its deadline in every row; the
 *      server refuses it later.
 *   3. Settle, when the answer says that it is stored.
 *
 * Rows of erased sites are denied before they would be declared: they are
 * settled without being stored or rejected.
 *
 * After any doubt it waits until no insert of before can succeed any more,
 * asks for the rows that are there, and sends only those that are missing.
 * docs/writer.md says why that is enough.
 */
struct delivery {
    struct pp_consumer *events; /* these six are the caller's */
    struct pp_producer *rejects;
    struct pp_registry *registry;
    struct store *store;
    struct erased *erased;
    const struct pp_kafka_access *kafka;
    struct batch *batch;
    struct ledger *ledger;
    const char *events_topic, *rejects_topic;
    int64_t epoch;
    int64_t lag_ms;     /* the server may lose what it stored since then */
    int fence_ms;       /* an insert has so long to begin */
    int64_t clock_ms;   /* the server's clock minus our monotonic one */
    int64_t started_ms; /* of the server, by its clock */
    bool clock_known;
    bool start_over; /* what was read is void: own all partitions again */
    struct pp_buf record, note;
    int64_t marked[LEDGER_PARTITIONS]; /* the offset that Kafka holds */
};

void deliver_init(struct delivery *self);
void deliver_fini(struct delivery *self);

/*
 * The consumer has other partitions than before: finds out how far each is,
 * and empties the batch. With start_over, or where one is to be read from
 * elsewhere than from its committed offset, the consumer is set to where all
 * begin, *moved_out is true, and what was read is void. After a failure
 * start_over is set.
 */
int deliver_own(struct delivery *self, bool *moved_out, struct pp_err *err);

/*
 * All that the consumer handed out is in the batch, or needs no row. Returns
 * 0 when every row is stored, rejected or denied; the batch is then empty. -1
 * with PP_ERR_AGAIN: call it again, with the same batch, unless the partitions
 * were given anew.
 */
int deliver(struct delivery *self, struct pp_err *err);

/* Nothing to store: commits what is settled and not yet committed. */
int deliver_rest(struct delivery *self, struct pp_err *err);

/* A record that can never become a row goes to `rejects`. */
int deliver_reject(struct delivery *self, const struct batch_record *record,
                   const char *reason, struct pp_err *err);

/* Records that are not yet settled. */
int64_t deliver_lag(const struct delivery *self);

/* The metrics of all this. */
void deliver_metrics(void);

#endif
