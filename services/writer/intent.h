#ifndef INTENT_H
#define INTENT_H

#include <stdbool.h>

#include "pp_buf.h"
#include "pp_str.h"

/*
 * What the writer notes beside an offset that it commits, before it inserts:
 * up to which offset rows may have been sent, and until when the server may
 * still begin to take them. Whoever owns the partition next reads it there.
 * Pure functions.
 */
struct intent {
    int64_t epoch;    /* of the topic, so that a topic made anew is told */
    int64_t end;      /* no row at or behind this offset was ever sent */
    int64_t last;     /* newest offset that was seen stored, or -1 */
    int64_t salt;     /* rises with every declaration */
    int64_t until_ms; /* by the clock of ClickHouse */
};

/* At most this many bytes of text. */
#define INTENT_BYTES 160

void intent_write(const struct intent *intent, struct pp_buf *out);

/* False when the note is not one of ours. */
bool intent_read(struct pp_str note, struct intent *out);

#endif
