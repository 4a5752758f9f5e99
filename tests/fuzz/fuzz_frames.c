/*
 * Any bytes as frames of ClickHouse: refused, or read within their bounds.
 * Any bytes made into frames come back as they were.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pp_cityhash.h"
#include "pp_frames.h"

#define SUM_BYTES 16
#define MOST      ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether all of in is frames; their raw bytes are in raw then. */
static bool read_all(struct pp_str in, struct pp_buf *raw)
{
    struct pp_err err = {0};

    pp_buf_reset(raw);
    while (in.n > 0) {
        struct pp_str before = in;
        size_t had = raw->n;

        if (pp_frames_next(&in, raw, &err) < 0) {
            if (err.kind != PP_ERR_INVALID || in.n != before.n ||
                raw->n != had || raw->overflow)
                abort();
            return false;
        }
        if (in.n >= before.n || raw->n - had > PP_FRAME_RAW_BYTES)
            abort();
    }
    return true;
}

/* No input has the right sum by chance, so that one is given to it. */
static void try_with_sum(const uint8_t *data, size_t size, struct pp_buf *raw)
{
    struct pp_city128 sum = pp_cityhash128(data, size);
    char *frame = malloc(SUM_BYTES + size);

    memcpy(frame, &sum, SUM_BYTES);
    if (size)
        memcpy(frame + SUM_BYTES, data, size);
    (void)read_all((struct pp_str){frame, SUM_BYTES + size}, raw);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str all = {(const char *)data, size};
    struct pp_buf frames, raw;

    pp_buf_init(&frames, MOST);
    pp_buf_init(&raw, MOST);
    (void)read_all(all, &raw);
    try_with_sum(data, size, &raw);
    pp_frames_add(&frames, all);
    if (frames.overflow || !read_all(pp_buf_str(&frames), &raw) ||
        !pp_str_eq(pp_buf_str(&raw), all))
        abort();
    pp_buf_fini(&frames);
    pp_buf_fini(&raw);
    return 0;
}
