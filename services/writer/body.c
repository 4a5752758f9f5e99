#include "body.h"

#include "pp_frames.h"

#define PIECE_BYTES ((size_t)256 << 10)

static void compress(struct pp_buf *piece, struct pp_buf *out)
{
    pp_frames_add(out, pp_buf_str(piece));
    out->overflow |= piece->overflow;
    pp_buf_reset(piece);
}

void body_write(const struct native *block, struct pp_buf *piece,
                struct pp_buf *out)
{
    pp_buf_reset(piece);
    native_write_head(block, piece);
    for (size_t i = 0; i < native_columns(block); i++) {
        native_write_column(block, i, piece);
        if (piece->n >= PIECE_BYTES)
            compress(piece, out);
    }
    compress(piece, out);
}
