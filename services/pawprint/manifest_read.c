/*
 * A manifest as it was stored. Its bytes may be anybody's: every text has a
 * limit, every name is looked at before it becomes part of a path or of a
 * statement, and what does not add up is refused.
 */
#include "manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_arena.h"
#include "pp_json.h"
#include "pp_mem.h"

#define DEPTH 8

struct reader {
    struct pp_json json;
    struct pp_err *err;
    struct manifest *m;
};

static int wrong(struct reader *r, const char *what)
{
    return pp_err_set(r->err, PP_ERR_INVALID, "manifest: %s, at byte %zu",
                      r->json.error ? r->json.error : what,
                      pp_json_at(&r->json));
}

/* --- values ----------------------------------------------------------------
 */

static int read_text(struct reader *r, char *out, size_t size)
{
    if (pp_json_next(&r->json) != PP_JSON_STRING)
        return wrong(r, "a text is expected");
    if (r->json.str.n >= size || memchr(r->json.str.p, 0, r->json.str.n))
        return wrong(r, "a text is too long, or has a NUL");
    snprintf(out, size, "%.*s", PP_ARG(r->json.str));
    return 0;
}

static int read_number(struct reader *r, int64_t min, int64_t max, int64_t *out)
{
    if (pp_json_next(&r->json) != PP_JSON_NUMBER ||
        !pp_json_int64(r->json.str, out) || *out < min || *out > max)
        return wrong(r, "a number is wrong");
    return 0;
}

static int read_int(struct reader *r, int min, int *out)
{
    int64_t number = 0;

    if (read_number(r, min, INT32_MAX, &number) < 0)
        return -1;
    *out = (int)number;
    return 0;
}

static int read_bool(struct reader *r, bool *out)
{
    enum pp_json_token token = pp_json_next(&r->json);

    *out = token == PP_JSON_TRUE;
    return token == PP_JSON_TRUE || token == PP_JSON_FALSE
               ? 0
               : wrong(r, "true or false is expected");
}

static int read_hex(struct reader *r, uint64_t *out)
{
    char text[17], *end;

    if (read_text(r, text, sizeof(text)) < 0)
        return -1;
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return wrong(r, "a checksum is wrong");
    *out = strtoull(text, &end, 16);
    return 0;
}

/* --- objects and lists -----------------------------------------------------
 */

/* Reads the value of a key; what no reader knows is passed over. */
typedef int read_field(struct reader *r, struct pp_str key, void *to);

static int skip(struct reader *r)
{
    return pp_json_skip(&r->json, pp_json_next(&r->json))
               ? 0
               : wrong(r, "not JSON");
}

/* Behind '{'. */
static int read_fields(struct reader *r, read_field *field, void *to)
{
    enum pp_json_token token;

    while ((token = pp_json_next(&r->json)) == PP_JSON_KEY)
        if (field(r, r->json.str, to) < 0)
            return -1;
    return token == PP_JSON_OBJECT_END ? 0 : wrong(r, "it ends too early");
}

static int read_list(struct reader *r, int (*one)(struct reader *r, void *to),
                     void *to)
{
    enum pp_json_token token;

    if (pp_json_next(&r->json) != PP_JSON_ARRAY)
        return wrong(r, "a list is expected");
    while ((token = pp_json_next(&r->json)) == PP_JSON_OBJECT)
        if (one(r, to) < 0)
            return -1;
    return token == PP_JSON_ARRAY_END ? 0 : wrong(r, "it ends too early");
}

#define IS(literal) pp_str_eq(key, PP_LIT(literal))

bool manifest_name_ok(struct pp_str name)
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    struct pp_str rest = name, part;

    for (size_t i = 0; i < name.n; i++)
        if (!name.p[i] || !strchr(fine, name.p[i]))
            return false;
    if (name.n == 0 || name.n >= MANIFEST_NAME_BYTES)
        return false;
    while (pp_str_split(&rest, '/', &part))
        if (part.n == 0 || part.p[0] == '.')
            return false;
    return true;
}

/* Columns become part of a statement: names in lower case, commas, no more. */
static bool columns_ok(const char *columns)
{
    return columns[0] &&
           strspn(columns, "abcdefghijklmnopqrstuvwxyz0123456789_,") ==
               strlen(columns);
}

static bool table_ok(const char *table)
{
    return columns_ok(table) && !strchr(table, ',');
}

static int read_name(struct reader *r, char *out, size_t size)
{
    if (read_text(r, out, size) < 0)
        return -1;
    return manifest_name_ok(pp_str_of(out)) ? 0 : wrong(r, "a name can't be");
}

/* --- pieces ----------------------------------------------------------------
 */

