#ifndef BACKUP_ROWS_H
#define BACKUP_ROWS_H

#include "cli.h"
#include "manifest.h"

/*
 * The rows of both stores as lines of text, one way: out of a database, for a
 * backup or to compare with one.
 */
typedef int rows_take(void *context, struct pp_str bytes, struct pp_err *err);

/*
 * The parts of Postgres, in the order in which they can be filled; and how far
 * its sequences are. Without rows or pieces.
 */
int rows_postgres_parts(struct cli *cli, struct manifest *m,
                        struct pp_err *err);
int rows_sequences(struct cli *cli, struct manifest *m, struct pp_err *err);

/* Those of ClickHouse: `events`, a partition each. All else is made of it. */
int rows_clickhouse_parts(struct cli *cli, struct manifest *m,
                          struct pp_err *err);

/*
 * Hands out the rows of a part in pieces of whole lines, each as soon as it
 * has full_bytes. Of `events` only those before the manifest's offsets, so that
 * two reads find the same rows. Whoever takes rows of ClickHouse has to count
 * their columns: what fails half-way is told in place of a row.
 */
int rows_read(struct cli *cli, const struct manifest *m,
              const struct manifest_part *part, size_t full_bytes,
              rows_take *take, void *context, struct pp_err *err);

/* The tally of a part as it stands in the databases now. */
int rows_tally(struct cli *cli, const struct manifest *m,
               const struct manifest_part *part, struct tally *tally,
               struct pp_err *err);

/* How far the writers have come: all before is stored. */
int rows_offsets(struct cli *cli, struct manifest *m, struct pp_err *err);

/* Versions of both servers, and the last migration of each. */
int rows_versions(struct cli *cli, struct manifest *m, struct pp_err *err);

/* One answer of ClickHouse, trimmed; valid until the next. */
int rows_ask(struct cli *cli, const char *sql, struct pp_str *answer_out,
             struct pp_err *err);

/* One number of Postgres; 0 where there is no row. */
int rows_number(struct cli *cli, const char *sql, int64_t *out,
                struct pp_err *err);

/* The epoch of `events`; 0: there is no such topic yet. */
int rows_events_epoch(struct cli *cli, int64_t *out, struct pp_err *err);

/* A part's columns, each in quotes. */
void rows_add_columns(struct pp_buf *sql, const char *columns);

#endif
