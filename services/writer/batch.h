#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>

#include "row.h"

/*
 * The rows that go to ClickHouse together, until every one of them is stored
 * or rejected: a Native block, and beside it who each row is and the record
 * it was made from. Pure memory, no I/O; one thread.
 */
struct batch;

struct batch *batch_new(void);
void batch_free(struct batch **batch);
void batch_reset(struct batch *batch);

/* key and value are the record's bytes; they are copied. */
void batch_put(struct batch *batch, const struct event *event,
               const struct row_identity *identity, struct pp_str key,
               struct pp_str value);

size_t batch_rows(const struct batch *batch);

/* About what it holds in memory. */
size_t batch_bytes(const struct batch *batch);

/* The newest row of a partition that was not denied, or -1. */
int64_t batch_last(const struct batch *batch, int32_t partition);

/* --- what is still to be stored --------------------------------------------
 */

/* A row that ClickHouse has. */
struct batch_stored {
    int32_t partition;
    int64_t offset;
};

/* The order of partition and offset, as qsort() asks for it. */
int batch_stored_order(const void *a, const void *b);

/*
 * These rows are there already; list is in the order of partition and offset.
 * Returns how many of them stand in the list twice: none should.
 */
size_t batch_skip(struct batch *batch, const struct batch_stored *list,
                  size_t count);

/* These stand in `rejects`, some of them perhaps twice. */
void batch_skip_rejected(struct batch *batch, const struct batch_stored *list,
                         size_t count);

/*
 * Rows of these sites may not be stored: they are done, without being there.
 * Returns how many that are.
 */
size_t batch_deny(struct batch *batch,
                  bool (*is_denied)(void *context, struct pp_str site_id),
                  void *context);

/* Rows of one table partition, that make one part; by their index. */
struct batch_group {
    const uint32_t *rows; /* the batch's, until it is asked again */
    size_t count;
};

/* The next rows to store; count is 0 when none is left. */
struct batch_group batch_next(struct batch *batch);

/* Those rows as a block of their own. Valid until the next call. */
struct native *batch_block(struct batch *batch, struct batch_group group);

/* They are stored. */
void batch_done(struct batch *batch, struct batch_group group);

/* It stands in `rejects`, and is not to be stored. */
void batch_reject(struct batch *batch, uint32_t row);

struct batch_record {
    struct row_identity identity;
    struct pp_str key, value;
};

struct batch_record batch_record(const struct batch *batch, uint32_t row);

#endif
