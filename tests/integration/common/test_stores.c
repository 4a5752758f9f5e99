/* pp_pg, pp_redis and pp_clickhouse against real servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_clickhouse.h"
#include "pp_column.h"
#include "pp_pg.h"
#include "pp_redis.h"
#include "pp_time.h"

#include "test.h"

/* --- Postgres ------------------------------------------------------------- */

static struct pp_pg *pg_new(void)
{
    const char *dsn = getenv("PAWPRINT_POSTGRES_DSN");
    struct pp_err err = {0};
    struct pp_pg *pg;

    if (pp_pg_open(&pg, dsn ? dsn : "", "test", &err) < 0)
        fail_msg("%s", err.msg);
    return pg;
}

static void parameters_are_bound_never_pasted(void **state)
{
    const char *values[] = {"'; DROP TABLE x; --", NULL, "7"};
    struct pp_pg *pg = pg_new();
    struct pp_pg_rows rows;
    struct pp_err err = {0};

    (void)state;
    if (pp_pg_query(pg, "SELECT $1::text, $2::text, $3::bigint + 1, true", 3,
                    values, &rows, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(rows.count, 1);
    assert_string_equal(pp_pg_text(&rows, 0, 0), values[0]);
    assert_true(pp_pg_is_null(&rows, 0, 1));
    assert_int_equal(pp_pg_int64(&rows, 0, 2), 8);
    assert_true(pp_pg_bool(&rows, 0, 3));
    pp_pg_rows_fini(&rows);
    pp_pg_close(&pg);
}

static void an_error_says_what_can_be_done(void **state)
{
    static const struct {
        const char *sql;
        enum pp_err_kind kind;
    } cases[] = {
        {"SELECT nonsense", PP_ERR_FATAL},
        {"SELECT 1/0", PP_ERR_INVALID},
        {"SELECT 'x'::int", PP_ERR_INVALID},
        {"SELECT pg_terminate_backend(pg_backend_pid())", PP_ERR_AGAIN},
    };
    struct pp_pg *pg = pg_new();

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_err err = {0};

        assert_int_equal(pp_pg_exec(pg, cases[i].sql, 0, NULL, &err), -1);
        if (err.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].sql, err.msg);
    }
    pp_pg_close(&pg);
}

