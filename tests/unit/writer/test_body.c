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

/* What the body's frames hold, in raw. */
static void unpack(struct pp_str body, struct pp_buf *raw)
{
    struct pp_err err = {0};

    pp_buf_reset(raw);
    while (body.n > 0)
        assert_int_equal(pp_frames_next(&body, raw, &err), 0);
}

static void assert_whole(struct pp_str body, const struct native *block)
{
    struct pp_buf want, raw;

    pp_buf_init(&want, MOST);
    pp_buf_init(&raw, MOST);
    native_write(block, &want);
    unpack(body, &raw);
    assert_true(pp_str_eq(pp_buf_str(&raw), pp_buf_str(&want)));
    pp_buf_fini(&want);
    pp_buf_fini(&raw);
}

static void a_body_is_the_block_in_frames_however_large_it_is(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 50000};
    struct body body;

    (void)state;
    body_init(&body, MOST);
    for (size_t i = 0; i < PP_COUNT(sizes); i++) {
        struct native *native = some_block(sizes[i]);

        assert_whole(body_end(&body, native), native);
        assert_false(body.frames.overflow);
        native_free(&native);
    }
    body_fini(&body);
}

static void what_was_begun_is_ended_with_the_constants_of_then(void **state)
{
    struct native *native = some_block(50000);
    struct body body;
    size_t begun;

    (void)state;
    body_init(&body, MOST);
    body_begin(&body, native);
    begun = body.frames.n;
    row_set_valid_until(native, 1800000000000);
    assert_true(body_holds(&body, native));
    body_begin(&body, native);
    assert_int_equal(body.frames.n, begun);
    assert_whole(body_end(&body, native), native);
    assert_false(body_holds(&body, native));
    body_fini(&body);
    native_free(&native);
}

static void what_was_begun_of_other_rows_is_made_anew(void **state)
{
    const struct row_identity identity = {1, 0, 77};
    const struct event event = {.kind = EVENT_KIND_PAGEVIEW};
    struct native *native = some_block(1000), *other = some_block(2000);
    struct body body;

    (void)state;
    body_init(&body, MOST);
    body_begin(&body, native);
    assert_false(body_holds(&body, other));
    assert_whole(body_end(&body, other), other);
    body_begin(&body, native);
    row_put(native, &event, &identity);
    assert_false(body_holds(&body, native));
    assert_whole(body_end(&body, native), native);
    body_begin(&body, native);
    native_reset(native);
    for (int64_t i = 0; i < 1001; i++)
        row_put(native, &event, &identity);
    row_set_valid_until(native, 1800000000000);
    assert_whole(body_end(&body, native), native);
    body_begin(&body, native);
    body_forget(&body);
    assert_false(body_holds(&body, native));
    body_fini(&body);
    native_free(&native);
    native_free(&other);
}

static void a_limit_that_is_too_small_for_the_body_is_told(void **state)
{
    struct native *native = some_block(1000);
    struct body body;

    (void)state;
    body_init(&body, 1000);
    (void)body_end(&body, native);
    assert_true(body.frames.overflow);
    body_fini(&body);
    native_free(&native);
}

int main(void)
{
    const struct CMUnitTest body[] = {
        cmocka_unit_test(a_body_is_the_block_in_frames_however_large_it_is),
        cmocka_unit_test(what_was_begun_is_ended_with_the_constants_of_then),
        cmocka_unit_test(what_was_begun_of_other_rows_is_made_anew),
        cmocka_unit_test(a_limit_that_is_too_small_for_the_body_is_told),
    };

    return cmocka_run_group_tests(body, NULL, NULL);
}
