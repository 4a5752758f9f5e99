#ifndef REFERRER_H
#define REFERRER_H

#include <stdbool.h>

#include "pp_arena.h"
#include "pp_err.h"
#include "pp_str.h"

#include "url.h"

/*
 * Which source sent a visitor, by a published list of hosts and our additions
 * to it (data/referrers).
 *
 * A table never changes once open, so any number of threads may read it; the
 * caller swaps in a new one. Only referrers_open() does I/O.
 */
struct referrers;

struct referrer {
    struct pp_str host;   /* of the referrer, without "www."; or empty */
    struct pp_str source; /* "Google"; empty for direct and internal */
    struct pp_str medium; /* search, social, email, chatbot or unknown as the
                             list has it; empty when it has none */
    bool internal;        /* the page before was on the same host */
};

/*
 * Reads a table: lines of host[/path], source and medium between tabs; "#"
 * starts a comment line. PP_ERR_FATAL with the line's number when a line is
 * anything else or a host comes twice, or when there is no such file.
 */
int referrers_open(struct referrers **table_out, const char *path,
                   struct pp_err *err);
void referrers_close(struct referrers **table);

/*
 * The source that a host and path stand for. An entry holds for the host and
 * those below it, and its path for those below that; the longest host wins,
 * one with a path over all without. Points into the table. hostname is lower
 * case, pathname starts with '/'.
 */
bool referrers_find(const struct referrers *table, struct pp_str hostname,
                    struct pp_str pathname, struct pp_str *source_out,
                    struct pp_str *medium_out);

/*
 * Where the visitor of a page came from. The page's utm_source wins: a known
 * source in any spelling, a usual short form ("fb") or a known host gets the
 * list's name, anything else stays as it is. Otherwise the referrer's host:
 * the page's own is internal and no source; the list's name for it; or, for a
 * host unknown to the list, the host. "www." counts for nothing.
 *
 * A referrer that is no http(s) address is no referrer. Points into the
 * table, the page, the referrer or the arena, which needs
 * URL_ARENA_BYTES(referrer.n); without them there is no referrer either.
 */
void referrer_read(const struct referrers *table, struct pp_str referrer,
                   const struct url *page, struct pp_arena *arena,
                   struct referrer *out);

#endif
