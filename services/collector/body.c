#include "body.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK_BYTES    ((size_t)16 << 10)
#define WINDOW_GZIP    (15 + 32) /* zlib: gzip or zlib by its header */
#define WINDOW_RAW     (-15)     /* what some send as "deflate" */
#define WINDOW_LOG_MAX 23        /* zstd: 8 MiB, as RFC 8878 recommends */

/* Room for another chunk; NULL when out may hold no more. */
static char *room(struct pp_buf *out, size_t *bytes)
{
    *bytes = out->max - out->n;
    if (*bytes > CHUNK_BYTES)
        *bytes = CHUNK_BYTES;
    return *bytes ? pp_buf_room(out, *bytes) : NULL;
}

static enum body_result inflate_all(struct pp_str packed, int window,
                                    struct pp_buf *out)
{
    enum body_result result = BODY_OK;
    z_stream stream = {0};
    int code = Z_OK;
    union {
        const char *from;
        Bytef *to;
    } input = {packed.p};

    if (inflateInit2(&stream, window) != Z_OK)
        return BODY_MALFORMED;
    stream.next_in = input.to;
    stream.avail_in = (uInt)packed.n;
    while (result == BODY_OK && code != Z_STREAM_END) {
        size_t bytes;
        char *to = room(out, &bytes);
        char spare; /* one more byte says that there is too much */

        stream.next_out = (Bytef *)(to ? to : &spare);
        stream.avail_out = (uInt)(to ? bytes : 1);
        code = inflate(&stream, Z_NO_FLUSH);
        if (!to && stream.avail_out == 0)
            result = BODY_TOO_LARGE;
        else if (to)
            pp_buf_grew(out, bytes - stream.avail_out);
        if (code != Z_OK && code != Z_STREAM_END && result == BODY_OK)
            result = BODY_MALFORMED; /* also when the end is missing */
    }
    if (result == BODY_OK && stream.avail_in)
        result = BODY_MALFORMED;
    inflateEnd(&stream);
    return result;
}

/* "deflate" is zlib's format [RFC 9110], but some send it without its head. */
static enum body_result deflate_all(struct pp_str packed, struct pp_buf *out)
{
    enum body_result result = inflate_all(packed, WINDOW_GZIP, out);

    if (result != BODY_MALFORMED)
        return result;
    pp_buf_reset(out);
    return inflate_all(packed, WINDOW_RAW, out);
}

static enum body_result brotli_all(struct pp_str packed, struct pp_buf *out)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *input = (const uint8_t *)packed.p;
    BrotliDecoderResult code = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    enum body_result result = BODY_OK;
    size_t left = packed.n;

    if (!state)
        return BODY_MALFORMED;
    while (result == BODY_OK &&
           code == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        size_t bytes, free_bytes;
        char *to = room(out, &bytes);
        uint8_t spare, *next = to ? (uint8_t *)to : &spare;

        free_bytes = to ? bytes : 1;
        code = BrotliDecoderDecompressStream(state, &left, &input, &free_bytes,
                                             &next, NULL);
        if (!to && free_bytes == 0)
            result = BODY_TOO_LARGE;
        else if (to)
            pp_buf_grew(out, bytes - free_bytes);
    }
    if (result == BODY_OK && (code != BROTLI_DECODER_RESULT_SUCCESS || left))
        result = BODY_MALFORMED;
    BrotliDecoderDestroyInstance(state);
    return result;
}

static enum body_result zstd_all(struct pp_str packed, struct pp_buf *out)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer input = {packed.p, packed.n, 0};
    enum body_result result = BODY_OK;
    size_t code = 1; /* 0: a frame ended, and all of it is out */

    if (!stream)
        return BODY_MALFORMED;
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    while (result == BODY_OK && code != 0) {
        size_t bytes, before = input.pos;
        char *to = room(out, &bytes);
        char spare;
        ZSTD_outBuffer output = {to ? to : &spare, to ? bytes : 1, 0};

        code = ZSTD_decompressStream(stream, &output, &input);
        if (ZSTD_isError(code))
            result = BODY_MALFORMED;
        else if (!to && output.pos)
            result = BODY_TOO_LARGE;
        else if (to)
            pp_buf_grew(out, output.pos);
        if (result == BODY_OK && code != 0 && output.pos == 0 &&
            input.pos == before)
            result = BODY_MALFORMED; /* the end is missing */
    }
    if (result == BODY_OK && input.pos != input.size)
        result = BODY_MALFORMED;
    ZSTD_freeDStream(stream);
    return result;
}

enum body_result body_unpack(struct pp_str encoding, struct pp_str packed,
                             struct pp_buf *out, struct pp_str *plain_out)
{
    enum body_result result;

    pp_buf_reset(out);
    encoding = pp_str_trim(encoding);
    if (encoding.n == 0 || pp_str_eq_nocase(encoding, PP_LIT("identity"))) {
        *plain_out = packed;
        return packed.n > out->max ? BODY_TOO_LARGE : BODY_OK;
    }
    if (pp_str_eq_nocase(encoding, PP_LIT("gzip")))
        result = inflate_all(packed, WINDOW_GZIP, out);
    else if (pp_str_eq_nocase(encoding, PP_LIT("deflate")))
        result = deflate_all(packed, out);
    else if (pp_str_eq_nocase(encoding, PP_LIT("br")))
        result = brotli_all(packed, out);
    else if (pp_str_eq_nocase(encoding, PP_LIT("zstd")))
        result = zstd_all(packed, out);
    else
        result = BODY_UNSUPPORTED;
    *plain_out = pp_buf_str(out);
    return result;
}
