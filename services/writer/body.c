#include "body.h"

#include "pp_frames.h"

/* Columns go through piece one by one, so that what is compressed was just
 * written and is still in the cache. */
#define PIECE_BYTES ((size_t)256 << 10)

void body_init(struct body *body, size_t limit_bytes)
{
    *body = (struct body){0};
    pp_buf_init(&body->frames, limit_bytes);
    pp_buf_init(&body->piece, limit_bytes);
}

void body_fini(struct body *body)
{
    pp_buf_fini(&body->frames);
    pp_buf_fini(&body->piece);
}

static void compress(struct body *body)
{
    pp_frames_add(&body->frames, pp_buf_str(&body->piece));
    body->frames.overflow |= body->piece.overflow;
    pp_buf_reset(&body->piece);
}

static void write_columns(struct body *body, const struct native *block,
                          bool constant)
{
    for (size_t i = 0; i < native_columns(block); i++) {
        if (native_is_constant(block, i) != constant)
            continue;
        native_write_column(block, i, &body->piece);
        if (body->piece.n >= PIECE_BYTES)
            compress(body);
    }
}

bool body_holds(const struct body *body, const struct native *block)
{
    return body->block == block && body->version == native_version(block);
}

void body_begin(struct body *body, const struct native *block)
{
    if (body_holds(body, block))
        return;
    pp_buf_reset(&body->frames);
    pp_buf_reset(&body->piece);
    native_write_head(block, &body->piece);
    write_columns(body, block, false);
    body->block = block;
    body->version = native_version(block);
}

void body_forget(struct body *body)
{
    body->block = NULL;
}

struct pp_str body_end(struct body *body, const struct native *block)
{
    body_begin(body, block);
    write_columns(body, block, true);
    compress(body);
    body_forget(body);
    return pp_buf_str(&body->frames);
}
