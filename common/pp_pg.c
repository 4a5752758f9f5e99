#include "pp_pg.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "pp_mem.h"

#define PREPARED_MAX 32

struct pp_pg {
    char *dsn;
    char *database; /* instead of the dsn's; or NULL */
    char *application;
    PGconn *conn; /* NULL while there is none */
    bool in_transaction;
    const char *prepared[PREPARED_MAX]; /* of conn: literals, by their place */
    int prepared_count;
};

int pp_pg_open(struct pp_pg **pg_out, const char *dsn, const char *application,
               struct pp_err *err)
{
    char *text = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &text);

    *pg_out = NULL;
    if (!options) {
        pp_err_set(err, PP_ERR_FATAL, "postgres: %s", text ? text : "dsn");
        PQfreemem(text);
        return -1;
    }
    PQconninfoFree(options);
    *pg_out = pp_calloc(1, sizeof(**pg_out));
    (*pg_out)->dsn = pp_strdup(dsn);
    (*pg_out)->application = pp_strdup(application);
    return 0;
}

int pp_pg_open_database(struct pp_pg **pg_out, const char *dsn,
                        const char *database, const char *application,
                        struct pp_err *err)
{
    if (pp_pg_open(pg_out, dsn, application, err) < 0)
        return -1;
    (*pg_out)->database = pp_strdup(database);
    return 0;
}

static void disconnect(struct pp_pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->in_transaction = false;
    pg->prepared_count = 0;
}

void pp_pg_close(struct pp_pg **pg)
{
    if (!*pg)
        return;
    disconnect(*pg);
    free((*pg)->application);
    free((*pg)->database);
    free((*pg)->dsn);
    free(*pg);
    *pg = NULL;
}

/* Two classes of SQLSTATE decide; the server's own words are the message. */
static enum pp_err_kind kind_of(const char *state)
{
    static const char *const again[] = {"08", "40", "53", "55", "57"};
    static const char *const invalid[] = {"22", "23"};

    if (!state) /* no answer at all: the connection was lost */
        return PP_ERR_AGAIN;
    for (size_t i = 0; i < PP_COUNT(again); i++)
        if (strncmp(state, again[i], 2) == 0)
            return PP_ERR_AGAIN;
    for (size_t i = 0; i < PP_COUNT(invalid); i++)
        if (strncmp(state, invalid[i], 2) == 0)
            return PP_ERR_INVALID;
    return PP_ERR_FATAL;
}

/* libpq ends its messages with a line end and may have several lines. */
static int fail(struct pp_err *err, enum pp_err_kind kind, const char *text)
{
    return pp_err_set(err, kind, "postgres: %.*s", (int)strcspn(text, "\n"),
                      text);
}

/* NOTICE lines would go to stderr. */
static void no_notice(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static int connect_to(struct pp_pg *pg, struct pp_err *err)
{
    /* Later keywords win: what the dsn says stands over the first three. */
    const char *const keywords[] = {"connect_timeout",
                                    "keepalives_idle",
                                    "fallback_application_name",
                                    "dbname",
                                    pg->database ? "dbname" : NULL,
                                    NULL};
    const char *const values[] = {"5",     "30",         pg->application,
                                  pg->dsn, pg->database, NULL};

    pg->conn = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(pg->conn) == CONNECTION_OK) {
        PQsetNoticeProcessor(pg->conn, no_notice, NULL);
        return 0;
    }
    fail(err, PP_ERR_AGAIN, PQerrorMessage(pg->conn));
    disconnect(pg);
    return -1;
}

static int connected(struct pp_pg *pg, struct pp_err *err)
{
    if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK)
        return 0;
    if (pg->in_transaction) {
        disconnect(pg);
        return pp_err_set(err, PP_ERR_AGAIN,
                          "postgres: the connection was lost with its "
                          "transaction");
    }
    disconnect(pg);
    return connect_to(pg, err);
}

/* Takes over result, into rows or to be freed. */
static int take(struct pp_pg *pg, PGresult *result, struct pp_pg_rows *rows,
                struct pp_err *err)
{
    ExecStatusType status = PQresultStatus(result);
    const char *state, *text;

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *rows = (struct pp_pg_rows){result, PQntuples(result),
                                    strtoll(PQcmdTuples(result), NULL, 10)};
        return 0;
    }
    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    fail(err, kind_of(state), text ? text : PQerrorMessage(pg->conn));
    PQclear(result);
    return -1;
}

