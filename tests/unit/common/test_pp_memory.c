/* pp_buf and pp_arena: memory with a limit. pp_err and pp_time ride along. */
#include <errno.h>
#include <string.h>

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_err.h"
#include "pp_time.h"

#include "test.h"

static void a_buffer_grows_to_its_limit_and_no_further(void **state)
{
    struct pp_buf buf;

    (void)state;
    pp_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++)
        pp_buf_add_byte(&buf, 'x');
    assert_false(buf.overflow);
    assert_int_equal(buf.n, 1000);
    pp_buf_add_byte(&buf, 'x');
    assert_true(buf.overflow);
    assert_int_equal(buf.n, 1000);
    pp_buf_fini(&buf);
}

static void nothing_is_added_behind_a_gap(void **state)
{
    struct pp_buf buf;

    (void)state;
    pp_buf_init(&buf, 4);
    pp_buf_add_text(&buf, "too long");
    pp_buf_add_text(&buf, "ab"); /* would fit, yet what is before is missing */
    assert_true(buf.overflow);
    assert_int_equal(buf.n, 0);
    pp_buf_reset(&buf);
    pp_buf_add_text(&buf, "ab");
    assert_true(pp_str_eq(pp_buf_str(&buf), PP_LIT("ab")));
    pp_buf_fini(&buf);
}

static void a_buffer_takes_formatted_text(void **state)
{
    struct pp_buf buf;

    (void)state;
    pp_buf_init(&buf, 64);
    pp_buf_printf(&buf, "%s=%d", "n", 42);
    assert_true(pp_str_eq(pp_buf_str(&buf), PP_LIT("n=42")));
    pp_buf_fini(&buf);
}

static void an_arena_gives_aligned_memory_up_to_its_limit(void **state)
{
    struct pp_arena arena;
    size_t given = 0;
    char *p;

    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    for (size_t size = 1; (p = pp_arena_alloc(&arena, size)); size += 97) {
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0xAA, size);
        given += size;
    }
    assert_true(given > ((size_t)1 << 19));
    assert_null(pp_arena_alloc(&arena, SIZE_MAX));
    pp_arena_reset(&arena);
    assert_non_null(pp_arena_alloc(&arena, (size_t)1 << 19));
    assert_string_equal(pp_arena_text(&arena, PP_LIT("copy")), "copy");
    pp_arena_fini(&arena);
}

static void an_error_says_what_the_system_said(void **state)
{
    struct pp_err err = {0};

    (void)state;
    errno = ENOENT;
    assert_int_equal(pp_err_sys(&err, PP_ERR_FATAL, "open %s", "x"), -1);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.msg, "open x: No such file or directory");
    assert_int_equal(pp_err_set(&err, PP_ERR_AGAIN, "%0300d", 1), -1);
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
    assert_string_equal(pp_err_name(err.kind), "again");
}

static void an_instant_reads_as_rfc_3339(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
        int64_t day;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", 0},
        {-1, "1969-12-31T23:59:59.999Z", -1},
        {1709251199999, "2024-02-29T23:59:59.999Z", 19782},
        {4102444800000, "2100-01-01T00:00:00.000Z", 47482},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_wall at = {cases[i].ms};
        char text[PP_WALL_TEXT_BYTES];

        pp_wall_text(at, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(pp_wall_day(at), cases[i].day);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_no_further),
        cmocka_unit_test(nothing_is_added_behind_a_gap),
        cmocka_unit_test(a_buffer_takes_formatted_text),
        cmocka_unit_test(an_arena_gives_aligned_memory_up_to_its_limit),
        cmocka_unit_test(an_error_says_what_the_system_said),
        cmocka_unit_test(an_instant_reads_as_rfc_3339),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
