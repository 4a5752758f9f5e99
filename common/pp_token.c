#include "pp_token.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define SECRET_BYTES 32
#define PREFIX       3
#define BASE64       sodium_base64_VARIANT_URLSAFE_NO_PADDING

static_assert(PREFIX + sodium_base64_ENCODED_LEN(SECRET_BYTES, BASE64) ==
                  PP_TOKEN_CHARS + 1,
              "a prefix and 256 bits");
static_assert(PP_TOKEN_FORM_BYTES ==
                  sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, BASE64),
              "a hash as text");

static const char *const prefixes[] = {
    [PP_TOKEN_PROGRAM] = "pp_",
    [PP_TOKEN_LINK] = "pl_",
    [PP_TOKEN_SESSION] = "ps_",
};

static const char *const roles[PP_TOKEN_ROLES] = {
    [PP_TOKEN_OWNER] = "owner",
    [PP_TOKEN_BILLING] = "billing",
};

int pp_token_make(enum pp_token_kind kind, struct pp_token *token_out,
                  struct pp_err *err)
{
    unsigned char secret[SECRET_BYTES];

    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    randombytes_buf(secret, sizeof(secret));
    memcpy(token_out->text, prefixes[kind], PREFIX);
    sodium_bin2base64(token_out->text + PREFIX,
                      sizeof(token_out->text) - PREFIX, secret, sizeof(secret),
                      BASE64);
    sodium_memzero(secret, sizeof(secret));
    return 0;
}

bool pp_token_is(enum pp_token_kind kind, struct pp_str text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    if (text.n != PP_TOKEN_CHARS ||
        !pp_str_starts(text, pp_str_of(prefixes[kind])))
        return false;
    for (size_t i = PREFIX; i < text.n; i++)
        if (!memchr(letters, text.p[i], sizeof(letters) - 1))
            return false;
    return true;
}

void pp_token_hash(struct pp_str text, char hash_out[PP_TOKEN_HASH_BYTES])
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)text.p, text.n);
    hash_out[0] = '\\';
    hash_out[1] = 'x';
    sodium_bin2hex(hash_out + 2, PP_TOKEN_HASH_BYTES - 2, hash, sizeof(hash));
}

void pp_token_form(struct pp_str session, char form_out[PP_TOKEN_FORM_BYTES])
{
    static const char purpose[] = "pawprint form ";
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)purpose,
                              sizeof(purpose));
    crypto_hash_sha256_update(&state, (const unsigned char *)session.p,
                              session.n);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2base64(form_out, PP_TOKEN_FORM_BYTES, hash, sizeof(hash),
                      BASE64);
}

bool pp_token_form_is(struct pp_str session, struct pp_str given)
{
    char right[PP_TOKEN_FORM_BYTES];

    pp_token_form(session, right);
    return given.n == PP_TOKEN_FORM_BYTES - 1 &&
           sodium_memcmp(right, given.p, given.n) == 0;
}

const char *pp_token_role_name(enum pp_token_role role)
{
    return roles[role];
}

bool pp_token_role_of(struct pp_str name, enum pp_token_role *role_out)
{
    for (int i = 0; i < PP_TOKEN_ROLES; i++) {
        if (pp_str_eq(name, pp_str_of(roles[i]))) {
            *role_out = (enum pp_token_role)i;
            return true;
        }
    }
    return false;
}
