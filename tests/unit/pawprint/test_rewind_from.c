#include "rewind_from.h"

#include "test.h"

static void a_person_says_from_where(void **state)
{
    static const struct {
        const char *text;
        int kind;
        int64_t value;
    } cases[] = {
        {"beginning", REWIND_BEGINNING, 0},
        {"0", REWIND_OFFSET, 0},
        {"4711", REWIND_OFFSET, 4711},
        {"1970-01-02", REWIND_TIME, 86400000},
        {"2026-11-25T14:30", REWIND_TIME, INT64_C(1795617000000)},
        {"2026-11-25 14:30", REWIND_TIME, INT64_C(1795617000000)},
        {"2026-11-25T14:30Z", REWIND_TIME, INT64_C(1795617000000)},
        {"2026-11-25T14:30:05Z", REWIND_TIME, INT64_C(1795617005000)},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct rewind_from from;
        struct pp_err err = {0};

        if (rewind_from_read(pp_str_of(cases[i].text), &from, &err) < 0 ||
            (int)from.kind != cases[i].kind || from.value != cases[i].value)
            fail_msg("'%s': kind %d, %lld", cases[i].text, (int)from.kind,
                     (long long)from.value);
    }
}

static void what_is_neither_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "-1",
                                        "end",
                                        "yesterday",
                                        "2026-13-01",
                                        "2026-11-25T14:30+01:00",
                                        "2026-11-25T14:30:05Z and more",
                                        "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++) {
        struct rewind_from from;
        struct pp_err err = {0};

        if (rewind_from_read(pp_str_of(texts[i]), &from, &err) == 0)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(err.kind, PP_ERR_FATAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_says_from_where),
        cmocka_unit_test(what_is_neither_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
