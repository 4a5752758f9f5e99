#include "ua_cache.h"

#include <stdio.h>

#include "test.h"

#define AGENTS 100

static struct pp_str agent_of(char *text, size_t size, int i)
{
    int n = snprintf(text, size, "agent/%d", i);

    return (struct pp_str){text, (size_t)n};
}

static void put(struct ua_cache *cache, int i)
{
    char text[32];
    struct pp_str agent = agent_of(text, sizeof(text), i);

    ua_cache_put(cache, agent, &(struct ua_result){.browser = agent});
}

static bool holds(struct ua_cache *cache, int i)
{
    char text[32];
    struct pp_str agent = agent_of(text, sizeof(text), i);
    const struct ua_result *known = ua_cache_get(cache, agent);

    if (known)
        assert_true(pp_str_eq(known->browser, agent)); /* not another's */
    return known;
}

static void what_was_not_used_for_the_longest_time_goes_first(void **state)
{
    struct ua_cache *cache = ua_cache_new(4);

    (void)state;
    for (int i = 0; i < 4; i++)
        put(cache, i);
    assert_true(holds(cache, 0)); /* used again: 1 is the oldest now */
    put(cache, 4);
    assert_false(holds(cache, 1));
    for (int i = 2; i <= 4; i++)
        assert_true(holds(cache, i));
    assert_true(holds(cache, 0));
    ua_cache_free(&cache);
    ua_cache_free(&cache);
}

static void it_holds_no_more_than_it_may(void **state)
{
    struct ua_cache *cache = ua_cache_new(16);
    int held = 0;

    (void)state;
    for (int i = 0; i < AGENTS; i++) {
        assert_false(holds(cache, i));
        put(cache, i);
        assert_true(holds(cache, i));
    }
    for (int i = 0; i < AGENTS; i++)
        held += holds(cache, i);
    assert_in_range(held, 4, 16);
    ua_cache_free(&cache);
}

static void a_texts_end_is_part_of_it(void **state)
{
    struct ua_cache *cache = ua_cache_new(1);
    const struct ua_result result = {.bot = true};

    (void)state;
    ua_cache_put(cache, PP_LIT("Mozilla/5.0"), &result);
    assert_null(ua_cache_get(cache, PP_LIT("Mozilla/5.")));
    assert_null(ua_cache_get(cache, PP_LIT("Mozilla/5.0 ")));
    assert_null(ua_cache_get(cache, PP_LIT("Mozilla/5.0\0")));
    assert_true(ua_cache_get(cache, PP_LIT("Mozilla/5.0"))->bot);
    ua_cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest cache[] = {
        cmocka_unit_test(what_was_not_used_for_the_longest_time_goes_first),
        cmocka_unit_test(it_holds_no_more_than_it_may),
        cmocka_unit_test(a_texts_end_is_part_of_it),
    };

    return cmocka_run_group_tests(cache, NULL, NULL);
}
