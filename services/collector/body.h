#ifndef BODY_H
#define BODY_H

#include "pp_buf.h"

/*
 * A request's body as the sender meant it: unpacked, within limits on size
 * and on ratio, so that a small body never becomes a large one unnoticed.
 */
enum body_result {
    BODY_OK,
    BODY_UNSUPPORTED, /* an encoding that we don't know, or several */
    BODY_MALFORMED,   /* not what its encoding says */
    BODY_TOO_LARGE,   /* unpacks to more than out may hold */
};

/*
 * Unpacks packed into out, which is emptied first and whose max is the limit.
 * encoding is the Content-Encoding header: gzip, deflate, br, zstd, identity
 * or nothing. Where out stays empty and the result is BODY_OK for identity,
 * *plain_out is packed itself; it points into out otherwise.
 */
enum body_result body_unpack(struct pp_str encoding, struct pp_str packed,
                             struct pp_buf *out, struct pp_str *plain_out);

#endif
