#ifndef SITES_H
#define SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_registry.h"
#include "pp_str.h"

/*
 * The sites that hits are taken for: a table in memory, fed by the records of
 * the compacted topic `sites`. No I/O; one thread.
 */
struct sites;

enum site_state {
    SITE_UNKNOWN, /* or deleted, or erased */
    SITE_PAUSED,
    SITE_ACTIVE,
};

/* What the collector has to know of a site. Valid until the next change. */
struct site_entry {
    enum site_state state;
    int64_t version;
    int32_t retention_days; /* of its events */
    struct pp_str site_id;
    struct pp_str account_id;
    struct pp_str origins; /* hostnames, separated by blanks; empty: any */
};

struct sites *sites_new(void);
void sites_free(struct sites **sites);

/*
 * Takes one record, framed: newer versions replace older ones, never the
 * other way. PP_ERR_INVALID: no site; PP_ERR_AGAIN: of a schema that is not
 * known here.
 */
int sites_apply(struct sites *sites, const struct pp_registry *registry,
                struct pp_str record, struct pp_err *err);

/* NULL when it was never heard of. */
const struct site_entry *sites_find(const struct sites *sites,
                                    struct pp_str site_id);

size_t sites_count(const struct sites *sites);

/*
 * Whether a page on that host may send for the site: an entry of origins
 * allows itself and, with "*." before it, what is below it.
 */
bool sites_allow(const struct site_entry *site, struct pp_str hostname);

#endif
