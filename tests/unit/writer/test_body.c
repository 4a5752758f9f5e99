#include "body.h"

#include <stdio.h>

#include "pp_frames.h"

#include "row.h"

#include "test.h"

#define MOST ((size_t)64 << 20)

static struct native *some_block(size_t rows)
{
    struct native *block = row_block_new();

    for (size_t i = 0; i < rows; i++) {
        const struct row_identity identity = {1, 0, (int64_t)i};
        struct event event = {
            .site_id = PP_LIT("site"),
            .event_at_ms = 1700000000000 + (int64_t)i,
            .kind = EVENT_KIND_PAGEVIEW,
        };
        char path[32];
        int n = snprintf(path, sizeof(path), "/kettles/%zu", i * i);

        event.pathname = (struct pp_str){path, (size_t)n};
        row_put(block, &event, &identity);
    }
    row_set_valid_until(block, 1700000000000);
    return block;
}

static void a_body_is_the_block_in_frames_however_large_it_is(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 50000};
    struct pp_buf block, piece, body, raw;

    (void)state;
    pp_buf_init(&block, MOST);
    pp_buf_init(&piece, MOST);
    pp_buf_init(&body, MOST);
    pp_buf_init(&raw, MOST);
    for (size_t i = 0; i < PP_COUNT(sizes); i++) {
        struct native *native = some_block(sizes[i]);
        struct pp_err err = {0};
        struct pp_str in;

        pp_buf_reset(&block);
        pp_buf_reset(&body);
        pp_buf_reset(&raw);
        native_write(native, &block);
        body_write(native, &piece, &body);
        assert_false(body.overflow);
        for (in = pp_buf_str(&body); in.n > 0;)
            assert_int_equal(pp_frames_next(&in, &raw, &err), 0);
        assert_true(pp_str_eq(pp_buf_str(&raw), pp_buf_str(&block)));
        native_free(&native);
    }
    pp_buf_fini(&block);
    pp_buf_fini(&piece);
    pp_buf_fini(&body);
    pp_buf_fini(&raw);
}

static void a_limit_that_is_too_small_for_the_body_is_told(void **state)
{
    static const struct {
        size_t piece_bytes, body_bytes;
    } limits[] = {{1000, MOST}, {MOST, 1000}};
    struct native *native = some_block(1000);

    (void)state;
    for (size_t i = 0; i < PP_COUNT(limits); i++) {
        struct pp_buf piece, body;

        pp_buf_init(&piece, limits[i].piece_bytes);
        pp_buf_init(&body, limits[i].body_bytes);
        body_write(native, &piece, &body);
        assert_true(body.overflow);
        pp_buf_fini(&piece);
        pp_buf_fini(&body);
    }
    native_free(&native);
}

int main(void)
{
    const struct CMUnitTest body[] = {
        cmocka_unit_test(a_body_is_the_block_in_frames_however_large_it_is),
        cmocka_unit_test(a_limit_that_is_too_small_for_the_body_is_told),
    };

    return cmocka_run_group_tests(body, NULL, NULL);
}
