/* Visits and rollups against a real ClickHouse: always what events says. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pp_date.h"
#include "pp_rollup.h"
#include "pp_time.h"

#include "test.h"

#define CALL_MS   60000
#define SQL_BYTES ((size_t)32 << 10)
#define DATABASE  "rollup_test"

static struct pp_clickhouse *clickhouse;
static int64_t today;

static struct pp_clickhouse *connect_to(const char *database)
{
    const struct pp_clickhouse_access access = {
        .url = getenv("PAWPRINT_CLICKHOUSE_URL"),
        .database = database,
        .user = "default",
        .password = "",
    };
    struct pp_err err = {0};
    struct pp_clickhouse *made;

    if (pp_clickhouse_open(&made, &access, &err) < 0)
        fail_msg("%s", err.msg);
    return made;
}

static struct pp_str run_on_day(const char *sql, int64_t on)
{
    char day[PP_DATE_TEXT_BYTES];
    const struct pp_clickhouse_value parameters[] = {{"day", day}, {0}};
    const struct pp_clickhouse_call call = {
        .sql = sql, .parameters = parameters, .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;

    pp_date_text(on, day);
    if (pp_clickhouse_run(clickhouse, &call, &answer, &err) < 0)
        fail_msg("%.300s: %s", sql, err.msg);
    return pp_str_trim(answer);
}

static struct pp_str run(const char *sql)
{
    return run_on_day(sql, today);
}

static void assert_answer(const char *sql, const char *want)
{
    struct pp_str got = run(sql);

    if (!pp_str_eq(got, pp_str_of(want)))
        fail_msg("%s\n  gives %.*s where it should be %s", sql, PP_ARG(got),
                 want);
}

static void run_file(const char *path)
{
    static char sql[SQL_BYTES];
    char *statement = sql, *end;
    FILE *file = fopen(path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(sql, 1, sizeof(sql) - 1, file);
    fclose(file);
    sql[n] = '\0';
    while ((end = strstr(statement, ";\n"))) {
        *end = '\0';
        run(statement);
        statement = end + 2;
    }
}

static int make_tables(void **state)
{
    struct pp_clickhouse *any = connect_to("default");
    struct pp_clickhouse_call call = {
        .sql = "CREATE DATABASE IF NOT EXISTS " DATABASE,
        .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;

    (void)state;
    assert_int_equal(pp_clickhouse_run(any, &call, &answer, &err), 0);
    pp_clickhouse_close(&any);
    clickhouse = connect_to(DATABASE);
    today = pp_wall_day(pp_wall_now());
    run_file("schemas/clickhouse/0001_events.sql");
    run_file("schemas/clickhouse/0002_fence.sql");
    run_file("schemas/clickhouse/0003_retention.sql");
    run_file("schemas/clickhouse/0004_visits_and_rollups.sql");
    return 0;
}

static int drop_tables(void **state)
{
    (void)state;
    run("DROP DATABASE " DATABASE);
    pp_clickhouse_close(&clickhouse);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    run("TRUNCATE TABLE events");
    run("TRUNCATE TABLE visits");
    run("TRUNCATE TABLE rollup_minute");
    run("TRUNCATE TABLE rollup_hour");
    run("TRUNCATE TABLE rollup_day");
    return 0;
}

/* --- events ---------------------------------------------------------------
 */

/*
 * count events of six sites in visits of eight, on four days that end with
 * today; offsets from first on. Some are robots, some have no visitor.
 */
