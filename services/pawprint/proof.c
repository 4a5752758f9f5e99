#include "proof.h"

#include <stdlib.h>

#include "pp_mem.h"

struct proof {
    int64_t first, end;
    unsigned char *bits[PROOF_MARKS];
};

struct proof *proof_new(int64_t first, int64_t end)
{
    struct proof *proof = pp_calloc(1, sizeof(*proof));

    proof->first = first;
    proof->end = end < first ? first : end;
    for (size_t i = 0; i < PROOF_MARKS; i++)
        proof->bits[i] =
            pp_calloc((size_t)(proof->end - proof->first) / 8 + 1, 1);
    return proof;
}

void proof_free(struct proof **proof)
{
    if (!*proof)
        return;
    for (size_t i = 0; i < PROOF_MARKS; i++)
        free((*proof)->bits[i]);
    free(*proof);
    *proof = NULL;
}

void proof_mark(struct proof *proof, enum proof_mark mark, int64_t offset)
{
    size_t at;

    if (offset < proof->first || offset >= proof->end)
        return;
    at = (size_t)(offset - proof->first);
    proof->bits[mark][at / 8] |= (unsigned char)(1u << at % 8);
}

static bool has(const struct proof *proof, enum proof_mark mark, size_t at)
{
    return proof->bits[mark][at / 8] >> at % 8 & 1;
}

static void judge(const struct proof *proof, size_t at, bool settled,
                  struct proof_sum *sum)
{
    bool stored = has(proof, PROOF_STORED, at);
    bool rejected = has(proof, PROOF_REJECTED, at);
    bool erased = has(proof, PROOF_ERASED, at);

    if (stored)
        sum->stored++;
    else if (rejected)
        sum->rejected++;
    else if (erased)
        sum->denied++;
    else if (settled)
        sum->missing++;
    else
        sum->lag++;
    sum->twice += stored && rejected;
    sum->came_back += stored && erased;
}

struct proof_sum proof_sum(const struct proof *proof, int64_t settled)
{
    struct proof_sum sum = {0};

    for (int64_t offset = proof->first; offset < proof->end; offset++) {
        size_t at = (size_t)(offset - proof->first);

        if (!has(proof, PROOF_PRODUCED, at))
            continue; /* the mark of a transaction, or one that was aborted */
        sum.produced++;
        judge(proof, at, offset < settled, &sum);
    }
    return sum;
}
