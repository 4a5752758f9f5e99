#include "referrer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define FILE_MAX_BYTES ((size_t)4 << 20)
#define LABELS_MAX     127 /* in a host of 253 bytes */
#define SLASHES_MAX    8   /* deeper paths are no entries */
#define SLOTS_MIN      64  /* a power of two */

struct entry {
    struct pp_str host; /* these four point into the table's text */
    struct pp_str path; /* without slashes at its ends; empty for all */
    struct pp_str source;
    struct pp_str medium;
};

/* Two indexes, open addressing: by host and path, and by source. */
struct referrers {
    char *text; /* the whole file; owned */
    struct entry *entries;
    uint32_t *by_host; /* positions in entries plus 1; 0 is free */
    uint32_t *by_source;
    size_t count;
    size_t mask; /* slots of an index, less 1; at most half are taken */
};

/* FNV-1a [RFC 9923], without case. */
static uint64_t hash_add(uint64_t hash, struct pp_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + ('a' - 'A'));
        hash = (hash ^ c) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

static size_t hash_host(struct pp_str host, struct pp_str path)
{
    uint64_t hash = hash_add(UINT64_C(0xcbf29ce484222325), host);

    return (size_t)hash_add(hash * 31, path);
}

static size_t hash_source(struct pp_str source)
{
    return (size_t)hash_add(UINT64_C(0xcbf29ce484222325), source);
}

/* The slot of the entry for exactly this host and path, or a free one. */
static uint32_t *host_slot(const struct referrers *table, struct pp_str host,
                           struct pp_str path)
{
    size_t at = hash_host(host, path) & table->mask;

    for (; table->by_host[at]; at = (at + 1) & table->mask) {
        const struct entry *entry = &table->entries[table->by_host[at] - 1];

        if (pp_str_eq(entry->host, host) && pp_str_eq(entry->path, path))
            break;
    }
    return &table->by_host[at];
}

/* The slot of the entry that stands for a source, or a free one. */
static uint32_t *source_slot(const struct referrers *table,
                             struct pp_str source)
{
    size_t at = hash_source(source) & table->mask;

    for (; table->by_source[at]; at = (at + 1) & table->mask) {
        const struct entry *entry = &table->entries[table->by_source[at] - 1];

        if (pp_str_eq_nocase(entry->source, source))
            break;
    }
    return &table->by_source[at];
}

static struct pp_str without_slashes(struct pp_str path)
{
    while (path.n && path.p[0] == '/')
        path = pp_str_sub(path, 1, path.n);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

static bool is_lower(struct pp_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= 'A' && text.p[i] <= 'Z')
            return false;
    }
    return true;
}

static bool read_line(struct pp_str line, struct entry *entry_out)
{
    struct pp_str place;
    size_t slash;

    if (!pp_str_is_utf8(line) || !pp_str_split(&line, '\t', &place) ||
        !pp_str_split(&line, '\t', &entry_out->source) ||
        !pp_str_split(&line, '\t', &entry_out->medium) || line.p)
        return false;
    slash = pp_str_find(place, '/');
    entry_out->host = pp_str_sub(place, 0, slash);
    entry_out->path = without_slashes(pp_str_sub(place, slash, place.n));
    return entry_out->host.n && is_lower(entry_out->host) &&
           entry_out->source.n && entry_out->medium.n;
}

static int index_text(struct referrers *table, struct pp_str text,
                      const char *path, struct pp_err *err)
{
    struct pp_str rest = text, line;
    size_t lines = 1, slots = SLOTS_MIN;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    while (slots < 2 * lines)
        slots *= 2;
    table->mask = slots - 1;
    table->entries = pp_calloc(lines, sizeof(*table->entries));
    table->by_host = pp_calloc(slots, sizeof(*table->by_host));
    table->by_source = pp_calloc(slots, sizeof(*table->by_source));

    for (size_t number = 1; pp_str_split(&rest, '\n', &line); number++) {
        struct entry *entry = &table->entries[table->count];
        uint32_t *slot;

        if (!line.n || line.p[0] == '#')
            continue;
        if (!read_line(line, entry))
            return pp_err_set(err, PP_ERR_FATAL,
                              "%s, line %zu: not host, source and medium", path,
                              number);
        slot = host_slot(table, entry->host, entry->path);
        if (*slot)
            return pp_err_set(err, PP_ERR_FATAL,
                              "%s, line %zu: this host was there before", path,
                              number);
        *slot = (uint32_t)++table->count;
        slot = source_slot(table, entry->source);
        if (!*slot ||
            pp_str_eq(table->entries[*slot - 1].medium, PP_LIT("unknown")))
            *slot = (uint32_t)table->count;
    }
    if (!table->count)
        return pp_err_set(err, PP_ERR_FATAL, "%s has no entries", path);
    return 0;
}

static int read_file(const char *path, char **text_out, size_t *bytes_out,
                     struct pp_err *err)
{
    FILE *file = fopen(path, "rbe");
    bool failed;