static int piece_field(struct reader *r, struct pp_str key, void *to)
{
    struct manifest_piece *piece = to;

    if (IS("name"))
        return read_name(r, piece->name, sizeof(piece->name));
    if (IS("sha256"))
        return read_text(r, piece->sha256, sizeof(piece->sha256));
    if (IS("bytes"))
        return read_number(r, 1, INT64_MAX >> 16, &piece->bytes);
    if (IS("rows"))
        return read_number(r, 1, INT64_MAX >> 16, &piece->rows);
    return skip(r);
}

static int read_piece(struct reader *r, void *to)
{
    struct manifest_piece *piece = manifest_add_piece(to);

    if (read_fields(r, piece_field, piece) < 0)
        return -1;
    if (!piece->name[0] || strlen(piece->sha256) != SEAL_SHA_BYTES - 1 ||
        !piece->bytes || !piece->rows)
        return wrong(r, "a piece lacks something");
    return 0;
}

static int read_columns(struct reader *r, struct manifest_part *part)
{
    if (part->columns || pp_json_next(&r->json) != PP_JSON_STRING ||
        memchr(r->json.str.p, 0, r->json.str.n))
        return wrong(r, "columns are wrong");
    part->columns = pp_strndup(r->json.str.p, r->json.str.n);
    return 0;
}

static int read_store(struct reader *r, struct manifest_part *part)
{
    char text[16];

    if (read_text(r, text, sizeof(text)) < 0)
        return -1;
    part->store = strcmp(text, "clickhouse") == 0 ? MANIFEST_CLICKHOUSE
                                                  : MANIFEST_POSTGRES;
    return part->store == MANIFEST_CLICKHOUSE || strcmp(text, "postgres") == 0
               ? 0
               : wrong(r, "a store that is not known");
}

static int part_field(struct reader *r, struct pp_str key, void *to)
{
    struct manifest_part *part = to;

    if (IS("store"))
        return read_store(r, part);
    if (IS("table"))
        return read_text(r, part->table, sizeof(part->table));
    if (IS("partition"))
        return read_text(r, part->partition, sizeof(part->partition));
    if (IS("columns"))
        return read_columns(r, part);
    if (IS("rows"))
        return read_number(r, 0, INT64_MAX >> 16, &part->rows);
    if (IS("checksum"))
        return read_hex(r, &part->checksum);
    if (IS("pieces"))
        return read_list(r, read_piece, part);
    return skip(r);
}

static int read_part(struct reader *r, void *to)
{
    struct manifest_part *part = manifest_add_part(r->m);
    int64_t rows = 0;

    (void)to;
    if (read_fields(r, part_field, part) < 0)
        return -1;
    if (!table_ok(part->table) || !part->columns || !columns_ok(part->columns))
        return wrong(r, "a table or its columns can't be");
    if (part->partition[0] && !manifest_name_ok(pp_str_of(part->partition)))
        return wrong(r, "a partition can't be");
    for (size_t i = 0; i < part->piece_count; i++)
        if (part->pieces[i].rows > part->rows - rows)
            return wrong(r, "rows of pieces and of their part differ");
        else
            rows += part->pieces[i].rows;
    return rows == part->rows ? 0
                              : wrong(r, "rows of pieces and of their part "
                                         "differ");
}

/* --- the rest --------------------------------------------------------------
 */

static int offset_field(struct reader *r, struct pp_str key, void *to)
{
    struct manifest_offset *offset = to;

    if (IS("epoch"))
        return read_number(r, 1, INT64_MAX, &offset->epoch);
    if (IS("partition"))
        return read_int(r, 0, &offset->partition);
    if (IS("offset"))
        return read_number(r, 0, INT64_MAX, &offset->offset);
    return skip(r);
}

static int read_offset(struct reader *r, void *to)
{
    struct manifest_offset *offset = manifest_add_offset(r->m);

    (void)to;
    if (read_fields(r, offset_field, offset) < 0)
        return -1;
    return offset->epoch ? 0 : wrong(r, "an offset has no epoch");
}

static int sequence_field(struct reader *r, struct pp_str key, void *to)
{
    struct manifest_sequence *sequence = to;

    if (IS("name"))
        return read_name(r, sequence->name, sizeof(sequence->name));
    if (IS("value"))
        return read_number(r, 1, INT64_MAX, &sequence->value);
    return skip(r);
}

static int read_sequence(struct reader *r, void *to)
{
    struct manifest_sequence *sequence = manifest_add_sequence(r->m);

    (void)to;
    if (read_fields(r, sequence_field, sequence) < 0)
        return -1;
    return table_ok(sequence->name) && sequence->value
               ? 0
               : wrong(r, "a sequence can't be");
}

struct counted {
    char site[64], account[64];
    int64_t rows;
};

