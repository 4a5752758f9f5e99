#include "pp_json.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }
#define DEPTH 16

/* Reads all of it; true when every byte was right. */
static bool accepts(struct pp_str text)
{
    enum pp_json_token token;
    struct pp_arena arena;
    struct pp_json json;

    pp_arena_init(&arena, text.n + 64);
    pp_json_init(&json, text, &arena, DEPTH);
    do
        token = pp_json_next(&json);
    while (token != PP_JSON_ERROR && token != PP_JSON_END);
    if (token == PP_JSON_ERROR) {
        assert_non_null(json.error);
        assert_int_equal(pp_json_next(&json), PP_JSON_ERROR);
    }
    pp_arena_fini(&arena);
    return token == PP_JSON_END;
}

static void what_is_json_is_read(void **state)
{
    static const struct pp_str cases[] = {
        STR("{}"),
        STR("[]"),
        STR(" [ ] \r\n\t"),
        STR("0"),
        STR("-0"),
        STR("-1.5e+10"),
        STR("1E5"),
        STR("\"\""),
        STR("null"),
        STR("[true,false,null]"),
        STR("{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"a\":2}"),
        STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDC3E\\u0000\""),
        STR("\"\xF0\x9F\x90\xBE\x7F\""),
        STR("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (!accepts(cases[i]))
            fail_msg("refused %.*s", PP_ARG(cases[i]));
}

static void what_is_not_json_is_refused(void **state)
{
    static const struct pp_str cases[] = {
        STR(""),
        STR(" "),
        STR("{"),
        STR("}"),
        STR("[1,]"),
        STR("[,1]"),
        STR("{,}"),
        STR("{\"a\":1,}"),
        STR("{\"a\"}"),
        STR("{\"a\":}"),
        STR("{a:1}"),
        STR("{1:1}"),
        STR("[1 2]"),
        STR("[1}"),
        STR("{\"a\":1]"),
        STR("{\"a\" 1}"),
        STR("01"),
        STR("+1"),
        STR("1."),
        STR(".5"),
        STR("1e"),
        STR("-"),
        STR("0x1"),
        STR("NaN"),
        STR("Infinity"),
        STR("nul"),
        STR("True"),
        STR("'a'"),
        STR("\"a"),
        STR("\"\\"),
        STR("\"\\x\""),
        STR("\"\\u12\""),
        STR("\"\\u12g4\""),
        STR("\"\\ud800\""),
        STR("\"\\udc00\""),
        STR("\"\\ud800\\u0041\""),
        STR("\"\\ud800\\ud800\""),
        STR("\"a\nb\""),
        STR("\"a\0b\""),
        STR("\"\xFF\""),
        STR("\"\xC0\xAF\""),
        STR("\"\xED\xA0\x80\""),
        STR("\xEF\xBB\xBF{}"),
        STR("{} {}"),
        STR("1 x"),
        STR("[] // c"),
        STR("/* c */ 1"),
        STR("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (accepts(cases[i]))
            fail_msg("accepted %.*s", PP_ARG(cases[i]));
}

static void ten_thousand_nested_arrays_are_refused(void **state)
{
    size_t n = 10000;
    char *text = pp_malloc(n);

    (void)state;
    memset(text, '[', n);
    assert_false(accepts((struct pp_str){text, n}));
    free(text);
}

static void a_document_cut_anywhere_is_refused(void **state)
{
    struct pp_str whole = PP_LIT("{\"a\":[1.5,\"x\\u00e9\\n\",{\"b\":null}]}");

    (void)state;
    assert_true(accepts(whole));
    for (size_t n = 0; n < whole.n; n++) {
        char *copy = pp_malloc(n); /* so that ASan sees a read beyond */

        memcpy(copy, whole.p, n);
        if (accepts((struct pp_str){copy, n}))
            fail_msg("accepted the first %zu bytes", n);
        free(copy);
    }
}

static void escapes_become_what_they_stand_for(void **state)
{
    struct pp_arena arena;
    struct pp_json json;

    (void)state;
    pp_arena_init(&arena, 1000);
    pp_json_init(&json, PP_LIT("\"\\u00e9\\ud83d\\udc3e\\n\\u0000x\""), &arena,
                 DEPTH);
    assert_int_equal(pp_json_next(&json), PP_JSON_STRING);
    assert_true(pp_str_eq(json.str, PP_LIT("\xC3\xA9\xF0\x9F\x90\xBE\n\0x")));
    assert_int_equal(pp_json_next(&json), PP_JSON_END);
    pp_arena_fini(&arena);
}

static void a_value_is_passed_over_whole(void **state)
{
    struct pp_arena arena;
    struct pp_json json;

    (void)state;
    pp_arena_init(&arena, 1000);
    pp_json_init(&json, PP_LIT("{\"a\":[1,{\"b\":[]}],\"c\":2,\"d\":{}}"),
                 &arena, DEPTH);
    assert_int_equal(pp_json_next(&json), PP_JSON_OBJECT);
    assert_int_equal(pp_json_next(&json), PP_JSON_KEY);
    assert_true(pp_json_skip(&json, PP_JSON_KEY));
    assert_int_equal(pp_json_next(&json), PP_JSON_KEY);
    assert_true(pp_str_eq(json.str, PP_LIT("c")));
    assert_true(pp_json_skip(&json, pp_json_next(&json)));
    assert_int_equal(pp_json_next(&json), PP_JSON_KEY);
    assert_true(pp_json_skip(&json, pp_json_next(&json)));
    assert_int_equal(pp_json_next(&json), PP_JSON_OBJECT_END);
    assert_int_equal(pp_json_next(&json), PP_JSON_END);
    pp_arena_fini(&arena);
}

static void numbers_are_taken_exactly_or_not(void **state)
{
    int64_t whole;
    double real;

    (void)state;
    assert_true(pp_json_int64(PP_LIT("9007199254740993"), &whole));
    assert_true(whole == INT64_C(9007199254740993));
    assert_false(pp_json_int64(PP_LIT("1.0"), &whole));
    assert_false(pp_json_int64(PP_LIT("1e3"), &whole));
    assert_true(pp_json_double(PP_LIT("-2.5e3"), &real) && real == -2500);
    assert_false(pp_json_double(PP_LIT("1e400"), &real));
}

static void what_is_written_is_json_whatever_the_bytes(void **state)
{
    struct pp_str bytes = PP_LIT("a\"\\\n\0\x7F\xC3\xA9\xFF\xE2\x82");
    struct pp_arena arena;
    struct pp_json json;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 1000);
    pp_arena_init(&arena, 1000);
    pp_json_add_str(&out, bytes);
    pp_json_init(&json, pp_buf_str(&out), &arena, DEPTH);
    assert_int_equal(pp_json_next(&json), PP_JSON_STRING);
    assert_true(pp_str_eq(
        json.str, PP_LIT("a\"\\\n\0\x7F\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF"
                         "\xBF\xBD")));
    assert_int_equal(pp_json_next(&json), PP_JSON_END);
    pp_arena_fini(&arena);
    pp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_read),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(ten_thousand_nested_arrays_are_refused),
        cmocka_unit_test(a_document_cut_anywhere_is_refused),
        cmocka_unit_test(escapes_become_what_they_stand_for),
        cmocka_unit_test(a_value_is_passed_over_whole),
        cmocka_unit_test(numbers_are_taken_exactly_or_not),
        cmocka_unit_test(what_is_written_is_json_whatever_the_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
