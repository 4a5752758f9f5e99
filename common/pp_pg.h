#ifndef PP_PG_H
#define PP_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Postgres: parameters always bound, transactions, and a connection that
 * comes back by itself.
 *
 * One handle is one connection, of the thread that uses it; it is made at the
 * first call that needs it and again after it was lost. Kinds of errors:
 * PP_ERR_AGAIN, the server is away or says to try again (deadlock,
 * serialization, shutting down, too many connections): a transaction has to be
 * begun anew; PP_ERR_INVALID, these values can't be (constraint, bad input);
 * PP_ERR_FATAL, the statement or the credentials are wrong.
 */
struct pp_pg;

/* dsn as libpq takes it, TLS included; it is copied. Does not connect yet. */
int pp_pg_open(struct pp_pg **pg_out, const char *dsn, const char *application,
               struct pp_err *err);
void pp_pg_close(struct pp_pg **pg);

/* The same in another database than the dsn names. */
int pp_pg_open_database(struct pp_pg **pg_out, const char *dsn,
                        const char *database, const char *application,
                        struct pp_err *err);

/* The rows of one answer, as text. Freed with pp_pg_rows_fini(). */
struct pp_pg_rows {
    void *result;
    int count;
    int64_t changed; /* rows that INSERT, UPDATE or DELETE touched */
};

void pp_pg_rows_fini(struct pp_pg_rows *rows);
bool pp_pg_is_null(const struct pp_pg_rows *rows, int row, int column);
const char *pp_pg_text(const struct pp_pg_rows *rows, int row, int column);
int64_t pp_pg_int64(const struct pp_pg_rows *rows, int row, int column);
bool pp_pg_bool(const struct pp_pg_rows *rows, int row, int column);

/*
 * A bytea column as bytes in arena. PP_ERR_INVALID: larger than the arena, or
 * no bytea.
 */
int pp_pg_bytes(const struct pp_pg_rows *rows, int row, int column,
                struct pp_arena *arena, struct pp_str *bytes_out,
                struct pp_err *err);

/* Adds bytes as the text of a bytea value, without a NUL. */
void pp_pg_add_bytea(struct pp_buf *text, struct pp_str bytes);

/*
 * One statement with $1.. bound to values (NULL: null), as text. rows_out is
 * filled in also on error, so that fini is always right.
 */
int pp_pg_query(struct pp_pg *pg, const char *sql, int count,
                const char *const *values, struct pp_pg_rows *rows_out,
                struct pp_err *err);

/*
 * The same for a statement that runs again and again: Postgres parses and plans
 * it once for each connection. sql has to be a literal: where it stands is what
 * it is known by.
 */
int pp_pg_query_often(struct pp_pg *pg, const char *sql, int count,
                      const char *const *values, struct pp_pg_rows *rows_out,
                      struct pp_err *err);

/* The same where no rows matter. */
int pp_pg_exec(struct pp_pg *pg, const char *sql, int count,
               const char *const *values, struct pp_err *err);
int pp_pg_exec_often(struct pp_pg *pg, const char *sql, int count,
                     const char *const *values, struct pp_err *err);

/* Several statements without parameters: migrations. */
int pp_pg_script(struct pp_pg *pg, const char *sql, struct pp_err *err);

/*
 * A COPY ... TO STDOUT: its rows piece by piece, however many; a piece is one
 * row. take returns 0, or -1 with *err, which ends it.
 */
int pp_pg_copy_out(struct pp_pg *pg, const char *sql,
                   int (*take)(void *context, struct pp_str bytes,
                               struct pp_err *err),
                   void *context, struct pp_err *err);

/* A COPY ... FROM STDIN of these rows. */
int pp_pg_copy_in(struct pp_pg *pg, const char *sql, struct pp_str rows,
                  struct pp_err *err);

int pp_pg_begin(struct pp_pg *pg, struct pp_err *err);

/*
 * The same, but its commit does not wait for the disk: a crash of the server
 * may undo it, whole, and nothing that was committed before it. For what is
 * done again then, and nobody was told of.
 */
int pp_pg_begin_unsynced(struct pp_pg *pg, struct pp_err *err);
int pp_pg_commit(struct pp_pg *pg, struct pp_err *err);

/* Also after an error, also when the connection is gone. */
void pp_pg_rollback(struct pp_pg *pg);

/*
 * Waits up to wait_ms for a NOTIFY on a channel listened to. Returns 1 when
 * one came, 0 when none did, -1 when the connection was lost.
 */
int pp_pg_wait(struct pp_pg *pg, int wait_ms, struct pp_err *err);

#endif