int pp_pg_query(struct pp_pg *pg, const char *sql, int count,
                const char *const *values, struct pp_pg_rows *rows_out,
                struct pp_err *err)
{
    *rows_out = (struct pp_pg_rows){0};
    if (connected(pg, err) < 0)
        return -1;
    return take(pg,
                PQexecParams(pg->conn, sql, count, NULL, values, NULL, NULL, 0),
                rows_out, err);
}

/* Its number, or -1 with *err; one too many is a fault of the program. */
static int prepared(struct pp_pg *pg, const char *sql, int count,
                    struct pp_err *err)
{
    struct pp_pg_rows rows = {0};
    char name[16];
    int i = 0;

    while (i < pg->prepared_count && pg->prepared[i] != sql)
        i++;
    if (i < pg->prepared_count)
        return i;
    assert(i < PREPARED_MAX);
    snprintf(name, sizeof(name), "s%d", i);
    if (take(pg, PQprepare(pg->conn, name, sql, count, NULL), &rows, err) < 0)
        return -1;
    pp_pg_rows_fini(&rows);
    pg->prepared[pg->prepared_count++] = sql;
    return i;
}

int pp_pg_query_often(struct pp_pg *pg, const char *sql, int count,
                      const char *const *values, struct pp_pg_rows *rows_out,
                      struct pp_err *err)
{
    char name[16];
    int i;

    *rows_out = (struct pp_pg_rows){0};
    if (connected(pg, err) < 0)
        return -1;
    i = prepared(pg, sql, count, err);
    if (i < 0)
        return -1;
    snprintf(name, sizeof(name), "s%d", i);
    return take(pg,
                PQexecPrepared(pg->conn, name, count, values, NULL, NULL, 0),
                rows_out, err);
}

int pp_pg_exec_often(struct pp_pg *pg, const char *sql, int count,
                     const char *const *values, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query_often(pg, sql, count, values, &rows, err);

    pp_pg_rows_fini(&rows);
    return result;
}

int pp_pg_exec(struct pp_pg *pg, const char *sql, int count,
               const char *const *values, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, sql, count, values, &rows, err);

    pp_pg_rows_fini(&rows);
    return result;
}

int pp_pg_script(struct pp_pg *pg, const char *sql, struct pp_err *err)
{
    struct pp_pg_rows rows = {0};
    int result;

    if (connected(pg, err) < 0)
        return -1;
    result = take(pg, PQexec(pg->conn, sql), &rows, err);
    pp_pg_rows_fini(&rows);
    return result;
}

/* The end of a COPY: what the server says of all of it. */
static int copy_end(struct pp_pg *pg, struct pp_err *err)
{
    struct pp_pg_rows rows = {0};
    PGresult *result;
    int code = 0;

    while ((result = PQgetResult(pg->conn))) {
        if (code == 0)
            code = take(pg, result, &rows, err);
        else
            PQclear(result);
        pp_pg_rows_fini(&rows);
    }
    return code;
}

static int copy_begin(struct pp_pg *pg, const char *sql, ExecStatusType wanted,
                      struct pp_err *err)
{
    struct pp_pg_rows rows = {0};
    PGresult *result;

    if (connected(pg, err) < 0)
        return -1;
    result = PQexec(pg->conn, sql);
    if (PQresultStatus(result) == wanted) {
        PQclear(result);
        return 0;
    }
    if (take(pg, result, &rows, err) == 0)
        pp_err_set(err, PP_ERR_FATAL, "postgres: not a COPY");
    pp_pg_rows_fini(&rows);
    return -1;
}

int pp_pg_copy_out(struct pp_pg *pg, const char *sql,
                   int (*take_row)(void *context, struct pp_str bytes,
                                   struct pp_err *err),
                   void *context, struct pp_err *err)
{
    char *row;
    int n, result = 0;

    if (copy_begin(pg, sql, PGRES_COPY_OUT, err) < 0)
        return -1;
    while (result == 0 && (n = PQgetCopyData(pg->conn, &row, 0)) > 0) {
        result = take_row(context, (struct pp_str){row, (size_t)n}, err);
        PQfreemem(row);
    }
    if (result < 0) { /* the rest is not wanted: nothing else stops it */
        disconnect(pg);
        return -1;
    }
    return copy_end(pg, err);
}

int pp_pg_copy_in(struct pp_pg *pg, const char *sql, struct pp_str rows,
                  struct pp_err *err)
{
    static const size_t each = (size_t)1 << 20;
    const char *why = NULL;

