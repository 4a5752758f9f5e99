#ifndef PP_FRAMES_H
#define PP_FRAMES_H

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * ClickHouse's compressed frames: what an HTTP body consists of when the
 * request says decompress=1. Each frame has a checksum, so a server stores
 * nothing of one that was cut or changed on its way.
 *
 *   16 bytes  CityHash128 (1.0.2) of all that follows, low half first
 *    1 byte   method: 0x82 LZ4, 0x02 as it is
 *    4 bytes  how much follows the checksum: these 9 bytes and the rest
 *    4 bytes  raw bytes in it
 *    the rest
 *
 * [ClickHouse: src/Compression/CompressedReadBufferBase.cpp and
 * CompressedWriteBuffer.cpp] Memory only, no state, any thread.
 */
#define PP_FRAME_RAW_BYTES ((size_t)1 << 20) /* as ClickHouse splits them */

/*
 * Adds raw as LZ4 frames; without raw it adds none. out->overflow says that
 * out's limit leaves no room for a frame that LZ4 could not make smaller.
 */
void pp_frames_add(struct pp_buf *out, struct pp_str raw);

/*
 * Takes the first frame off *in and adds its raw bytes to out. The error is
 * PP_ERR_INVALID, and changes neither: the frame is cut or changed, of another
 * method, or larger than the limit above or that of out.
 */
int pp_frames_next(struct pp_str *in, struct pp_buf *out, struct pp_err *err);

#endif
