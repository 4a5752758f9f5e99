#include "hit_query.h"

#include <string.h>

#define SITE_BYTES 32

enum result hit_read_query(hit_query_value *value, const void *query,
                           struct hit *hit_out)
{
    struct pp_str kind = {NULL, 0};
    const struct {
        const char *name;
        size_t max_bytes;
        struct pp_str *to;
    } fields[] = {
        {"site", SITE_BYTES, &hit_out->site_id},
        {"url", HIT_URL_BYTES, &hit_out->url},
        {"referrer", HIT_URL_BYTES, &hit_out->referrer},
        {"id", HIT_NAME_BYTES, &hit_out->event_id},
        {"name", HIT_NAME_BYTES, &hit_out->name},
        {"kind", HIT_NAME_BYTES, &kind},
    };

    *hit_out = (struct hit){0};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct pp_str text = value(query, fields[i].name);

        if (text.n > fields[i].max_bytes || !pp_str_is_utf8(text) ||
            (text.n && memchr(text.p, '\0', text.n)))
            return RESULT_INVALID_FIELD;
        *fields[i].to = text;
    }
    if (kind.n && !hit_kind_of(kind, &hit_out->kind))
        return RESULT_INVALID_FIELD;
    return hit_check(hit_out);
}
