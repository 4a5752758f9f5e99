#ifndef PP_CLICKHOUSE_H
#define PP_CLICKHOUSE_H

#include <stdbool.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * ClickHouse over its HTTP interface: one statement a call, values bound as
 * {name:Type} parameters.
 *
 * One handle belongs to one thread and keeps its connection. A 200 with an
 * exception in its header is an error like any other. Kinds: PP_ERR_AGAIN,
 * the server is away, slow, full, read-only or busy; whether a write was done
 * is not known. PP_ERR_INVALID, it refused the data. PP_ERR_FATAL, the
 * statement, a table or the credentials are wrong. code says ClickHouse's own
 * number, 0 when none came.
 */
struct pp_clickhouse;

struct pp_clickhouse_access {
    const char *url; /* http://host:8123 */
    const char *database;
    const char *user;
    const char *password;
};

/* The rows of a service's settings table that fill in one. */
#define PP_CLICKHOUSE_SETTINGS(access)                                         \
    PP_STR("PAWPRINT_CLICKHOUSE_URL", &(access)->url, NULL,                    \
           "address of ClickHouse's HTTP interface"),                          \
        PP_STR("PAWPRINT_CLICKHOUSE_DATABASE", &(access)->database,            \
               "pawprint", "database in ClickHouse"),                          \
        PP_STR("PAWPRINT_CLICKHOUSE_USER", &(access)->user, "default",         \
               "user of ClickHouse"),                                          \
        PP_SECRET("PAWPRINT_CLICKHOUSE_PASSWORD", &(access)->password, "",     \
                  "password of that user")

int pp_clickhouse_open(struct pp_clickhouse **ch_out,
                       const struct pp_clickhouse_access *access,
                       struct pp_err *err);
void pp_clickhouse_close(struct pp_clickhouse **ch);

/* A parameter {name:Type} of a statement, or a setting; ends with {0}. */
struct pp_clickhouse_value {
    const char *name;
    const char *value;
};

struct pp_clickhouse_call {
    const char *sql;
    const struct pp_clickhouse_value *parameters; /* may be NULL */
    const struct pp_clickhouse_value *settings;   /* may be NULL */
    struct pp_str data; /* of an INSERT ... FORMAT; p is NULL without */
    int timeout_ms;
    bool without_database; /* to create it */
    /*
     * NULL, or takes the answer piece by piece while the statement runs, as
     * pp_httpc does; false gives it up, as PP_ERR_DENIED. What fails half-way
     * is told inside of the answer: whoever takes it has to see whether it is
     * whole.
     */
    bool (*take)(void *context, struct pp_str bytes);
    void *take_context;
};

/* The answer, tab-separated unless sql says FORMAT; valid until the next. */
int pp_clickhouse_run(struct pp_clickhouse *ch,
                      const struct pp_clickhouse_call *call,
                      struct pp_str *answer_out, struct pp_err *err);

/* The database that statements run in; the handle's. */
const char *pp_clickhouse_database(const struct pp_clickhouse *ch);

/* Rows that the last statement wrote; -1 where the server does not say. */
int64_t pp_clickhouse_written(const struct pp_clickhouse *ch);

/* ClickHouse's number of the last error. */
int pp_clickhouse_code(const struct pp_clickhouse *ch);

#endif
