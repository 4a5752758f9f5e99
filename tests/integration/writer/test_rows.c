#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_clickhouse.h"
#include "pp_time.h"

#include "row.h"
#include "store.h"

#include "test.h"

/* What the writer makes of events, as a real ClickHouse reads it back. */

#define CALL_MS    30000
#define SQL_BYTES  ((size_t)16 << 10)
#define BODY_BYTES ((size_t)1 << 20)

/* An instant of late: what is old is dropped by the table. */
#define T0 (pp_wall_now().ms / 86400000 * 86400000 - 86400000)

static struct pp_clickhouse *clickhouse;

static struct pp_clickhouse_access test_access(void)
{
    return (struct pp_clickhouse_access){
        .url = getenv("PAWPRINT_CLICKHOUSE_URL"),
        .database = "writer_test",
        .user = "default",
        .password = "",
    };
}

static struct pp_str run(const char *sql, struct pp_str data)
{
    const struct pp_clickhouse_call call = {
        .sql = sql, .data = data, .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;

    if (pp_clickhouse_run(clickhouse, &call, &answer, &err) < 0)
        fail_msg("%.200s: %s", sql, err.msg);
    return answer;
}

static void assert_answer(const char *sql, const char *want)
{
    struct pp_str got = run(sql, (struct pp_str){NULL, 0});

    if (got.n != strlen(want) || memcmp(got.p, want, got.n) != 0)
        fail_msg("%s\n  gives %.*swhere it should be %s", sql, (int)got.n,
                 got.p, want);
}

static int open_clickhouse(void **state)
{
    const struct pp_clickhouse_access access = test_access();
    struct pp_err err = {0};
    struct pp_str answer;
    static const struct pp_clickhouse_call create = {
        .sql = "CREATE DATABASE IF NOT EXISTS writer_test",
        .timeout_ms = CALL_MS,
        .without_database = true,
    };

    (void)state;
    if (pp_clickhouse_open(&clickhouse, &access, &err) < 0 ||
        pp_clickhouse_run(clickhouse, &create, &answer, &err) < 0)
        fail_msg("%s", err.msg);
    return 0;
}

static int close_clickhouse(void **state)
{
    (void)state;
    run("DROP DATABASE writer_test", (struct pp_str){NULL, 0});
    pp_clickhouse_close(&clickhouse);
    return 0;
}

static void run_file(const char *path)
{
    char sql[SQL_BYTES], *statement = sql, *end;
    FILE *file = fopen(path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(sql, 1, sizeof(sql) - 1, file);
    fclose(file);
    sql[n] = '\0';
    while ((end = strstr(statement, ";\n"))) {
        *end = '\0';
        run(statement, (struct pp_str){NULL, 0});
        statement = end + 2;
    }
}

/* Each test has the table of our own migrations, and nobody's rows. */
static int make_table(void **state)
{
    (void)state;
    run("DROP TABLE IF EXISTS events", (struct pp_str){NULL, 0});
    run_file("schemas/clickhouse/0001_events.sql");
    run_file("schemas/clickhouse/0002_fence.sql");
    run_file("schemas/clickhouse/0003_retention.sql");
    return 0;
}

static void insert(struct native *block)
{
    struct pp_buf body;

    row_set_valid_until(block, pp_wall_now().ms + CALL_MS);

    pp_buf_init(&body, (size_t)256 << 20);
    native_write(block, &body);
    assert_false(body.overflow);
    run(row_insert_sql(), pp_buf_str(&body));
    pp_buf_fini(&body);
}

static struct event some_event(void)
{
    return (struct event){
        .event_id = PP_LIT("e-1"),
        .site_id = PP_LIT("site"),
        .account_id = PP_LIT("account"),
        .received_at_ms = T0 + 123,
        .event_at_ms = T0 + 1,
        .kind = EVENT_KIND_PAGEVIEW,
        .hostname = PP_LIT("shop.example"),
        .pathname = PP_LIT("/kettles"),
        .device = PP_LIT("desktop"),
    };
}

static void a_row_comes_back_as_it_went_in(void **state)
{
    static const struct row_identity identity = {7, 3, 4200000000};
    struct native *block = row_block_new();
    struct event event = some_event();
    struct pp_buf props;
    char want[200];

    (void)state;
    pp_buf_init(&props, 1024);
    pp_avro_map_begin(&props, 2);
    pp_avro_put_bytes(&props, PP_LIT("plan"));
    pp_avro_put_bytes(&props, PP_LIT("gold"));
    pp_avro_put_bytes(&props, PP_LIT("tab\there"));
    pp_avro_put_bytes(&props, PP_LIT(""));
    pp_avro_map_end(&props);
    event.kind = EVENT_KIND_VITAL;
    event.name = PP_LIT("LCP");
    event.visitor = INT64_MIN;
    event.has_visitor = true;
    event.visit_id = -1;
    event.has_visit_id = true;
    event.has_value = true;
    event.value = 0.125;
    event.has_load_ms = true;
    event.load_ms = 2147483647;
    event.bot = true;
    event.retention_days = 90;
    event.props.blocks = pp_buf_str(&props);
    row_put(block, &event, &identity);
    insert(block);
    snprintf(want, sizeof(want),
             "site\te-1\taccount\tvital\tLCP\tshop.example\t/kettles\t"
             "desktop\t%" PRId64 "\t%" PRId64 "\n",
             T0 + 1, T0 + 123);
    assert_answer("SELECT site_id, event_id, account_id, kind, name, hostname,"
                  " pathname, device, toUnixTimestamp64Milli(event_at),"
                  " toUnixTimestamp64Milli(received_at) FROM events",
                  want);
    assert_answer("SELECT visitor, visit_id, value, ttfb_ms, load_ms, bot,"
                  " kafka_epoch, kafka_partition, kafka_offset, retention_days"
                  " FROM events",
                  "-9223372036854775808\t-1\t0.125\t\\N\t2147483647\t1\t7\t3\t"
                  "4200000000\t90\n");
    assert_answer("SELECT props['plan'], length(props['tab\\there']),"
                  " length(props) FROM events",
                  "gold\t0\t2\n");
    pp_buf_fini(&props);
    native_free(&block);
}

static void one_block_becomes_one_part(void **state)
{
    struct native *block = row_block_new();

    (void)state;
    for (int64_t i = 0; i < 20000; i++) {
        const struct event event = some_event();
        const struct row_identity identity = {1, 0, i};

        row_put(block, &event, &identity);
    }
    insert(block);
    assert_answer("SELECT count(), sum(rows) FROM system.parts WHERE"
                  " database = 'writer_test' AND table = 'events' AND active",
                  "1\t20000\n");
    native_free(&block);
}

/* Indexes are a byte, two or four wide: each width has its own block. */
static void a_dictionary_of_any_size_keeps_every_value(void **state)
{
    static const int distinct[] = {1, 255, 256, 257, 65536, 65537};

    for (size_t i = 0; i < PP_COUNT(distinct); i++) {
        struct native *block = row_block_new();
        char want[64];

        make_table(state);
        for (int j = 0; j < 2 * distinct[i]; j++) {
            struct event event = some_event();
            const struct row_identity identity = {1, 0, j % distinct[i]};
            char source[32];
            int n = snprintf(source, sizeof(source), "%d", j % distinct[i]);

            event.source = (struct pp_str){source, (size_t)n};
            row_put(block, &event, &identity);
        }
        insert(block);
        snprintf(want, sizeof(want), "%d\t%d\t0\n", 2 * distinct[i],
                 distinct[i]);
        assert_answer("SELECT count(), uniqExact(source),"
                      " countIf(toInt64(source) != kafka_offset) FROM events",
                      want);
        native_free(&block);
    }
}

static void a_block_that_was_emptied_holds_nothing_of_before(void **state)
{
    struct native *block = row_block_new();
    static const struct row_identity identity = {1, 0, 1};
    struct event event = some_event();

    (void)state;
    event.source = PP_LIT("before");
    row_put(block, &event, &identity);
    native_reset(block);
    assert_int_equal(native_rows(block), 0);
    event.source = PP_LIT("after");
    row_put(block, &event, &identity);
    insert(block);
    assert_answer("SELECT count(), any(source) FROM events", "1\tafter\n");
    native_free(&block);
}

static void a_block_that_comes_after_its_deadline_is_refused(void **state)
{
    const struct pp_clickhouse_access access = test_access();
    static const struct row_identity identity = {1, 0, 1};
    struct native *block = row_block_new();
    const struct event event = some_event();
    struct pp_err err = {0};
    struct store_facts facts;
    struct store *store;
    struct body body;

    (void)state;
    body_init(&body, BODY_BYTES);
    assert_int_equal(store_open(&store, &access, &err), 0);
    assert_int_equal(store_look(store, &facts, &err), 0);
    row_put(block, &event, &identity);
    row_set_valid_until(block, pp_wall_now().ms - 1);
    assert_int_equal(store_insert(store, block, &body, "late", &err),
                     STORE_LATE);
    assert_answer("SELECT count() FROM events", "0\n");
    row_set_valid_until(block, pp_wall_now().ms + CALL_MS);
    assert_int_equal(store_insert(store, block, &body, "in-time", &err),
                     STORE_STORED);
    assert_answer("SELECT count() FROM events", "1\n");
    store_close(&store);
    body_fini(&body);
    native_free(&block);
}

/* One insert is one part: two would not be stored at one instant. */
static void a_block_of_two_months_is_refused_whole(void **state)
{
    const struct pp_clickhouse_access access = test_access();
    static const struct row_identity first = {1, 0, 1}, second = {1, 0, 2};
    struct native *block = row_block_new();
    struct event event = some_event();
    struct pp_err err = {0};
    struct store_facts facts;
    struct store *store;
    struct body body;

    (void)state;
    body_init(&body, BODY_BYTES);
    assert_int_equal(store_open(&store, &access, &err), 0);
    assert_int_equal(store_look(store, &facts, &err), 0);
    row_put(block, &event, &first);
    event.event_at_ms += INT64_C(32) * 86400000;
    row_put(block, &event, &second);
    row_set_valid_until(block, pp_wall_now().ms + CALL_MS);
    assert_int_not_equal(store_insert(store, block, &body, "two", &err),
                         STORE_STORED);
    assert_answer("SELECT count() FROM events", "0\n");
    store_close(&store);
    body_fini(&body);
    native_free(&block);
}

/* Also when it was killed after any of its statements, and runs again. */
static void rows_of_before_move_into_the_table_by_retention(void **state)
{
    (void)state;
    run("DROP TABLE events", (struct pp_str){NULL, 0});
    run_file("schemas/clickhouse/0001_events.sql");
    run_file("schemas/clickhouse/0002_fence.sql");
    run("INSERT INTO events (site_id, event_at, kafka_offset, valid_until)"
        " SELECT 'site', now64(3) - number * 3000, number, now64(3) + 60"
        " FROM numbers(10000)",
        (struct pp_str){NULL, 0});
    run_file("schemas/clickhouse/0003_retention.sql");
    run_file("schemas/clickhouse/0003_retention.sql");
    assert_answer("SELECT count(), uniqExact(kafka_offset),"
                  " uniqExact(retention_days), any(retention_days)"
                  " FROM events",
                  "10000\t10000\t1\t400\n");
    assert_answer("SELECT partition_key, position(create_table_query,"
                  " 'CONSTRAINT fence CHECK valid_until > now64') > 0,"
                  " position(engine_full, 'fsync_after_insert = 1') > 0"
                  " FROM system.tables WHERE database = 'writer_test'",
                  "(retention_days, toYYYYMM(event_at))\t1\t1\n");
}

/* What the server drops, it drops as whole parts whose every row is over. */
static void only_parts_that_are_over_go(void **state)
{
    (void)state;
    run("INSERT INTO events (site_id, event_at, retention_days, valid_until)"
        " SELECT 'site', toStartOfMonth(now()) - toIntervalDay(day),"
        " class, now64(3) + 60 FROM (SELECT arrayJoin([20, 200, 600]) AS day,"
        " arrayJoin([90, 400, 1100]) AS class)",
        (struct pp_str){NULL, 0});
    for (int tries = 0; tries < 300; tries++) {
        struct pp_str got =
            run("SELECT count() FROM events", (struct pp_str){NULL, 0});

        if (pp_str_eq(pp_str_trim(got), PP_LIT("6")))
            break;
        usleep(100000);
    }
    assert_answer("SELECT retention_days, count() FROM events GROUP BY 1"
                  " ORDER BY 1",
                  "90\t1\n400\t2\n1100\t3\n");
}

static void what_is_stored_of_a_range_is_told(void **state)
{
    const struct pp_clickhouse_access access = test_access();
    static const struct store_range ranges[] = {{0, 5, 8}, {3, 0, 100}};
    struct native *block = row_block_new();
    const struct event event = some_event();
    struct batch_stored *list;
    struct pp_err err = {0};
    struct store_facts facts;
    struct store *store;
    size_t count;

    (void)state;
    assert_int_equal(store_open(&store, &access, &err), 0);
    assert_int_equal(store_look(store, &facts, &err), 0);
    for (int64_t offset = 0; offset < 10; offset += 2) {
        row_put(block, &event, &(struct row_identity){1, 0, offset});
        row_put(block, &event, &(struct row_identity){1, 3, 7 * offset});
        row_put(block, &event, &(struct row_identity){2, 0, 7});
    }
    insert(block);
    assert_int_equal(store_present(store, 1, ranges, 2, &list, &count, &err),
                     0);
    assert_int_equal(count, 6);
    assert_int_equal(list[0].offset, 6);
    assert_int_equal(list[1].partition, 3);
    assert_int_equal(list[5].offset, 56);
    free(list);
    assert_int_equal(store_newest(store, 1, ranges, 2, &list, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].offset + list[1].offset, 6 + 56);
    free(list);
    store_close(&store);
    native_free(&block);
}

int main(void)
{
    const struct CMUnitTest rows[] = {
        cmocka_unit_test_setup(a_row_comes_back_as_it_went_in, make_table),
        cmocka_unit_test_setup(one_block_becomes_one_part, make_table),
        cmocka_unit_test(a_dictionary_of_any_size_keeps_every_value),
        cmocka_unit_test_setup(a_block_that_comes_after_its_deadline_is_refused,
                               make_table),
        cmocka_unit_test_setup(a_block_of_two_months_is_refused_whole,
                               make_table),
        cmocka_unit_test_setup(what_is_stored_of_a_range_is_told, make_table),
        cmocka_unit_test_setup(rows_of_before_move_into_the_table_by_retention,
                               make_table),
        cmocka_unit_test_setup(only_parts_that_are_over_go, make_table),
        cmocka_unit_test_setup(a_block_that_was_emptied_holds_nothing_of_before,
                               make_table),
    };

    return cmocka_run_group_tests(rows, open_clickhouse, close_clickhouse);
}
