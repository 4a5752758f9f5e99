#ifndef PP_TZIF_H
#define PP_TZIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"
#include "pp_zone_rule.h"

/*
 * The bytes of a time zone file as a table of offsets. [RFC 9636, which is RFC
 * 8536 with version 4] Read are versions 2 to 4: their block of 64-bit times
 * and the rule behind it. What the zone's times are called, and whether they
 * are summer time, is not kept.
 *
 * Refused: version 1, and files that count leap seconds (those under "right"),
 * since our instants don't. Only pp_zone uses it. Pure; no pointer into the
 * bytes is kept.
 */
#define PP_TZIF_TIMES_MAX 4096

/* Far beyond anything that was or will be, so that sums can't overflow. */
#define PP_TZIF_FAR_S (INT64_C(1) << 40)

struct pp_tzif {
    int32_t before_s; /* the offset before the first change */
    size_t count;
    int64_t *at_s;     /* of changes, ascending */
    int32_t *offset_s; /* from each of them on */
    bool has_rule;     /* from the last change on, or always where count is 0 */
    struct pp_zone_rule rule;
};

/* PP_ERR_INVALID says what is wrong; nothing is to be undone then. */
int pp_tzif_read(struct pp_str bytes, struct pp_tzif *tzif_out,
                 struct pp_err *err);
void pp_tzif_fini(struct pp_tzif *tzif);

#endif
