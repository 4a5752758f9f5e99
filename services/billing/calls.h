#ifndef CALLS_H
#define CALLS_H

#include "pp_buf.h"
#include "pp_pg.h"

#include "web_result.h"

/*
 * Calls that came with an Idempotency-Key: for 24 hours the same key of the
 * same account gets the same answer, and another request under it is refused.
 * What failed for now is not kept: it may be tried again. One thread at a time.
 */
#define CALLS_KEY_BYTES 256 /* the longest key, and a NUL */

enum calls_found {
    CALLS_NEW,      /* do it, then calls_keep() or calls_forget() */
    CALLS_ANSWERED, /* give the answer that is kept */
    CALLS_RUNNING,  /* another thread is at it */
    CALLS_OTHER,    /* the key came with another request */
};

/*
 * what: the path; body: as it came. With CALLS_ANSWERED the result and what
 * calls_keep() was given, added to answer_out. One that has run for a minute
 * was lost with its process: it is begun anew.
 */
int calls_begin(struct pp_pg *pg, const char *account_id, const char *key,
                struct pp_str what, struct pp_str body,
                enum calls_found *found_out, enum web_result *result_out,
                struct pp_buf *answer_out, struct pp_err *err);

int calls_keep(struct pp_pg *pg, const char *account_id, const char *key,
               enum web_result result, struct pp_str answer,
               struct pp_err *err);
int calls_forget(struct pp_pg *pg, const char *account_id, const char *key,
                 struct pp_err *err);

#endif
