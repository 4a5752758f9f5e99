#include "pp_mem.h"

#include "refusals.h"

#include "test.h"

static const int64_t T0 = INT64_C(1700002800000); /* an hour begins */

static struct counts some_counts(void)
{
    return (struct counts){
        .instance = PP_LIT("i1"),
        .sequence = 7,
        .stage = PP_LIT("collector"),
        .site_id = PP_LIT("s1"),
        .minute_at_ms = T0 + 59 * 60000,
        .reason = PP_LIT("unknown_site"),
        .n = 3,
    };
}

static void records_become_columns_of_an_array(void **state)
{
    const char *values[REFUSALS_COLUMNS];
    struct counts counts = some_counts();
    struct refusals refusals;

    (void)state;
    refusals_init(&refusals);
    assert_true(refusals_add(&refusals, &counts, T0));
    counts.sequence = 8;
    counts.site_id = PP_LIT("");
    assert_true(refusals_add(&refusals, &counts, T0 + 1999));
    for (int again = 0; again < 2; again++) {
        refusals_end(&refusals, values);
        assert_string_equal(values[REFUSALS_SEQUENCE], "{7,8}");
        assert_string_equal(values[REFUSALS_SITE], "{\"s1\",\"\"}");
        assert_string_equal(values[REFUSALS_HOUR], "{1700002800,1700002800}");
        assert_string_equal(values[REFUSALS_TOLD], "{1700002800,1700002801}");
        assert_string_equal(values[REFUSALS_N], "{3,3}");
    }
    refusals_reset(&refusals);
    refusals_end(&refusals, values);
    assert_string_equal(values[REFUSALS_N], "{}");
    refusals_fini(&refusals);
}

static void what_nobody_of_ours_tells_is_not_taken(void **state)
{
    static const struct {
        const char *what, *instance, *stage, *site, *reason;
        int64_t n, at_ms, told_ms;
    } cases[] = {
        {"no instance", "", "c", "s", "r", 1, 0, 0},
        {"a quote in the stage", "i", "c\"", "s", "r", 1, 0, 0},
        {"a comma in the site", "i", "c", "s,t", "r", 1, 0, 0},
        {"no reason", "i", "c", "s", "", 1, 0, 0},
        {"none of them", "i", "c", "s", "r", 0, 0, 0},
        {"less than none", "i", "c", "s", "r", -1, 0, 0},
        {"a time that is none", "i", "c", "s", "r", 1, -T0, 0},
        {"a record without time", "i", "c", "s", "r", 1, 0, -1 - T0},
    };
    struct refusals refusals;

    (void)state;
    refusals_init(&refusals);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct counts counts = {
            .instance = pp_str_of(cases[i].instance),
            .stage = pp_str_of(cases[i].stage),
            .site_id = pp_str_of(cases[i].site),
            .reason = pp_str_of(cases[i].reason),
            .n = cases[i].n,
            .minute_at_ms = T0 + cases[i].at_ms,
        };

        if (refusals_add(&refusals, &counts, T0 + cases[i].told_ms))
            fail_msg("%s was taken", cases[i].what);
    }
    assert_int_equal(refusals.count, 0);
    refusals_fini(&refusals);
}

int main(void)
{
    const struct CMUnitTest refusals[] = {
        cmocka_unit_test(records_become_columns_of_an_array),
        cmocka_unit_test(what_nobody_of_ours_tells_is_not_taken),
    };

    return cmocka_run_group_tests(refusals, NULL, NULL);
}
