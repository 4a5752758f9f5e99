#include <stdio.h>

#include "tally.h"
#include "test.h"

static void
the_order_of_rows_does_not_matter_and_anything_else_does(void **state)
{
    static const struct {
        const char *when, *text;
        bool same;
    } cases[] = {
        {"the order is another", "b\t2\na\t1\n", true},
        {"the last line has no end", "a\t1\nb\t2", true},
        {"a value is another", "a\t1\nb\t3\n", false},
        {"a row is missing", "a\t1\n", false},
        {"a row is there twice", "a\t1\nb\t2\nb\t2\n", false},
    };
    struct tally first, other;

    (void)state;
    tally_init(&first, 2, false);
    assert_true(tally_add_all(&first, PP_LIT("a\t1\nb\t2\n")));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        tally_init(&other, 2, false);
        assert_true(tally_add_all(&other, pp_str_of(cases[i].text)));
        if ((first.rows == other.rows && first.checksum == other.checksum) !=
            cases[i].same)
            fail_msg("when %s", cases[i].when);
        tally_fini(&other);
    }
    tally_fini(&first);
}

static void events_are_counted_by_site_and_account(void **state)
{
    struct tally all, one;

    (void)state;
    tally_init(&all, 0, true);
    tally_init(&one, 3, true);
    assert_true(tally_add_all(&one, PP_LIT("s2\ta1\t2026-01-02\n"
                                           "s1\ta2\t2026-01-01\n"
                                           "s2\ta1\t2026-01-03\n")));
    for (int i = 0; i < 100; i++) {
        char site[8];

        snprintf(site, sizeof(site), "x%d", i);
        tally_count_site(&one, pp_str_of(site), PP_LIT("a3"), 1);
    }
    tally_join(&all, &one);
    tally_join(&all, &one);
    tally_sort(&all);
    assert_int_equal(all.rows, 6);
    assert_int_equal(all.site_count, 102);
    assert_string_equal(all.sites[0].site, "s2");
    assert_int_equal(all.sites[0].rows, 4);
    assert_string_equal(all.sites[1].account, "a2");
    assert_int_equal(all.sites[101].rows, 2);
    assert_string_equal(all.min_at, "2026-01-01");
    assert_string_equal(all.max_at, "2026-01-03");
    tally_fini(&one);
    tally_fini(&all);
}

static void an_error_in_place_of_a_row_is_none(void **state)
{
    struct tally tally;

    (void)state;
    tally_init(&tally, 3, true);
    assert_false(tally_add_all(
        &tally, PP_LIT("s\ta\t2026-01-01\nCode: 241. DB::Exception\n")));
    tally_fini(&tally);
}

int main(void)
{
    const struct CMUnitTest tally[] = {
        cmocka_unit_test(
            the_order_of_rows_does_not_matter_and_anything_else_does),
        cmocka_unit_test(events_are_counted_by_site_and_account),
        cmocka_unit_test(an_error_in_place_of_a_row_is_none),
    };

    return cmocka_run_group_tests(tally, NULL, NULL);
}
