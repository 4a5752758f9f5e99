#ifndef ROW_H
#define ROW_H

#include "event.h"
#include "native.h"

/* From an event to a row of the table `events`. No I/O. */

/* Which record of `events` it was: never stored twice under one identity. */
struct row_identity {
    int64_t epoch;
    int32_t partition;
    int64_t offset;
};

/* An empty block with the table's columns. */
struct native *row_block_new(void);

void row_put(struct native *block, const struct event *event,
             const struct row_identity *identity);

/* How long the row is kept: one of the few classes, rounded up. */
uint16_t row_retention_days(const struct event *event);

/*
 * The server takes the block's rows up to this instant of its own clock only:
 * whoever sends them later is too late. Must be set before the block is sent.
 */
void row_set_valid_until(struct native *block, int64_t until_ms);

/* "INSERT INTO events (columns...) FORMAT Native". Constant. */
const char *row_insert_sql(void);

#endif
