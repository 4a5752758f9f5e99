#ifndef PP_PRODUCER_H
#define PP_PRODUCER_H

#include "pp_kafka.h"

/*
 * Sends records, and says of each when every in-sync replica has it.
 *
 * acks=all and idempotence are always on: what was reported as delivered is
 * there once, in the order it was sent per partition. With a transactional
 * id, records are visible to consumers only after pp_producer_commit().
 */
struct pp_producer;
struct pp_consumer;

/*
 * Told of each record that was sent, from within pp_producer_poll(), flush
 * and commit: err is NULL when it is stored, and else says why it is not.
 */
typedef void pp_delivered(void *context, void *record,
                          const struct pp_err *err);

struct pp_producer_options {
    const char *transactional_id; /* NULL: no transactions */
    int linger_ms;                /* longest wait for a fuller request */
    int timeout_ms;               /* then a record counts as not delivered */
    size_t queue_bytes;           /* of values that wait in memory */
    pp_delivered *delivered;      /* may be NULL */
    void *context;
};

/*
 * Needs no broker to be there, but for a transactional one: that waits up to
 * timeout_ms for its coordinator and fences an older process of the same id.
 */
int pp_producer_open(struct pp_producer **producer_out,
                     const struct pp_kafka_access *access,
                     const struct pp_producer_options *options,
                     struct pp_err *err);

/* What is still queued is dropped: flush before. */
void pp_producer_close(struct pp_producer **producer);

struct pp_record {
    const char *topic;
    struct pp_str key;                     /* decides the partition */
    struct pp_str value;                   /* p NULL: a tombstone */
    const struct pp_kafka_header *headers; /* end with {0}; may be NULL */
    void *tag;                             /* comes back in pp_delivered */
};

/*
 * Queues a copy and returns at once. PP_ERR_AGAIN: the queue is full.
 * PP_ERR_INVALID: larger than the brokers take.
 */
int pp_producer_send(struct pp_producer *producer,
                     const struct pp_record *record, struct pp_err *err);

/* Readable when reports wait for pp_producer_poll(). Stays the producer's. */
int pp_producer_fd(const struct pp_producer *producer);

/* Hands out the reports there are, waiting up to wait_ms for the first. */
void pp_producer_poll(struct pp_producer *producer, int wait_ms);

/* Waits until every record is reported. PP_ERR_AGAIN: some are not yet. */
int pp_producer_flush(struct pp_producer *producer, int wait_ms,
                      struct pp_err *err);

/*
 * A transaction: begin, send, then commit with the offsets of what the
 * records were made from, or abort. After an error of commit call abort; when
 * that fails too, the producer has to be opened anew. PP_ERR_DENIED: Kafka has
 * ended the transaction, since it took too long or another process has begun
 * under the same name; this producer is of no more use.
 */
int pp_producer_begin(struct pp_producer *producer, struct pp_err *err);
int pp_producer_commit(struct pp_producer *producer,
                       struct pp_consumer *consumer, int wait_ms,
                       struct pp_err *err);
int pp_producer_abort(struct pp_producer *producer, int wait_ms,
                      struct pp_err *err);

#endif
