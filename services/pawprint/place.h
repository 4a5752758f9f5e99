#ifndef PLACE_H
#define PLACE_H

#include "cli.h"
#include "manifest.h"
#include "seal.h"
#include "store.h"

/*
 * Where backups lie, with the key that they are sealed with:
 *
 *   manifests/ID            what a backup is made of; written last
 *   data/ID/...             its pieces
 *   erased/SITE             sites that were erased: no restore brings them back
 */
struct place {
    struct store *store;
    struct seal_key key;
};

#define PIECE_BYTES     ((size_t)16 << 20)  /* of text, when one is full */
#define PIECE_BYTES_MAX ((size_t)128 << 20) /* no row may be as long */

/* PP_ERR_FATAL: a setting is missing or wrong. */
int place_open(struct place *place, const struct cli *cli, struct pp_err *err);
void place_close(struct place *place);

/* Seals and writes an object. sha and bytes are of what was written. */
int place_put(struct place *place, const char *name, struct pp_str plain,
              char sha_out[static SEAL_SHA_BYTES], int64_t *bytes_out,
              struct pp_err *err);

/* Reads one of any content. */
int place_get(struct place *place, const char *name, struct pp_buf *plain,
              struct pp_err *err);

/* Reads a piece, and compares its size and checksum before it is opened. */
int place_get_piece(struct place *place, const struct manifest_piece *piece,
                    struct pp_buf *plain, struct pp_err *err);

/*
 * Reads the manifest of a backup; id NULL: of the newest. *out is to be
 * finished also after an error, and has the id that was read.
 */
int place_find(struct place *place, const char *id, struct manifest *out,
               struct pp_err *err);

/* The ids of all backups, or the sites erased, a line each, sorted. */
int place_list(struct place *place, const char *folder, struct pp_buf *out,
               struct pp_err *err);

/*
 * Reads every piece to its last byte, and counts its rows. One at a time:
 * take, when not NULL, gets the text of each, in the order of a restore.
 */
int place_read_all(struct place *place, const struct manifest *manifest,
                   int (*take)(void *context, const struct manifest_part *part,
                               struct pp_str text, struct pp_err *err),
                   void *context, struct pp_err *err);

/*
 * Writes down in the live Postgres what a run came to, for the metrics; why is
 * what it failed with. stderr says so when that can't be done.
 */
void place_record(struct cli *cli, const char *kind, const struct manifest *m,
                  int64_t started_ms, const struct pp_err *why);

/* A line of progress on stderr, with the seconds since from. */
void place_say(int64_t started_ms, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
