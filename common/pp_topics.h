#ifndef PP_TOPICS_H
#define PP_TOPICS_H

#include "pp_consumer.h"

/*
 * What identifies this installation's topics: each one's epoch, from the
 * compacted topic schemas.v1 that `pawprint topics` fills.
 *
 * An offset says which record it is only together with the epoch: a topic
 * that was deleted and made anew counts from 0 again. Producers carry the
 * epoch in the header "epoch" of every record.
 */
#define PP_TOPICS_HEADER "epoch"

/*
 * Reads the epoch of a topic (its name without the prefix), waiting up to
 * wait_ms for the brokers. PP_ERR_AGAIN: they are away, or `pawprint topics`
 * was not run yet.
 */
int pp_topics_epoch(const struct pp_kafka_access *access, const char *prefix,
                    const char *name, int wait_ms, int64_t *epoch_out,
                    struct pp_err *err);

/*
 * The same for a program that must not wait: it polls its own consumer of
 * schemas.v1 and shows the messages here. Returns true when they held the
 * epoch of that topic, the newest of them in *epoch_out.
 */
bool pp_topics_take(const struct pp_messages *messages, const char *name,
                    int64_t *epoch_out);

#endif
