#ifndef PACE_H
#define PACE_H

#include <stddef.h>
#include <stdint.h>

/*
 * How large a batch may grow before it is sent, and how old. A server that
 * has too many parts wants fewer and larger inserts: both double each time it
 * says so, and come back by an eighth with each insert that it takes. Pure.
 */
struct pace {
    int64_t age_ms; /* as now */
    size_t rows;
    int64_t least_age_ms; /* as set */
    size_t least_rows;
};

#define PACE_AGE_MS_MAX 30000
#define PACE_ROWS_MAX   ((size_t)1000000)

struct pace pace_of(int64_t age_ms, size_t rows);
void pace_slower(struct pace *pace);
void pace_worked(struct pace *pace);

#endif
