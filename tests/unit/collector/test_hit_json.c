#include "hit_json.h"

#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

#include "test.h"

#define OK "\"site\":\"s\",\"url\":\"https://a.example/\""

static struct pp_arena arena;

static enum result read_text(const char *text, struct hit *hit)
{
    pp_arena_reset(&arena);
    return hit_read_one(pp_str_of(text), &arena, hit);
}

static void a_hit_is_judged_by_its_fields(void **state)
{
    static const struct {
        const char *json;
        enum result result;
    } cases[] = {
        {"{" OK "}", RESULT_ACCEPTED},
        {"{" OK ",\"unknown\":[{\"a\":1}]}", RESULT_ACCEPTED},
        {"{" OK ",\"name\":null,\"props\":null,\"at\":null}", RESULT_ACCEPTED},
        {"{" OK ",\"kind\":\"custom\",\"name\":\"signup\"}", RESULT_ACCEPTED},
        {"{" OK ",\"kind\":\"vital\",\"name\":\"LCP\",\"value\":1.5}",
         RESULT_ACCEPTED},
        {"{" OK ",\"props\":{\"a\":\"b\",\"n\":null}}", RESULT_ACCEPTED},
        {"{}", RESULT_MISSING_FIELD},
        {"{\"site\":\"s\"}", RESULT_MISSING_FIELD},
        {"{" OK ",\"kind\":\"custom\"}", RESULT_MISSING_FIELD},
        {"{" OK ",\"kind\":\"vital\",\"name\":\"LCP\"}", RESULT_MISSING_FIELD},
        {"{" OK ",\"kind\":\"nonsense\"}", RESULT_INVALID_FIELD},
        {"{" OK ",\"id\":\"\"}", RESULT_INVALID_FIELD},
        {"{" OK ",\"id\":\"a\\u0000b\"}", RESULT_INVALID_FIELD},
        {"{" OK ",\"screen\":-1}", RESULT_INVALID_FIELD},
        {"{" OK ",\"screen\":1.5}", RESULT_INVALID_FIELD},
        {"{" OK ",\"screen\":1e999}", RESULT_INVALID_FIELD},
        {"{" OK ",\"at\":1e17}", RESULT_INVALID_FIELD},
        {"{" OK ",\"at\":99999999999999999999}", RESULT_INVALID_FIELD},
        {"{" OK ",\"ttfb\":86400001}", RESULT_INVALID_FIELD},
        {"{\"site\":\"s\",\"url\":\"javascript:alert(1)\"}",
         RESULT_INVALID_FIELD},
        {"{\"site\":\"s\",\"url\":\"https://u:p@a.example/\"}",
         RESULT_INVALID_FIELD},
        {"{" OK ",\"site\":1}", RESULT_MALFORMED},
        {"{" OK ",\"url\":{}}", RESULT_MALFORMED},
        {"{" OK ",\"at\":\"1\"}", RESULT_MALFORMED},
        {"{" OK ",\"props\":[]}", RESULT_MALFORMED},
        {"{" OK ",\"props\":{\"a\":1}}", RESULT_MALFORMED},
        {"{" OK "} x", RESULT_MALFORMED},
        {"[]", RESULT_MALFORMED},
        {"", RESULT_MALFORMED},
        {"{" OK ",\"id\":\"\xFF\"}", RESULT_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct hit hit;
        enum result result = read_text(cases[i].json, &hit);

        if (result != cases[i].result)
            fail_msg("%s is %s", cases[i].json, result_name(result));
    }
}

static void every_field_arrives(void **state)
{
    struct pp_str key, value;
    struct pp_avro_in in;
    int64_t left = 0;
    struct hit hit;

    (void)state;
    assert_int_equal(
        read_text("{" OK ",\"id\":\"i\",\"kind\":\"custom\",\"name\":\"n\","
                  "\"referrer\":\"r\",\"value\":-2.5,\"at\":-1,\"sent_at\":2,"
                  "\"screen\":192.0e1,\"ttfb\":3,\"dom\":4,\"load\":5,"
                  "\"props\":{\"k\":\"\\u00e9\"}}",
                  &hit),
        RESULT_ACCEPTED);
    assert_true(pp_str_eq(hit.event_id, PP_LIT("i")));
    assert_true(pp_str_eq(hit.site_id, PP_LIT("s")));
    assert_int_equal(hit.kind, HIT_KIND_CUSTOM);
    assert_true(pp_str_eq(hit.name, PP_LIT("n")));
    assert_true(pp_str_eq(hit.referrer, PP_LIT("r")));
    assert_true(hit.has_value && hit.value == -2.5);
    assert_true(hit.has_at_ms && hit.at_ms == -1);
    assert_true(hit.has_sent_at_ms && hit.sent_at_ms == 2);
    assert_true(hit.has_screen_width_px && hit.screen_width_px == 1920);
    assert_true(hit.has_ttfb_ms && hit.ttfb_ms == 3);
    assert_true(hit.has_dom_ms && hit.dom_ms == 4);
    assert_true(hit.has_load_ms && hit.load_ms == 5);
    in = pp_avro_in(hit.props.blocks);
    assert_true(pp_avro_map_next(&in, &left, &key, &value));
    assert_true(pp_str_eq(key, PP_LIT("k")));
    assert_true(pp_str_eq(value, PP_LIT("\xC3\xA9")));
    assert_false(pp_avro_map_next(&in, &left, &key, &value));
}

static void one_bad_hit_does_not_spoil_a_batch(void **state)
{
    static struct hit hits[HIT_BATCH_MAX];
    enum result results[HIT_BATCH_MAX];
    size_t count;

    (void)state;
    pp_arena_reset(&arena);
    assert_int_equal(
        hit_read_batch(PP_LIT("[{" OK "},{\"site\":{}},7,[[]],{" OK "}]"),
                       &arena, hits, results, &count),
        RESULT_ACCEPTED);
    assert_int_equal(count, 5);
    assert_int_equal(results[0], RESULT_ACCEPTED);
    assert_int_equal(results[1], RESULT_MALFORMED);
    assert_int_equal(results[2], RESULT_MALFORMED);
    assert_int_equal(results[3], RESULT_MALFORMED);
    assert_int_equal(results[4], RESULT_ACCEPTED);
    assert_int_equal(
        hit_read_batch(PP_LIT("[]"), &arena, hits, results, &count),
        RESULT_EMPTY_BATCH);
    assert_int_equal(
        hit_read_batch(PP_LIT("[{" OK "}"), &arena, hits, results, &count),
        RESULT_MALFORMED);
}

static void a_batch_has_at_most_a_thousand_hits(void **state)
{
    static struct hit hits[HIT_BATCH_MAX];
    enum result results[HIT_BATCH_MAX];
    struct pp_buf text;
    size_t count;

    (void)state;
    pp_buf_init(&text, (size_t)1 << 20);
    for (int i = 0; i < HIT_BATCH_MAX; i++)
        pp_buf_printf(&text, "%c{" OK "}", i ? ',' : '[');
    pp_buf_add_byte(&text, ']');
    assert_int_equal(
        hit_read_batch(pp_buf_str(&text), &arena, hits, results, &count),
        RESULT_ACCEPTED);
    assert_int_equal(count, HIT_BATCH_MAX);
    text.n--;
    pp_buf_add_text(&text, ",{}]");
    assert_int_equal(
        hit_read_batch(pp_buf_str(&text), &arena, hits, results, &count),
        RESULT_TOO_MANY_HITS);
    pp_buf_fini(&text);
}

static void a_hostname_is_what_a_browser_would_connect_to(void **state)
{
    static const struct {
        const char *url, *hostname;
    } cases[] = {
        {"https://a.example/", "a.example"},
        {"HTTP://a.example:8080?x", "a.example"},
        {"http://a.example#x", "a.example"},
        {"http://a.example\\@evil.example/", "a.example"},
        {"http://[2001:db8::1]:80/", "2001:db8::1"},
        {"http://evil.example@a.example/", ""},
        {"http:///path", ""},
        {"http:/a.example", ""},
        {"ftp://a.example", ""},
        {"//a.example", ""},
        {"a.example", ""},
        {"http://a b/", ""},
        {"http://a\tb/", ""},
        {"http://[::1", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str hostname = hit_hostname(pp_str_of(cases[i].url));

        if (!pp_str_eq(hostname, pp_str_of(cases[i].hostname)))
            fail_msg("%s: '%.*s'", cases[i].url, PP_ARG(hostname));
    }
}

static void every_result_has_a_name_and_a_status(void **state)
{
    (void)state;
    for (int i = 0; i < RESULT_COUNT; i++) {
        assert_non_null(result_name((enum result)i));
        assert_in_range(result_status((enum result)i), 200, 599);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(result_name((enum result)i),
                                    result_name((enum result)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_is_judged_by_its_fields),
        cmocka_unit_test(every_field_arrives),
        cmocka_unit_test(one_bad_hit_does_not_spoil_a_batch),
        cmocka_unit_test(a_batch_has_at_most_a_thousand_hits),
        cmocka_unit_test(a_hostname_is_what_a_browser_would_connect_to),
        cmocka_unit_test(every_result_has_a_name_and_a_status),
    };
    int failed;

    pp_arena_init(&arena, (size_t)4 << 20);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    pp_arena_fini(&arena);
    return failed;
}
