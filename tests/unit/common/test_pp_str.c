#include "pp_str.h"

#include <string.h>

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static void only_well_formed_utf8_is_utf8(void **state)
{
    static const struct {
        const char *when;
        struct pp_str text;
        bool ok;
    } cases[] = {
        {"it is empty", STR(""), true},
        {"it is ASCII", STR("/path?a=b"), true},
        {"it holds a NUL", STR("a\0b"), true},
        {"it has two, three and four bytes",
         STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xBE"), true},
        {"a form is overlong", STR("\xC0\xAF"), false},
        {"a three-byte form is overlong", STR("\xE0\x80\xAF"), false},
        {"it is a surrogate", STR("\xED\xA0\x80"), false},
        {"it is beyond U+10FFFF", STR("\xF4\x90\x80\x80"), false},
        {"a continuation stands alone", STR("a\x80"), false},
        {"the end is missing", STR("a\xE2\x82"), false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (pp_str_is_utf8(cases[i].text) != cases[i].ok)
            fail_msg("when %s", cases[i].when);
}

static void a_byte_that_is_not_ascii_is_seen_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 40; n++)
        for (size_t at = 0; at < n; at++) {
            char bytes[40];

            memset(bytes, 'a', n);
            assert_true(pp_str_is_utf8((struct pp_str){bytes, n}));
            bytes[at] = '\x80';
            if (pp_str_is_utf8((struct pp_str){bytes, n}))
                fail_msg("byte %zu of %zu", at, n);
        }
}

static void a_cut_text_is_never_cut_inside_a_character(void **state)
{
    struct pp_str euro = PP_LIT("a\xE2\x82\xAC");

    (void)state;
    assert_int_equal(pp_str_cut_utf8(euro, 4).n, 4);
    assert_int_equal(pp_str_cut_utf8(euro, 3).n, 1);
    assert_int_equal(pp_str_cut_utf8(euro, 2).n, 1);
    assert_int_equal(pp_str_cut_utf8(euro, 0).n, 0);
}

static void a_number_is_taken_whole_or_not_at_all(void **state)
{
    static const struct {
        struct pp_str text;
        bool ok;
        int64_t value;
    } cases[] = {
        {STR("0"), true, 0},
        {STR("-17"), true, -17},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("9223372036854775808"), false, 0},
        {STR("-9223372036854775809"), false, 0},
        {STR(""), false, 0},
        {STR("-"), false, 0},
        {STR("+1"), false, 0},
        {STR("1 "), false, 0},
        {STR("0x1"), false, 0},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        int64_t value = 0;

        if (pp_str_int64(cases[i].text, &value) != cases[i].ok ||
            value != cases[i].value)
            fail_msg("for '%.*s'", PP_ARG(cases[i].text));
    }
}

static void splitting_gives_every_part_also_the_empty_ones(void **state)
{
    struct pp_str rest = PP_LIT("a,,b,"), part;
    const char *expected[] = {"a", "", "b", ""};
    size_t count = 0;

    (void)state;
    while (pp_str_split(&rest, ',', &part)) {
        assert_true(count < PP_COUNT(expected));
        assert_true(pp_str_eq(part, pp_str_of(expected[count])));
        count++;
    }
    assert_int_equal(count, PP_COUNT(expected));
}

static void trimming_and_comparing_look_at_the_bytes_there_are(void **state)
{
    (void)state;
    assert_true(pp_str_eq(pp_str_trim(PP_LIT(" \ta b\r\n")), PP_LIT("a b")));
    assert_int_equal(pp_str_trim(PP_LIT(" \n")).n, 0);
    assert_true(pp_str_eq_nocase(PP_LIT("GZip"), PP_LIT("gzip")));
    assert_false(pp_str_eq_nocase(PP_LIT("gzip"), PP_LIT("gzi")));
    assert_true(pp_str_starts(PP_LIT("/e?x"), PP_LIT("/e")));
    assert_false(pp_str_starts(PP_LIT("/"), PP_LIT("/e")));
    assert_true(pp_str_ends(PP_LIT("a.example.org"), PP_LIT(".org")));
    assert_int_equal(pp_str_sub(PP_LIT("abc"), 5, 1).n, 0);
    assert_int_equal(pp_str_find(pp_str_of(NULL), 'x'), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_well_formed_utf8_is_utf8),
        cmocka_unit_test(a_byte_that_is_not_ascii_is_seen_wherever_it_stands),
        cmocka_unit_test(a_cut_text_is_never_cut_inside_a_character),
        cmocka_unit_test(a_number_is_taken_whole_or_not_at_all),
        cmocka_unit_test(splitting_gives_every_part_also_the_empty_ones),
        cmocka_unit_test(trimming_and_comparing_look_at_the_bytes_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
