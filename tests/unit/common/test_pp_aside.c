/* A thread that waits so that the loop has not to. */
#include "pp_aside.h"

#include <pthread.h>

#include "test.h"

#define LONG_MS 10000 /* nothing here takes so long */

/* Of the thread while an errand is under way; but the gate. */
struct errands {
    int done;
    bool gated;
    pthread_mutex_t gate;
};

static void work(void *context)
{
    struct errands *errands = context;

    if (errands->gated) {
        pthread_mutex_lock(&errands->gate);
        pthread_mutex_unlock(&errands->gate);
    }
    errands->done++;
}

static struct pp_aside *open_for(struct errands *errands)
{
    struct pp_aside *aside;
    struct pp_err err = {0};

    *errands = (struct errands){0};
    pthread_mutex_init(&errands->gate, NULL);
    assert_int_equal(pp_aside_open(&aside, work, errands, &err), 0);
    return aside;
}

static void each_errand_ends_once(void **state)
{
    struct errands errands;
    struct pp_aside *aside = open_for(&errands);

    (void)state;
    assert_false(pp_aside_ended(aside, 0));
    for (int i = 1; i <= 1000; i++) {
        pp_aside_begin(aside);
        assert_true(pp_aside_is_under_way(aside));
        assert_true(pp_aside_ended(aside, LONG_MS));
        assert_false(pp_aside_is_under_way(aside));
        assert_int_equal(errands.done, i);
        assert_false(pp_aside_ended(aside, 0));
    }
    pp_aside_close(&aside);
    assert_null(aside);
}

static void the_loop_waits_no_longer_than_it_says(void **state)
{
    struct errands errands;
    struct pp_aside *aside = open_for(&errands);

    (void)state;
    errands.gated = true;
    pthread_mutex_lock(&errands.gate);
    pp_aside_begin(aside);
    assert_false(pp_aside_ended(aside, 0));
    assert_false(pp_aside_ended(aside, 20));
    assert_true(pp_aside_is_under_way(aside));
    pthread_mutex_unlock(&errands.gate);
    assert_true(pp_aside_ended(aside, LONG_MS));
    pp_aside_close(&aside);
}

static void closing_waits_for_what_was_begun(void **state)
{
    struct errands errands;

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct pp_aside *aside = open_for(&errands);

        pp_aside_begin(aside);
        pp_aside_close(&aside);
        assert_int_equal(errands.done, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_errand_ends_once),
        cmocka_unit_test(the_loop_waits_no_longer_than_it_says),
        cmocka_unit_test(closing_waits_for_what_was_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
