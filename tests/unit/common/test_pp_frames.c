#include "pp_frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_cityhash.h"

#include "test.h"

#define SUM_BYTES 16
#define TEAPOTS   PP_LIT("kettles and teapots, teapots and kettles")

/* The bytes of a hexadecimal text, added. */
static void add_hex(struct pp_buf *out, const char *hex)
{
    for (; *hex; hex += 2) {
        unsigned byte = 0;

        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        pp_buf_add_byte(out, (unsigned char)byte);
    }
}

/* Bytes that LZ4 finds nothing in. */
static void add_noise(struct pp_buf *out, size_t count)
{
    uint32_t state = 1;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        pp_buf_add_byte(out, (unsigned char)(state >> 24));
    }
}

static void add_words(struct pp_buf *out, size_t count)
{
    static const char words[] = "kettles and teapots, ";

    for (size_t i = 0; i < count; i++)
        pp_buf_add_byte(out, (unsigned char)words[i % (sizeof(words) - 1)]);
}

/* Frames that the PyPI packages clickhouse-driver 0.2.11 and lz4 made. */
static void a_frame_that_others_made_is_read(void **state)
{
    static const struct {
        const char *raw;
        size_t times;
        const char *frame;
    } cases[] = {
        {"p", 1, "9555aeb521a21d43e20993fee8373bca820b000000010000001070"},
        {"pawprint", 1,
         "28b0af02992ebee05cc596141644cda8821200000008000000807061777072696e"
         "74"},
        {"kettles and teapots, ", 20,
         "83702cba8a7c4fdcbc2f066999c80a3e822a000000a4010000ff066b6574746c65"
         "7320616e6420746561706f74732c201500ff78506f74732c20"},
        {"a frame as it is", 1,
         "34e97d669a1fe0c07fd53847b49efca802190000001000000061206672616d6520"
         "6173206974206973"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_buf frame, raw, want;
        struct pp_err err = {0};
        struct pp_str in;

        pp_buf_init(&frame, 1024);
        pp_buf_init(&raw, 1024);
        pp_buf_init(&want, 1024);
        add_hex(&frame, cases[i].frame);
        for (size_t j = 0; j < cases[i].times; j++)
            pp_buf_add_text(&want, cases[i].raw);
        in = pp_buf_str(&frame);
        if (pp_frames_next(&in, &raw, &err) < 0)
            fail_msg("%s: %s", cases[i].raw, err.msg);
        assert_int_equal(in.n, 0);
        assert_true(pp_str_eq(pp_buf_str(&raw), pp_buf_str(&want)));
        pp_buf_fini(&frame);
        pp_buf_fini(&raw);
        pp_buf_fini(&want);
    }
}

static void what_became_frames_comes_back(void **state)
{
    static const struct {
        size_t words, noise;
        size_t frames;
    } cases[] = {
        {0, 0, 0},
        {1, 0, 1},
        {100, 100, 1},
        {PP_FRAME_RAW_BYTES, 0, 1},
        {0, PP_FRAME_RAW_BYTES, 1},
        {PP_FRAME_RAW_BYTES, 1, 2},
        {5000, 3 * PP_FRAME_RAW_BYTES, 4},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_buf raw, frames, again;
        struct pp_err err = {0};
        struct pp_str in;
        size_t count = 0;

        pp_buf_init(&raw, 8 * PP_FRAME_RAW_BYTES);
        pp_buf_init(&frames, 8 * PP_FRAME_RAW_BYTES);
        pp_buf_init(&again, 8 * PP_FRAME_RAW_BYTES);
        add_words(&raw, cases[i].words);
        add_noise(&raw, cases[i].noise);
        pp_frames_add(&frames, pp_buf_str(&raw));
        assert_false(frames.overflow);
        for (in = pp_buf_str(&frames); in.n > 0; count++)
            if (pp_frames_next(&in, &again, &err) < 0)
                fail_msg("%s", err.msg);
        assert_int_equal(count, cases[i].frames);
        assert_true(pp_str_eq(pp_buf_str(&again), pp_buf_str(&raw)));
        pp_buf_fini(&raw);
        pp_buf_fini(&frames);
        pp_buf_fini(&again);
    }
}

static void assert_refused(const char *when, struct pp_str in, size_t limit)
{
    struct pp_str before = in;
    struct pp_err err = {0};
    struct pp_buf raw;

    pp_buf_init(&raw, limit);
    if (pp_frames_next(&in, &raw, &err) == 0)
        fail_msg("when %s it is read", when);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    assert_int_equal(raw.n, 0);
    assert_false(raw.overflow);
    assert_true(in.p == before.p && in.n == before.n);
    pp_buf_fini(&raw);
}

static void a_frame_with_any_byte_changed_is_refused(void **state)
{
    struct pp_buf frame;

    (void)state;
    pp_buf_init(&frame, 4096);
    pp_frames_add(&frame, TEAPOTS);
    for (size_t i = 0; i < frame.n; i++) {
        frame.p[i] = (char)(frame.p[i] ^ 0x10);
        assert_refused("a byte is changed", pp_buf_str(&frame), 1024);
        frame.p[i] = (char)(frame.p[i] ^ 0x10);
    }
    pp_buf_fini(&frame);
}

static void a_frame_that_is_cut_anywhere_is_refused(void **state)
{
    struct pp_buf frame;

    (void)state;
    pp_buf_init(&frame, 4096);
    pp_frames_add(&frame, TEAPOTS);
    for (size_t n = 0; n < frame.n; n++) {
        char *copy = pp_calloc(n + 1, 1); /* so that ASan sees a byte more */

        memcpy(copy, frame.p, n);
        assert_refused("it is cut", (struct pp_str){copy, n}, 1024);
        free(copy);
    }
    pp_buf_fini(&frame);
}

/* Gives the frame the sum of what it says now: its other faults remain. */
static void sum_again(struct pp_buf *frame)
{
    struct pp_city128 sum =
        pp_cityhash128(frame->p + SUM_BYTES, frame->n - SUM_BYTES);

    memcpy(frame->p, &sum, SUM_BYTES);
}

static void a_frame_that_lies_with_a_right_sum_is_refused(void **state)
{
    static const struct {
        const char *when;
        size_t at;
        unsigned char byte;
    } cases[] = {
        {"the method is unknown", 16, 0x90},
        {"the method is another one", 16, 0x02},
        {"the size is less than its head", 17, 8},
        {"the size is more than there is", 17, 200},
        {"the size is a gigabyte", 20, 0x40},
        {"there are more raw bytes", 21, 41},
        {"there are less raw bytes", 21, 39},
        {"there are gigabytes of raw bytes", 24, 0xff},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_buf frame;

        pp_buf_init(&frame, 4096);
        pp_frames_add(&frame, TEAPOTS);
        frame.p[cases[i].at] = (char)cases[i].byte;
        sum_again(&frame);
        assert_refused(cases[i].when, pp_buf_str(&frame), 1024);
        pp_buf_fini(&frame);
    }
}

static void a_frame_beyond_the_limit_of_its_reader_is_refused(void **state)
{
    struct pp_buf frame;

    (void)state;
    pp_buf_init(&frame, 4096);
    pp_frames_add(&frame, TEAPOTS);
    assert_refused("one byte is too much", pp_buf_str(&frame), TEAPOTS.n - 1);
    pp_buf_fini(&frame);
}

static void frames_beyond_the_limit_of_their_buffer_overflow_it(void **state)
{
    struct pp_buf frame;

    (void)state;
    pp_buf_init(&frame, 40);
    pp_frames_add(&frame, TEAPOTS);
    assert_true(frame.overflow);
    assert_int_equal(frame.n, 0);
    pp_buf_fini(&frame);
}

int main(void)
{
    const struct CMUnitTest frames[] = {
        cmocka_unit_test(a_frame_that_others_made_is_read),
        cmocka_unit_test(what_became_frames_comes_back),
        cmocka_unit_test(a_frame_with_any_byte_changed_is_refused),
        cmocka_unit_test(a_frame_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(a_frame_that_lies_with_a_right_sum_is_refused),
        cmocka_unit_test(a_frame_beyond_the_limit_of_its_reader_is_refused),
        cmocka_unit_test(frames_beyond_the_limit_of_their_buffer_overflow_it),
    };

    return cmocka_run_group_tests(frames, NULL, NULL);
}
