#ifndef PP_AVRO_H
#define PP_AVRO_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Avro's binary encoding, its fingerprints and the two ways a record is
 * framed on a topic. [Avro 1.11 specification; Confluent wire format]
 *
 * The codecs that schemas/gen.py makes from each .avsc stand on these. All of
 * them are pure and safe from any thread.
 */

/*
 * Bytes being read. A read past the end, or of something malformed, sets bad,
 * returns zero and leaves nothing more to read: a reader asks once at the end.
 * Text and bytes that come out point into the input.
 */
struct pp_avro_in {
    const unsigned char *p;
    const unsigned char *end;
    bool bad;
};

static inline void pp_avro_set_bad(struct pp_avro_in *in)
{
    in->bad = true;
    in->end = in->p;
}

/* A map of texts as encoded: it points into the message, or is empty. */
struct pp_avro_map {
    struct pp_str blocks; /* with the closing zero */
};

struct pp_avro_in pp_avro_in(struct pp_str bytes);
int32_t pp_avro_get_int(struct pp_avro_in *in);
double pp_avro_get_double(struct pp_avro_in *in);
bool pp_avro_get_boolean(struct pp_avro_in *in);
int32_t pp_avro_get_enum(struct pp_avro_in *in, int32_t symbols);
struct pp_avro_map pp_avro_get_map(struct pp_avro_in *in);

/* A long of any length; pp_avro_get_long() calls it. */
int64_t pp_avro_get_large(struct pp_avro_in *in);

/* These are here, since records are read by little else. */
static inline int64_t pp_avro_get_long(struct pp_avro_in *in)
{
    uint64_t value;

    if (in->p == in->end || *in->p >= 0x80) /* most are of one byte */
        return pp_avro_get_large(in);
    value = *in->p++;
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline struct pp_str pp_avro_get_bytes(struct pp_avro_in *in)
{
    /* A negative one becomes larger than any input. */
    uint64_t length = (uint64_t)pp_avro_get_long(in);
    struct pp_str bytes = {(const char *)in->p, (size_t)length};

    if (in->bad || length > (size_t)(in->end - in->p)) {
        pp_avro_set_bad(in);
        return (struct pp_str){NULL, 0};
    }
    in->p += length;
    return bytes;
}

/* UTF-8, or bad. */
static inline struct pp_str pp_avro_get_string(struct pp_avro_in *in)
{
    struct pp_str text = pp_avro_get_bytes(in);

    if (text.n == 0 || pp_str_is_utf8(text))
        return text;
    pp_avro_set_bad(in);
    return (struct pp_str){NULL, 0};
}

/* Of ["null", T]. */
static inline bool pp_avro_get_present(struct pp_avro_in *in)
{
    if (in->p < in->end && *in->p <= 2 && *in->p != 1)
        return *in->p++ == 2;
    return pp_avro_get_enum(in, 2) == 1; /* written longer, or bad */
}

void pp_avro_put_long(struct pp_buf *out, int64_t value);
void pp_avro_put_double(struct pp_buf *out, double value);
void pp_avro_put_boolean(struct pp_buf *out, bool value);
void pp_avro_put_bytes(struct pp_buf *out, struct pp_str bytes);
void pp_avro_put_map(struct pp_buf *out, struct pp_avro_map map);

/*
 * Building a map into a buffer of its own: begin with the number of entries,
 * then put that many keys and values with pp_avro_put_bytes(), then end.
 */
void pp_avro_map_begin(struct pp_buf *out, int64_t count);
void pp_avro_map_end(struct pp_buf *out);

/*
 * Walks a map: start with *in = pp_avro_in(map.blocks) and *left = 0. Returns
 * false after the last entry.
 */
bool pp_avro_map_next(struct pp_avro_in *in, int64_t *left, struct pp_str *key,
                      struct pp_str *value);

/* CRC-64-AVRO of a schema in Parsing Canonical Form. */
uint64_t pp_avro_fingerprint(struct pp_str canonical);

/* How a record says what it was written with. */
struct pp_avro_frame {
    enum { PP_AVRO_SINGLE_OBJECT, PP_AVRO_CONFLUENT } kind;
    uint64_t fingerprint; /* of a single object */
    uint32_t schema_id;   /* of Confluent framing, given by a registry */
};

void pp_avro_frame_put(struct pp_buf *out, const struct pp_avro_frame *frame);

/*
 * Takes the frame off *message, which then is the record's body. The first
 * byte tells which framing it is. PP_ERR_INVALID when it is neither.
 */
int pp_avro_frame_get(struct pp_str *message, struct pp_avro_frame *frame,
                      struct pp_err *err);

#endif
