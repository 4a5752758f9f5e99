#ifndef HIT_JSON_H
#define HIT_JSON_H

#include "pp_json.h"

#include "hit.h"
#include "result.h"

/*
 * From JSON, or a query, to a hit: the fields and limits of
 * docs/api/collector.md. Pure functions; what the sender did not say stays
 * zero. Texts point into the JSON, or into its arena.
 */
#define HIT_URL_BYTES  2048
#define HIT_NAME_BYTES 64
#define HIT_PROPS_MAX  30
#define HIT_BATCH_MAX  1000
#define HIT_JSON_DEPTH 8

/*
 * Reads one hit whose object was just opened, to the object's end, also when
 * something in it is wrong. json->error is set where it is no JSON.
 */
enum result hit_read(struct pp_json *json, struct hit *hit_out);

/* The whole body of POST /e. */
enum result hit_read_one(struct pp_str body, struct pp_arena *arena,
                         struct hit *hit_out);

/*
 * The whole body of POST /b. hits and results, of HIT_BATCH_MAX each, get what
 * became of every hit. Anything but RESULT_ACCEPTED is about the batch: none
 * of its hits is to be taken.
 */
enum result hit_read_batch(struct pp_str body, struct pp_arena *arena,
                           struct hit *hits_out, enum result *results_out,
                           size_t *count_out);

/* Whether what was read, from wherever, is a hit. */
enum result hit_check(const struct hit *hit);

/*
 * The host of an http or https URL, without port and brackets; n is 0 when it
 * is no such URL. Points into url.
 */
struct pp_str hit_hostname(struct pp_str url);

/* By its name; false when there is no such kind. */
bool hit_kind_of(struct pp_str name, enum hit_kind *kind_out);

#endif
