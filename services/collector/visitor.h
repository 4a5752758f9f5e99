#ifndef VISITOR_H
#define VISITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * A visitor without a name: a hash, under a salt that lives for two days, of
 * what a browser sends anyway.
 *
 * With the salt gone nobody, we included, can say whether two days' visitors
 * were the same, or whose address it was. Pure functions.
 */
#define VISITOR_SALT_BYTES 16

struct visitor_salt {
    bool known;
    int64_t day; /* days since 1970 UTC that it is for */
    unsigned char bytes[VISITOR_SALT_BYTES];
};

/*
 * Hashes (site, address, user agent): equal on two sites never, whoever it
 * is. address is the full one; it goes no further than this call.
 */
int64_t visitor_hash(const struct visitor_salt *salt, struct pp_str site_id,
                     struct pp_str address, struct pp_str user_agent);

#endif
