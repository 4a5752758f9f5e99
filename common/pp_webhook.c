#include "pp_webhook.h"

#include <inttypes.h>
#include <stdio.h>

#include <sodium.h>

static void feed(crypto_auth_hmacsha256_state *state, struct pp_str text)
{
    crypto_auth_hmacsha256_update(state, (const unsigned char *)text.p, text.n);
}

void pp_webhook_key_of(struct pp_str master, struct pp_str account,
                       struct pp_webhook_key *key_out)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)master.p,
                                master.n);
    feed(&state, PP_LIT("pawprint webhook "));
    feed(&state, account);
    crypto_auth_hmacsha256_final(&state, key_out->bytes);
}

void pp_webhook_secret(const struct pp_webhook_key *key,
                       char secret[static PP_WEBHOOK_SECRET_BYTES])
{
    int n = snprintf(secret, PP_WEBHOOK_SECRET_BYTES, "whsec_");

    sodium_bin2base64(secret + n, PP_WEBHOOK_SECRET_BYTES - (size_t)n,
                      key->bytes, sizeof(key->bytes),
                      sodium_base64_VARIANT_ORIGINAL);
}

void pp_webhook_sign(const struct pp_webhook_key *key, struct pp_str id,
                     int64_t at_s, struct pp_str body, struct pp_buf *out)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char time[32], text[64];

    snprintf(time, sizeof(time), ".%" PRId64 ".", at_s);
    crypto_auth_hmacsha256_init(&state, key->bytes, sizeof(key->bytes));
    feed(&state, id);
    feed(&state, pp_str_of(time));
    feed(&state, body);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(text, sizeof(text), mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
    pp_buf_printf(out, "v1,%s", text);
}
