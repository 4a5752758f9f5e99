#ifndef ENRICH_H
#define ENRICH_H

#include "pp_arena.h"

#include "event.h"
#include "geo.h"
#include "hit.h"
#include "referrer.h"

/*
 * From a hit to an event: a function of the hit and of tables that do not
 * change while it runs. It does no I/O and reads no clock.
 */
struct enrich_tables {
    const struct geo *geo;
    const struct referrers *referrers;
};

/* What a user agent stands for, by uap-core's rules. */
struct enrich_agent {
    struct pp_str browser;
    struct pp_str browser_version;
    struct pp_str os;
    struct pp_str device;
    bool bot;
};

/* What an event takes from the arena, at most, for a hit of that size. */
#define ENRICH_ARENA_BYTES(n) (2 * URL_ARENA_BYTES(n) + 256)

/*
 * Fills in all of *event_out but the visit. Texts point into the hit, the
 * tables, the agent or the arena. PP_ERR_INVALID when the hit can never be an
 * event; *reason_out then is one of the closed list of reasons.
 */
int enrich(const struct hit *hit, const struct enrich_tables *tables,
           const struct enrich_agent *agent, struct pp_arena *arena,
           struct event *event_out, const char **reason_out,
           struct pp_err *err);

#endif
