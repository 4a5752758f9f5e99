#ifndef STREAM_H
#define STREAM_H

#include "pp_consumer.h"

#include "ledger.h"

/*
 * A topic as the meter reads it: where it goes on stands in Postgres, not in
 * the group. Offsets are committed to the group as well, for others to see.
 */
struct stream_options {
    const struct pp_kafka_access *kafka;
    const char *prefix;
    const char *name; /* without the prefix */
    const char *group;
    const char *instance_id; /* empty: none */
    size_t batch_count;
    size_t fetch_bytes;
};

struct stream {
    struct pp_consumer *consumer;
    const char *name;
    char topic[200];
    int64_t epoch;
    unsigned generation; /* of the assignment that since[] is of */
    bool start_over;     /* what is counted and not written is void */
    int64_t since[LEDGER_PARTITIONS]; /* as in Postgres; -1: not ours */
    struct ledger_range ranges[LEDGER_PARTITIONS];
};

/* PP_ERR_AGAIN: Kafka is away, or `pawprint topics` was not run yet. */
int stream_open(struct stream *stream, const struct stream_options *options,
                struct pp_err *err);
void stream_close(struct stream *stream);

/*
 * Waits up to wait_ms for records. *anew_out: the partitions are others, or
 * the same from where Postgres says; what was counted of them and is not
 * written has to be forgotten. PP_ERR_FATAL: the topic is another than the one
 * that was counted, in words.
 */
int stream_poll(struct stream *stream, struct pp_pg *pg, int wait_ms,
                struct pp_messages *out, bool *anew_out, struct pp_err *err);

/* False: the partitions are others by now; nothing may be written. */
bool stream_is_current(const struct stream *stream);

/* What was handed out since the last stream_written(), as it is written. */
struct ledger_topic stream_progress(struct stream *stream);

/* The progress stands in Postgres. Tells the group, if that can be done. */
void stream_written(struct stream *stream, const struct ledger_topic *topic);

/* Records that are there and not written yet. */
int64_t stream_lag(const struct stream *stream);

/* Adds its metrics; before there are other threads. */
void stream_metrics_add(void);

#endif
