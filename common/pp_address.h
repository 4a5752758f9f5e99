#ifndef PP_ADDRESS_H
#define PP_ADDRESS_H

#include "pp_str.h"

/*
 * Whose address a request came from, and how little of it we keep.
 *
 * The full address stays in the caller's memory for the visitor hash and goes
 * no further; what travels is the prefix. Pure functions.
 */

#define PP_ADDRESS_BYTES 46 /* the longest IPv6 address in text, and a NUL */

/*
 * The client behind trusted_hops proxies of ours, each of which appended to
 * X-Forwarded-For the address that it saw: the trusted_hops-th from the right.
 * What stands further left is the client's own claim and is never believed.
 * With 0 hops, or where the header is shorter than that, the peer itself.
 * forwarded: the header's value, several ones joined by commas, or empty.
 * Points into forwarded or peer; a port and brackets are taken off.
 */
struct pp_str pp_address_client(struct pp_str forwarded, struct pp_str peer,
                                int trusted_hops);

/*
 * Writes the network an address belongs to: an IPv4 address cut to /24, an
 * IPv6 address to /48, an IPv4 address mapped into IPv6 as the IPv4 address
 * that it is; NUL-terminated. Empty when text is no address.
 */
void pp_address_prefix(struct pp_str text,
                       char prefix_out[static PP_ADDRESS_BYTES]);

#endif