    if (copy_begin(pg, sql, PGRES_COPY_IN, err) < 0)
        return -1;
    for (size_t at = 0; at < rows.n && !why; at += each) {
        struct pp_str part = pp_str_sub(rows, at, each);

        if (PQputCopyData(pg->conn, part.p, (int)part.n) != 1)
            why = "the connection was lost";
    }
    (void)PQputCopyEnd(pg->conn, why);
    return copy_end(pg, err);
}

int pp_pg_begin(struct pp_pg *pg, struct pp_err *err)
{
    if (pp_pg_exec(pg, "BEGIN", 0, NULL, err) < 0)
        return -1;
    pg->in_transaction = true;
    return 0;
}

int pp_pg_begin_unsynced(struct pp_pg *pg, struct pp_err *err)
{
    if (pp_pg_script(pg, "BEGIN; SET LOCAL synchronous_commit = off", err) < 0)
        return -1;
    pg->in_transaction = true;
    return 0;
}

int pp_pg_commit(struct pp_pg *pg, struct pp_err *err)
{
    int result = pp_pg_exec(pg, "COMMIT", 0, NULL, err);

    pg->in_transaction = false;
    return result;
}

void pp_pg_rollback(struct pp_pg *pg)
{
    struct pp_err ignored;

    pg->in_transaction = false;
    /* Where it can't be said, the server rolls back as the connection ends. */
    if (pg->conn && pp_pg_exec(pg, "ROLLBACK", 0, NULL, &ignored) < 0)
        disconnect(pg);
}

int pp_pg_wait(struct pp_pg *pg, int wait_ms, struct pp_err *err)
{
    struct pollfd readable = {.events = POLLIN};
    PGnotify *notify;
    int came = 0;

    if (connected(pg, err) < 0)
        return -1;
    readable.fd = PQsocket(pg->conn);
    for (int turn = 0; turn < 2 && !came; turn++) {
        if (turn == 1 && poll(&readable, 1, wait_ms) <= 0)
            return 0;
        if (!PQconsumeInput(pg->conn)) {
            fail(err, PP_ERR_AGAIN, PQerrorMessage(pg->conn));
            disconnect(pg);
            return -1;
        }
        while ((notify = PQnotifies(pg->conn))) {
            came = 1;
            PQfreemem(notify);
        }
    }
    return came;
}

void pp_pg_rows_fini(struct pp_pg_rows *rows)
{
    PQclear(rows->result);
    *rows = (struct pp_pg_rows){0};
}

bool pp_pg_is_null(const struct pp_pg_rows *rows, int row, int column)
{
    return PQgetisnull(rows->result, row, column) == 1;
}

const char *pp_pg_text(const struct pp_pg_rows *rows, int row, int column)
{
    return PQgetvalue(rows->result, row, column);
}

int64_t pp_pg_int64(const struct pp_pg_rows *rows, int row, int column)
{
    return strtoll(pp_pg_text(rows, row, column), NULL, 10);
}

bool pp_pg_bool(const struct pp_pg_rows *rows, int row, int column)
{
    return pp_pg_text(rows, row, column)[0] == 't';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int pp_pg_bytes(const struct pp_pg_rows *rows, int row, int column,
                struct pp_arena *arena, struct pp_str *bytes_out,
                struct pp_err *err)
{
    struct pp_str text = pp_str_of(pp_pg_text(rows, row, column));
    size_t count = text.n / 2;
    char *bytes = pp_arena_alloc(arena, count);

    if (!bytes || !pp_str_starts(text, PP_LIT("\\x")) || text.n % 2)
        return pp_err_set(err, PP_ERR_INVALID, "postgres: %s",
                          bytes ? "a column is no bytea" : "too many bytes");
    count--; /* of the two bytes before the digits */
    for (size_t i = 0; i < count; i++) {
        int high = nibble(text.p[2 + 2 * i]), low = nibble(text.p[3 + 2 * i]);

        if (high < 0 || low < 0)
            return pp_err_set(err, PP_ERR_INVALID,
                              "postgres: a column is no bytea");
        bytes[i] = (char)(high << 4 | low);
    }
    *bytes_out = (struct pp_str){bytes, count};
    return 0;
}

void pp_pg_add_bytea(struct pp_buf *text, struct pp_str bytes)
{
    static const char digits[] = "0123456789abcdef";

    pp_buf_add_text(text, "\\x");
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char byte = (unsigned char)bytes.p[i];

        pp_buf_add_byte(text, (unsigned char)digits[byte >> 4]);
        pp_buf_add_byte(text, (unsigned char)digits[byte & 15]);
    }
}
