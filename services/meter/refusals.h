#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_buf.h"

#include "counts.h"

/*
 * Records of `counts` as they wait to be written: the columns of an SQL
 * statement, each the text of an array. No I/O; one thread.
 */
enum {
    REFUSALS_INSTANCE,
    REFUSALS_SEQUENCE,
    REFUSALS_TOLD, /* the record's time, seconds */
    REFUSALS_SITE,
    REFUSALS_HOUR, /* seconds */
    REFUSALS_STAGE,
    REFUSALS_REASON,
    REFUSALS_N,
    REFUSALS_COLUMNS,
};

struct refusals {
    struct pp_buf columns[REFUSALS_COLUMNS];
    size_t count;
    bool ended;
};

void refusals_init(struct refusals *refusals);
void refusals_fini(struct refusals *refusals);

/*
 * Takes one record, that Kafka has from told_at_ms. False when it can't be
 * one: odd characters, a time or number that is none.
 */
bool refusals_add(struct refusals *refusals, const struct counts *counts,
                  int64_t told_at_ms);

/*
 * Gives the arrays as they can be bound, also a second time. No more can be
 * added then before a reset.
 */
void refusals_end(struct refusals *refusals,
                  const char *values[static REFUSALS_COLUMNS]);

void refusals_reset(struct refusals *refusals);

#endif
