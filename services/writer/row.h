#ifndef ROW_H
#define ROW_H

#include "pp_err.h"

#include "event.h"
#include "native.h"

/* From an event to a row of the table `events`. No I/O. */

/* Which record of `events` it was: never stored twice under one identity. */
struct row_identity {
    int64_t epoch;
    int32_t partition;
    int64_t offset;
};

#define ROW_COLUMNS 33

/* The types of the table's columns, as an insert has to name them. */
struct row_types {
    const char *names[ROW_COLUMNS];
};

/*
 * From the columns that a table has: a line each of name, tab, type. A server
 * that has no DateTime64 or Map may have Int64 and Array(String) instead, the
 * latter for events without properties. PP_ERR_AGAIN: a column is missing, as
 * yet.
 */
int row_types_of(struct pp_str table, struct row_types *out,
                 struct pp_err *err);

/* False, and says why, when rows have what that table can't hold. */
bool row_fits(const struct native *block, const struct row_types *types,
              struct pp_err *err);

void row_set_types(struct native *block, const struct row_types *types);

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
