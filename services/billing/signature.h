#ifndef SIGNATURE_H
#define SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * Whether a webhook comes from Stripe: HMAC-SHA256 over the time and the raw
 * body, in the header Stripe-Signature, under one of several secrets.
 * [docs.stripe.com/webhooks, "Verify webhook signatures manually"]
 *
 * Stripe's own libraries disagree at the edges; here a header follows one
 * fixed grammar or is refused: pairs NAME=VALUE between commas, without
 * blanks, `t` once and in plain digits. Names that we don't know, and v0, are
 * passed over. It cannot be switched off. Pure; any thread.
 */
#define SIGNATURE_HEADER_BYTES  4096
#define SIGNATURE_COUNT_MAX     16
#define SIGNATURE_TOLERANCE_MAX 900

#define SECRETS_MAX        8
#define SECRET_BYTES       200
#define SECRET_LABEL_BYTES 33
#define SECRETS_FILE_BYTES 8192

struct secret {
    char label[SECRET_LABEL_BYTES]; /* a-z, 0-9, - and _ */
    char text[SECRET_BYTES];        /* whole, its whsec_ included */
    int64_t not_after_ms;           /* 0: it does not end */
};

struct secrets {
    size_t count;
    struct secret list[SECRETS_MAX];
};

/*
 * Reads a list of secrets: one a line, LABEL SECRET [NOT-AFTER], the last like
 * 2026-11-30T00:00:00Z; lines that are empty or begin with # say nothing.
 * PP_ERR_INVALID says which line is wrong, and nothing of what it holds; so it
 * is where there is none.
 */
int secrets_read(struct pp_str text, struct secrets *secrets_out,
                 struct pp_err *err);

/* How many of them are good at that time. */
size_t secrets_alive(const struct secrets *secrets, int64_t now_ms);

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_MISSING,   /* there is no such header */
    SIGNATURE_MALFORMED, /* no header of Stripe's, or too long, or too many */
    SIGNATURE_NO_MATCH,  /* of none of the secrets */
    SIGNATURE_TOO_OLD,
    SIGNATURE_TOO_NEW, /* as far in the future as none is by an honest clock */
    SIGNATURE_VERDICTS,
};

/*
 * header: p is NULL where there is none. tolerance_s is between 1 and
 * SIGNATURE_TOLERANCE_MAX, on both sides. Each secret is compared with each
 * signature, whatever was found before; *label_out is whose it was, or "".
 */
enum signature_verdict signature_check(struct pp_str header, struct pp_str body,
                                       int64_t now_ms, int tolerance_s,
                                       const struct secrets *secrets,
                                       const char **label_out);

/* "malformed", ...: for metrics. */
const char *signature_verdict_name(enum signature_verdict verdict);

#endif