static void add_events(int count, int first)
{
    char sql[6000];

    snprintf(
        sql, sizeof(sql),
        "INSERT INTO events (site_id, event_at, event_id, account_id, "
        "received_at, kind, name, visitor, visit_id, hostname, pathname, "
        "referrer_host, source, utm_source, utm_medium, utm_campaign, browser, "
        "os, device, country, language, bot, value, ttfb_ms, dom_ms, load_ms, "
        "kafka_epoch, kafka_partition, kafka_offset, valid_until) "
        "WITH number AS n, intDiv(n, 8) AS v, n %% 8 AS step, sipHash64(v) AS "
        "r, today() - 3 + intDiv(r, 100) %% 4 AS d, "
        "least(toDateTime64(d, 3, 'UTC') + toIntervalMillisecond("
        "toInt64(r %% 86400000) + step * (20000 + sipHash64(n) %% 300000)), "
        "toDateTime64(today() + 1, 3, 'UTC') - 0.001) AS at, "
        "['pageview', 'timing', 'vital', 'vital', 'vital', 'pageview', "
        "'vital', 'custom'][step + 1] AS k, "
        "toInt32(exp(sipHash64(n, 1) %% 1000 / 200) + 100) AS ms "
        "SELECT concat('site', toString(r %% 6)), at, toString(n), 'a', at, k, "
        "multiIf(k = 'vital', ['LCP', 'INP', 'CLS', '', 'FCP'][step - 1], "
        "k = 'custom', ['buy', 'go'][r %% 2 + 1], ''), "
        "if(r %% 10 = 0, NULL, toInt64(r %% 500)), "
        "if(r %% 10 = 0, NULL, toInt64(v)), 'shop.example', "
        "concat('/', toString(sipHash64(n) %% 40)), "
        "['', 'news.example'][r %% 2 + 1], ['', 'News'][r %% 2 + 1], "
        "'', '', ['', 'w1', 'w2'][r %% 3 + 1], ['Chrome', 'Safari'][r %% 2 + "
        "1], 'Linux', ['desktop', 'mobile'][intDiv(r, 2) %% 2 + 1], "
        "['DE', 'US', ''][r %% 3 + 1], 'en', r %% 15 = 0, "
        "if(k = 'vital', ms / 7, NULL), if(k = 'timing', ms, NULL), "
        "if(k = 'timing', ms * 2, NULL), if(k = 'timing', ms * 3, NULL), "
        "1, toInt32(v %% 4), n, now64(3) + 60 FROM numbers(%d, %d)",
        first, count);
    run(sql);
}

/* Page views of one visit: "d.hh:mm" each, d days before today. */
static void add_visit(int visit, const char *const *times)
{
    static int offset = 1;

    for (int i = 0; times[i]; i++) {
        char sql[700];

        snprintf(
            sql, sizeof(sql),
            "INSERT INTO events (site_id, event_at, event_id, kind, visitor, "
            "visit_id, pathname, kafka_epoch, kafka_offset, valid_until) "
            "SELECT 'site', toDateTime64(concat(toString(today() - %c), "
            "' %s:00'), 3, 'UTC'), '%d-%s', 'pageview', %d, %d, "
            "'/%s', 9, %d, now64(3) + 60",
            times[i][0], times[i] + 2, visit, times[i], visit, visit, times[i],
            offset++);
        run(sql);
    }
}

/* --- the job --------------------------------------------------------------
 */

