#ifndef PP_SITES_H
#define PP_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_consumer.h"
#include "pp_err.h"
#include "pp_registry.h"
#include "pp_str.h"

/*
 * All sites: a table in memory, fed by the records of the compacted topic
 * `sites`. No I/O but in pp_sites_read(); one thread.
 */
struct pp_sites;

enum pp_site_state {
    PP_SITE_DELETED,
    PP_SITE_ERASED, /* for ever: nothing of it may be stored */
    PP_SITE_PAUSED,
    PP_SITE_ACTIVE,
};

/* Valid until the next change. */
struct pp_site {
    enum pp_site_state state;
    bool unread; /* what is newest of it, only a newer program can read */
    int64_t version;
    int32_t retention_days; /* of its events */
    struct pp_str site_id;
    struct pp_str account_id;
    struct pp_str origins; /* hostnames, separated by blanks; empty: any */
};

struct pp_sites *pp_sites_new(void);
void pp_sites_free(struct pp_sites **sites);

/*
 * Takes one record, framed: newer versions replace older ones, never the
 * other way, and nothing replaces an erased one. PP_ERR_INVALID: no site;
 * PP_ERR_AGAIN: of a schema that is not known here.
 */
int pp_sites_apply(struct pp_sites *sites, const struct pp_registry *registry,
                   struct pp_str record, struct pp_err *err);

/*
 * Takes all that waits at a consumer of the topic, waiting up to wait_ms for
 * the first. What can't be read is logged and passed over; where a newer
 * program could read it, the site is marked as unread.
 */
int pp_sites_read(struct pp_sites *sites, struct pp_consumer *consumer,
                  const struct pp_registry *registry, int wait_ms,
                  struct pp_err *err);

/* NULL when it was never heard of. */
const struct pp_site *pp_sites_find(const struct pp_sites *sites,
                                    struct pp_str site_id);

size_t pp_sites_count(const struct pp_sites *sites);
size_t pp_sites_erased_count(const struct pp_sites *sites);

/* Sites that are marked as unread. */
size_t pp_sites_unread_count(const struct pp_sites *sites);

#endif
