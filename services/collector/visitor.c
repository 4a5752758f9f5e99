#include "visitor.h"

#include <string.h>

#include <sodium.h>

#include "pp_buf.h"

#define INPUT_BYTES ((size_t)4096)

_Static_assert(VISITOR_SALT_BYTES == crypto_shorthash_KEYBYTES,
               "a salt is a key of SipHash-2-4");

/* Each part with its length before it: no two inputs run into one. */
static size_t put(unsigned char *input, size_t at, struct pp_str part)
{
    uint32_t n = (uint32_t)part.n;

    if (part.n > INPUT_BYTES / 4)
        n = INPUT_BYTES / 4;
    memcpy(input + at, &n, sizeof(n));
    if (n)
        memcpy(input + at + sizeof(n), part.p, n);
    return at + sizeof(n) + n;
}

int64_t visitor_hash(const struct visitor_salt *salt, struct pp_str site_id,
                     struct pp_str address, struct pp_str user_agent)
{
    unsigned char input[INPUT_BYTES], hash[crypto_shorthash_BYTES];
    size_t n = 0;
    int64_t visitor;

    n = put(input, n, site_id);
    n = put(input, n, address);
    n = put(input, n, user_agent);
    crypto_shorthash(hash, input, n, salt->bytes);
    sodium_memzero(input, n); /* the address with it */
    memcpy(&visitor, hash, sizeof(visitor));
    return visitor;
}
