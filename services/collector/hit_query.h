#ifndef HIT_QUERY_H
#define HIT_QUERY_H

#include "hit_json.h"

/* The value behind a name of a query, decoded; p is NULL where there is none.
 */
typedef struct pp_str hit_query_value(const void *query, const char *name);

/*
 * From the query of GET /p.gif to a hit, by the limits of
 * docs/api/collector.md. Texts are those that value() gave. Pure, as far as
 * value() is.
 */
enum result hit_read_query(hit_query_value *value, const void *query,
                           struct hit *hit_out);

#endif
