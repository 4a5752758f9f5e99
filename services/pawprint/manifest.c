#include "manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"

void manifest_init(struct manifest *manifest)
{
    *manifest = (struct manifest){.format = MANIFEST_FORMAT};
    tally_init(&manifest->events, 0, true);
}

void manifest_fini(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->part_count; i++) {
        free(manifest->parts[i].columns);
        free(manifest->parts[i].pieces);
    }
    free(manifest->parts);
    free(manifest->offsets);
    free(manifest->sequences);
    tally_fini(&manifest->events);
    *manifest = (struct manifest){0};
}

/* Room for one more, cleared. It grows at powers of two. */
static void *one_more(void **list, size_t *count, size_t bytes)
{
    void *place;

    if ((*count & (*count - 1)) == 0)
        *list = pp_realloc(*list, (*count ? *count * 2 : 1) * bytes);
    place = (char *)*list + *count * bytes;
    memset(place, 0, bytes);
    ++*count;
    return place;
}

#define ONE_MORE(type, list, count)                                            \
    void *all = (list);                                                        \
    type *place = one_more(&all, &(count), sizeof(type));                      \
                                                                               \
    (list) = all;                                                              \
    return place

struct manifest_part *manifest_add_part(struct manifest *manifest)
{
    ONE_MORE(struct manifest_part, manifest->parts, manifest->part_count);
}

struct manifest_piece *manifest_add_piece(struct manifest_part *part)
{
    ONE_MORE(struct manifest_piece, part->pieces, part->piece_count);
}

struct manifest_offset *manifest_add_offset(struct manifest *manifest)
{
    ONE_MORE(struct manifest_offset, manifest->offsets, manifest->offset_count);
}

struct manifest_sequence *manifest_add_sequence(struct manifest *manifest)
{
    ONE_MORE(struct manifest_sequence, manifest->sequences,
             manifest->sequence_count);
}

int manifest_columns(const struct manifest_part *part)
{
    int count = 1;

    for (const char *p = part->columns; *p; p++)
        count += *p == ',';
    return count;
}

int64_t manifest_bytes(const struct manifest *manifest)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < manifest->part_count; i++)
        for (size_t k = 0; k < manifest->parts[i].piece_count; k++)
            bytes += manifest->parts[i].pieces[k].bytes;
    return bytes;
}

int64_t manifest_rows(const struct manifest *manifest,
                      enum manifest_store store)
{
    int64_t rows = 0;

    for (size_t i = 0; i < manifest->part_count; i++)
        if (manifest->parts[i].store == store)
            rows += manifest->parts[i].rows;
    return rows;
}

/* --- writing ---------------------------------------------------------------
 */

static void add_text(struct pp_buf *out, const char *name, const char *text)
{
    pp_buf_printf(out, ",\"%s\":", name);
    pp_json_add_str(out, pp_str_of(text));
}

static void add_piece(struct pp_buf *out, const struct manifest_piece *piece)
{
    pp_buf_printf(out, "{\"rows\":%" PRId64 ",\"bytes\":%" PRId64, piece->rows,
                  piece->bytes);
    add_text(out, "name", piece->name);
    add_text(out, "sha256", piece->sha256);
    pp_buf_add_byte(out, '}');
}

static void add_part(struct pp_buf *out, const struct manifest_part *part)
{
    pp_buf_printf(out, "{\"store\":\"%s\"",
                  part->store == MANIFEST_POSTGRES ? "postgres" : "clickhouse");
    add_text(out, "table", part->table);
    add_text(out, "partition", part->partition);
    add_text(out, "columns", part->columns);
    pp_buf_printf(out, ",\"rows\":%" PRId64 ",\"checksum\":\"%016" PRIx64 "\"",
                  part->rows, part->checksum);
    pp_buf_add_text(out, ",\"pieces\":[");
    for (size_t i = 0; i < part->piece_count; i++) {
        pp_buf_add_text(out, i ? ",\n" : "\n");
        add_piece(out, &part->pieces[i]);
    }
    pp_buf_add_text(out, "]}");
}

static void add_events(struct pp_buf *out, const struct tally *events)
{
    pp_buf_printf(out, ",\n\"events\":{\"rows\":%" PRId64, events->rows);
    add_text(out, "min_at", events->min_at);
    add_text(out, "max_at", events->max_at);
    pp_buf_add_text(out, ",\"sites\":[");
    for (size_t i = 0; i < events->site_count; i++) {
        pp_buf_printf(out, "%s{\"rows\":%" PRId64, i ? ",\n" : "\n",
                      events->sites[i].rows);
        add_text(out, "account", events->sites[i].account);
        add_text(out, "site", events->sites[i].site);
        pp_buf_add_byte(out, '}');
    }
    pp_buf_add_text(out, "]}");
}

static void add_lists(struct pp_buf *out, const struct manifest *m)
{
    pp_buf_add_text(out, ",\n\"offsets\":[");
    for (size_t i = 0; i < m->offset_count; i++)
        pp_buf_printf(out,
                      "%s{\"epoch\":%" PRId64 ",\"partition\":%d,\"offset\":"
                      "%" PRId64 "}",
                      i ? "," : "", m->offsets[i].epoch,
                      m->offsets[i].partition, m->offsets[i].offset);
    pp_buf_add_text(out, "],\n\"sequences\":[");
    for (size_t i = 0; i < m->sequence_count; i++) {
        pp_buf_printf(out, "%s{\"value\":%" PRId64, i ? "," : "",
                      m->sequences[i].value);
        add_text(out, "name", m->sequences[i].name);
        pp_buf_add_byte(out, '}');
    }
    pp_buf_add_text(out, "],\n\"parts\":[");
    for (size_t i = 0; i < m->part_count; i++) {
        pp_buf_add_text(out, i ? ",\n" : "\n");
        add_part(out, &m->parts[i]);
    }
    pp_buf_add_byte(out, ']');
}

void manifest_write(const struct manifest *m, struct pp_buf *out)
{
    pp_buf_printf(out, "{\"format\":%d", m->format);
    add_text(out, "id", m->id);
    pp_buf_printf(out,
                  ",\"started_ms\":%" PRId64 ",\"ended_ms\":%" PRId64
                  ",\"is_encrypted\":%s,\"postgres_schema\":%d,"
                  "\"clickhouse_schema\":%d",
                  m->started_ms, m->ended_ms,
                  m->is_encrypted ? "true" : "false", m->postgres_schema,
                  m->clickhouse_schema);
    add_text(out, "program", m->program);
    add_text(out, "postgres", m->postgres);
    add_text(out, "clickhouse", m->clickhouse);
    add_text(out, "prefix", m->prefix);
    add_lists(out, m);
    add_events(out, &m->events);
    pp_buf_add_text(out, "}\n");
}
