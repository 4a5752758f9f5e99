/* A report's numbers against a real ClickHouse, counted by hand. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_date.h"
#include "pp_report_query.h"
#include "pp_rollup.h"
#include "pp_time.h"
#include "pp_zones.h"

#include "test.h"

#define CALL_MS   60000
#define SQL_BYTES ((size_t)32 << 10)
#define DATABASE  "report_test"
#define MINUTE_MS INT64_C(60000)

static struct pp_clickhouse *clickhouse;
static struct pp_zones *zones;
static struct pp_zone *kathmandu, *utc;
static struct pp_arena arena;
static int64_t day; /* that the report is about, in Kathmandu: UTC+05:45 */

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

static struct pp_str run(const char *sql)
{
    const struct pp_clickhouse_call call = {.sql = sql, .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;

    if (pp_clickhouse_run(clickhouse, &call, &answer, &err) < 0)
        fail_msg("%.300s: %s", sql, err.msg);
    return pp_str_trim(answer);
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

/* --- events ----------------------------------------------------------------
 */

/* visit 0: none, and no visitor; minute: after the day's first instant. */
struct event {
    int minute;
    const char *kind, *name;
    int visit;
    const char *path, *source, *country;
    int bot;
    double value;
};

static const struct event events[] = {
    /* Began the day before, and goes on. */
    {-10, "pageview", "", 101, "/a", "", "DE", 0, 0},
    {5, "pageview", "", 101, "/b", "", "DE", 0, 0},
    /* One page view: a bounce. At the first instant: one, too. */
    {60, "pageview", "", 102, "/a", "Google", "DE", 0, 0},
    {0, "pageview", "", 105, "/x\\ty\\\\<b>", "", "FR", 0, 0},
    /* Two page views and an event, three minutes. */
    {100, "pageview", "", 103, "/a", "", "FR", 0, 0},
    {101, "custom", "buy", 103, "/a", "", "FR", 0, 0},
    {103, "pageview", "", 103, "/b", "", "FR", 0, 0},
    /* Begins in the last minute and goes on into the next day: six minutes. */
    {1439, "pageview", "", 104, "/a", "", "DE", 0, 0},
    {1445, "pageview", "", 104, "/c", "", "DE", 0, 0},
    /* The first instant of the next day, a robot, one without a visitor. */
    {1440, "pageview", "", 106, "/a", "", "DE", 0, 0},
    {200, "pageview", "", 107, "/a", "", "DE", 1, 0},
    {300, "pageview", "", 0, "/a", "", "", 0, 0},
    /* Vitals: six of two pages, and one of a robot. */
    {61, "vital", "LCP", 0, "/a", "", "", 0, 300},
    {62, "vital", "LCP", 0, "/a", "", "", 0, 100},
    {63, "vital", "LCP", 0, "/a", "", "", 0, 500},
    {64, "vital", "LCP", 0, "/a", "", "", 0, 200},
    {65, "vital", "LCP", 0, "/a", "", "", 0, 400},
    {66, "vital", "LCP", 0, "/b", "", "", 0, 9000},
    {67, "vital", "LCP", 0, "/a", "", "", 1, 99000},
    {68, "vital", "CLS", 0, "/a", "", "", 0, 0.05},
};

static void add(const struct event *event, const char *site, int64_t from_ms,
                size_t n)
{
    char sql[1200], visit[24];

    snprintf(visit, sizeof(visit), "%d", event->visit);
    snprintf(sql, sizeof(sql),
             "INSERT INTO events (site_id, event_at, event_id, account_id, "
             "received_at, kind, name, visitor, visit_id, hostname, pathname, "
             "source, country, device, bot, value, kafka_epoch, "
             "kafka_partition, kafka_offset, valid_until) SELECT '%s', "
             "fromUnixTimestamp64Milli(toInt64(%" PRId64 "), 'UTC'), "
             "'%s-%zu', 'a', now(), '%s', '%s', %s, %s, 'shop.example', '%s', "
             "'%s', '%s', 'desktop', %d, %s%g, 1, 0, %zu, today() + 90",
             site, from_ms + event->minute * MINUTE_MS, site, n, event->kind,
             event->name, event->visit ? visit : "NULL",
             event->visit ? visit : "NULL", event->path, event->source,
             event->country, event->bot,
             strcmp(event->kind, "vital") == 0 ? "" : "NULL + ", event->value,
             n);
    run(sql);
}

static int make_all(void **state)
{
    struct pp_clickhouse *any = connect_to("default");
    struct pp_clickhouse_call call = {
        .sql = "CREATE DATABASE IF NOT EXISTS " DATABASE,
        .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;
    int64_t from_ms;

    (void)state;
    assert_int_equal(pp_clickhouse_run(any, &call, &answer, &err), 0);
    pp_clickhouse_close(&any);
    clickhouse = connect_to(DATABASE);
    run_file("schemas/clickhouse/0001_events.sql");
    run_file("schemas/clickhouse/0002_fence.sql");
    run_file("schemas/clickhouse/0003_retention.sql");
    run_file("schemas/clickhouse/0004_visits_and_rollups.sql");
    assert_int_equal(pp_zones_open(&zones, "tests/data/zones", 8, 1000, &err),
                     0);
    assert_int_equal(
        pp_zones_get(zones, PP_LIT("Asia/Kathmandu"), &kathmandu, &err), 0);
    assert_int_equal(pp_zones_get(zones, PP_LIT("UTC"), &utc, &err), 0);
    pp_arena_init(&arena, (size_t)1 << 20);
    day = pp_wall_day(pp_wall_now()) - 3;
    from_ms = pp_zone_date_at_ms(kathmandu, day);
    for (size_t i = 0; i < PP_COUNT(events); i++)
        add(&events[i], "s1", from_ms, i);
    add(&events[0], "other", from_ms, 1000);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    run("DROP DATABASE " DATABASE);
    pp_clickhouse_close(&clickhouse);
    pp_zone_free(&kathmandu);
    pp_zone_free(&utc);
    pp_zones_close(&zones);
    pp_arena_fini(&arena);
    return 0;
}

static struct pp_report counted(const struct pp_zone *zone, const char *site,
                                struct pp_period period)
{
    const struct pp_report_count count = {
        .clickhouse = clickhouse, .zone = zone, .timeout_ms = CALL_MS};
    struct pp_report report = {
        .site_id = pp_str_of(site),
        .every = PP_LIT("day"),
        .period = period,
    };
    struct pp_err err = {0};

    report.before = pp_report_before(report.every, period);
    if (pp_report_count(&count, &arena, &report, &err) < 0)
        fail_msg("%s", err.msg);
    return report;
}

static void assert_figure(const struct pp_report *report,
                          enum pp_report_figure figure, double now,
                          double before)
{
    const struct pp_report_change *change = &report->figures[figure];

    if (!change->now.known || change->now.value < now - 1e-9 ||
        change->now.value > now + 1e-9)
        fail_msg("%s: %g where it should be %g", pp_report_figure_name(figure),
                 change->now.value, now);
    if (change->before.known != (before >= 0) ||
        (before >= 0 && (change->before.value < before - 1e-9 ||
                         change->before.value > before + 1e-9)))
        fail_msg("%s before: %g where it should be %g",
                 pp_report_figure_name(figure), change->before.value, before);
}

static void assert_row(const struct pp_report *report, enum pp_report_list list,
                       size_t n, const char *name, int64_t value,
                       int64_t before)
{
    const struct pp_report_row *row = &report->lists[list].rows[n];

    if (n >= report->lists[list].count)
        fail_msg("%s has no row %zu", pp_report_list_name(list), n);
    if (!pp_str_eq(row->name, pp_str_of(name)) || row->value != value ||
        row->before != before)
        fail_msg("%s: %.*s %" PRId64 " %" PRId64, pp_report_list_name(list),
                 PP_ARG(row->name), row->value, row->before);
}

static void a_day_of_the_sites_zone_is_counted(void **state)
{
    struct pp_report report =
        counted(kathmandu, "s1", (struct pp_period){day, day + 1});

    (void)state;
    assert_figure(&report, PP_REPORT_VISITORS, 5, 1);
    assert_figure(&report, PP_REPORT_VISITS, 5, 1);
    assert_figure(&report, PP_REPORT_PAGEVIEWS, 7, 1);
    assert_figure(&report, PP_REPORT_BOUNCE, 50, 0);
    assert_figure(&report, PP_REPORT_DURATION, 135, 900);
    assert_figure(&report, PP_REPORT_LCP, 500, -1);
    assert_figure(&report, PP_REPORT_CLS, 0.05, -1);
    assert_false(report.figures[PP_REPORT_INP].now.known);
    assert_false(report.figures[PP_REPORT_TTFB].now.known);
}

static void lists_are_in_order_and_robots_are_in_none(void **state)
{
    struct pp_report report =
        counted(kathmandu, "s1", (struct pp_period){day, day + 1});

    (void)state;
    assert_row(&report, PP_REPORT_PAGES, 0, "/a", 4, 0);
    assert_row(&report, PP_REPORT_PAGES, 1, "/b", 2, 0);
    assert_row(&report, PP_REPORT_PAGES, 2, "/x y\\<b>", 1, 0);
    assert_int_equal(report.lists[PP_REPORT_PAGES].count, 3);
    assert_row(&report, PP_REPORT_SOURCES, 0, "", 4, 0);
    assert_row(&report, PP_REPORT_SOURCES, 1, "Google", 1, 0);
    assert_row(&report, PP_REPORT_COUNTRIES, 0, "DE", 3, 0);
    assert_row(&report, PP_REPORT_COUNTRIES, 1, "FR", 2, 0);
    assert_row(&report, PP_REPORT_DEVICES, 0, "desktop", 5, 0);
    assert_row(&report, PP_REPORT_SLOWEST, 0, "/a", 400, 0);
    assert_int_equal(report.lists[PP_REPORT_SLOWEST].count, 1);
    assert_row(&report, PP_REPORT_MOVERS, 0, "/a", 4, 1);
    assert_row(&report, PP_REPORT_MOVERS, 1, "/b", 2, 0);
    assert_int_equal(report.lists[PP_REPORT_MOVERS].count, 3);
}

static void a_site_without_traffic_has_zeros_and_no_rows(void **state)
{
    struct pp_report report =
        counted(kathmandu, "nobody", (struct pp_period){day, day + 1});

    (void)state;
    assert_false(pp_report_has_traffic(&report));
    assert_figure(&report, PP_REPORT_VISITORS, 0, 0);
    assert_false(report.figures[PP_REPORT_BOUNCE].now.known);
    for (int i = 0; i < PP_REPORT_LISTS; i++)
        assert_int_equal(report.lists[i].count, 0);
}

static double rolled_up(const char *column)
{
    char sql[300], text[PP_DATE_TEXT_BYTES];
    double value = 0;
    char *end;

    pp_date_text(day, text);
    snprintf(sql, sizeof(sql),
             "SELECT %s FROM rollup_day WHERE site_id = 's1' AND NOT bot AND "
             "dimension = 'all' AND day = '%s'",
             column, text);
    value = strtod(run(sql).p, &end);
    return value;
}

static void days_of_utc_say_what_the_rollups_say(void **state)
{
    struct pp_rollup rollup = {
        .clickhouse = clickhouse, .tag = "report", .timeout_ms = CALL_MS};
    struct pp_report report =
        counted(utc, "s1", (struct pp_period){day, day + 1});
    double started, bounces, duration;
    struct pp_err err = {0};
    int64_t left;

    (void)state;
    if (pp_rollup_days(&rollup, day - 2, day + 2, true, &left, &err) < 0)
        fail_msg("%s", err.msg);
    started = rolled_up("sum(visits_started)");
    bounces = rolled_up("sum(bounces)");
    duration = rolled_up("sum(duration_ms)");
    assert_true(started > 0);
    assert_figure(&report, PP_REPORT_PAGEVIEWS, rolled_up("sum(pageviews)"),
                  report.figures[PP_REPORT_PAGEVIEWS].before.value);
    assert_figure(&report, PP_REPORT_VISITORS, rolled_up("uniqMerge(visitors)"),
                  report.figures[PP_REPORT_VISITORS].before.value);
    assert_figure(&report, PP_REPORT_VISITS, rolled_up("uniqMerge(visits)"),
                  report.figures[PP_REPORT_VISITS].before.value);
    assert_figure(&report, PP_REPORT_BOUNCE, 100 * bounces / started,
                  report.figures[PP_REPORT_BOUNCE].before.known
                      ? report.figures[PP_REPORT_BOUNCE].before.value
                      : -1);
    assert_figure(&report, PP_REPORT_DURATION, duration / started / 1000,
                  report.figures[PP_REPORT_DURATION].before.known
                      ? report.figures[PP_REPORT_DURATION].before.value
                      : -1);
}

int main(void)
{
    const struct CMUnitTest query[] = {
        cmocka_unit_test(a_day_of_the_sites_zone_is_counted),
        cmocka_unit_test(lists_are_in_order_and_robots_are_in_none),
        cmocka_unit_test(a_site_without_traffic_has_zeros_and_no_rows),
        cmocka_unit_test(days_of_utc_say_what_the_rollups_say),
    };

    return cmocka_run_group_tests(query, make_all, drop_all);
}
