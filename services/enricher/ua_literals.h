#ifndef UA_LITERALS_H
#define UA_LITERALS_H

#include <stdbool.h>
#include <stddef.h>

#include "pp_str.h"

/*
 * From a regular expression, literals of which at least one stands in every
 * text that it matches. Case is dropped: A to Z come out as a to z, and have
 * to be looked for without case. What it does not understand it takes for
 * "anything", so its answer may be weak but not wrong. Pure function.
 */
#define UA_LITERAL_BYTES 32
#define UA_LITERALS_MAX  256

struct ua_literal {
    size_t n;
    char bytes[UA_LITERAL_BYTES];
};

struct ua_literals {
    size_t count;
    struct ua_literal list[UA_LITERALS_MAX];
};

/* False when there are none that are worth looking for. */
bool ua_literals_of(struct pp_str pattern, struct ua_literals *out);

#endif
