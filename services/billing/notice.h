#ifndef NOTICE_H
#define NOTICE_H

#include "pick.h"

/*
 * An event of Stripe's, as far as it says what happened to whom. It is a hint:
 * what is so, Stripe is asked. Snapshot events (`object` is `event`) and thin
 * ones (`v2.core.event`) are read alike. [docs.stripe.com/api/events]
 * Pure; strangers' bytes until the signature was checked.
 */
#define NOTICE_ID_BYTES                256
#define NOTICE_TYPE_BYTES              128
#define NOTICE_ARENA_BYTES(body_bytes) ((body_bytes) + 65536)

struct notice {
    char id[NOTICE_ID_BYTES];
    char type[NOTICE_TYPE_BYTES]; /* of a thin one without its "v1." */
    char api_version[64];
    int64_t created_ms; /* 0: it does not say, or in another form */
    bool is_live, is_thin;
    /* What it is about, or empty; ids as they may stand in a path. */
    char object_type[64]; /* "subscription" */
    char object_id[NOTICE_ID_BYTES];
    char customer[NOTICE_ID_BYTES];
    struct pick object; /* data.object; none of a thin one */
};

/* PP_ERR_INVALID: it is no event. body and arena have to outlive *out. */
int notice_read(struct pp_str body, struct pp_arena *arena, struct notice *out,
                struct pp_err *err);

/* Letters, digits, _ and -, at least one and fewer than NOTICE_ID_BYTES. */
bool notice_is_id(struct pp_str text);

#endif
