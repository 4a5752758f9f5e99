#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "pp_buf.h"
#include "pp_capacity.h"

/*
 * Says in words what becomes of an account's hits, and why. No I/O: the facts
 * are what Postgres holds, which is what the collectors were told.
 */
struct explained {
    const char *site;        /* NULL: it is about the account as a whole */
    const char *site_status; /* "active", ...; of the site */
    const char *account;
    const char *plan;
    bool is_decided; /* else nothing below was ever decided */
    struct pp_capacity capacity;
    const char *blocked_reason; /* while blocked */
    int64_t used;
    int64_t now_ms;
};

/* A sentence or two, without a line's end. */
void explain(const struct explained *is, struct pp_buf *out);

#endif
