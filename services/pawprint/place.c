#include "place.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_time.h"

int place_open(struct place *place, const struct cli *cli, struct pp_err *err)
{
    *place = (struct place){0};
    if (seal_key_read(pp_str_of(cli->backup_key), &place->key, err) < 0)
        return -1;
    return store_open(&place->store, cli->backup, err);
}

void place_close(struct place *place)
{
    store_close(&place->store);
}

void place_say(int64_t started_ms, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%7.1f s  ",
            (double)(pp_wall_now().ms - started_ms) / 1000);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- objects ---------------------------------------------------------------
 */

int place_put(struct place *place, const char *name, struct pp_str plain,
              char sha_out[static SEAL_SHA_BYTES], int64_t *bytes_out,
              struct pp_err *err)
{
    struct pp_buf sealed;
    int result;

    pp_buf_init(&sealed, 2 * PIECE_BYTES_MAX);
    result = seal_close(&place->key, pp_str_of(name), plain, &sealed, err);
    if (result == 0) {
        seal_sha256(pp_buf_str(&sealed), sha_out);
        *bytes_out = (int64_t)sealed.n;
        result = store_put(place->store, name, pp_buf_str(&sealed), err);
    }
    pp_buf_fini(&sealed);
    return result;
}

static int fetch(struct place *place, const char *name,
                 const struct manifest_piece *piece, struct pp_buf *plain,
                 struct pp_err *err)
{
    char sha[SEAL_SHA_BYTES];
    struct pp_buf sealed;
    int result;

    pp_buf_init(&sealed, PIECE_BYTES_MAX);
    result = store_get(place->store, name, &sealed, err);
    if (result == 0 && piece) {
        seal_sha256(pp_buf_str(&sealed), sha);
        if (strcmp(sha, piece->sha256) != 0)
            result = pp_err_set(err, PP_ERR_INVALID,
                                "%s is damaged: its checksum is another", name);
    }
    if (result == 0)
        result = seal_open(&place->key, pp_str_of(name), pp_buf_str(&sealed),
                           plain, err);
    pp_buf_fini(&sealed);
    return result;
}

int place_get(struct place *place, const char *name, struct pp_buf *plain,
              struct pp_err *err)
{
    return fetch(place, name, NULL, plain, err);
}

