#include "pp_avro.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static void numbers_are_zigzag_varints(void **state)
{
    static const struct {
        int64_t value;
        struct pp_str bytes;
    } cases[] = {
        {0, STR("\x00")},
        {-1, STR("\x01")},
        {1, STR("\x02")},
        {-64, STR("\x7f")},
        {64, STR("\x80\x01")},
        {8192, STR("\x80\x80\x01")},
        {INT64_MAX, STR("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {INT64_MIN, STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_avro_in in = pp_avro_in(cases[i].bytes);
        struct pp_buf out;

        assert_true(pp_avro_get_long(&in) == cases[i].value);
        assert_false(in.bad);
        pp_buf_init(&out, 16);
        pp_avro_put_long(&out, cases[i].value);
        assert_true(pp_str_eq(pp_buf_str(&out), cases[i].bytes));
        pp_buf_fini(&out);
    }
}

static void what_is_malformed_is_bad_and_reads_nothing(void **state)
{
    enum type { LONG, INT, STRING, BOOLEAN, DOUBLE, MAP };
    static const struct {
        const char *when;
        enum type type;
        struct pp_str bytes;
    } cases[] = {
        {"a number has no end", LONG, STR("\x80\x80")},
        {"a number is longer than ten bytes", LONG,
         STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
        {"a number's tenth byte says too much", LONG,
         STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
        {"an int is larger than an int", INT, STR("\x80\x80\x80\x80\x10")},
        {"a text claims a gigabyte", STRING, STR("\x80\x80\x80\x80\x08hi")},
        {"a text's length is negative", STRING, STR("\x01hi")},
        {"a text is not UTF-8", STRING, STR("\x02\xff")},
        {"a boolean is two", BOOLEAN, STR("\x02")},
        {"a double is cut", DOUBLE, STR("\x00\x00\x00")},
        {"a map does not end, its last byte a zero", MAP,
         STR("\x02\x00\x02\x00")},
        {"a map claims more than there is", MAP, STR("\xfe\xff\xff\x0f\x00")},
        {"a map's count has no opposite", MAP,
         STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00")},
        {"there is nothing", MAP, STR("")},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        /* Exactly as large as it is, so that ASan sees a read beyond. */
        char *copy = pp_malloc(cases[i].bytes.n);
        struct pp_avro_in in;

        memcpy(copy, cases[i].bytes.p, cases[i].bytes.n);
        in = pp_avro_in((struct pp_str){copy, cases[i].bytes.n});
        switch (cases[i].type) {
        case LONG:
            assert_int_equal(pp_avro_get_long(&in), 0);
            break;
        case INT:
            assert_int_equal(pp_avro_get_int(&in), 0);
            break;
        case STRING:
            assert_int_equal(pp_avro_get_string(&in).n, 0);
            break;
        case BOOLEAN:
            assert_false(pp_avro_get_boolean(&in));
            break;
        case DOUBLE:
            assert_true(pp_avro_get_double(&in) == 0);
            break;
        case MAP:
            assert_int_equal(pp_avro_get_map(&in).blocks.n, 0);
            break;
        }
        if (!in.bad)
            fail_msg("when %s", cases[i].when);
        free(copy);
    }
}

static void a_value_is_there_or_null_and_nothing_else(void **state)
{
    static const struct {
        struct pp_str bytes;
        bool present, bad;
    } cases[] = {
        {STR("\x00"), false, false},    {STR("\x02"), true, false},
        {STR("\x01"), false, true},     {STR("\x03"), false, true},
        {STR("\x04"), false, true},     {STR(""), false, true},
        {STR("\x82\x00"), true, false}, /* written longer than it need be */
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_avro_in in = pp_avro_in(cases[i].bytes);

        if (pp_avro_get_present(&in) != cases[i].present ||
            in.bad != cases[i].bad)
            fail_msg("case %zu", i);
    }
}

static void nothing_is_read_behind_what_is_bad(void **state)
{
    struct pp_avro_in in = pp_avro_in((struct pp_str)STR("\x7f\x02\x02\x02"));

    (void)state;
    assert_int_equal(pp_avro_get_string(&in).n, 0); /* its length is -64 */
    assert_true(in.bad);
    assert_int_equal(pp_avro_get_long(&in), 0);
    assert_int_equal(pp_avro_get_string(&in).n, 0);
    assert_false(pp_avro_get_present(&in));
    assert_true(in.bad);
}

static void a_map_is_read_whatever_its_blocks(void **state)
{
    static const struct pp_str encodings[] = {
        STR("\x04\x02"
            "a\x02"
            "1\x02"
            "b\x02"
            "2\x00"),
        STR("\x02\x02"
            "a\x02"
            "1\x01\x08\x02"
            "b\x02"
            "2\x00"),
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(encodings); i++) {
        struct pp_avro_in in = pp_avro_in(encodings[i]), walk;
        struct pp_avro_map map = pp_avro_get_map(&in);
        struct pp_str key, value;
        int64_t left = 0;

        assert_false(in.bad);
        walk = pp_avro_in(map.blocks);
        assert_true(pp_avro_map_next(&walk, &left, &key, &value));
        assert_true(pp_str_eq(key, PP_LIT("a")));
        assert_true(pp_avro_map_next(&walk, &left, &key, &value));
        assert_true(pp_str_eq(key, PP_LIT("b")));
        assert_true(pp_str_eq(value, PP_LIT("2")));
        assert_false(pp_avro_map_next(&walk, &left, &key, &value));
    }
}

/* Vectors of the Avro project's own schema tests. */
static void fingerprints_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_true(pp_avro_fingerprint(PP_LIT("\"null\"")) ==
                UINT64_C(0x63dd24e7cc258f8a));
    assert_true(pp_avro_fingerprint(PP_LIT("\"boolean\"")) ==
                UINT64_C(0x9f42fc78a4d4f764));
    assert_true(pp_avro_fingerprint(PP_LIT("\"int\"")) ==
                UINT64_C(0x7275d51a3f395c8f));
    assert_true(pp_avro_fingerprint(PP_LIT("\"long\"")) ==
                UINT64_C(0xd054e14493f41db7));
}

static void the_first_byte_tells_the_framing(void **state)
{
    struct pp_avro_frame frame = {.fingerprint = UINT64_C(0x0102030405060708)};
    struct pp_err err = {0};
    struct pp_str message;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 64);
    pp_avro_frame_put(&out, &frame);
    pp_buf_add_text(&out, "body");
    message = pp_buf_str(&out);
    assert_memory_equal(message.p, "\xC3\x01\x08\x07\x06\x05\x04\x03\x02\x01",
                        10);
    assert_int_equal(pp_avro_frame_get(&message, &frame, &err), 0);
    assert_int_equal(frame.kind, PP_AVRO_SINGLE_OBJECT);
    assert_true(frame.fingerprint == UINT64_C(0x0102030405060708));
    assert_true(pp_str_eq(message, PP_LIT("body")));

    frame = (struct pp_avro_frame){.kind = PP_AVRO_CONFLUENT,
                                   .schema_id = 0x01020304};
    pp_buf_reset(&out);
    pp_avro_frame_put(&out, &frame);
    message = pp_buf_str(&out);
    assert_memory_equal(message.p, "\x00\x01\x02\x03\x04", 5);
    assert_int_equal(pp_avro_frame_get(&message, &frame, &err), 0);
    assert_int_equal(frame.schema_id, 0x01020304);

    message = PP_LIT("{\"json\":1}");
    assert_int_equal(pp_avro_frame_get(&message, &frame, &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    message = PP_LIT("\xC3\x01\x01");
    assert_int_equal(pp_avro_frame_get(&message, &frame, &err), -1);
    pp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_zigzag_varints),
        cmocka_unit_test(what_is_malformed_is_bad_and_reads_nothing),
        cmocka_unit_test(a_value_is_there_or_null_and_nothing_else),
        cmocka_unit_test(nothing_is_read_behind_what_is_bad),
        cmocka_unit_test(a_map_is_read_whatever_its_blocks),
        cmocka_unit_test(fingerprints_are_those_of_the_specification),
        cmocka_unit_test(the_first_byte_tells_the_framing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
