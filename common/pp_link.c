#include "pp_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_mem.h"

#define MAC_BYTES crypto_auth_hmacsha256_BYTES
#define VARIANT   sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define MAC_CHARS 43 /* of MAC_BYTES in Base64 without padding */

/* --- keys ------------------------------------------------------------------
 */

int pp_link_keys_read(const char *text, struct pp_link_keys *keys_out,
                      struct pp_err *err)
{
    struct pp_str rest = pp_str_trim(pp_str_of(text)), part;

    *keys_out = (struct pp_link_keys){.count = 0};
    while (rest.n && pp_str_split(&rest, ',', &part)) {
        part = pp_str_trim(part);
        if (part.n < PP_LINK_KEY_MIN)
            return pp_err_set(err, PP_ERR_FATAL,
                              "a key of links is shorter than %d characters",
                              PP_LINK_KEY_MIN);
        if (keys_out->count == PP_LINK_KEYS_MAX)
            return pp_err_set(err, PP_ERR_FATAL,
                              "there are more than %d keys of links",
                              PP_LINK_KEYS_MAX);
        keys_out->list[keys_out->count++] = part;
    }
    return 0;
}

const char *pp_link_keys_wrong(const char *text)
{
    struct pp_link_keys keys;
    struct pp_err err;

    if (pp_link_keys_read(text, &keys, &err) == 0)
        return NULL;
    return "has to be up to four keys of 32 characters or more, separated by "
           "commas";
}

/* --- tokens ----------------------------------------------------------------
 */

/* what ends with a NUL, which stands in no what: no two texts are the same. */
static void sign(struct pp_str key, const char *what, struct pp_str head,
                 unsigned char mac[static MAC_BYTES])
{
    static const char purpose[] = "pawprint link";
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.p, key.n);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose,
                                  sizeof(purpose));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)what,
                                  strlen(what) + 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head.p,
                                  head.n);
    crypto_auth_hmacsha256_final(&state, mac);
}

int pp_link_make(struct pp_str key, const char *what, const char *id,
                 int64_t until_s, char *out, size_t size)
{
    size_t id_bytes = strlen(id), n;
    unsigned char mac[MAC_BYTES];

    if (key.n < PP_LINK_KEY_MIN || id_bytes == 0 || id_bytes > PP_LINK_ID_MAX ||
        until_s <= 0 || size < PP_LINK_BYTES_MAX)
        return -1;
    n = (size_t)snprintf(out, size, "%" PRIx64 ".", (uint64_t)until_s);
    sodium_bin2base64(out + n, size - n, (const unsigned char *)id, id_bytes,
                      VARIANT);
    n += strlen(out + n);
    sign(key, what, (struct pp_str){out, n}, mac);
    out[n++] = '.';
    sodium_bin2base64(out + n, size - n, mac, sizeof(mac), VARIANT);
    return 0;
}

/* Every key is tried, whichever fits. */
static bool is_signed(const struct pp_link_keys *keys, const char *what,
                      struct pp_str head, struct pp_str text)
{
    unsigned char given[MAC_BYTES], mac[MAC_BYTES];
    bool good = false;
    size_t n;

    if (text.n != MAC_CHARS ||
        sodium_base642bin(given, sizeof(given), text.p, text.n, NULL, &n, NULL,
                          VARIANT) != 0 ||
        n != MAC_BYTES)
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        sign(keys->list[i], what, head, mac);
        good |= sodium_memcmp(mac, given, MAC_BYTES) == 0;
    }
    return good;
}

/* What we have signed, we have written: it needs no strictness here. */
static int64_t until_of(struct pp_str text)
{
    int64_t until = 0;

    for (size_t i = 0; i < text.n && i < 15; i++) {
        char c = text.p[i];

        until = until * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return until;
}

static bool id_of(struct pp_str text, char *id_out, size_t size)
{
    size_t n;

    if (size == 0 ||
        sodium_base642bin((unsigned char *)id_out, size - 1, text.p, text.n,
                          NULL, &n, NULL, VARIANT) != 0)
        return false;
    id_out[n] = '\0';
    return true;
}

int pp_link_read(const struct pp_link_keys *keys, const char *what,
                 struct pp_str token, int64_t now_s, char *id_out, size_t size,
                 struct pp_err *err)
{
    size_t first = pp_str_find(token, '.');
    struct pp_str rest = pp_str_sub(token, first + 1, token.n);
    size_t second = pp_str_find(rest, '.');
    struct pp_str head = pp_str_sub(token, 0, first + 1 + second);

    if (token.n >= PP_LINK_BYTES_MAX || second >= rest.n ||
        !is_signed(keys, what, head, pp_str_sub(rest, second + 1, rest.n)) ||
        !id_of(pp_str_sub(rest, 0, second), id_out, size))
        return pp_err_set(err, PP_ERR_INVALID, "no link of ours");
    if (until_of(pp_str_sub(token, 0, first)) <= now_s)
        return pp_err_set(err, PP_ERR_DENIED, "the link is too old");
    return 0;
}
