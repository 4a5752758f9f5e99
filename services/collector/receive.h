#ifndef RECEIVE_H
#define RECEIVE_H

#include "pp_http.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "hit_json.h"
#include "salts.h"
#include "sites.h"

/*
 * From a request to records on `hits`, and from their delivery reports to the
 * answer. A request waits suspended; it holds no thread and, beside its
 * connection, the struct waiting in receive.c.
 */
#define RECEIVE_HIT_BYTES   ((size_t)64 << 10)
#define RECEIVE_BATCH_BYTES ((size_t)1 << 20)

struct receiver {
    /* What it works with; main.c opens and closes them. */
    struct sites *sites;
    struct salts *salts;
    struct pp_producer *producer;
    const char *topic;
    int trusted_hops;
    bool ready; /* the sites are known, and the topic's epoch is */
    char epoch[24];

    /* Its own. */
    struct pp_arena arena;
    struct pp_buf body;   /* unpacked */
    struct pp_buf record; /* encoded */
    struct hit *hits;     /* HIT_BATCH_MAX of them */
    enum result *results;
    unsigned waiting;           /* requests whose hits are on their way */
    struct pp_mono not_durable; /* when a delivery last failed */
};

void receiver_init(struct receiver *self);
void receiver_fini(struct receiver *self);

/* The rows of the public port; their context is a struct receiver. */
extern const struct pp_http_route receive_routes[];

/* Told by the producer of every record; context is the struct receiver. */
void receive_delivered(void *context, void *record, const struct pp_err *err);

/* Adds its metrics; before there are other threads. */
void receive_metrics_add(void);

#endif