    if (!file)
        return pp_err_sys(err, PP_ERR_FATAL, "cannot open %s", path);
    *text_out = pp_malloc(FILE_MAX_BYTES);
    *bytes_out = fread(*text_out, 1, FILE_MAX_BYTES, file);
    failed = ferror(file) != 0;
    if (failed)
        (void)pp_err_sys(err, PP_ERR_FATAL, "cannot read %s", path);
    (void)fclose(file);
    if (failed)
        return -1;
    if (*bytes_out == FILE_MAX_BYTES)
        return pp_err_set(err, PP_ERR_FATAL, "%s is not below %zu bytes", path,
                          FILE_MAX_BYTES);
    *text_out = pp_realloc(*text_out, *bytes_out + 1);
    return 0;
}

int referrers_open(struct referrers **table_out, const char *path,
                   struct pp_err *err)
{
    struct referrers *table = pp_calloc(1, sizeof(*table));
    size_t bytes;

    if (read_file(path, &table->text, &bytes, err) < 0 ||
        index_text(table, (struct pp_str){table->text, bytes}, path, err) < 0) {
        referrers_close(&table);
        return -1;
    }
    *table_out = table;
    return 0;
}

void referrers_close(struct referrers **table)
{
    if (!*table)
        return;
    free((*table)->text);
    free((*table)->entries);
    free((*table)->by_host);
    free((*table)->by_source);
    free(*table);
    *table = NULL;
}

/* Takes the first label off; false when none is left. */
static bool next_host(struct pp_str *host)
{
    *host = pp_str_sub(*host, pp_str_find(*host, '.') + 1, host->n);
    return host->n > 0;
}

/* The entry with the most of this path, or NULL. */
static const struct entry *find_path(const struct referrers *table,
                                     struct pp_str host, struct pp_str path)
{
    size_t ends[SLASHES_MAX], count = 0;

    for (size_t i = 0; i <= path.n && count < SLASHES_MAX; i++) {
        if (i > 0 && (i == path.n || path.p[i] == '/'))
            ends[count++] = i;
    }
    while (count > 0) {
        uint32_t at =
            *host_slot(table, host, pp_str_sub(path, 0, ends[--count]));

        if (at)
            return &table->entries[at - 1];
    }
    return NULL;
}

bool referrers_find(const struct referrers *table, struct pp_str hostname,
                    struct pp_str pathname, struct pp_str *source_out,
                    struct pp_str *medium_out)
{
    struct pp_str path = without_slashes(pathname), host = hostname;
    const struct entry *found = NULL;
    int labels = 0;

    while (path.n && !found && host.n && labels++ < LABELS_MAX) {
        found = find_path(table, host, path);
        if (!next_host(&host))
            break;
    }
    host = hostname;
    for (labels = 0; !found && host.n && labels < LABELS_MAX; labels++) {
        uint32_t at = *host_slot(table, host, (struct pp_str){NULL, 0});

        if (at)
            found = &table->entries[at - 1];
        else
            (void)next_host(&host);
    }
    if (!found)
        return false;
    *source_out = found->source;
    *medium_out = found->medium;
    return true;
}

static struct pp_str without_www(struct pp_str host)
{
    return pp_str_starts(host, PP_LIT("www.")) ? pp_str_sub(host, 4, host.n)
                                               : host;
}

/* What people write into utm_source for sources that we know by a name. */
static struct pp_str long_form(struct pp_str text)
{
    static const struct {
        const char *written, *source;
    } forms[] = {
        {"fb", "Facebook"},
        {"ig", "Instagram"},
        {"insta", "Instagram"},
        {"x", "Twitter"},
        {"tw", "Twitter"},
        {"yt", "Youtube"},
        {"li", "LinkedIn"},
        {"hn", "Hacker News"},
        {"hackernews", "Hacker News"},
        {"adwords", "Google"},
        {"googleads", "Google"},
        {"bingads", "Bing"},
        {"vk", "Vkontakte"},
        {"yahoo", "Yahoo!"},
        {"ddg", "DuckDuckGo"},
    };

    for (size_t i = 0; i < PP_COUNT(forms); i++) {
        if (pp_str_eq_nocase(text, pp_str_of(forms[i].written)))
            return pp_str_of(forms[i].source);
    }
    return text;
}

/* A utm_source is a source's name, or the host that stands for it. */
static void read_utm(const struct referrers *table, struct pp_str utm,
                     struct referrer *out)
{
    struct pp_str name = long_form(utm);
    uint32_t at = *source_slot(table, name);

    out->source = name;
    if (at) {
        out->source = table->entries[at - 1].source;
        out->medium = table->entries[at - 1].medium;
    } else if (pp_str_find(utm, '.') < utm.n) {
        (void)referrers_find(table, utm, PP_LIT("/"), &out->source,
                             &out->medium);
    }
}

void referrer_read(const struct referrers *table, struct pp_str referrer,
                   const struct url *page, struct pp_arena *arena,
                   struct referrer *out)
{
    struct pp_err ignored;
    struct url before;

    *out = (struct referrer){0};
    if (url_parse(referrer, arena, &before, &ignored) == 0) {
        out->host = without_www(before.hostname);
        out->internal = pp_str_eq(out->host, without_www(page->hostname));
    }
    if (page->utm_source.n) {
        read_utm(table, page->utm_source, out);
    } else if (out->host.n && !out->internal &&
               !referrers_find(table, before.hostname, before.pathname,
                               &out->source, &out->medium)) {
        out->source = out->host;
    }
}
