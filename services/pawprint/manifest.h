#ifndef MANIFEST_H
#define MANIFEST_H

#include "pp_buf.h"
#include "pp_err.h"

#include "seal.h"
#include "tally.h"

/*
 * What a backup says of itself: which objects it is made of, in what order
 * they go back, and what has to be there afterwards. It is the last object
 * that is written; a backup without one is none. JSON; docs/deploy/backup.md
 * has its fields. Pure.
 */
#define MANIFEST_FORMAT     1
#define MANIFEST_BYTES_MAX  ((size_t)64 << 20)
#define MANIFEST_NAME_BYTES 200
#define MANIFEST_ID_BYTES   32

enum manifest_store { MANIFEST_POSTGRES, MANIFEST_CLICKHOUSE };

/* An object: some rows of a part, whole lines of text. */
struct manifest_piece {
    char name[MANIFEST_NAME_BYTES]; /* in the place of backups */
    char sha256[SEAL_SHA_BYTES];    /* of the object as it is stored */
    int64_t bytes;                  /* the same */
    int64_t rows;
};

/* A table of Postgres, or a partition of one of ClickHouse. */
struct manifest_part {
    enum manifest_store store;
    char table[MANIFEST_NAME_BYTES];
    char partition[MANIFEST_NAME_BYTES]; /* empty: the table has none */
    char *columns; /* owned; as they go into a statement */
    int64_t rows;
    uint64_t checksum;             /* struct tally's */
    struct manifest_piece *pieces; /* owned */
    size_t piece_count;
};

struct manifest_offset {
    int64_t epoch;
    int partition;
    int64_t offset; /* everything before it is in the backup */
};

struct manifest_sequence {
    char name[MANIFEST_NAME_BYTES];
    int64_t value; /* the last that was given out */
};

struct manifest {
    int format;
    char id[MANIFEST_ID_BYTES];   /* "20261125T195000Z": when it began */
    int64_t started_ms, ended_ms; /* since 1970 UTC */
    bool is_encrypted;
    char program[64];                       /* what made it */
    char postgres[64];                      /* version of the server */
    char clickhouse[64];                    /* the same */
    int postgres_schema, clickhouse_schema; /* the last migration of each */
    char prefix[MANIFEST_NAME_BYTES];       /* of topics */
    struct manifest_offset *offsets; /* owned; the writers', of `events` */
    size_t offset_count;
    struct manifest_sequence *sequences; /* owned */
    size_t sequence_count;
    struct manifest_part *parts; /* owned; in the order of a restore */
    size_t part_count;
    struct tally events; /* all rows of ClickHouse's `events` */
};

/* Empty; for the functions that add. */
void manifest_init(struct manifest *manifest);
void manifest_fini(struct manifest *manifest);

/* The added one, zeroed but for what is owned; valid until the next is. */
struct manifest_part *manifest_add_part(struct manifest *manifest);
struct manifest_piece *manifest_add_piece(struct manifest_part *part);
struct manifest_offset *manifest_add_offset(struct manifest *manifest);
struct manifest_sequence *manifest_add_sequence(struct manifest *manifest);

/* How many columns a part has. */
int manifest_columns(const struct manifest_part *part);

int64_t manifest_bytes(const struct manifest *manifest);
int64_t manifest_rows(const struct manifest *manifest,
                      enum manifest_store store);

void manifest_write(const struct manifest *manifest, struct pp_buf *out);

/*
 * Reads what manifest_write() wrote, of any bytes. Also checks that it holds
 * together: counts that add up, names that stay in their place, columns that
 * are nothing but names. *out is to be finished also after an error.
 * PP_ERR_INVALID: it says what is wrong and where.
 */
int manifest_read(struct pp_str text, struct manifest *out, struct pp_err *err);

/* Letters, digits, '.', '_', '-' and '/', none of its parts empty or "..". */
bool manifest_name_ok(struct pp_str name);

#endif
