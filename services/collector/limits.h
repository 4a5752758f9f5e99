#ifndef LIMITS_H
#define LIMITS_H

#include "pp_limit_share.h"
#include "pp_rate.h"
#include "pp_str.h"

/*
 * How many requests a network may make, and how many hits a site may get.
 *
 * A network is the client's address as address.c cuts it. Whoever is counted
 * is known here only by a keyed hash; the key is made at random and kept for a
 * day (pp_limit_share.h), so no address is stored nor can be found again. Pure:
 * no clock, no I/O. One thread.
 */
enum limit {
    LIMIT_NETWORK, /* requests of a network, of all kinds */
    LIMIT_HIT,     /* of those POST /e */
    LIMIT_BATCH,   /* of those POST /b */
    LIMIT_PIXEL,   /* of those GET /p.gif */
    LIMIT_SITE,    /* hits of a site */
    LIMIT_COUNT,
};

struct limits {
    struct pp_rate_rules rules[LIMIT_COUNT];
    struct pp_limits shared;
};

/* texts: a rule of each, as in pp_rate.h. Makes a key of its own. */
int limits_init(struct limits *limits, const char *const texts[LIMIT_COUNT],
                struct pp_err *err);
void limits_fini(struct limits *limits);

/*
 * One request of a network to an endpoint. Returns 0, or after how many
 * nanoseconds it may be tried again. Where the network is not known it is not
 * limited: many would be one.
 */
int64_t limits_take_request(struct limits *limits, enum limit endpoint,
                            struct pp_str network, int64_t now_ns);

/* One hit of a site; the same. */
int64_t limits_take_hit(struct limits *limits, struct pp_str site_id,
                        int64_t now_ns);

/* 1 while all collectors count together: for pp_limit_share_open(). */
extern struct pp_gauge limits_shared;

/* Adds its metrics; before there are other threads. */
void limits_metrics_add(void);

#endif
