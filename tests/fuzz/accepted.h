#ifndef ACCEPTED_H
#define ACCEPTED_H

#include <stdlib.h>
#include <string.h>

#include "hit_json.h"

/*
 * What has to be true of every hit that the collector accepts, whatever it
 * was made from; ends the process where it is not.
 */
static void accepted_text(struct pp_str text, size_t min, size_t max)
{
    if (text.n < min || text.n > max || !pp_str_is_utf8(text) ||
        (text.n && memchr(text.p, '\0', text.n)))
        abort();
}

static void accepted_check(const struct hit *hit)
{
    struct pp_err err = {0};
    struct pp_buf record;
    struct hit again;

    accepted_text(hit->site_id, 1, 32);
    accepted_text(hit->url, 1, HIT_URL_BYTES);
    accepted_text(hit->referrer, 0, HIT_URL_BYTES);
    accepted_text(hit->event_id, 0, HIT_NAME_BYTES);
    accepted_text(hit->name, 0, HIT_NAME_BYTES);
    if (hit_hostname(hit->url).n == 0)
        abort();
    pp_buf_init(&record, (size_t)1 << 20);
    hit_encode(hit, &record);
    if (record.overflow ||
        hit_decode(HIT_FINGERPRINT, pp_buf_str(&record), &again, &err) < 0 ||
        !pp_str_eq(again.url, hit->url) || !pp_str_eq(again.name, hit->name) ||
        !pp_str_eq(again.props.blocks, hit->props.blocks) ||
        again.kind != hit->kind || again.has_value != hit->has_value)
        abort(); /* it has to reach the enricher as it was sent */
    pp_buf_fini(&record);
}

#endif
