#include "usage_range.h"

#include "pp_mem.h"
#include "test.h"

#define TODAY 20782 /* 2026-11-25 */

static struct pp_str query(const char *text)
{
    return text ? pp_str_of(text) : (struct pp_str){0};
}

static void a_range_is_of_dates_that_there_are_and_not_too_long(void **state)
{
    static const struct {
        const char *from, *to, *step;
        int days; /* 0: refused */
        bool by_hour;
    } cases[] = {
        {"2026-11-01", "2026-11-08", NULL, 7, false},
        {"2026-11-01", "2026-11-08", "day", 7, false},
        {"2026-11-01", "2026-11-08", "hour", 7, true},
        {"2026-11-01", "2026-11-09", "hour", 0, false},
        {"2024-01-01", "2025-01-01", NULL, 366, false},
        {"2024-01-01", "2025-01-02", NULL, 0, false},
        {"2026-11-01", "2026-11-01", NULL, 0, false},
        {"2026-11-02", "2026-11-01", NULL, 0, false},
        {NULL, "2026-11-01", NULL, 366, false},
        {"2026-11-01", NULL, "hour", 7, true},
        {NULL, NULL, "hour", 7, true},
        {"2026-02-29", "2026-03-01", NULL, 0, false},
        {"", "2026-03-01", NULL, 0, false},
        {"2026-11-01T00:00:00Z", "2026-11-02", NULL, 0, false},
        {"2026-11-01", "2026-11-02", "", 0, false},
        {"2026-11-01", "2026-11-02", "week", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct usage_query is = {query(cases[i].from), query(cases[i].to),
                                       query(cases[i].step)};
        struct usage_range range;
        bool found = usage_range_of(&is, TODAY, &range);

        if (found != (cases[i].days > 0))
            fail_msg("case %zu", i);
        if (found && (range.to_day - range.from_day != cases[i].days ||
                      range.by_hour != cases[i].by_hour))
            fail_msg("case %zu is another range", i);
    }
}

static void a_range_without_its_ends_ends_with_today(void **state)
{
    const struct usage_query is = {.step = PP_LIT("hour")};
    struct usage_range range;

    (void)state;
    assert_true(usage_query_is(&is));
    assert_false(usage_query_is(&(struct usage_query){0}));
    assert_true(usage_range_of(&is, TODAY, &range));
    assert_int_equal(range.from_day, TODAY - 6);
    assert_int_equal(range.to_day, TODAY + 1);
}

int main(void)
{
    const struct CMUnitTest ranges[] = {
        cmocka_unit_test(a_range_is_of_dates_that_there_are_and_not_too_long),
        cmocka_unit_test(a_range_without_its_ends_ends_with_today),
    };

    return cmocka_run_group_tests(ranges, NULL, NULL);
}