int place_get_piece(struct place *place, const struct manifest_piece *piece,
                    struct pp_buf *plain, struct pp_err *err)
{
    return fetch(place, piece->name, piece, plain, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int place_list(struct place *place, const char *folder, struct pp_buf *out,
               struct pp_err *err)
{
    size_t count = 0, n = 0;
    char **lines, *copy, *save = NULL;

    if (store_list(place->store, folder, out, err) < 0)
        return -1;
    if (out->overflow)
        return pp_err_set(err, PP_ERR_INVALID, "too many objects in %s",
                          folder);
    pp_buf_add_byte(out, '\0');
    copy = pp_strdup(out->p);
    for (const char *p = copy; *p; p++)
        count += *p == '\n';
    lines = pp_calloc(count + 1, sizeof(*lines));
    for (char *one = strtok_r(copy, "\n", &save); one;
         one = strtok_r(NULL, "\n", &save))
        lines[n++] = one;
    if (n > 1)
        qsort(lines, n, sizeof(*lines), by_text);
    pp_buf_reset(out);
    for (size_t i = 0; i < n; i++)
        pp_buf_printf(out, "%s\n", lines[i]);
    free(lines);
    free(copy);
    return 0;
}

static int newest(struct place *place, char id[static MANIFEST_ID_BYTES],
                  struct pp_err *err)
{
    struct pp_str rest, line;
    struct pp_buf ids;
    int result;

    pp_buf_init(&ids, MANIFEST_BYTES_MAX);
    result = place_list(place, "manifests", &ids, err);
    id[0] = '\0';
    rest = pp_str_trim(pp_buf_str(&ids));
    while (result == 0 && rest.n && pp_str_split(&rest, '\n', &line))
        snprintf(id, MANIFEST_ID_BYTES, "%.*s", PP_ARG(line));
    pp_buf_fini(&ids);
    if (result == 0 && !id[0])
        return pp_err_set(err, PP_ERR_INVALID, "there is no backup in %s",
                          store_name(place->store));
    return result;
}

int place_find(struct place *place, const char *id, struct manifest *out,
               struct pp_err *err)
{
    char name[MANIFEST_NAME_BYTES], found[MANIFEST_ID_BYTES];
    struct pp_buf text;
    int result;

    manifest_init(out);
    if (id)
        snprintf(found, sizeof(found), "%s", id);
    else if (newest(place, found, err) < 0)
        return -1;
    snprintf(name, sizeof(name), "manifests/%s", found);
    snprintf(out->id, sizeof(out->id), "%s", found);
    if (!manifest_name_ok(pp_str_of(name)))
        return pp_err_set(err, PP_ERR_FATAL, "%s can't be a backup", found);
    pp_buf_init(&text, MANIFEST_BYTES_MAX);
    result = place_get(place, name, &text, err);
    if (result == 0)
        result = manifest_read(pp_buf_str(&text), out, err);
    pp_buf_fini(&text);
    if (result == 0 && strcmp(out->id, found) != 0)
        return pp_err_set(err, PP_ERR_INVALID,
                          "the manifest of %s is that of another backup",
                          found);
    if (!out->id[0])
        snprintf(out->id, sizeof(out->id), "%s", found);
    return result;
}

/* --- all pieces ------------------------------------------------------------
 */

struct reading {
    struct place *place;
    int (*take)(void *context, const struct manifest_part *part,
                struct pp_str text, struct pp_err *err);
    void *context;
    struct pp_buf plain;
};

static int read_piece(struct reading *r, const struct manifest_part *part,
                      const struct manifest_piece *piece, struct tally *tally,
                      struct pp_err *err)
{
    int64_t before = tally->rows;

    if (place_get_piece(r->place, piece, &r->plain, err) < 0)
        return -1;
    if (!tally_add_all(tally, pp_buf_str(&r->plain)) ||
        tally->rows - before != piece->rows)
        return pp_err_set(err, PP_ERR_INVALID,
                          "%s has other rows than the manifest says",
                          piece->name);
    return r->take ? r->take(r->context, part, pp_buf_str(&r->plain), err) : 0;
}

static int read_part(struct reading *r, const struct manifest_part *part,
                     struct tally *all, struct pp_err *err)
{
    struct tally tally;
    int result = 0;

    tally_init(&tally, manifest_columns(part),
               part->store == MANIFEST_CLICKHOUSE);
    for (size_t i = 0; i < part->piece_count && result == 0; i++)
        result = read_piece(r, part, &part->pieces[i], &tally, err);
    if (result == 0 && tally.checksum != part->checksum)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "the rows of %s %s are not those of the manifest",
                            part->table, part->partition);
    if (part->store == MANIFEST_CLICKHOUSE)
        tally_join(all, &tally);
    tally_fini(&tally);
    return result;
}

int place_read_all(struct place *place, const struct manifest *manifest,
                   int (*take)(void *context, const struct manifest_part *part,
                               struct pp_str text, struct pp_err *err),
                   void *context, struct pp_err *err)
{
    struct reading r = {place, take, context, {0}};
    struct tally all;
    int result = 0;

    tally_init(&all, 0, true);
    pp_buf_init(&r.plain, PIECE_BYTES_MAX);
    for (size_t i = 0; i < manifest->part_count && result == 0; i++)
        result = read_part(&r, &manifest->parts[i], &all, err);
    if (result == 0 && all.rows != manifest->events.rows)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "manifest: events of parts and of sites differ");
    pp_buf_fini(&r.plain);
    tally_fini(&all);
    return result;
}

/* --- what came of it -------------------------------------------------------
 */

void place_record(struct cli *cli, const char *kind, const struct manifest *m,
                  int64_t started_ms, const struct pp_err *why)
{
    char rows[24], bytes[24], started[24], backup_at[24];
    const char *values[] = {kind,
                            m->id,
                            m->started_ms ? backup_at : NULL,
                            why ? "failed" : "done",
                            why ? why->msg : "",
                            rows,
                            bytes,
                            started};
    struct pp_err err = {0};

    snprintf(rows, sizeof(rows), "%" PRId64,
             manifest_rows(m, MANIFEST_POSTGRES) +
                 manifest_rows(m, MANIFEST_CLICKHOUSE));
    snprintf(bytes, sizeof(bytes), "%" PRId64, manifest_bytes(m));
    snprintf(started, sizeof(started), "%.3f", (double)started_ms / 1000);
    snprintf(backup_at, sizeof(backup_at), "%.3f",
             (double)m->started_ms / 1000);
    if (pp_pg_exec(cli->pg,
                   "INSERT INTO backup_run (kind, backup, backup_at, state, "
                   "error, row_count, bytes, started_at) VALUES ($1, $2, "
                   "to_timestamp($3::float8), $4, $5, $6::bigint, $7::bigint, "
                   "to_timestamp($8::float8))",
                   8, values, &err) < 0)
        fprintf(stderr, "pawprint %s: what it came to was not recorded: %s\n",
                kind, err.msg);
}
