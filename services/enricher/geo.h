#ifndef GEO_H
#define GEO_H

#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * The country of an address, from a file in MaxMind's format.
 *
 * Both layouts are read: {"country": {"iso_code": "DE"}}, as MaxMind's own,
 * and {"country_code": "DE"}. A table never changes once open, so any number
 * of threads may read it; the caller swaps in a newer one. Only geo_open()
 * does I/O, and later the pages of the mapped file: replace it by a rename.
 */
struct geo;

#define GEO_COUNTRY_BYTES 3 /* two letters and a NUL */

/*
 * Opens a file and reads all of its tree and every record that it leads to
 * once, so that a broken one is found now. PP_ERR_FATAL when there is no such
 * file, when it is broken anywhere or names no country at all.
 */
int geo_open(struct geo **geo_out, const char *path, struct pp_err *err);
void geo_close(struct geo **geo);

/*
 * Writes the ISO 3166-1 alpha-2 code for an address in text, whole or cut to
 * a network (192.0.2.0, 2001:db8::). Empty when text is no address, the table
 * does not know, or it holds IPv4 only and the address is IPv6.
 */
void geo_country(const struct geo *geo, struct pp_str address,
                 char country_out[static GEO_COUNTRY_BYTES]);

/* When the table was made, by its own account: for its age. */
int64_t geo_built_at_ms(const struct geo *geo);

#endif
