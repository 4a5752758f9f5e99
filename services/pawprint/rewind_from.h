#ifndef REWIND_FROM_H
#define REWIND_FROM_H

#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/* From where to read again, as a person says it. Pure. */
struct rewind_from {
    enum { REWIND_BEGINNING, REWIND_TIME, REWIND_OFFSET } kind;
    int64_t value; /* milliseconds since 1970 UTC, or the offset */
};

/*
 * "beginning", an offset, or a time in UTC: 2026-11-25, 2026-11-25T14:30 or
 * 2026-11-25T14:30:05, a Z behind it or not, a blank for the T or not.
 */
int rewind_from_read(struct pp_str text, struct rewind_from *out,
                     struct pp_err *err);

#endif
