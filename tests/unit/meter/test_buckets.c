#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

#include "buckets.h"

#include "test.h"

static const int64_t T0 = INT64_C(1700000100000); /* a quarter begins */

static struct event an_event(void)
{
    return (struct event){
        .account_id = PP_LIT("a1"),
        .site_id = PP_LIT("s1"),
        .kind = EVENT_KIND_PAGEVIEW,
        .received_at_ms = T0,
    };
}

static void events_of_one_quarter_are_one_bucket(void **state)
{
    static const struct {
        const char *when;
        int64_t ms;
        size_t buckets;
    } cases[] = {
        {"it begins", 0, 1},
        {"its last millisecond", BUCKET_MS - 1, 1},
        {"the next one begins", BUCKET_MS, 2},
        {"the one before ends", -1, 2},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct buckets *buckets = buckets_new();
        struct event event = an_event();

        assert_true(buckets_add(buckets, &event));
        event.received_at_ms += cases[i].ms;
        assert_true(buckets_add(buckets, &event));
        if (buckets_count(buckets) != cases[i].buckets)
            fail_msg("when %s: %zu buckets", cases[i].when,
                     buckets_count(buckets));
        assert_int_equal(buckets_at(buckets, 0).at_ms % BUCKET_MS, 0);
        buckets_free(&buckets);
    }
}

static void whatever_differs_is_another_bucket(void **state)
{
    struct buckets *buckets = buckets_new();
    struct event event = an_event();

    (void)state;
    buckets_add(buckets, &event);
    event.account_id = PP_LIT("a2");
    buckets_add(buckets, &event);
    event = an_event();
    event.site_id = PP_LIT("s2");
    buckets_add(buckets, &event);
    event = an_event();
    event.kind = EVENT_KIND_VITAL;
    buckets_add(buckets, &event);
    event = an_event();
    event.bot = true;
    buckets_add(buckets, &event);
    event = an_event();
    event.account_id = PP_LIT("a1s"); /* the same letters in all */
    event.site_id = PP_LIT("1");
    buckets_add(buckets, &event);
    assert_int_equal(buckets_count(buckets), 6);
    event = an_event();
    buckets_add(buckets, &event);
    assert_int_equal(buckets_count(buckets), 6);
    assert_int_equal(buckets_at(buckets, 0).n, 2);
    buckets_free(&buckets);
}

static void what_no_enricher_makes_is_not_counted(void **state)
{
    static const struct {
        const char *what, *account, *site;
        int64_t at_ms;
    } cases[] = {
        {"no account", "", "s", 0},
        {"no site", "a", "", 0},
        {"a quote", "a\"", "s", 0},
        {"the end of an array", "a", "s}", 0},
        {"65 characters", "a",
         "01234567890123456789012345678901234567890123456789012345678901234",
         0},
        {"before all clocks", "a", "s", -T0},
        {"beyond the years of Postgres", "a", "s", INT64_MAX / 2 - T0},
    };
    struct buckets *buckets = buckets_new();

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct event event = an_event();

        event.account_id = pp_str_of(cases[i].account);
        event.site_id = pp_str_of(cases[i].site);
        event.received_at_ms += cases[i].at_ms;
        if (buckets_add(buckets, &event))
            fail_msg("%s was counted", cases[i].what);
    }
    assert_int_equal(buckets_count(buckets), 0);
    buckets_free(&buckets);
}

static void a_hundred_thousand_buckets_keep_their_counts(void **state)
{
    struct buckets *buckets = buckets_new();
    char account[32], site[32];
    struct event event = an_event();

    (void)state;
    for (int round = 0; round < 3; round++) {
        buckets_reset(buckets);
        assert_int_equal(buckets_count(buckets), 0);
        for (int times = 0; times < 2; times++)
            for (int i = 0; i < 100000; i++) {
                snprintf(account, sizeof(account), "a%d", i / 7);
                snprintf(site, sizeof(site), "s%d", i);
                event.account_id = pp_str_of(account);
                event.site_id = pp_str_of(site);
                assert_true(buckets_add(buckets, &event));
            }
        assert_int_equal(buckets_count(buckets), 100000);
        for (size_t i = 0; i < 100000; i++)
            assert_int_equal(buckets_at(buckets, i).n, 2);
        snprintf(site, sizeof(site), "s%d", 4711);
        assert_true(
            pp_str_eq(buckets_at(buckets, 4711).site_id, pp_str_of(site)));
    }
    buckets_free(&buckets);
    buckets_free(&buckets);
}

int main(void)
{
    const struct CMUnitTest buckets[] = {
        cmocka_unit_test(events_of_one_quarter_are_one_bucket),
        cmocka_unit_test(whatever_differs_is_another_bucket),
        cmocka_unit_test(what_no_enricher_makes_is_not_counted),
        cmocka_unit_test(a_hundred_thousand_buckets_keep_their_counts),
    };

    return cmocka_run_group_tests(buckets, NULL, NULL);
}
