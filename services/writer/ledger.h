#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intent.h"

/*
 * How far each partition is: committed <= settled <= declared.
 *
 *   committed  Kafka holds it; a successor begins here
 *   settled    ClickHouse has every row before it, or it needs none
 *   declared   rows before it may have been sent
 *   doubt      rows before it may have been sent by somebody else, or nobody
 *              heard the answer: they are asked for before they are sent
 *
 * What is settled is committed only after a while when the server may lose
 * what it stored in its last seconds. Pure memory, no I/O; one thread.
 */
#define LEDGER_PARTITIONS 1024

struct ledger_part {
    bool ours;
    int64_t committed;
    int64_t settled;
    int64_t declared;
    int64_t doubt;
    int64_t last; /* newest offset seen stored, or -1 */
};

struct ledger;

struct ledger *ledger_new(int64_t epoch);
void ledger_free(struct ledger **ledger);

/* Owns nothing any more. */
void ledger_reset(struct ledger *ledger);

/* What a partition was found with, when it came to us. */
struct ledger_found {
    int32_t partition;
    int64_t committed;  /* -1: nothing was */
    struct pp_str note; /* committed with it */
    int64_t stored;     /* newest offset that ClickHouse has of it, or -1 */
};

/*
 * Takes a partition and says where to read on: the committed offset, or 0,
 * the beginning, when nothing stands committed under this epoch or ClickHouse
 * has lost rows that were there before (a backup was restored).
 */
int64_t ledger_own(struct ledger *ledger, const struct ledger_found *found);

/* NULL when it is not ours. */
const struct ledger_part *ledger_part(const struct ledger *ledger,
                                      int32_t partition);

/* Rows up to end are about to be sent; until is when they are too late. */
void ledger_declare(struct ledger *ledger, int32_t partition, int64_t end);

/* Rows up to what was declared may be there or not. */
void ledger_doubt(struct ledger *ledger);

/*
 * ClickHouse has all up to end; last is the newest of its rows, or -1 when
 * there was none. now_ms is of a clock that only moves forward.
 */
void ledger_settle(struct ledger *ledger, int32_t partition, int64_t end,
                   int64_t last, int64_t now_ms);

/* Something was settled lag_ms ago and is not committed. */
bool ledger_ripe(const struct ledger *ledger, int64_t now_ms, int64_t lag_ms);

/* Moves committed up to what was settled lag_ms ago. */
void ledger_ripen(struct ledger *ledger, int64_t now_ms, int64_t lag_ms);

/* The mark that stands for the partition now. */
struct intent ledger_intent(const struct ledger *ledger, int32_t partition);

/*
 * Until when an insert that nobody here knows the end of may begin; 0 when
 * there can be none. Set by owning and by doubt.
 */
int64_t ledger_others_until(const struct ledger *ledger);

/* They have been waited for. */
void ledger_others_gone(struct ledger *ledger);

/* From where to ask ClickHouse for the newest row of what was found. */
int64_t ledger_asks_from(const struct ledger_found *found);

/*
 * The newest salt and deadline. The next declaration has a higher salt than
 * any before, of whichever process: it is at least its deadline.
 */
int64_t ledger_salt(const struct ledger *ledger);
int64_t ledger_until(const struct ledger *ledger);
void ledger_next_salt(struct ledger *ledger, int64_t until_ms);

#endif
