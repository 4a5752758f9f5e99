#ifndef NATIVE_H
#define NATIVE_H

#include "pp_avro.h"
#include "pp_buf.h"

/*
 * A block of rows in ClickHouse's Native format: column by column, so that
 * the server copies where it would have to parse. [ClickHouse: Native format,
 * src/Formats/NativeWriter.cpp; LowCardinality: SerializationLowCardinality]
 *
 * Rows are put in value by value, each column once a row, in any order. Pure
 * memory, no I/O; one thread at a time.
 */
enum native_kind {
    NATIVE_FIXED,          /* UInt8 to Int64, Float64, DateTime64: bytes */
    NATIVE_NULLABLE_FIXED, /* Nullable of such */
    NATIVE_STRING,
    NATIVE_LOW_CARDINALITY, /* LowCardinality(String): a dictionary a block */
    NATIVE_MAP,             /* Map(String, String) */
    NATIVE_CONSTANT,        /* fixed bytes, the same for every row */
};

struct native_column {
    const char *name;
    const char *type; /* as the table has it */
    enum native_kind kind;
    size_t bytes; /* of one value of the two fixed kinds, at most 8 */
};

struct native;

/* columns are borrowed for good. */
struct native *native_new(const struct native_column *columns, size_t count);
void native_free(struct native **native);

/*
 * The table calls the column's type by another name that means the same bytes;
 * the name is borrowed for good.
 */
void native_set_type(struct native *native, size_t column, const char *type);

/* Empties it; keeps the memory. */
void native_reset(struct native *native);

/* value: the column's bytes in little-endian order, as this machine has it. */
void native_put(struct native *native, size_t column, const void *value);
void native_put_null(struct native *native, size_t column);
void native_put_str(struct native *native, size_t column, struct pp_str text);
void native_put_map(struct native *native, size_t column,
                    struct pp_avro_map map);

/* The value of a NATIVE_CONSTANT column, for all rows; not put row by row. */
void native_set_constant(struct native *native, size_t column,
                         const void *value);

/* Every column but the constant ones has had its value. */
void native_end_row(struct native *native);

/*
 * Changes whenever rows are added or taken away, and never comes again: who
 * keeps what he made of a block knows by it whether it is still of that block.
 * Types and constants do not change it.
 */
uint64_t native_version(const struct native *native);

/* How many pairs all maps of a column hold. */
uint64_t native_pairs(const struct native *native, size_t column);

size_t native_rows(const struct native *native);

/* About as many bytes as native_write() will add. */
size_t native_bytes(const struct native *native);

/*
 * Adds those rows of from to native, which has the same columns, where keep
 * is not 0; keep has a byte a row.
 */
void native_add_rows(struct native *native, const struct native *from,
                     const unsigned char *keep);

/* Adds the whole block. out->overflow says that its limit was too small. */
void native_write(const struct native *native, struct pp_buf *out);

/*
 * The same in parts, for who passes the bytes on before all are there: the
 * head, then each column; ClickHouse knows them by name, in any order. A block
 * without rows has no columns.
 */
size_t native_columns(const struct native *native);
bool native_is_constant(const struct native *native, size_t column);
void native_write_head(const struct native *native, struct pp_buf *out);
void native_write_column(const struct native *native, size_t column,
                         struct pp_buf *out);

#endif
