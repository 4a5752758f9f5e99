#ifndef RECOVER_H
#define RECOVER_H

#include "deliver.h"

/*
 * What the writer does when it does not know what is stored: after a start,
 * after partitions were given anew, after an insert without a clear answer.
 */

/*
 * The consumer has other partitions than before: finds out how far each is,
 * and forgets what was read. With start_over, or where one is to be read from
 * elsewhere than from its committed offset, the consumer is set to where all
 * begin, *moved_out is true, and what was read is void. After a failure
 * start_over is set. PP_ERR_FATAL: Kafka has fewer records than were stored.
 */
int recover_own(struct delivery *self, bool *moved_out, struct pp_err *err);

/* Rows of the flying batch may be stored already. */
bool recover_needed(const struct delivery *self);

/* Waits for others' inserts, and takes rows that are there off the batch. */
int recover_doubt(struct delivery *self, struct pp_err *err);

/*
 * Reads the server's clock. A server that was started since may have lost its
 * last seconds: PP_ERR_AGAIN, and all that is not committed is in doubt.
 */
int recover_clock(struct delivery *self, int64_t *now_ms_out,
                  struct pp_err *err);

/*
 * Now and then, while nothing is under way: whether the rows that were stored
 * when it looked last are still there. PP_ERR_AGAIN: they are not, an old
 * backup was restored; partitions are to be owned again, and what Kafka
 * keeps is read from its beginning.
 */
int recover_check(struct delivery *self, struct pp_err *err);

void recover_metrics(void);

#endif