static void a_lost_connection_comes_back_but_not_its_transaction(void **state)
{
    struct pp_pg *pg = pg_new(), *other = pg_new();
    struct pp_pg_rows rows;
    struct pp_err err = {0};
    char pid[24];
    const char *values[] = {pid};

    (void)state;
    assert_int_equal(pp_pg_begin(pg, &err), 0);
    assert_int_equal(
        pp_pg_query(pg, "SELECT pg_backend_pid()", 0, NULL, &rows, &err), 0);
    snprintf(pid, sizeof(pid), "%s", pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    assert_int_equal(pp_pg_exec(other, "SELECT pg_terminate_backend($1::int)",
                                1, values, &err),
                     0);
    while (pp_pg_exec(pg, "SELECT 1", 0, NULL, &err) == 0)
        continue;
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_int_equal(pp_pg_exec(pg, "SELECT 1", 0, NULL, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN); /* it would be outside of it */
    pp_pg_rollback(pg);
    assert_int_equal(pp_pg_exec(pg, "SELECT 1", 0, NULL, &err), 0);
    pp_pg_close(&other);
    pp_pg_close(&pg);
}

static void a_statement_that_runs_often_is_planned_once(void **state)
{
    static const char sum[] = "SELECT $1::int + 1";
    const char *value = "41";
    struct pp_pg *pg = pg_new();
    struct pp_pg_rows rows;
    struct pp_err err = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        if (pp_pg_query_often(pg, sum, 1, &value, &rows, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(pp_pg_int64(&rows, 0, 0), 42);
        pp_pg_rows_fini(&rows);
    }
    /* A new connection knows nothing of it. */
    (void)pp_pg_exec(pg, "SELECT pg_terminate_backend(pg_backend_pid())", 0,
                     NULL, &err);
    if (pp_pg_exec_often(pg, sum, 1, &value, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pp_pg_exec_often(pg, "SELECT nonsense", 0, NULL, &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    if (pp_pg_query(pg, "SELECT count(*) FROM pg_prepared_statements", 0, NULL,
                    &rows, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pp_pg_int64(&rows, 0, 0), 1);
    pp_pg_rows_fini(&rows);
    pp_pg_close(&pg);
}

static void only_an_unsynced_commit_does_not_wait_for_the_disk(void **state)
{
    struct pp_pg *pg = pg_new();
    struct pp_err err = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        bool is_unsynced = i == 1;
        int begun = is_unsynced ? pp_pg_begin_unsynced(pg, &err)
                                : pp_pg_begin(pg, &err);
        struct pp_pg_rows rows;

        if (begun < 0 || pp_pg_query(pg, "SHOW synchronous_commit", 0, NULL,
                                     &rows, &err) < 0)
            fail_msg("%s", err.msg);
        assert_string_equal(pp_pg_text(&rows, 0, 0),
                            is_unsynced ? "off" : "on");
        pp_pg_rows_fini(&rows);
        assert_int_equal(pp_pg_commit(pg, &err), 0);
    }
    pp_pg_close(&pg);
}

static void bytes_go_through_unharmed(void **state)
{
    struct pp_str bytes = PP_LIT("\0\x01'\\\xFF");
    struct pp_pg *pg = pg_new();
    struct pp_arena arena;
    struct pp_pg_rows rows;
    struct pp_err err = {0};
    struct pp_str got;
    struct pp_buf text;
    const char *values[1];

    (void)state;
    pp_arena_init(&arena, 1000);
    pp_buf_init(&text, 1000);
    pp_pg_add_bytea(&text, bytes);
    pp_buf_add_byte(&text, '\0');
    values[0] = text.p;
    assert_int_equal(
        pp_pg_query(pg, "SELECT $1::bytea", 1, values, &rows, &err), 0);
    assert_int_equal(pp_pg_bytes(&rows, 0, 0, &arena, &got, &err), 0);
    assert_true(pp_str_eq(got, bytes));
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&text);
    pp_arena_fini(&arena);
    pp_pg_close(&pg);
}

static void columns_come_out_as_the_rows_that_went_in(void **state)
{
    static const char *const texts[] = {"", "NULL", "a\"b\\c,{d}",
                                        "\xC3\xA9\n "};
    struct pp_buf columns[3];
    const char *values[3];
    struct pp_pg *pg = pg_new();
    struct pp_pg_rows rows;
    struct pp_err err = {0};

    (void)state;
    for (size_t c = 0; c < PP_COUNT(columns); c++)
        pp_column_begin(&columns[c], 1000);
    for (size_t i = 0; i < PP_COUNT(texts); i++) {
        pp_column_text(&columns[0], pp_str_of(texts[i]));
        pp_column_hex(&columns[1], pp_str_of(texts[i]));
        pp_column_number(&columns[2], (int64_t)i - 2);
    }
    for (size_t c = 0; c < PP_COUNT(columns); c++)
        values[c] = pp_column_end(&columns[c]);
    if (pp_pg_query(pg,
                    "SELECT t, convert_from(decode(h, 'hex'), 'UTF8'), n FROM "
                    "unnest($1::text[], $2::text[], $3::bigint[]) AS r (t, h, "
                    "n)",
                    3, values, &rows, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(rows.count, PP_COUNT(texts));
    for (int i = 0; i < rows.count; i++) {
        assert_string_equal(pp_pg_text(&rows, i, 0), texts[i]);
        assert_string_equal(pp_pg_text(&rows, i, 1), texts[i]);
        assert_int_equal(pp_pg_int64(&rows, i, 2), i - 2);
    }
    pp_pg_rows_fini(&rows);
    for (size_t c = 0; c < PP_COUNT(columns); c++)
        pp_buf_fini(&columns[c]);
    pp_pg_close(&pg);
}

static void a_notify_ends_the_wait(void **state)
{
    struct pp_pg *pg = pg_new(), *other = pg_new();
    struct pp_mono start;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_pg_exec(pg, "LISTEN test", 0, NULL, &err), 0);
    assert_int_equal(pp_pg_wait(pg, 10, &err), 0);
    assert_int_equal(pp_pg_exec(other, "NOTIFY test", 0, NULL, &err), 0);
    start = pp_mono_now();
    assert_int_equal(pp_pg_wait(pg, 5000, &err), 1);
    assert_true(pp_mono_ms(start, pp_mono_now()) < 2000);
    pp_pg_close(&other);
    pp_pg_close(&pg);
}

/* --- Redis ---------------------------------------------------------------- */

static void redis_answers_in_order_whatever_the_bytes(void **state)
{
    const char *url = getenv("PAWPRINT_REDIS_URL");
    const struct pp_str set[] = {PP_LIT("SET"), PP_LIT("test:k\0x"),
                                 PP_LIT("\0\xFF\r\n"), PP_LIT("EX"),
                                 PP_LIT("60")};
    const struct pp_str get[] = {PP_LIT("GET"), PP_LIT("test:k\0x")};
    const struct pp_str none[] = {PP_LIT("GET"), PP_LIT("test:none")};
    const struct pp_str wrong[] = {PP_LIT("NONSENSE")};
    const struct pp_str list[] = {PP_LIT("MGET"), PP_LIT("test:k\0x"),
                                  PP_LIT("test:none")};
    const struct pp_redis_command commands[] = {
        {set, 5}, {get, 2}, {none, 2}, {wrong, 1}, {list, 3}};
    struct pp_redis_value values[5];
    struct pp_redis *redis;
    struct pp_arena arena;
    struct pp_err err = {0};

    (void)state;
    pp_arena_init(&arena, 65536);
    assert_int_equal(pp_redis_open(&redis, url ? url : "", 1000, &err), 0);
    if (pp_redis_run(redis, commands, 5, values, &arena, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(pp_str_eq(values[0].text, PP_LIT("OK")));
    assert_true(pp_str_eq(values[1].text, PP_LIT("\0\xFF\r\n")));
    assert_int_equal(values[2].type, PP_REDIS_NULL);
    assert_int_equal(values[3].type, PP_REDIS_ERROR);
    assert_int_equal(values[4].count, 2);
    assert_int_equal(values[4].list[1].type, PP_REDIS_NULL);
    assert_int_equal(pp_redis_do(redis, wrong, 1, &values[0], &arena, &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    pp_redis_close(&redis);
    pp_arena_fini(&arena);
}

/* --- ClickHouse ----------------------------------------------------------- */

static struct pp_clickhouse *clickhouse_new(void)
{
    struct pp_clickhouse_access access = {
        .url = getenv("PAWPRINT_CLICKHOUSE_URL"),
        .database = "default",
        .user = "default",
        .password = "",
    };
    struct pp_clickhouse *ch;
    struct pp_err err = {0};

    if (pp_clickhouse_open(&ch, &access, &err) < 0)
        fail_msg("%s", err.msg);
    return ch;
}

static void clickhouse_binds_parameters_and_takes_rows(void **state)
{
    const struct pp_clickhouse_value values[] = {{"t", "a\\b'\"\t\n?&\xC3\xA9"},
                                                 {0}};
    struct pp_clickhouse_call call = {.timeout_ms = 10000};
    struct pp_clickhouse *ch = clickhouse_new();
    struct pp_err err = {0};
    struct pp_str answer;

    (void)state;
    call.sql = "CREATE TABLE IF NOT EXISTS test_stores (n UInt32, t String) "
               "ENGINE = MergeTree ORDER BY n";
    if (pp_clickhouse_run(ch, &call, &answer, &err) < 0)
        fail_msg("%s", err.msg);
    call.sql = "TRUNCATE TABLE test_stores";
    assert_int_equal(pp_clickhouse_run(ch, &call, &answer, &err), 0);
    call.sql = "INSERT INTO test_stores FORMAT TabSeparated";
    call.data = PP_LIT("1\tone\n2\ttwo\n\n");
    call.data.n--; /* without the blank line */
    assert_int_equal(pp_clickhouse_run(ch, &call, &answer, &err), 0);
    call.data = (struct pp_str){NULL, 0};
    call.sql = "SELECT count(), sum(n) FROM test_stores";
    assert_int_equal(pp_clickhouse_run(ch, &call, &answer, &err), 0);
    assert_true(pp_str_eq(answer, PP_LIT("2\t3\n")));
    call.parameters = values;
    call.sql = "SELECT {t:String} FORMAT RawBLOB";
    if (pp_clickhouse_run(ch, &call, &answer, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(pp_str_eq(answer, pp_str_of(values[0].value)));
    pp_clickhouse_close(&ch);
}

static void clickhouse_errors_say_what_can_be_done(void **state)
{
    static const struct {
        const char *sql;
        enum pp_err_kind kind;
        int code;
    } cases[] = {
        {"SELEC 1", PP_ERR_FATAL, 62},
        {"SELECT 1; SELECT 2", PP_ERR_FATAL, 62},
        {"SELECT * FROM no_such_table", PP_ERR_FATAL, 60},
        {"SELECT sleep(3)", PP_ERR_AGAIN, 0},
        {"SELECT throwIf(1)", PP_ERR_AGAIN, 395},
    };
    struct pp_clickhouse *ch = clickhouse_new();

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_clickhouse_call call = {.sql = cases[i].sql,
                                          .timeout_ms = 1000};
        struct pp_err err = {0};
        struct pp_str answer;

        if (pp_clickhouse_run(ch, &call, &answer, &err) == 0)
            fail_msg("accepted %s", cases[i].sql);
        if (err.kind != cases[i].kind ||
            pp_clickhouse_code(ch) != cases[i].code)
            fail_msg("%s: %s (%d)", cases[i].sql, err.msg,
                     pp_clickhouse_code(ch));
    }
    pp_clickhouse_close(&ch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_bound_never_pasted),
        cmocka_unit_test(an_error_says_what_can_be_done),
        cmocka_unit_test(a_lost_connection_comes_back_but_not_its_transaction),
        cmocka_unit_test(a_statement_that_runs_often_is_planned_once),
        cmocka_unit_test(only_an_unsynced_commit_does_not_wait_for_the_disk),
        cmocka_unit_test(bytes_go_through_unharmed),
        cmocka_unit_test(columns_come_out_as_the_rows_that_went_in),
        cmocka_unit_test(a_notify_ends_the_wait),
        cmocka_unit_test(redis_answers_in_order_whatever_the_bytes),
        cmocka_unit_test(clickhouse_binds_parameters_and_takes_rows),
        cmocka_unit_test(clickhouse_errors_say_what_can_be_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
