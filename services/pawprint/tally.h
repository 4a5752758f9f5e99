#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * What rows are, told from their lines of text: how many, a sum that any
 * change of any of them changes and their order does not, and, of events, how
 * many each site of each account has and from when to when. Counted the same
 * while a backup is made, from its pieces, and from what was restored. Pure.
 */
struct tally_site {
    char *site, *account; /* owned */
    int64_t rows;
};

#define TALLY_TIME_BYTES 32

struct tally {
    /* Of a line, or 0: not looked at. Another number is a broken line. */
    int columns;
    /* The first three columns are site, account and event_at. */
    bool is_of_events;
    int64_t rows;
    uint64_t checksum;
    char min_at[TALLY_TIME_BYTES], max_at[TALLY_TIME_BYTES]; /* or empty */
    struct tally_site *sites; /* owned; by account and site after a sort */
    size_t site_count;
    size_t *table, table_size; /* hash of sites: index + 1, or 0 */
};

void tally_init(struct tally *tally, int columns, bool is_of_events);
void tally_fini(struct tally *tally);

/* One row, with or without its line end. False: it is none. */
bool tally_add(struct tally *tally, struct pp_str line);

/* Each line of text; the last one may have no line end. */
bool tally_add_all(struct tally *tally, struct pp_str text);

/* Counts rows of one site, as a manifest has it. */
void tally_count_site(struct tally *tally, struct pp_str site,
                      struct pp_str account, int64_t rows);

/* All of other into tally, and its sum. */
void tally_join(struct tally *tally, const struct tally *other);

/* By account, then site. Then no line may be added any more. */
void tally_sort(struct tally *tally);

#endif