/* Does what the job would do; gives how many partitions it put in place. */
static int64_t make_right(void)
{
    struct pp_rollup rollup = {
        .clickhouse = clickhouse, .tag = "test", .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    int64_t first, last, left;

    if (pp_rollup_range(&rollup, &first, &last, &err) < 0 ||
        pp_rollup_days(&rollup, first, last, false, &left, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(left, 0);
    return rollup.partitions;
}

static void assert_equal_on(const struct pp_rollup_proof *proof, int64_t day)
{
    char want[128];
    struct pp_str got;

    snprintf(want, sizeof(want), "%.*s",
             PP_ARG(run_on_day(proof->events_sql, day)));
    got = run_on_day(proof->table_sql, day);
    if (!pp_str_eq(got, pp_str_of(want)))
        fail_msg("%s, %d days ago: %.*s is in the table, %s in events",
                 proof->name, (int)(today - day), PP_ARG(got), want);
}

/* Every measure of every table is what a query on events says. */
static void assert_all_equal(void)
{
    for (const struct pp_rollup_proof *proof = pp_rollup_proofs; proof->name;
         proof++)
        for (int64_t day = today - 3; day <= today; day++)
            if (strcmp(proof->name, "minute") != 0 || day >= today - 2)
                assert_equal_on(proof, day);
}

static void tables_that_were_made_equal_a_query_on_events(void **state)
{
    (void)state;
    add_events(20000, 0);
    assert_true(make_right() > 0);
    assert_all_equal();
    assert_answer("SELECT sum(row_count) FROM rollup_day WHERE dimension = "
                  "'all'",
                  "20000");
    assert_answer("SELECT count() > 100, count() - uniqExact(site_id, visit_id)"
                  " FROM visits",
                  "1\t0");
    assert_answer("SELECT count() > 1000 FROM rollup_minute", "1");
    assert_answer("SELECT abs(quantilesDDMerge(0.01, 0.5, 0.75, 0.95, 0.99)"
                  "(load_ms)[2] / (SELECT quantileExactLowIf(0.75)(load_ms, "
                  "kind = 'timing') FROM events) - 1) < 0.02 FROM rollup_day "
                  "WHERE dimension = 'all'",
                  "1");
}

static void doing_it_again_changes_nothing(void **state)
{
    (void)state;
    add_events(5000, 0);
    assert_true(make_right() > 0);
    assert_int_equal(make_right(), 0);
}

static void late_events_redo_their_day_alone(void **state)
{
    static const char *const late[] = {"3.12:00", NULL};

    (void)state;
    add_events(5000, 0);
    make_right();
    add_visit(77777, late);
    assert_int_equal(make_right(), 3); /* visits, hour, day */
    assert_all_equal();
}

static void what_was_erased_is_gone_after_a_run(void **state)
{
    (void)state;
    add_events(5000, 0);
    make_right();
    run("DELETE FROM events WHERE site_id = 'site3'");
    assert_true(make_right() > 0);
    assert_all_equal();
    assert_answer(
        "SELECT (SELECT count() FROM visits WHERE site_id = 'site3')"
        " + (SELECT count() FROM rollup_day WHERE site_id = 'site3')"
        " + (SELECT count() FROM rollup_hour WHERE site_id = 'site3')",
        "0");
    run("TRUNCATE TABLE events");
    make_right();
    assert_answer("SELECT (SELECT count() FROM visits) + (SELECT count() FROM "
                  "rollup_day) + (SELECT count() FROM rollup_hour)"
                  " + (SELECT count() FROM rollup_minute)",
                  "0");
}

static void tables_that_were_damaged_or_restored_are_made_right(void **state)
{
    static const char *const damages[] = {
        "TRUNCATE TABLE visits",
        "DELETE FROM rollup_hour WHERE bot = 0 AND site_id = 'site1'",
        "INSERT INTO rollup_day SELECT * FROM rollup_day",
        "DELETE FROM rollup_day WHERE dimension = 'entry_page'",
        "TRUNCATE TABLE rollup_minute",
        "INSERT INTO visits SELECT * REPLACE (day + 1 AS day) FROM visits",
    };

    (void)state;
    add_events(5000, 0);
    make_right();
    for (size_t i = 0; i < PP_COUNT(damages); i++) {
        run(damages[i]);
        if (make_right() == 0)
            fail_msg("not noticed: %s", damages[i]);
        assert_all_equal();
    }
}

/* --- kills ----------------------------------------------------------------
 */

/* Killed at the n-th passing of the point; true when it got that far. */
static bool killed_at(const char *point)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        setenv("PAWPRINT_CRASH", point, 1); /* read once a program */
        execl("/proc/self/exe", "test", "work", NULL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void whoever_is_killed_leaves_the_old_day_or_the_new_one(void **state)
{
    static const char *const points[] = {
        "rollup.before_replace:1", "rollup.after_replace:1",
        "rollup.before_replace:2", "rollup.after_replace:2",
        "rollup.before_replace:3", "rollup.before_replace:4",
        "rollup.after_replace:5",
    };
    int rows = 3000;

    (void)state;
    add_events(rows, 0);
    make_right();
    for (size_t i = 0; i < PP_COUNT(points); i++) {
        add_events(800, rows);
        rows += 800;
        assert_true(killed_at(points[i]));
        assert_answer("SELECT count() FROM (SELECT toDate(hour) AS d, "
                      "sum(row_count) AS n FROM rollup_hour GROUP BY d) "
                      "WHERE n = 0",
                      "0");
        assert_true(make_right() > 0);
        assert_all_equal();
    }
    assert_answer("SELECT count() FROM system.tables WHERE database = "
                  "'" DATABASE "' AND name LIKE '%stage%'",
                  "0");
}

/* --- visits ---------------------------------------------------------------
 */

static void inserting_the_same_events_again_changes_no_visit(void **state)
{
    char sql[SQL_BYTES];
    const char *step, *place;

    (void)state;
    add_events(5000, 0);
    make_right();
    step = pp_rollup_sql[PP_ROLLUP_VISITS].steps[0];
    place = strstr(step, "%s");
    snprintf(sql, sizeof(sql), "%.*svisits%s", (int)(place - step), step,
             place + 2);
    for (int64_t day = today - 3; day <= today; day++)
        run_on_day(sql, day);
    assert_all_equal(); /* before the server merges, and after */
    run("OPTIMIZE TABLE visits FINAL");
    assert_all_equal();
    assert_int_equal(make_right(), 0);
}

static void a_visit_over_midnight_is_one_whichever_half_comes_first(void **s)
{
    static const char *const evening[] = {"2.23:40", "2.23:59", NULL};
    static const char *const morning[] = {"1.00:05", "1.00:20", NULL};
    static const char want[] = "2\t4\t1\t/2.23:40\t/1.00:20\t2400";

    (void)s;
    for (int order = 0; order < 3; order++) {
        empty(NULL);
        add_visit(5, order == 1 ? morning : evening);
        if (order < 2)
            make_right(); /* each half by itself at first */
        add_visit(5, order == 1 ? evening : morning);
        make_right();
        assert_answer("SELECT any(today() - day), uniqExactMerge(pageviews), "
                      "count(), argMinMerge(entry).1, argMaxMerge(exit), "
                      "dateDiff('second', min(first_at), max(last_at)) "
                      "FROM visits",
                      want);
        assert_all_equal();
        assert_answer("SELECT sum(visits_started), sum(bounces), "
                      "sum(duration_ms) FROM rollup_day WHERE dimension = "
                      "'all'",
                      "1\t0\t2400000");
    }
}

/* A page that reloads itself: every event is in one row, none is lost. */
static void a_visit_of_many_days_is_cut_after_the_second(void **state)
{
    static const char *const times[] = {"3.12:00", "2.12:00", "1.12:00",
                                        "1.12:10", "0.00:00", NULL};

    (void)state;
    add_visit(6, times);
    make_right();
    assert_answer("SELECT arraySort(groupArray((today() - day, row_count, "
                  "row_count_next))) FROM visits",
                  "[(0,1,0),(1,2,0),(3,1,1)]");
    assert_all_equal();
}

static void robots_and_events_without_a_visitor_make_no_visit(void **state)
{
    (void)state;
    run("INSERT INTO events (site_id, event_at, kind, visit_id, bot, "
        "kafka_offset, valid_until) SELECT 'site', now64(3), 'pageview', "
        "arrayJoin([1, NULL]) AS v, v IS NOT NULL, 1, now64(3) + 60");
    make_right();
    assert_answer("SELECT count() FROM visits", "0");
    assert_answer("SELECT bot, sum(pageviews), uniqMerge(visits) FROM "
                  "rollup_day WHERE dimension = 'all' GROUP BY bot ORDER BY 1",
                  "0\t1\t0\n1\t1\t1");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tables_that_were_made_equal_a_query_on_events,
                               empty),
        cmocka_unit_test_setup(doing_it_again_changes_nothing, empty),
        cmocka_unit_test_setup(late_events_redo_their_day_alone, empty),
        cmocka_unit_test_setup(what_was_erased_is_gone_after_a_run, empty),
        cmocka_unit_test_setup(
            tables_that_were_damaged_or_restored_are_made_right, empty),
        cmocka_unit_test_setup(
            whoever_is_killed_leaves_the_old_day_or_the_new_one, empty),
        cmocka_unit_test_setup(inserting_the_same_events_again_changes_no_visit,
                               empty),
        cmocka_unit_test_setup(
            a_visit_over_midnight_is_one_whichever_half_comes_first, empty),
        cmocka_unit_test_setup(a_visit_of_many_days_is_cut_after_the_second,
                               empty),
        cmocka_unit_test_setup(
            robots_and_events_without_a_visitor_make_no_visit, empty),
    };

    if (argc == 2 && strcmp(argv[1], "work") == 0) {
        clickhouse = connect_to(DATABASE);
        make_right();
        return 0;
    }
    return cmocka_run_group_tests(tests, make_tables, drop_tables);
}
