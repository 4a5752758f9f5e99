#ifndef PP_COLUMN_H
#define PP_COLUMN_H

#include <stdint.h>

#include "pp_buf.h"
#include "pp_str.h"

/*
 * Many rows in one statement of Postgres: a buffer for each column, as an SQL
 * array that unnest() takes apart. Pure; the caller's buffer.
 */
void pp_column_begin(struct pp_buf *column, size_t max_bytes);

void pp_column_number(struct pp_buf *column, int64_t number);

/* Plain characters only: no quote, backslash, comma, brace or blank; and not
 * empty, nor NULL. */
void pp_column_plain(struct pp_buf *column, struct pp_str text);

/* Any text without a NUL. */
void pp_column_text(struct pp_buf *column, struct pp_str text);

/* Any bytes, as digits for decode(..., 'hex'). */
void pp_column_hex(struct pp_buf *column, struct pp_str bytes);

/* The value for a parameter; NULL when max_bytes did not do. */
const char *pp_column_end(struct pp_buf *column);

#endif
