#ifndef DONE_H
#define DONE_H

#include "pp_consumer.h"
#include "pp_redis.h"

/*
 * How far the hits of each partition are done, by an account of our own beside
 * the offsets that the group has committed to Kafka.
 *
 * Kafka may hand out again what was committed long ago: the offset of a
 * partition can be gone after a broker or a producer was killed amid a
 * transaction, and a position that the brokers don't know is answered by
 * reading from the beginning. Every event would be made a second time then,
 * under an offset of its own, and nobody behind us could tell.
 * [github.com/confluentinc/confluent-kafka-go/issues/1093]
 *
 * The account is noted after Kafka has confirmed a transaction, so it may be
 * behind, and it is empty where Redis forgot it; then Kafka's word is all
 * there is. It stands under the epochs of both topics: one that is made anew
 * begins without. A record that Kafka received later than the last one that
 * was noted is never done, whatever its offset: the brokers lost some there.
 */
struct done;

struct done *done_new(int64_t hits_epoch, int64_t events_epoch);
void done_free(struct done **done);

/* Takes over what Redis knows. PP_ERR_AGAIN: it is away; nothing changed. */
int done_read(struct done *done, struct pp_redis *redis, struct pp_arena *arena,
              struct pp_err *err);

/* Whether an event, or a reject, was made of this hit before. */
bool done_has(const struct done *done, const struct pp_message *hit);

/* Notes a hit whose transaction Kafka has confirmed. */
void done_note(struct done *done, const struct pp_message *hit);

/*
 * Writes what was noted since the last time. Where Redis is away nothing is
 * lost but the account; it is written whole with the next batch.
 */
void done_write(struct done *done, struct pp_redis *redis,
                struct pp_arena *arena);

#endif
