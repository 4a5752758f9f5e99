#ifndef PP_CONSUMER_H
#define PP_CONSUMER_H

#include <stdbool.h>

#include "pp_kafka.h"

/*
 * Reads records, in batches, and never commits what was not said to be done.
 *
 * Only records of committed transactions come. As a member of a group it
 * shares the partitions with the others; without a group it reads the one
 * partition of a compacted topic from its beginning, for ever, or those
 * partitions that it is told.
 */
struct pp_consumer;

struct pp_message {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* by the broker's clock where the topic says so */
    struct pp_str key;
    struct pp_str value; /* p is NULL for a tombstone */
    const void *raw;     /* for pp_message_header() */
};

/* Valid until the next poll of the same consumer. */
struct pp_messages {
    const struct pp_message *list;
    size_t count;
};

struct pp_consumer_options {
    const char *topic;
    const char *group;       /* NULL: no group; the next two are then used */
    int partitions;          /* 0 to partitions - 1; 0: one */
    const int64_t *from;     /* first offset of each; NULL: all there is */
    const char *instance_id; /* static membership; NULL or empty: none */
    size_t batch_count;      /* at most so many records a poll */
    size_t fetch_bytes;      /* fetched ahead, in memory */
};

/* Needs no broker to be there. */
int pp_consumer_open(struct pp_consumer **consumer_out,
                     const struct pp_kafka_access *access,
                     const struct pp_consumer_options *options,
                     struct pp_err *err);

/* Leaves the group. */
void pp_consumer_close(struct pp_consumer **consumer);

/*
 * Waits up to wait_ms for records; none is no error. Other members coming or
 * going is dealt with in here, and shows in pp_consumer_generation().
 */
int pp_consumer_poll(struct pp_consumer *consumer, struct pp_messages *out,
                     int wait_ms, struct pp_err *err);

/* Readable when records may wait. Stays the consumer's. */
int pp_consumer_fd(const struct pp_consumer *consumer);

/* Everything that was handed out is done. */
int pp_consumer_commit(struct pp_consumer *consumer, struct pp_err *err);

/* Hands out again, from the next poll on, what was not committed. */
int pp_consumer_rewind(struct pp_consumer *consumer, struct pp_err *err);

/*
 * Rises whenever partitions were taken away or given: what was read before
 * and not committed is another member's now, and has to be forgotten.
 */
unsigned pp_consumer_generation(const struct pp_consumer *consumer);

/* True once every partition it has was read to its end, at least once. */
bool pp_consumer_caught_up(const struct pp_consumer *consumer);

/* Records that are stored and not committed, over its partitions. */
int64_t pp_consumer_lag(const struct pp_consumer *consumer);

/* --- for an owner that keeps its own account of what is done ---------------
 */

/* What stands committed for a partition: an offset and a note of its owner. */
struct pp_mark {
    int32_t partition;
    int64_t offset;     /* -1 from pp_consumer_marks(): nothing committed */
    struct pp_str note; /* text without NUL, at most 4,000 bytes */
};

/*
 * Commits marks, all in one request that Kafka takes only from the present
 * owner. PP_ERR_AGAIN: it did not, or nobody knows; the marks that stand are
 * then the old ones or these.
 */
int pp_consumer_mark(struct pp_consumer *consumer, const struct pp_mark *marks,
                     size_t count, struct pp_err *err);

struct pp_marks {
    struct pp_mark *list; /* the notes' texts belong to the marks */
    size_t count;
};

/* Reads the marks of the partitions that it has. The caller ends it. */
int pp_consumer_marks(struct pp_consumer *consumer, struct pp_marks *out,
                      struct pp_err *err);
void pp_marks_fini(struct pp_marks *marks);

/* Reads on at offset, from the next poll on. */
int pp_consumer_seek(struct pp_consumer *consumer, int32_t partition,
                     int64_t offset, struct pp_err *err);

/*
 * Waits and remains a member of the group, but takes no records. What the
 * last poll handed out stays valid.
 */
int pp_consumer_hold(struct pp_consumer *consumer, int wait_ms,
                     struct pp_err *err);

/* The offset after the last one handed out; -1 when there was none yet. */
int64_t pp_consumer_next(const struct pp_consumer *consumer, int32_t partition);

/* The first offset that Kafka keeps, and its end; -1 when not yet known. */
void pp_consumer_kept(const struct pp_consumer *consumer, int32_t partition,
                      int64_t *first_out, int64_t *end_out);

/* The same two, asked of the brokers. */
int pp_consumer_bounds(struct pp_consumer *consumer, int32_t partition,
                       int64_t *first_out, int64_t *end_out,
                       struct pp_err *err);

/*
 * This record cannot be read yet: it and those behind it in its partition
 * come again after PP_CONSUMER_STAY_MS, and the other partitions go on. What
 * else was handed out of the partition is void: pp_consumer_stays() says so.
 */
#define PP_CONSUMER_STAY_MS 5000
int pp_consumer_stay(struct pp_consumer *consumer,
                     const struct pp_message *message, struct pp_err *err);
bool pp_consumer_stays(const struct pp_consumer *consumer, int32_t partition);

/* A header's value; p is NULL when there is none. */
struct pp_str pp_message_header(const struct pp_message *message,
                                const char *name);

#endif
