#include "proof.h"

#include <string.h>

#include "test.h"

/* Each record of a topic is exactly one of: stored, rejected, denied. */

#define FIRST INT64_C(1000)

static const unsigned PRODUCED = 1u << PROOF_PRODUCED,
                      ERASED = 1u << PROOF_ERASED, STORED = 1u << PROOF_STORED,
                      REJECTED = 1u << PROOF_REJECTED;

static struct proof_sum sum_of(unsigned marks, int64_t settled)
{
    struct proof *proof = proof_new(FIRST, FIRST + 20);
    struct proof_sum sum;

    for (int i = 0; i < PROOF_MARKS; i++)
        if (marks >> i & 1)
            proof_mark(proof, (enum proof_mark)i, FIRST + 9);
    sum = proof_sum(proof, settled);
    proof_free(&proof);
    return sum;
}

static void a_record_is_counted_where_it_is(void **state)
{
    const struct {
        const char *when;
        unsigned marks;
        int64_t settled;
        struct proof_sum want;
    } cases[] = {
        {"there is no such record", 0, FIRST + 20, {0}},
        {"it is stored", PRODUCED | STORED, FIRST, {1, 1, 0, 0, 0, 0, 0, 0}},
        {"it is rejected",
         PRODUCED | REJECTED,
         FIRST,
         {1, 0, 1, 0, 0, 0, 0, 0}},
        {"its site is erased",
         PRODUCED | ERASED,
         FIRST,
         {1, 0, 0, 1, 0, 0, 0, 0}},
        {"it is behind what is settled",
         PRODUCED,
         FIRST + 9,
         {1, 0, 0, 0, 1, 0, 0, 0}},
        {"it is the last that is settled",
         PRODUCED,
         FIRST + 10,
         {1, 0, 0, 0, 0, 1, 0, 0}},
        {"it is stored and rejected",
         PRODUCED | STORED | REJECTED,
         FIRST,
         {1, 1, 0, 0, 0, 0, 1, 0}},
        {"a restore brought back what was erased",
         PRODUCED | STORED | ERASED,
         FIRST,
         {1, 1, 0, 0, 0, 0, 0, 1}},
        {"it was rejected before its site was erased",
         PRODUCED | REJECTED | ERASED,
         FIRST,
         {1, 0, 1, 0, 0, 0, 0, 0}},
        {"a row has no record", STORED, FIRST, {0}},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct proof_sum got = sum_of(cases[i].marks, cases[i].settled);

        if (memcmp(&got, &cases[i].want, sizeof(got)) != 0)
            fail_msg("when %s", cases[i].when);
    }
}

static void neighbours_are_told_apart(void **state)
{
    struct proof *proof = proof_new(FIRST, FIRST + 100);
    struct proof_sum sum;

    (void)state;
    for (int64_t i = 0; i < 100; i++) {
        proof_mark(proof, PROOF_PRODUCED, FIRST + i);
        if (i % 3 == 0)
            proof_mark(proof, PROOF_STORED, FIRST + i);
    }
    sum = proof_sum(proof, FIRST + 50);
    assert_int_equal(sum.produced, 100);
    assert_int_equal(sum.stored, 34);
    assert_int_equal(sum.missing, 33);
    assert_int_equal(sum.lag, 33);
    proof_free(&proof);
}

static void what_is_not_of_the_range_is_passed_over(void **state)
{
    struct proof *proof = proof_new(FIRST, FIRST + 8);
    struct proof *empty = proof_new(FIRST, FIRST - 1);

    (void)state;
    proof_mark(proof, PROOF_PRODUCED, FIRST - 1);
    proof_mark(proof, PROOF_PRODUCED, FIRST + 8);
    proof_mark(proof, PROOF_PRODUCED, INT64_MAX);
    proof_mark(proof, PROOF_PRODUCED, -1);
    assert_int_equal(proof_sum(proof, FIRST).produced, 0);
    proof_mark(empty, PROOF_PRODUCED, FIRST);
    assert_int_equal(proof_sum(empty, FIRST).produced, 0);
    proof_free(&proof);
    proof_free(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_counted_where_it_is),
        cmocka_unit_test(neighbours_are_told_apart),
        cmocka_unit_test(what_is_not_of_the_range_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
