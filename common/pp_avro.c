#include "pp_avro.h"

#include <string.h>

#define EMPTY_FINGERPRINT UINT64_C(0xc15d213aa4d7a795)

struct pp_avro_in pp_avro_in(struct pp_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;

    return (struct pp_avro_in){p, p ? p + bytes.n : p, false};
}

static size_t left_of(const struct pp_avro_in *in)
{
    return (size_t)(in->end - in->p);
}

int64_t pp_avro_get_large(struct pp_avro_in *in)
{
    uint64_t value = 0;
    size_t left = left_of(in);

    /* Seven bits a byte, lowest first: the tenth holds the last one. */
    for (unsigned i = 0; i < 10 && i < left; i++) {
        unsigned char byte = in->p[i];

        if (i == 9 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            in->p += i + 1;
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        }
    }
    pp_avro_set_bad(in);
    return 0;
}

int32_t pp_avro_get_int(struct pp_avro_in *in)
{
    int64_t value = pp_avro_get_long(in);

    if (value < INT32_MIN || value > INT32_MAX) {
        pp_avro_set_bad(in);
        return 0;
    }
    return (int32_t)value;
}

double pp_avro_get_double(struct pp_avro_in *in)
{
    uint64_t bits = 0;
    double value;

    if (left_of(in) < 8) {
        pp_avro_set_bad(in);
        return 0;
    }
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)in->p[i] << (8 * i);
    in->p += 8;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool pp_avro_get_boolean(struct pp_avro_in *in)
{
    if (left_of(in) < 1 || in->p[0] > 1) {
        pp_avro_set_bad(in);
        return false;
    }
    return *in->p++ == 1;
}

int32_t pp_avro_get_enum(struct pp_avro_in *in, int32_t symbols)
{
    int32_t index = pp_avro_get_int(in);

    if (index < 0 || index >= symbols) {
        pp_avro_set_bad(in);
        return 0;
    }
    return index;
}

/* The count of the next block, 0 at the end; a negative one brings its size. */
static int64_t block_count(struct pp_avro_in *in)
{
    int64_t count = pp_avro_get_long(in);

    if (count >= 0)
        return count;
    if (count == INT64_MIN || pp_avro_get_long(in) < 0) {
        pp_avro_set_bad(in);
        return 0;
    }
    return -count;
}

bool pp_avro_map_next(struct pp_avro_in *in, int64_t *left, struct pp_str *key,
                      struct pp_str *value)
{
    if (*left == 0) {
        if (in->p == in->end)
            return false;
        *left = block_count(in);
    }
    if (*left == 0 || in->bad)
        return false;
    (*left)--;
    *key = pp_avro_get_string(in);
    *value = pp_avro_get_string(in);
    return !in->bad;
}

struct pp_avro_map pp_avro_get_map(struct pp_avro_in *in)
{
    const unsigned char *start = in->p;
    int64_t count;

    /* Every entry takes two bytes at least: a lying count ends in bad. */
    while ((count = block_count(in)) > 0) {
        for (; count > 0 && !in->bad; count--) {
            pp_avro_get_string(in);
            pp_avro_get_string(in);
        }
    }
    if (in->bad || in->p - start == 1)
        return (struct pp_avro_map){{NULL, 0}};
    return (struct pp_avro_map){{(const char *)start, (size_t)(in->p - start)}};
}

void pp_avro_put_long(struct pp_buf *out, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    unsigned char bytes[10];
    size_t n = 0;

    for (; rest >= 0x80; rest >>= 7)
        bytes[n++] = (unsigned char)(rest | 0x80);
    bytes[n++] = (unsigned char)rest;
    pp_buf_add(out, bytes, n);
}

void pp_avro_put_double(struct pp_buf *out, double value)
{
    unsigned char bytes[8];
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    pp_buf_add(out, bytes, sizeof(bytes));
}

void pp_avro_put_boolean(struct pp_buf *out, bool value)
{
    pp_buf_add_byte(out, value);
}

void pp_avro_put_bytes(struct pp_buf *out, struct pp_str bytes)
{
    pp_avro_put_long(out, (int64_t)bytes.n);
    pp_buf_add_str(out, bytes);
}

void pp_avro_put_map(struct pp_buf *out, struct pp_avro_map map)
{
    if (map.blocks.n)
        pp_buf_add_str(out, map.blocks);
    else
        pp_avro_map_end(out);
}

void pp_avro_map_begin(struct pp_buf *out, int64_t count)
{
    if (count)
        pp_avro_put_long(out, count);
}

void pp_avro_map_end(struct pp_buf *out)
{
    pp_avro_put_long(out, 0);
}

uint64_t pp_avro_fingerprint(struct pp_str canonical)
{
    uint64_t fp = EMPTY_FINGERPRINT;

    /* Bit by bit: it runs once per schema, so a table would not pay. */
    for (size_t i = 0; i < canonical.n; i++) {
        fp ^= (unsigned char)canonical.p[i];
        for (int bit = 0; bit < 8; bit++)
            fp = (fp >> 1) ^ (EMPTY_FINGERPRINT & -(fp & 1));
    }
    return fp;
}

void pp_avro_frame_put(struct pp_buf *out, const struct pp_avro_frame *frame)
{
    unsigned char bytes[10] = {0};

    if (frame->kind == PP_AVRO_CONFLUENT) {
        for (unsigned i = 0; i < 4; i++)
            bytes[1 + i] = (unsigned char)(frame->schema_id >> (24 - 8 * i));
        pp_buf_add(out, bytes, 5);
        return;
    }
    bytes[0] = 0xC3;
    bytes[1] = 0x01;
    for (unsigned i = 0; i < 8; i++)
        bytes[2 + i] = (unsigned char)(frame->fingerprint >> (8 * i));
    pp_buf_add(out, bytes, 10);
}

int pp_avro_frame_get(struct pp_str *message, struct pp_avro_frame *frame,
                      struct pp_err *err)
{
    const unsigned char *p = (const unsigned char *)message->p;

    *frame = (struct pp_avro_frame){0};
    if (message->n >= 10 && p[0] == 0xC3 && p[1] == 0x01) {
        frame->kind = PP_AVRO_SINGLE_OBJECT;
        for (unsigned i = 0; i < 8; i++)
            frame->fingerprint |= (uint64_t)p[2 + i] << (8 * i);
        *message = pp_str_sub(*message, 10, message->n);
        return 0;
    }
    if (message->n >= 5 && p[0] == 0x00) {
        frame->kind = PP_AVRO_CONFLUENT;
        for (unsigned i = 0; i < 4; i++)
            frame->schema_id = frame->schema_id << 8 | p[1 + i];
        *message = pp_str_sub(*message, 5, message->n);
        return 0;
    }
    return pp_err_set(err, PP_ERR_INVALID,
                      "neither an Avro single object nor Confluent framing");
}