static int count_field(struct reader *r, struct pp_str key, void *to)
{
    struct counted *counted = to;

    if (IS("site"))
        return read_text(r, counted->site, sizeof(counted->site));
    if (IS("account"))
        return read_text(r, counted->account, sizeof(counted->account));
    if (IS("rows"))
        return read_number(r, 1, INT64_MAX >> 16, &counted->rows);
    return skip(r);
}

static int read_count(struct reader *r, void *to)
{
    struct counted counted = {0};

    if (read_fields(r, count_field, &counted) < 0)
        return -1;
    if (!counted.rows)
        return wrong(r, "a site's count is missing");
    tally_count_site(to, pp_str_of(counted.site), pp_str_of(counted.account),
                     counted.rows);
    return 0;
}

static int events_field(struct reader *r, struct pp_str key, void *to)
{
    struct tally *events = to;

    if (IS("rows"))
        return read_number(r, 0, INT64_MAX >> 16, &events->rows);
    if (IS("min_at"))
        return read_text(r, events->min_at, sizeof(events->min_at));
    if (IS("max_at"))
        return read_text(r, events->max_at, sizeof(events->max_at));
    if (IS("sites"))
        return read_list(r, read_count, events);
    return skip(r);
}

static int read_events(struct reader *r, struct tally *events)
{
    if (pp_json_next(&r->json) != PP_JSON_OBJECT)
        return wrong(r, "an object is expected");
    return read_fields(r, events_field, events);
}

static int says_field(struct reader *r, struct pp_str key, struct manifest *m)
{
    if (IS("program"))
        return read_text(r, m->program, sizeof(m->program));
    if (IS("postgres"))
        return read_text(r, m->postgres, sizeof(m->postgres));
    if (IS("clickhouse"))
        return read_text(r, m->clickhouse, sizeof(m->clickhouse));
    if (IS("prefix"))
        return read_text(r, m->prefix, sizeof(m->prefix));
    if (IS("postgres_schema"))
        return read_int(r, 1, &m->postgres_schema);
    if (IS("clickhouse_schema"))
        return read_int(r, 1, &m->clickhouse_schema);
    return skip(r);
}

static int manifest_field(struct reader *r, struct pp_str key, void *to)
{
    struct manifest *m = to;

    if (IS("format"))
        return read_int(r, 1, &m->format);
    if (IS("id"))
        return read_name(r, m->id, sizeof(m->id));
    if (IS("started_ms"))
        return read_number(r, 1, INT64_MAX >> 8, &m->started_ms);
    if (IS("ended_ms"))
        return read_number(r, 1, INT64_MAX >> 8, &m->ended_ms);
    if (IS("is_encrypted"))
        return read_bool(r, &m->is_encrypted);
    if (IS("offsets"))
        return read_list(r, read_offset, m);
    if (IS("sequences"))
        return read_list(r, read_sequence, m);
    if (IS("parts"))
        return read_list(r, read_part, m);
    if (IS("events"))
        return read_events(r, &m->events);
    return says_field(r, key, m);
}

/* What no field alone can say. */
static int check(struct reader *r)
{
    const struct manifest *m = r->m;
    int64_t rows = 0;

    if (m->format != MANIFEST_FORMAT)
        return pp_err_set(r->err, PP_ERR_INVALID,
                          "manifest: its format is %d, and this program reads "
                          "%d",
                          m->format, MANIFEST_FORMAT);
    if (!m->id[0] || !m->started_ms || !m->ended_ms || !m->postgres_schema ||
        !m->clickhouse_schema || m->part_count == 0)
        return wrong(r, "something is missing");
    for (size_t i = 0; i < m->events.site_count; i++)
        if (m->events.sites[i].rows > m->events.rows - rows)
            return wrong(r, "events of sites and of all differ");
        else
            rows += m->events.sites[i].rows;
    if (rows != m->events.rows)
        return wrong(r, "events of sites and of all differ");
    return 0;
}

int manifest_read(struct pp_str text, struct manifest *out, struct pp_err *err)
{
    struct reader r = {.err = err, .m = out};
    struct pp_arena arena;
    int result;

    manifest_init(out);
    out->format = 0;
    if (text.n > MANIFEST_BYTES_MAX)
        return pp_err_set(err, PP_ERR_INVALID, "manifest: too large");
    pp_arena_init(&arena, MANIFEST_BYTES_MAX);
    pp_json_init(&r.json, text, &arena, DEPTH);
    result = pp_json_next(&r.json) == PP_JSON_OBJECT
                 ? read_fields(&r, manifest_field, out)
                 : wrong(&r, "not a JSON object");
    if (result == 0 && pp_json_next(&r.json) != PP_JSON_END)
        result = wrong(&r, "something stands behind its end");
    if (result == 0)
        result = check(&r);
    pp_arena_fini(&arena);
    return result;
}
