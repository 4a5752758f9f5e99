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

/* "INSERT INTO events (columns...) FORMAT Native". Constant. */
const char *row_insert_sql(void);

#endif
