#ifndef DELIVER_H
#define DELIVER_H

#include "pp_consumer.h"
#include "pp_producer.h"
#include "pp_registry.h"

#include "batch.h"
#include "erased.h"
#include "ledger.h"
#include "pace.h"
#include "sender.h"

/*
 * Brings batches into ClickHouse, every row of them exactly once. One batch is
 * filled while the one before it is under way.
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
 * asks for the rows that are there, and sends only those that are missing
 * (recover.h). docs/writer.md says why that is enough.
 */
struct delivery {
    struct pp_consumer *events; /* these seven are the caller's */
    struct pp_producer *rejects;
    struct pp_registry *registry;
    struct store *store; /* for questions */
    struct sender *sender;
    struct erased *erased;
    const struct pp_kafka_access *kafka;
    const char *events_topic, *rejects_topic;
    int64_t epoch;
    int64_t lag_ms; /* the server may lose what it stored since then */
    int fence_ms;   /* an insert has so long to begin */

    struct pace pace;
    struct batch *filling;
    int64_t filling_since_ms; /* wall clock, of its first row */
    struct batch *flying;     /* with rows that are not settled, when busy */
    int64_t flying_since_ms;
    int64_t flying_end[LEDGER_PARTITIONS]; /* offsets after its records */
    bool busy;
    bool asked; /* ClickHouse was asked which rows of flying it has */
    struct batch_group group; /* of flying; the insert that is under way */
    int strange_answers;      /* STORE_UNKNOWN, one after the other */
    bool look_again;          /* the table may have changed */
    bool rejects_wait;        /* some may not have reached Kafka yet */

    struct ledger *ledger;
    int64_t clock_ms;   /* the server's clock minus our monotonic one */
    int64_t started_ms; /* of the server, by its clock */
    bool clock_known;
    bool start_over; /* what was read is void: own all partitions again */
    struct sample {
        int64_t last;   /* newest offset of a few that were counted, or -1 */
        int rows;       /* of them were stored */
        bool gone;      /* most of them, later: read from the beginning */
    } * samples;        /* a partition each */
    int64_t sampled_ms; /* monotonic */
    int check_ms;       /* between two looks at samples */
    struct pp_buf record, note;
    int64_t marked[LEDGER_PARTITIONS]; /* the offset that Kafka holds */
};

void deliver_init(struct delivery *self);
void deliver_fini(struct delivery *self);

/*
 * All that the consumer handed out is in the filling batch, or needs no row:
 * it is sent from now on. Not while busy.
 */
void deliver_offer(struct delivery *self);

/*
 * Nothing more goes into the filling batch for now: makes what can be made of
 * its insert while another is under way. At no cost where that is done.
 */
void deliver_prepare(struct delivery *self);

/*
 * Goes on with what is under way, waiting up to wait_ms for an answer; busy
 * is false when every row of it is stored, rejected or denied. -1 with
 * PP_ERR_AGAIN: call it again after a while.
 */
int deliver_step(struct delivery *self, int wait_ms, struct pp_err *err);

/* Nothing to store: commits what is settled and not yet committed. */
int deliver_rest(struct delivery *self, struct pp_err *err);

/* A record that can never become a row goes to `rejects`. */
int deliver_reject(struct delivery *self, const struct batch_record *record,
                   const char *reason, struct pp_err *err);

/* Records that are not yet settled. */
int64_t deliver_lag(const struct delivery *self);

/* Waits for the insert that is under way and forgets both batches. */
void deliver_forget(struct delivery *self);

/* The metrics of all this. */
void deliver_metrics(void);

#endif
