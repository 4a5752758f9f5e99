/*
 * Any bytes as a user agent: named the same by the rules that the filter lets
 * through, from the cache, and by all rules in turn. Runs in the source tree.
 */
#include <stdint.h>
#include <stdlib.h>

#include "ua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ua *rules(void)
{
    static struct ua *ua; /* made once */
    struct pp_err err;

    if (!ua && ua_open(&ua, "services/enricher/data/uap/regexes.tsv", &err) < 0)
        abort();
    return ua;
}

static bool same(const struct ua_result *a, const struct ua_result *b)
{
    return pp_str_eq(a->browser, b->browser) &&
           pp_str_eq(a->browser_version, b->browser_version) &&
           pp_str_eq(a->os, b->os) && pp_str_eq(a->device, b->device) &&
           a->bot == b->bot;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str agent = {(const char *)data, size};
    struct ua *ua = rules();
    struct pp_arena arena;
    struct ua_result plain, fast, again;

    pp_arena_init(&arena, 1 << 16);
    ua_set_plain(ua, true);
    ua_parse(ua, agent, &arena, &plain);
    ua_set_plain(ua, false);
    ua_parse(ua, agent, &arena, &fast);
    ua_parse(ua, agent, &arena, &again);
    if (!same(&fast, &plain) || !same(&again, &plain))
        abort();
    pp_arena_fini(&arena);
    return 0;
}
