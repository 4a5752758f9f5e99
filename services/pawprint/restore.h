#ifndef RESTORE_H
#define RESTORE_H

#include "place.h"

/*
 * Puts a backup into the databases of cli, and compares. `pawprint restore`
 * does it with the live ones, `pawprint drill` with some of its own.
 */
struct restored {
    int parts_wrong;     /* tables and partitions that differ */
    int sites_wrong;     /* whose count of events differs */
    int sites_erased;    /* that came back, and were erased again */
    int64_t rows_erased; /* of them */
};

/*
 * Empty tables of the backup's schema are filled; what stands in them before
 * is lost. Everything is there again afterwards, or -1; who reads the other
 * store meanwhile sees it before the first is done.
 */
int restore_load(struct cli *cli, struct place *place, const struct manifest *m,
                 struct pp_err *err);

/* Reads all of it back; stderr has a line for whatever differs. */
int restore_compare(struct cli *cli, const struct manifest *m,
                    struct restored *out, struct pp_err *err);

/*
 * Sites that the place of backups names as erased, and more (an id a line), are
 * marked so, which Kafka hears of by the outbox, and what came back of them is
 * erased.
 */
int restore_erase_again(struct cli *cli, struct place *place,
                        struct pp_str more, struct restored *out,
                        struct pp_err *err);

/*
 * What only Kafka knows: sites that were changed, made or erased since, epochs
 * of topics; and the writers' offsets, so that they read what the backup has
 * not. Says on stderr what it did. No topics: nothing.
 */
int restore_from_kafka(struct cli *cli, const struct manifest *m,
                       struct pp_err *err);

/* PP_ERR_DENIED: writers run. */
int restore_writers_stopped(struct cli *cli, struct pp_err *err);

#endif
