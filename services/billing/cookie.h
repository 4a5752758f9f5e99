#ifndef COOKIE_H
#define COOKIE_H

#include <stdbool.h>

#include "pp_buf.h"
#include "pp_str.h"

/*
 * The cookie of a customer's session on the billing pages. Scripts can't read
 * it, no other site's form sends it, and behind https no plain connection
 * carries it. No visitor of a customer's site ever gets one. Pure.
 */

/* The session in a Cookie header, or p NULL. is_https: as we are reached. */
struct pp_str cookie_session(struct pp_str header, bool is_https);

/* The Set-Cookie that begins a session, or with an empty one ends it. */
void cookie_set(struct pp_buf *out, const char *session, int seconds,
                bool is_https);

#endif
