#include <math.h>
#include <pthread.h>
#include <string.h>

#include "pp_metrics.h"

#include "test.h"

#define THREADS 4
#define ROUNDS  1000

static const double bounds[] = {0.1, 1, 2.5};

static struct pp_counter bots = PP_COUNTER_WITH(
    "pawprint_test_rejects_total", "hits rejected", {"reason", "bot"});
static struct pp_gauge lag =
    PP_GAUGE("pawprint_test_lag_messages", "a \\ and a\nline, \"quoted\"");
static struct pp_counter odd =
    PP_COUNTER_WITH("pawprint_test_rejects_total", "hits rejected",
                    {"reason", "a\"b\\c\nd"}, {"topic", "hits"});
static struct pp_histogram took =
    PP_HISTOGRAM("pawprint_test_batch_seconds", "time of a batch", bounds);
static struct pp_histogram took_pg = PP_HISTOGRAM_WITH(
    "pawprint_test_batch_seconds", "time of a batch", bounds, {"store", "pg"});
static struct pp_histogram raced = PP_HISTOGRAM(
    "pawprint_test_raced_seconds", "from many threads", pp_metrics_seconds);
static struct pp_counter hits =
    PP_COUNTER("pawprint_test_hits_total", "from many threads");

static char page[16384];

static const char *shown(void)
{
    struct pp_buf out;

    pp_buf_init(&out, sizeof(page) - 1);
    pp_metrics_write(&out);
    assert_false(out.overflow);
    memcpy(page, out.p, out.n);
    page[out.n] = '\0';
    pp_buf_fini(&out);
    return page;
}

static void expect(const char *text)
{
    if (!strstr(shown(), text))
        fail_msg("no\n%s\nin\n%s", text, page);
}

static void a_family_is_shown_once_with_all_its_labels(void **state)
{
    (void)state;
    pp_counter_add(&bots, 2);
    pp_counter_add(&bots, 1);
    expect("# HELP pawprint_test_rejects_total hits rejected\n"
           "# TYPE pawprint_test_rejects_total counter\n"
           "pawprint_test_rejects_total{reason=\"bot\"} 3\n"
           "pawprint_test_rejects_total{reason=\"a\\\"b\\\\c\\nd\","
           "topic=\"hits\"} 0\n"
           "# HELP pawprint_test_lag_messages ");
    assert_null(
        strstr(strstr(page, "rejects_total{"), "TYPE pawprint_test_rejects"));
}

static void a_gauge_goes_up_and_down(void **state)
{
    (void)state;
    pp_gauge_set(&lag, 5);
    pp_gauge_add(&lag, -7);
    expect("# TYPE pawprint_test_lag_messages gauge\n"
           "pawprint_test_lag_messages -2\n");
}

static void a_help_stays_on_its_line(void **state)
{
    (void)state;
    expect("# HELP pawprint_test_lag_messages "
           "a \\\\ and a\\nline, \"quoted\"\n");
}

static void a_bucket_counts_all_up_to_its_bound(void **state)
{
    (void)state;
    pp_histogram_observe(&took, 0.05);
    pp_histogram_observe(&took, 0.1);
    pp_histogram_observe(&took, 2);
    pp_histogram_observe(&took, 100);
    pp_histogram_observe(&took, (double)NAN);
    expect("# TYPE pawprint_test_batch_seconds histogram\n"
           "pawprint_test_batch_seconds_bucket{le=\"0.1\"} 2\n"
           "pawprint_test_batch_seconds_bucket{le=\"1\"} 2\n"
           "pawprint_test_batch_seconds_bucket{le=\"2.5\"} 3\n"
           "pawprint_test_batch_seconds_bucket{le=\"+Inf\"} 4\n"
           "pawprint_test_batch_seconds_sum 102.15\n"
           "pawprint_test_batch_seconds_count 4\n"
           "pawprint_test_batch_seconds_bucket{store=\"pg\",le=\"0.1\"} 0\n");
    expect("pawprint_test_batch_seconds_sum{store=\"pg\"} 0\n"
           "pawprint_test_batch_seconds_count{store=\"pg\"} 0\n");
}

static void *update_many(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pp_counter_add(&hits, 1);
        pp_histogram_observe(&raced, 0.5);
    }
    return arg;
}

static void no_update_of_any_thread_is_lost(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, update_many, NULL),
                         0);
    (void)shown();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect("pawprint_test_hits_total 4000\n");
    expect("pawprint_test_raced_seconds_bucket{le=\"0.25\"} 0\n"
           "pawprint_test_raced_seconds_bucket{le=\"0.5\"} 4000\n");
    expect("pawprint_test_raced_seconds_sum 2000\n"
           "pawprint_test_raced_seconds_count 4000\n");
}

static void a_metric_that_is_added_twice_is_shown_once(void **state)
{
    const char *at;

    (void)state;
    pp_metrics_add(&hits.metric);
    at = strstr(shown(), "\npawprint_test_hits_total ");
    assert_non_null(at);
    assert_null(strstr(at + 1, "\npawprint_test_hits_total "));
}

static void a_page_beyond_its_limit_says_so(void **state)
{
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 100);
    pp_metrics_write(&out);
    assert_true(out.overflow);
    pp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_shown_once_with_all_its_labels),
        cmocka_unit_test(a_gauge_goes_up_and_down),
        cmocka_unit_test(a_help_stays_on_its_line),
        cmocka_unit_test(a_bucket_counts_all_up_to_its_bound),
        cmocka_unit_test(no_update_of_any_thread_is_lost),
        cmocka_unit_test(a_metric_that_is_added_twice_is_shown_once),
        cmocka_unit_test(a_page_beyond_its_limit_says_so),
    };

    pp_metrics_add(&bots.metric);
    pp_metrics_add(&lag.metric);
    pp_metrics_add(&odd.metric);
    pp_metrics_add(&took.metric);
    pp_metrics_add(&took_pg.metric);
    pp_metrics_add(&raced.metric);
    pp_metrics_add(&hits.metric);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
