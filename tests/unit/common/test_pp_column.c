#include "pp_column.h"

#include <string.h>

#include "pp_mem.h"

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static void numbers_stand_as_they_are(void **state)
{
    struct pp_buf column;

    (void)state;
    pp_column_begin(&column, 1000);
    pp_column_number(&column, 0);
    pp_column_number(&column, -42);
    pp_column_number(&column, INT64_MAX);
    pp_column_number(&column, INT64_MIN);
    assert_string_equal(pp_column_end(&column),
                        "{0,-42,9223372036854775807,-9223372036854775808}");
    pp_buf_fini(&column);
}

static void texts_are_quoted_whatever_they_hold(void **state)
{
    static const struct {
        struct pp_str text;
        const char *array;
    } cases[] = {
        {STR(""), "{\"\"}"},
        {STR("NULL"), "{\"NULL\"}"},
        {STR("a,b} {c"), "{\"a,b} {c\"}"},
        {STR("say \"\\x\""), "{\"say \\\"\\\\x\\\"\"}"},
        {STR("\xE2\x82\xAC\n"), "{\"\xE2\x82\xAC\n\"}"},
    };
    struct pp_buf column;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        pp_column_begin(&column, 1000);
        pp_column_text(&column, cases[i].text);
        assert_string_equal(pp_column_end(&column), cases[i].array);
        pp_buf_fini(&column);
    }
}

static void an_empty_first_element_is_one(void **state)
{
    struct pp_buf texts, bytes;

    (void)state;
    pp_column_begin(&texts, 1000);
    pp_column_begin(&bytes, 1000);
    pp_column_text(&texts, PP_LIT(""));
    pp_column_plain(&texts, PP_LIT("b"));
    pp_column_hex(&bytes, PP_LIT(""));
    pp_column_hex(&bytes, PP_LIT("\0\xFF~"));
    assert_string_equal(pp_column_end(&texts), "{\"\",b}");
    assert_string_equal(pp_column_end(&bytes), "{\"\",00ff7e}");
    pp_buf_fini(&texts);
    pp_buf_fini(&bytes);
}

static void nothing_is_cut_off_at_the_limit(void **state)
{
    struct pp_buf column;

    (void)state;
    pp_column_begin(&column, 10);
    pp_column_hex(&column, PP_LIT("four"));
    assert_null(pp_column_end(&column));
    pp_buf_fini(&column);
    pp_column_begin(&column, 11);
    pp_column_hex(&column, PP_LIT("four"));
    assert_string_equal(pp_column_end(&column), "{666f7572}");
    pp_buf_fini(&column);
}

int main(void)
{
    const struct CMUnitTest columns[] = {
        cmocka_unit_test(numbers_stand_as_they_are),
        cmocka_unit_test(texts_are_quoted_whatever_they_hold),
        cmocka_unit_test(an_empty_first_element_is_one),
        cmocka_unit_test(nothing_is_cut_off_at_the_limit),
    };

    return cmocka_run_group_tests(columns, NULL, NULL);
}
