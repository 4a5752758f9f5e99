#ifndef SEAL_H
#define SEAL_H

#include <stdbool.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * A piece of a backup as it is stored: compressed by zstd, then encrypted and
 * authenticated by libsodium's secretstream, under the name of its object, so
 * that no piece can stand for another. Pure, but for the random header of each
 * piece. Any thread.
 *
 *   "PPB1"  'e' encrypted or 'p' plain  8 bytes that tell keys apart
 *   e: 24 bytes of secretstream's header, then chunks of 64 KiB, each 17 bytes
 *      longer; the last one says that it is the last
 *   p: the zstd frame; nothing finds a change of it but a checksum elsewhere
 */
#define SEAL_KEY_BYTES 32

struct seal_key {
    bool is_set; /* not: nothing is encrypted */
    unsigned char bytes[SEAL_KEY_BYTES];
};

/* 64 hexadecimal digits; empty text: no key. PP_ERR_FATAL: neither. */
int seal_key_read(struct pp_str text, struct seal_key *key_out,
                  struct pp_err *err);

/* Puts the stored form into out, which is emptied before. */
int seal_close(const struct seal_key *key, struct pp_str name,
               struct pp_str plain, struct pp_buf *out, struct pp_err *err);

/*
 * Puts what was sealed into out, which is emptied before; its limit is the
 * most that is taken. PP_ERR_DENIED: another key, none, or one for a piece
 * that has none; PP_ERR_INVALID: damaged, cut, or another object's.
 */
int seal_open(const struct seal_key *key, struct pp_str name,
              struct pp_str sealed, struct pp_buf *out, struct pp_err *err);

/* The SHA-256 of bytes as 64 hexadecimal digits. */
#define SEAL_SHA_BYTES 65
void seal_sha256(struct pp_str bytes, char hex_out[static SEAL_SHA_BYTES]);

#endif
