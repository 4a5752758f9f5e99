#ifndef SENDER_H
#define SENDER_H

#include "store.h"

/*
 * One insert at a time, beside the thread that reads Kafka: what is read
 * meanwhile becomes the next block, and is made ready to be sent. begin, then
 * done until it says so, then end; the block is the sender's from begin to
 * end. All calls come from one thread.
 */
struct sender;

int sender_open(struct sender **sender_out,
                const struct pp_clickhouse_access *access, struct pp_err *err);

/* Waits for an insert that is under way. */
void sender_close(struct sender **sender);

/* What to know of the server; while no insert is under way. */
void sender_learn(struct sender *sender, const struct store_facts *facts);

/*
 * Makes nearly all of the insert of a block, here, so that it can begin at
 * once later; while another is under way or not, and again at no cost. One
 * block at a time; one that is never sent, or has changed, does no harm.
 */
void sender_prepare(struct sender *sender, struct native *block);

/* token is copied. */
void sender_begin(struct sender *sender, struct native *block,
                  const char *token);

/* Waits up to wait_ms; 0 does not wait. */
bool sender_done(struct sender *sender, int wait_ms);

/* As store_insert(); waits where it is not done. */
enum store_verdict sender_end(struct sender *sender, struct pp_err *err);

/* Bytes that were sent since the last time; while no insert is under way. */
uint64_t sender_take_bytes(struct sender *sender);

#endif
