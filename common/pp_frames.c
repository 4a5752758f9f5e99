#include "pp_frames.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <lz4.h>

#include "pp_cityhash.h"

#define METHOD_NONE 0x02
#define METHOD_LZ4  0x82
#define SUM_BYTES   16
#define HEAD_BYTES  9 /* method and the two sizes; the checksum covers them */

static void put_u32(char *to, size_t value)
{
    uint32_t number = (uint32_t)value; /* little-endian, as this machine is */

    memcpy(to, &number, sizeof(number));
}

static size_t get_u32(const char *from)
{
    uint32_t number;

    memcpy(&number, from, sizeof(number));
    return number;
}

static void add_one(struct pp_buf *out, const char *raw, int raw_bytes)
{
    int bound = LZ4_compressBound(raw_bytes), packed;
    char *frame = pp_buf_room(out, SUM_BYTES + HEAD_BYTES + (size_t)bound);
    struct pp_city128 sum;
    char *head;

    if (!frame)
        return;
    head = frame + SUM_BYTES;
    packed = LZ4_compress_default(raw, head + HEAD_BYTES, raw_bytes, bound);
    assert(packed > 0); /* it cannot fail within its bound */
    head[0] = (char)METHOD_LZ4;
    put_u32(head + 1, HEAD_BYTES + (size_t)packed);
    put_u32(head + 5, (size_t)raw_bytes);
    sum = pp_cityhash128(head, HEAD_BYTES + (size_t)packed);
    memcpy(frame, &sum, SUM_BYTES);
    pp_buf_grew(out, SUM_BYTES + HEAD_BYTES + (size_t)packed);
}

void pp_frames_add(struct pp_buf *out, struct pp_str raw)
{
    while (raw.n > 0) {
        size_t n = raw.n < PP_FRAME_RAW_BYTES ? raw.n : PP_FRAME_RAW_BYTES;

        add_one(out, raw.p, (int)n);
        raw = pp_str_sub(raw, n, raw.n);
    }
}

static int refuse(struct pp_err *err, const char *why)
{
    return pp_err_set(err, PP_ERR_INVALID, "frame: %s", why);
}

/* The frame's data, in its method, to the bytes that it says it has. */
static int unpack(struct pp_str data, int method, char *to, size_t raw_bytes,
                  struct pp_err *err)
{
    int unpacked;

    if (method == METHOD_NONE) {
        if (data.n != raw_bytes)
            return refuse(err, "it holds another number of bytes");
        if (data.n)
            memcpy(to, data.p, data.n);
        return 0;
    }
    if (method != METHOD_LZ4)
        return refuse(err, "an unknown method");
    unpacked = LZ4_decompress_safe(data.p, to, (int)data.n, (int)raw_bytes);
    return unpacked >= 0 && (size_t)unpacked == raw_bytes
               ? 0
               : refuse(err, "it cannot be decompressed");
}

int pp_frames_next(struct pp_str *in, struct pp_buf *out, struct pp_err *err)
{
    const size_t most =
        HEAD_BYTES + (size_t)LZ4_COMPRESSBOUND(PP_FRAME_RAW_BYTES);
    struct pp_city128 sum;
    struct pp_str body;
    size_t raw_bytes;
    char *to;

    if (in->n < SUM_BYTES + HEAD_BYTES)
        return refuse(err, "it is cut");
    body = pp_str_sub(*in, SUM_BYTES, in->n);
    raw_bytes = get_u32(body.p + 5);
    if (get_u32(body.p + 1) < HEAD_BYTES || get_u32(body.p + 1) > most ||
        raw_bytes > PP_FRAME_RAW_BYTES)
        return refuse(err, "its size cannot be");
    if (get_u32(body.p + 1) > body.n)
        return refuse(err, "it is cut");
    body.n = get_u32(body.p + 1);
    sum = pp_cityhash128(body.p, body.n);
    if (memcmp(in->p, &sum, SUM_BYTES) != 0)
        return refuse(err, "the checksum does not match");
    if (raw_bytes > out->max - out->n || !(to = pp_buf_room(out, raw_bytes)))
        return refuse(err, "it is larger than the limit");
    if (unpack(pp_str_sub(body, HEAD_BYTES, body.n), (unsigned char)body.p[0],
               to, raw_bytes, err) < 0)
        return -1;
    pp_buf_grew(out, raw_bytes);
    *in = pp_str_sub(*in, SUM_BYTES + body.n, in->n);
    return 0;
}
