#ifndef RECEIVE_H
#define RECEIVE_H

#include "pp_http.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "hit_json.h"
#include "known.h"
#include "limits.h"
#include "refused.h"
#include "salts.h"

/*
 * From a request to records on `hits`, and from their delivery reports to the
 * answer. A request waits suspended; it holds no thread and, beside its
 * connection, the struct waiting in receive.c.
 */
#define RECEIVE_HIT_BYTES   ((size_t)64 << 10)
#define RECEIVE_BATCH_BYTES ((size_t)1 << 20)

/* METERING: what becomes of hits of an account whose capacity is exhausted. */
enum metering {
    METERING_ENFORCE, /* 402 */
    METERING_OBSERVE, /* taken, and counted as what would have been refused */
    METERING_OFF,     /* taken */
};

struct receiver {
    /* What it works with; main.c opens and closes them. */
    const struct known *known;
    struct salts *salts;
    struct limits *limits;
    struct refused *refused;
    struct pp_producer *producer;
    const struct pp_registry *registry;
    const char *topic;
    int trusted_hops;
    int metering; /* enum metering */

    /* Its own. */
    struct pp_arena arena;
    struct pp_buf body;   /* unpacked */
    struct pp_buf record; /* encoded */
    struct hit *hits;     /* HIT_BATCH_MAX of them */
    enum result *results;
    unsigned waiting;           /* requests whose hits are on their way */
    struct pp_mono not_durable; /* when a delivery last failed */
    uint64_t timeouts;          /* of those that were counted */
};

void receiver_init(struct receiver *self);
void receiver_fini(struct receiver *self);

/* The rows of the public port; their context is a struct receiver. */
extern const struct pp_http_route receive_routes[];

/* Told by the producer of every record; context is the struct receiver. */
void receive_delivered(void *context, void *record, const struct pp_err *err);

/* Counts the requests that the server cut off; count is of all since start. */
void receive_count_timeouts(struct receiver *self, uint64_t count);

/* Adds its metrics; before there are other threads. */
void receive_metrics_add(void);

#endif
