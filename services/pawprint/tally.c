#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_cityhash.h"
#include "pp_mem.h"

#define TABLE_FIRST ((size_t)64)

void tally_init(struct tally *tally, int columns, bool is_of_events)
{
    *tally = (struct tally){.columns = columns, .is_of_events = is_of_events};
}

void tally_fini(struct tally *tally)
{
    for (size_t i = 0; i < tally->site_count; i++) {
        free(tally->sites[i].site);
        free(tally->sites[i].account);
    }
    free(tally->sites);
    free(tally->table);
    *tally = (struct tally){0};
}

static size_t hash_of(struct pp_str site, struct pp_str account)
{
    return (size_t)(pp_cityhash128(site.p, site.n).low * 31 +
                    pp_cityhash128(account.p, account.n).low);
}

/* Where the site stands in the table, or the free place where it would. */
static size_t *place_of(struct tally *tally, struct pp_str site,
                        struct pp_str account)
{
    size_t mask = tally->table_size - 1;
    size_t at = hash_of(site, account) & mask;

    for (;; at = (at + 1) & mask) {
        const struct tally_site *one;

        if (tally->table[at] == 0)
            return &tally->table[at];
        one = &tally->sites[tally->table[at] - 1];
        if (pp_str_eq(pp_str_of(one->site), site) &&
            pp_str_eq(pp_str_of(one->account), account))
            return &tally->table[at];
    }
}

static void grow(struct tally *tally)
{
    size_t size = tally->table_size ? tally->table_size * 2 : TABLE_FIRST;

    free(tally->table);
    tally->table = pp_calloc(size, sizeof(*tally->table));
    tally->table_size = size;
    tally->sites = pp_realloc(tally->sites, size / 2 * sizeof(*tally->sites));
    for (size_t i = 0; i < tally->site_count; i++)
        *place_of(tally, pp_str_of(tally->sites[i].site),
                  pp_str_of(tally->sites[i].account)) = i + 1;
}

void tally_count_site(struct tally *tally, struct pp_str site,
                      struct pp_str account, int64_t rows)
{
    size_t *place;

    if (tally->site_count * 2 >= tally->table_size)
        grow(tally);
    place = place_of(tally, site, account);
    if (*place == 0) {
        tally->sites[tally->site_count++] = (struct tally_site){
            pp_strndup(site.p, site.n), pp_strndup(account.p, account.n), 0};
        *place = tally->site_count;
    }
    tally->sites[*place - 1].rows += rows;
}

/* Instants of ClickHouse's text are in the order of their text. */
static void see_time(struct tally *tally, struct pp_str at)
{
    char text[TALLY_TIME_BYTES];

    snprintf(text, sizeof(text), "%.*s", PP_ARG(at));
    if (!tally->min_at[0] || strcmp(text, tally->min_at) < 0)
        memcpy(tally->min_at, text, sizeof(text));
    if (strcmp(text, tally->max_at) > 0)
        memcpy(tally->max_at, text, sizeof(text));
}

static bool has_columns(const struct tally *tally, struct pp_str line)
{
    int tabs = 0;

    if (tally->columns == 0)
        return true;
    for (size_t i = 0; i < line.n; i++)
        tabs += line.p[i] == '\t';
    return tabs + 1 == tally->columns;
}

bool tally_add(struct tally *tally, struct pp_str line)
{
    struct pp_str rest, site, account, at;

    if (pp_str_ends(line, PP_LIT("\n")))
        line.n--;
    if (!has_columns(tally, line))
        return false;
    tally->rows++;
    tally->checksum += pp_cityhash128(line.p, line.n).low;
    if (!tally->is_of_events)
        return true;
    rest = line;
    if (!pp_str_split(&rest, '\t', &site) ||
        !pp_str_split(&rest, '\t', &account) || !pp_str_split(&rest, '\t', &at))
        return false;
    tally_count_site(tally, site, account, 1);
    see_time(tally, at);
    return true;
}

bool tally_add_all(struct tally *tally, struct pp_str text)
{
    struct pp_str line;

    if (pp_str_ends(text, PP_LIT("\n")))
        text.n--;
    else if (text.n == 0)
        return true;
    while (pp_str_split(&text, '\n', &line))
        if (!tally_add(tally, line))
            return false;
    return true;
}

void tally_join(struct tally *tally, const struct tally *other)
{
    tally->rows += other->rows;
    tally->checksum += other->checksum;
    for (size_t i = 0; i < other->site_count; i++)
        tally_count_site(tally, pp_str_of(other->sites[i].site),
                         pp_str_of(other->sites[i].account),
                         other->sites[i].rows);
    if (other->min_at[0]) {
        see_time(tally, pp_str_of(other->min_at));
        see_time(tally, pp_str_of(other->max_at));
    }
}

static int by_account(const void *a, const void *b)
{
    const struct tally_site *one = a, *two = b;
    int order = strcmp(one->account, two->account);

    return order ? order : strcmp(one->site, two->site);
}

void tally_sort(struct tally *tally)
{
    if (tally->site_count)
        qsort(tally->sites, tally->site_count, sizeof(*tally->sites),
              by_account);
    free(tally->table);
    tally->table = NULL;
    tally->table_size = 0;
}
