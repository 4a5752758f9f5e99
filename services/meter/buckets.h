#ifndef BUCKETS_H
#define BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_str.h"

#include "event.h"

/*
 * Events counted in memory, until they are written: by account, site, kind,
 * bot or not, and the quarter of an hour in which they were received. No I/O;
 * one thread.
 */
#define BUCKET_MS     INT64_C(900000)
#define BUCKET_ID_MAX 64

struct buckets;

struct bucket {
    struct pp_str account_id, site_id; /* valid until the next add */
    int64_t at_ms;                     /* where the quarter begins */
    enum event_kind kind;
    bool bot;
    int64_t n;
};

struct buckets *buckets_new(void);
void buckets_free(struct buckets **buckets);

/*
 * Counts one event. False when it can't be: an id that is empty, too long or
 * not of plain characters, or a time that is none. No enricher makes such.
 */
bool buckets_add(struct buckets *buckets, const struct event *event);

size_t buckets_count(const struct buckets *buckets);
struct bucket buckets_at(const struct buckets *buckets, size_t i);

/* Forgets all of them and keeps the memory. */
void buckets_reset(struct buckets *buckets);

/* Letters, digits, '.', '_' and '-': stands in an SQL array as it is. */
bool bucket_id_is_plain(struct pp_str id);

#endif
