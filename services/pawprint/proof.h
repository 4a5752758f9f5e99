#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What became of the records of one partition of `events`. Each has to be
 * exactly one of: stored, rejected, denied. Four bits a record; pure, no I/O.
 */
struct proof;

struct proof *proof_new(int64_t first, int64_t end);
void proof_free(struct proof **proof);

enum proof_mark {
    PROOF_PRODUCED, /* there is such a record */
    PROOF_ERASED,   /* and its site is erased */
    PROOF_STORED,   /* ClickHouse has a row of it */
    PROOF_REJECTED, /* `rejects` has it */
    PROOF_MARKS,
};

/* Offsets that are not of the range are passed over. */
void proof_mark(struct proof *proof, enum proof_mark mark, int64_t offset);

struct proof_sum {
    int64_t produced;
    int64_t stored, rejected, denied; /* each record in at most one */
    int64_t lag;       /* not settled yet, as far as Kafka was told */
    int64_t missing;   /* settled, and nowhere */
    int64_t twice;     /* stored and rejected */
    int64_t came_back; /* stored, and its site is erased */
};

/* Records before settled have to be somewhere; those behind it may be lag. */
struct proof_sum proof_sum(const struct proof *proof, int64_t settled);

#endif
