#ifndef WEBHOOK_H
#define WEBHOOK_H

#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and
 * body. Each account has a secret of its own, made of the installation's, so
 * that no customer can sign for another. Pure; any thread.
 */
#define WEBHOOK_KEY_BYTES 32

struct webhook_key {
    unsigned char bytes[WEBHOOK_KEY_BYTES];
};

/* master is the installation's secret: 32 characters or more. */
void webhook_key_of(struct pp_str master, struct pp_str account,
                    struct webhook_key *key_out);

/* "whsec_" and the key in Base64: what a customer is given. */
#define WEBHOOK_SECRET_BYTES 64
void webhook_secret(const struct webhook_key *key,
                    char secret[static WEBHOOK_SECRET_BYTES]);

/* Adds "v1," and the signature in Base64. at_s: seconds since 1970. */
void webhook_sign(const struct webhook_key *key, struct pp_str id, int64_t at_s,
                  struct pp_str body, struct pp_buf *out);

#endif
