#ifndef PP_WEBHOOK_H
#define PP_WEBHOOK_H

#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and
 * body. Each account has a secret of its own, made of the installation's, so
 * that no customer can sign for another. Pure; any thread.
 */
#define PP_WEBHOOK_KEY_BYTES 32

struct pp_webhook_key {
    unsigned char bytes[PP_WEBHOOK_KEY_BYTES];
};

/* master is the installation's secret: 32 characters or more. */
void pp_webhook_key_of(struct pp_str master, struct pp_str account,
                       struct pp_webhook_key *key_out);

/* "whsec_" and the key in Base64: what a customer is given. */
#define PP_WEBHOOK_SECRET_BYTES 64
void pp_webhook_secret(const struct pp_webhook_key *key,
                       char secret[static PP_WEBHOOK_SECRET_BYTES]);

/* Adds "v1," and the signature in Base64. at_s: seconds since 1970. */
void pp_webhook_sign(const struct pp_webhook_key *key, struct pp_str id,
                     int64_t at_s, struct pp_str body, struct pp_buf *out);

#endif
