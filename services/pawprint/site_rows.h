#ifndef SITE_ROWS_H
#define SITE_ROWS_H

#include "cli.h"

/*
 * What ClickHouse holds of one site: every table that has a site_id, whoever
 * made it. site_id is one that Postgres knows.
 */
#define SITE_TABLES_MAX 32

struct site_tables {
    char names[SITE_TABLES_MAX][64];
    size_t count;
};

int site_rows_tables(struct cli *cli, struct site_tables *out,
                     struct pp_err *err);

/* The rows of all these tables together. */
int site_rows_count(struct cli *cli, const struct site_tables *tables,
                    const char *site_id, int64_t *count_out,
                    struct pp_err *err);

/* No query sees them any more once this is done. */
int site_rows_delete(struct cli *cli, const struct site_tables *tables,
                     const char *site_id, struct pp_err *err);

/* Writes the tables anew without what was deleted: it is on no disk then. */
int site_rows_wipe(struct cli *cli, const struct site_tables *tables,
                   struct pp_err *err);

/* Waits until no insert of a writer runs that has begun before this call. */
int site_rows_settle(struct cli *cli, int wait_ms, struct pp_err *err);

#endif
