#include "body.h"

#include <stdlib.h>
#include <string.h>

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "test.h"

#define LIMIT ((size_t)100000)

/* Packs text as an encoding says; the caller frees. */
static struct pp_str pack(const char *encoding, struct pp_str text)
{
    size_t n = text.n + 1000;
    unsigned char *out = pp_malloc(n);

    if (strcmp(encoding, "br") == 0) {
        assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.n,
                                          (const uint8_t *)text.p, &n, out));
    } else if (strcmp(encoding, "zstd") == 0) {
        n = ZSTD_compress(out, n, text.p, text.n, 1);
    } else {
        z_stream stream = {0};
        int window = strcmp(encoding, "gzip") == 0  ? 31
                     : strcmp(encoding, "raw") == 0 ? -15
                                                    : 15;

        assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, 0),
                         Z_OK);
        stream.next_in = (Bytef *)(uintptr_t)text.p;
        stream.avail_in = (uInt)text.n;
        stream.next_out = out;
        stream.avail_out = (uInt)n;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        n -= stream.avail_out;
        deflateEnd(&stream);
    }
    return (struct pp_str){(char *)out, n};
}

static const struct {
    const char *header, *packer;
} encodings[] = {
    {"gzip", "gzip"},   {"GZIP", "gzip"}, {"deflate", "deflate"},
    {"deflate", "raw"}, {"br", "br"},     {" zstd ", "zstd"},
};

static void each_encoding_gives_back_what_was_packed(void **state)
{
    char *text = pp_malloc(LIMIT);
    struct pp_str plain = {text, LIMIT}, unpacked;
    struct pp_buf out;

    (void)state;
    for (size_t i = 0; i < LIMIT; i++)
        text[i] = (char)('a' + i * i % 23);
    pp_buf_init(&out, LIMIT);
    for (size_t i = 0; i < PP_COUNT(encodings); i++) {
        struct pp_str packed = pack(encodings[i].packer, plain);

        if (body_unpack(pp_str_of(encodings[i].header), packed, &out,
                        &unpacked) != BODY_OK ||
            !pp_str_eq(unpacked, plain))
            fail_msg("with %s", encodings[i].header);
        free((char *)(uintptr_t)packed.p);
    }
    pp_buf_fini(&out);
    free(text);
}

static void a_bomb_is_stopped_at_the_limit(void **state)
{
    size_t n = (size_t)50 << 20;
    char *zeros = pp_calloc(n, 1);
    struct pp_str unpacked;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, LIMIT);
    for (size_t i = 0; i < PP_COUNT(encodings); i++) {
        struct pp_str packed =
            pack(encodings[i].packer, (struct pp_str){zeros, n});

        if (body_unpack(pp_str_of(encodings[i].header), packed, &out,
                        &unpacked) != BODY_TOO_LARGE)
            fail_msg("with %s", encodings[i].header);
        assert_true(out.capacity <= 2 * LIMIT);
        free((char *)(uintptr_t)packed.p);
    }
    pp_buf_fini(&out);
    free(zeros);
}

static void a_cut_or_longer_body_is_malformed(void **state)
{
    struct pp_str plain = PP_LIT("hello hello hello hello"), unpacked;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, LIMIT);
    for (size_t i = 0; i < PP_COUNT(encodings); i++) {
        struct pp_str packed = pack(encodings[i].packer, plain);
        struct pp_str header = pp_str_of(encodings[i].header);
        char *longer = pp_malloc(packed.n + 1);

        for (size_t n = 0; n < packed.n; n++)
            if (body_unpack(header, (struct pp_str){packed.p, n}, &out,
                            &unpacked) != BODY_MALFORMED)
                fail_msg("%s of %zu bytes", encodings[i].header, n);
        memcpy(longer, packed.p, packed.n);
        longer[packed.n] = 'x';
        if (body_unpack(header, (struct pp_str){longer, packed.n + 1}, &out,
                        &unpacked) != BODY_MALFORMED)
            fail_msg("%s with a byte too many", encodings[i].header);
        free(longer);
        free((char *)(uintptr_t)packed.p);
    }
    pp_buf_fini(&out);
}

static void without_encoding_the_body_is_itself(void **state)
{
    struct pp_str unpacked, body = PP_LIT("{}");
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 2);
    assert_int_equal(
        body_unpack((struct pp_str){NULL, 0}, body, &out, &unpacked), BODY_OK);
    assert_ptr_equal(unpacked.p, body.p);
    assert_int_equal(
        body_unpack(PP_LIT("identity"), PP_LIT("{ }"), &out, &unpacked),
        BODY_TOO_LARGE);
    assert_int_equal(body_unpack(PP_LIT("gzip, br"), body, &out, &unpacked),
                     BODY_UNSUPPORTED);
    pp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_encoding_gives_back_what_was_packed),
        cmocka_unit_test(a_bomb_is_stopped_at_the_limit),
        cmocka_unit_test(a_cut_or_longer_body_is_malformed),
        cmocka_unit_test(without_encoding_the_body_is_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
