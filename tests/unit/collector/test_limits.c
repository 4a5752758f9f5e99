#include "limits.h"

#include "test.h"

#define START_NS INT64_C(1000000000000) /* any instant will do */

static struct limits with(enum limit limit, const char *rule)
{
    const char *texts[LIMIT_COUNT] = {"off", "off", "off", "off", "off"};
    struct limits limits;
    struct pp_err err = {0};

    texts[limit] = rule;
    assert_int_equal(limits_init(&limits, texts, &err), 0);
    return limits;
}

/* How many of 100 requests are allowed at one instant. */
static int allowed(struct limits *limits, enum limit endpoint,
                   const char *network)
{
    int count = 0;

    for (int i = 0; i < 100; i++)
        count += limits_take_request(limits, endpoint, pp_str_of(network),
                                     START_NS) == 0;
    return count;
}

static void a_network_is_limited_over_all_endpoints(void **state)
{
    struct limits limits = with(LIMIT_NETWORK, "5/m");

    (void)state;
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.113.0"), 5);
    assert_int_equal(allowed(&limits, LIMIT_BATCH, "203.0.113.0"), 0);
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.112.0"), 5);
    assert_int_equal(allowed(&limits, LIMIT_HIT, "2001:db8::"), 5);
    limits_fini(&limits);
}

static void an_endpoint_is_limited_by_itself(void **state)
{
    struct limits limits = with(LIMIT_BATCH, "5/m");

    (void)state;
    assert_int_equal(allowed(&limits, LIMIT_BATCH, "203.0.113.0"), 5);
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.113.0"), 100);
    assert_int_equal(allowed(&limits, LIMIT_PIXEL, "203.0.113.0"), 100);
    limits_fini(&limits);
}

static void a_site_is_limited_by_its_hits(void **state)
{
    struct limits limits = with(LIMIT_SITE, "5/m");
    int count = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        count += limits_take_hit(&limits, PP_LIT("a-site"), START_NS) == 0;
    assert_int_equal(count, 5);
    assert_int_equal(limits_take_hit(&limits, PP_LIT("b-site"), START_NS), 0);
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.113.0"), 100);
    limits_fini(&limits);
}

static void who_is_not_known_is_not_limited(void **state)
{
    struct limits limits = with(LIMIT_NETWORK, "5/m");

    (void)state;
    assert_int_equal(allowed(&limits, LIMIT_HIT, ""), 100);
    limits_fini(&limits);
}

static void under_another_key_all_begin_anew(void **state)
{
    struct limits limits = with(LIMIT_NETWORK, "5/m");

    (void)state;
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.113.0"), 5);
    limits.shared.key[0] ^= 1;
    assert_int_equal(allowed(&limits, LIMIT_HIT, "203.0.113.0"), 5);
    limits_fini(&limits);
}

static void no_two_processes_make_the_same_key(void **state)
{
    struct limits one = with(LIMIT_NETWORK, "5/m");
    struct limits other = with(LIMIT_NETWORK, "5/m");

    (void)state;
    assert_memory_not_equal(one.shared.key, other.shared.key,
                            PP_LIMITS_KEY_BYTES);
    limits_fini(&one);
    limits_fini(&other);
}

int main(void)
{
    const struct CMUnitTest limits[] = {
        cmocka_unit_test(a_network_is_limited_over_all_endpoints),
        cmocka_unit_test(an_endpoint_is_limited_by_itself),
        cmocka_unit_test(a_site_is_limited_by_its_hits),
        cmocka_unit_test(who_is_not_known_is_not_limited),
        cmocka_unit_test(under_another_key_all_begin_anew),
        cmocka_unit_test(no_two_processes_make_the_same_key),
    };

    return cmocka_run_group_tests(limits, NULL, NULL);
}
