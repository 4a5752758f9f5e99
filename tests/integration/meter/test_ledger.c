/*
 * What is counted, in a real Postgres, and beside it a real ClickHouse: who may
 * write what, how often, and what becomes of differences.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_time.h"
#include "pp_usage.h"

#include "ledger.h"

#include "postgres.h"

#define QUARTER_S INT64_C(900)
#define FLUSHES   60
#define DATABASE  "usage_test"

static char owner_dsn[POSTGRES_DSN_BYTES], meter_dsn[POSTGRES_DSN_BYTES];
static struct pp_pg *owner, *meter;
static struct pp_clickhouse *clickhouse;
static int64_t t0_s;   /* a quarter that began two hours ago */
static int64_t offset; /* of the next row in ClickHouse */

/* --- help ------------------------------------------------------------------
 */

static void exec(const char *sql)
{
    postgres_run(owner, sql);
}

static int64_t number(const char *sql)
{
    return postgres_number(owner, sql);
}

static void in_clickhouse(const char *sql)
{
    const struct pp_clickhouse_call call = {.sql = sql, .timeout_ms = 10000};
    struct pp_err err = {0};
    struct pp_str answer;

    if (pp_clickhouse_run(clickhouse, &call, &answer, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

/* A row as the writer makes it; seconds are from t0_s. */
static void store(const char *site, const char *id, int64_t seconds)
{
    char sql[1000];

    snprintf(sql, sizeof(sql),
             "INSERT INTO events (site_id, event_at, event_id, account_id, "
             "received_at, kind, bot, kafka_epoch, kafka_partition, "
             "kafka_offset, valid_until, retention_days) SELECT '%s', "
             "fromUnixTimestamp(%" PRId64
             "), '%s', 'acc', fromUnixTimestamp(%" PRId64
             "), 'pageview', 0, 1, 0, %" PRId64 ", now64(3) + 60, 400",
             site, t0_s + seconds - 5, id, t0_s + seconds, offset++);
    in_clickhouse(sql);
}

static struct event an_event(const char *site, int64_t seconds)
{
    return (struct event){
        .account_id = PP_LIT("acc"),
        .site_id = pp_str_of(site),
        .kind = EVENT_KIND_PAGEVIEW,
        .received_at_ms = (t0_s + seconds) * 1000,
    };
}

/* Counts count page views of a site and writes them as from one partition. */
static int write_some(struct pp_pg *pg, const struct ledger_range *range,
                      const char *site, int count, struct pp_err *err)
{
    const struct ledger_topic topic = {"events.v1", 1, range, 1};
    struct buckets *buckets = buckets_new();
    struct event event = an_event(site, 0);
    int result;

    for (int i = 0; i < count; i++)
        assert_true(buckets_add(buckets, &event));
    result = ledger_write_buckets(pg, &topic, buckets, err);
    buckets_free(&buckets);
    return result;
}

static int64_t next_of(struct pp_pg *pg, int32_t partition)
{
    const struct ledger_topic topic = {"events.v1", 1, NULL, 0};
    struct pp_err err = {0};
    int64_t next;

    if (ledger_next(pg, &topic, partition, 0, &next, &err) < 0)
        fail_msg("%s", err.msg);
    return next;
}

static int64_t used(void)
{
    return number("SELECT usage_of('acc', now() - interval '1 day', now())");
}

/* --- set up ----------------------------------------------------------------
 */

static int make_databases(void **state)
{
    struct pp_clickhouse_access access = {getenv("PAWPRINT_CLICKHOUSE_URL"),
                                          DATABASE, "default", ""};
    struct pp_err err = {0};

    (void)state;
    postgres_make(DATABASE, owner_dsn);
    postgres_dsn(DATABASE, "pawprint_meter", meter_dsn);
    if (pp_clickhouse_open(&clickhouse, &access, &err) < 0)
        return -1;
    const struct pp_clickhouse_call drop = {
        .sql = "DROP DATABASE IF EXISTS " DATABASE,
        .timeout_ms = 10000,
        .without_database = true};
    struct pp_str answer;

    if (pp_clickhouse_run(clickhouse, &drop, &answer, &err) < 0)
        fail_msg("%s", err.msg);
    postgres_migrate(DATABASE, owner_dsn);
    if (pp_pg_open(&owner, owner_dsn, "test", &err) < 0)
        return -1;
    return pp_pg_open(&meter, meter_dsn, "meter", &err);
}

static int close_databases(void **state)
{
    (void)state;
    pp_pg_close(&meter);
    pp_pg_close(&owner);
    pp_clickhouse_close(&clickhouse);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    exec("TRUNCATE usage_offset, usage_bucket, usage_correction, usage_watch, "
         "usage_refused, usage_told");
    exec("INSERT INTO account (account_id, name, owner_mail) VALUES ('acc', "
         "'a', 'a@b.c') ON CONFLICT DO NOTHING");
    in_clickhouse("TRUNCATE TABLE events");
    t0_s = pp_wall_now().ms / 1000 / QUARTER_S * QUARTER_S - 7200;
    return 0;
}

/* --- offsets and counts ----------------------------------------------------
 */

static void counts_and_their_offsets_change_together(void **state)
{
    const struct ledger_range range = {0, 0, 7};
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(next_of(meter, 0), 0);
    if (write_some(meter, &range, "s", 5, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(next_of(meter, 0), 7);
    assert_int_equal(used(), 5);
}

static void what_was_written_is_not_written_again(void **state)
{
    const struct ledger_range range = {0, 0, 7};
    struct pp_err err = {0};

    (void)state;
    next_of(meter, 0);
    assert_int_equal(write_some(meter, &range, "s", 5, &err), 0);
    assert_int_equal(write_some(meter, &range, "s", 5, &err), -1);
    assert_int_equal(err.kind, PP_ERR_DENIED);
    assert_int_equal(used(), 5);
    assert_int_equal(next_of(meter, 0), 7);
}

static void
one_partition_that_is_anothers_keeps_all_from_being_written(void **state)
{
    const struct ledger_range both[] = {{0, 0, 7}, {1, 3, 9}};
    const struct ledger_topic topic = {"events.v1", 1, both, 2};
    struct buckets *buckets = buckets_new();
    struct event event = an_event("s", 0);
    struct pp_err err = {0};

    (void)state;
    next_of(meter, 0);
    next_of(meter, 1); /* stands at 0 and not at 3 */
    buckets_add(buckets, &event);
    assert_int_equal(ledger_write_buckets(meter, &topic, buckets, &err), -1);
    assert_int_equal(err.kind, PP_ERR_DENIED);
    assert_int_equal(used(), 0);
    assert_int_equal(next_of(meter, 0), 0);
    buckets_free(&buckets);
}

static void offsets_of_another_epoch_are_other_offsets(void **state)
{
    const struct ledger_range range = {0, 0, 7};
    const struct ledger_topic anew = {"events.v1", 2, NULL, 0};
    struct pp_err err = {0};
    int64_t next;

    (void)state;
    next_of(meter, 0);
    assert_int_equal(write_some(meter, &range, "s", 5, &err), 0);
    assert_int_equal(ledger_next(meter, &anew, 0, 3, &next, &err), 0);
    assert_int_equal(next, 3);
    assert_int_equal(next_of(meter, 0), 7);
}

/* One of several meters, each with a partition, that count the same buckets. */
static int be_a_meter(int32_t partition)
{
    struct pp_err err = {0};
    struct pp_pg *pg;

    if (pp_pg_open(&pg, meter_dsn, "meter", &err) < 0)
        return 1;
    for (int i = 0; i < FLUSHES; i++) {
        const struct ledger_range range = {partition, i * 10, i * 10 + 10};
        const struct ledger_topic topic = {"events.v1", 1, &range, 1};
        struct buckets *buckets = buckets_new();
        char site[16];

        for (int n = 0; n < 200; n++) {
            struct event event;

            /* Each in an order of its own: none may wait crosswise. */
            snprintf(site, sizeof(site), "s%d", (n * 7 + partition * 13) % 50);
            event = an_event(site, 0);
            buckets_add(buckets, &event);
        }
        if (ledger_write_buckets(pg, &topic, buckets, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
        buckets_free(&buckets);
    }
    pp_pg_close(&pg);
    return 0;
}

static void meters_side_by_side_neither_lose_nor_wait_crosswise(void **state)
{
    int status, failed = 0;

    (void)state;
    for (int32_t i = 0; i < 4; i++) {
        next_of(meter, i);
        if (fork() == 0)
            _exit(be_a_meter(i));
    }
    for (int i = 0; i < 4; i++) {
        wait(&status);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
    assert_int_equal(used(), 4 * FLUSHES * 200);
}

/* --- usage -----------------------------------------------------------------
 */

static void usage_is_page_views_and_custom_events_of_people(void **state)
{
    const struct ledger_range range = {0, 0, 1};
    const struct ledger_topic topic = {"events.v1", 1, &range, 1};
    struct buckets *buckets = buckets_new();
    struct event event = an_event("s", 0);
    struct pp_err err = {0};

    (void)state;
    next_of(meter, 0);
    for (int kind = EVENT_KIND_PAGEVIEW; kind <= (int)EVENT_KIND_VITAL; kind++)
        for (int bot = 0; bot < 2; bot++) {
            event.kind = (enum event_kind)kind;
            event.bot = bot;
            buckets_add(buckets, &event);
        }
    assert_int_equal(ledger_write_buckets(meter, &topic, buckets, &err), 0);
    buckets_free(&buckets);
    assert_int_equal(number("SELECT sum(n) FROM usage_bucket"), 8);
    assert_int_equal(used(), 2);
    exec(
        "INSERT INTO usage_correction (account_id, bucket_at, site_id, kind, "
        "bot, n, counted, stored) SELECT account_id, bucket_at, site_id, kind, "
        "bot, -1, 0, 0 FROM usage_bucket");
    assert_int_equal(used(), 0);
}

static void an_event_belongs_to_the_window_it_was_received_in(void **state)
{
    const struct ledger_range range = {0, 0, 1};
    const struct ledger_topic topic = {"events.v1", 1, &range, 1};
    struct buckets *buckets = buckets_new();
    struct event event = an_event("s", 0);
    struct pp_err err = {0};
    char sql[200];

    (void)state;
    next_of(meter, 0);
    event.received_at_ms--; /* the last millisecond of a window */
    buckets_add(buckets, &event);
    event.received_at_ms++;
    buckets_add(buckets, &event);
    buckets_add(buckets, &event);
    assert_int_equal(ledger_write_buckets(meter, &topic, buckets, &err), 0);
    buckets_free(&buckets);
    snprintf(sql, sizeof(sql),
             "SELECT usage_of('acc', to_timestamp(%" PRId64
             ") - interval '1 month', to_timestamp(%" PRId64 "))",
             t0_s, t0_s);
    assert_int_equal(number(sql), 1);
    snprintf(sql, sizeof(sql),
             "SELECT usage_of('acc', to_timestamp(%" PRId64
             "), to_timestamp(%" PRId64 ") + interval '1 month')",
             t0_s, t0_s);
    assert_int_equal(number(sql), 2);
}

/* Whoever looks sets what was counted since to 0. */
static void an_account_is_looked_at_when_it_has_counted_enough(void **state)
{
    static const char since[] = "SELECT counted FROM usage_watch";
    struct ledger_range range = {0, 0, 1};
    struct pp_err err = {0};

    (void)state;
    next_of(meter, 0);
    assert_int_equal(write_some(meter, &range, "s", 5, &err), 0);
    assert_int_equal(number(since), 0); /* it is new: looked at */
    exec("UPDATE usage_watch SET counted = 0, run_at = 10");
    range = (struct ledger_range){0, 1, 2};
    assert_int_equal(write_some(meter, &range, "s", 9, &err), 0);
    assert_int_equal(number(since), 9);
    range = (struct ledger_range){0, 2, 3};
    assert_int_equal(write_some(meter, &range, "s", 1, &err), 0);
    assert_int_equal(number(since), 0);
}

/* --- what was not accepted -------------------------------------------------
 */

static void tell(struct refusals *refusals, const char *instance,
                 int64_t sequence, int64_t n)
{
    const struct counts counts = {
        .instance = pp_str_of(instance),
        .sequence = sequence,
        .stage = PP_LIT("collector"),
        .site_id = PP_LIT("s"),
        .minute_at_ms = t0_s * 1000,
        .reason = PP_LIT("foreign_origin"),
        .n = n,
    };

    assert_true(refusals_add(refusals, &counts, pp_wall_now().ms));
}

static void what_is_told_twice_is_counted_once(void **state)
{
    struct ledger_range range = {0, 0, 4};
    struct ledger_topic topic = {"counts.v1", 1, &range, 1};
    struct refusals refusals;
    struct pp_err err = {0};
    int64_t next;

    (void)state;
    refusals_init(&refusals);
    assert_int_equal(ledger_next(meter, &topic, 0, 0, &next, &err), 0);
    tell(&refusals, "a", 1, 10);
    tell(&refusals, "a", 1, 10);
    tell(&refusals, "a", 2, 3);
    tell(&refusals, "b", 1, 5);
    if (ledger_write_refusals(meter, &topic, &refusals, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(number("SELECT sum(n) FROM usage_refused"), 18);
    refusals_reset(&refusals);
    range = (struct ledger_range){0, 4, 6};
    tell(&refusals, "a", 2, 3);
    tell(&refusals, "a", 3, 1);
    assert_int_equal(ledger_write_refusals(meter, &topic, &refusals, &err), 0);
    assert_int_equal(number("SELECT sum(n) FROM usage_refused"), 19);
    /* And the same records read again change nothing at all. */
    assert_int_equal(ledger_write_refusals(meter, &topic, &refusals, &err), -1);
    assert_int_equal(err.kind, PP_ERR_DENIED);
    refusals_fini(&refusals);
}

/* --- rights ----------------------------------------------------------------
 */

static void the_meter_may_do_what_it_has_to_and_no_more(void **state)
{
    static const char *const never[] = {
        "UPDATE usage_correction SET n = 1", "DELETE FROM usage_correction",
        "DELETE FROM usage_bucket",          "SELECT owner_mail FROM account",
        "UPDATE site SET status = 'active'", "SELECT * FROM outbox",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(never); i++) {
        struct pp_err err = {0};

        if (pp_pg_exec(meter, never[i], 0, NULL, &err) == 0)
            fail_msg("%s was allowed", never[i]);
        assert_non_null(strstr(err.msg, "permission denied"));
    }
}

/* --- ClickHouse decides ----------------------------------------------------
 */

static struct pp_usage a_comparison(void)
{
    return (struct pp_usage){.pg = meter,
                             .clickhouse = clickhouse,
                             .lookback_s = 3600,
                             .timeout_ms = 10000};
}

static struct pp_usage correct(int64_t from_s, int64_t to_s)
{
    const struct pp_usage_range range = {t0_s + from_s, t0_s + to_s};
    struct pp_usage usage = a_comparison();
    struct pp_err err = {0};

    if (pp_usage_reconcile(&usage, &range, &err) < 0)
        fail_msg("%s", err.msg);
    return usage;
}

static void count_some(const char *site, int count)
{
    const struct ledger_range range = {0, next_of(meter, 0),
                                       next_of(meter, 0) + 1};
    struct pp_err err = {0};

    if (write_some(meter, &range, site, count, &err) < 0)
        fail_msg("%s", err.msg);
}

static void what_differs_becomes_a_signed_correction_once(void **state)
{
    struct pp_usage usage;

    (void)state;
    count_some("more", 5); /* counted five, stored two */
    store("more", "m1", 1);
    store("more", "m2", 2);
    store("fewer", "f1", 3); /* stored, never counted */
    count_some("same", 1);
    store("same", "s1", 4);
    usage = correct(0, QUARTER_S);
    assert_int_equal(usage.corrections, 2);
    assert_int_equal(usage.drift, 4);
    assert_int_equal(used(), 4);
    assert_int_equal(
        number("SELECT n FROM usage_correction WHERE site_id = 'more' AND "
               "counted = 5 AND stored = 2"),
        -3);
    assert_int_equal(number("SELECT sum(n) FROM usage_bucket"), 6);
    usage = correct(0, QUARTER_S);
    assert_int_equal(usage.corrections, 0);
    store("more", "m3", 5);
    assert_int_equal(correct(0, QUARTER_S).drift, 1);
    assert_int_equal(used(), 5);
}

static void an_event_stored_twice_counts_where_it_came_first(void **state)
{
    (void)state;
    store("s", "one", 100);
    store("s", "one", 200);           /* in the same quarter */
    store("s", "one", QUARTER_S + 1); /* and in the next */
    store("s", "before", -60);        /* before what is compared */
    store("s", "before", 60);
    store("s", "long ago", -7200); /* and before what is looked at */
    store("s", "long ago", 61);
    (void)correct(0, 2 * QUARTER_S);
    assert_int_equal(used(), 2);
    assert_int_equal(number("SELECT count(*) FROM usage_correction"), 1);
}

static void quarters_that_are_not_compared_stay_as_they_are(void **state)
{
    (void)state;
    count_some("s", 5);
    store("s", "one", QUARTER_S + 1);
    assert_int_equal(correct(QUARTER_S, 2 * QUARTER_S).drift, 1);
    assert_int_equal(used(), 6);
}

static void a_site_that_is_erased_keeps_its_usage(void **state)
{
    (void)state;
    exec("INSERT INTO site (site_id, account_id, name, status) VALUES "
         "('gone', 'acc', 'g', 'erased') ON CONFLICT DO NOTHING");
    count_some("gone", 5);
    count_some("stays", 2);
    assert_int_equal(correct(0, QUARTER_S).drift, 2);
    assert_int_equal(used(), 5);
}

static void no_answer_of_clickhouse_is_not_zero(void **state)
{
    static const struct pp_clickhouse_access nowhere[] = {
        {"http://127.0.0.1:1", DATABASE, "default", ""},
        {NULL, "no_such_database", "default", ""},
    };

    (void)state;
    count_some("s", 5);
    for (size_t i = 0; i < PP_COUNT(nowhere); i++) {
        const struct pp_usage_range range = {t0_s, t0_s + QUARTER_S};
        struct pp_clickhouse_access access = nowhere[i];
        struct pp_usage usage = a_comparison();
        struct pp_err err = {0};

        if (!access.url)
            access.url = getenv("PAWPRINT_CLICKHOUSE_URL");
        assert_int_equal(pp_clickhouse_open(&usage.clickhouse, &access, &err),
                         0);
        assert_int_equal(pp_usage_reconcile(&usage, &range, &err), -1);
        pp_clickhouse_close(&usage.clickhouse);
    }
    assert_int_equal(used(), 5);
    assert_int_equal(number("SELECT count(*) FROM usage_correction"), 0);
}

static int not_now(void *context, struct pp_err *err)
{
    (void)context;
    return pp_err_set(err, PP_ERR_DENIED, "the run is another's");
}

static void a_run_that_was_lost_writes_nothing(void **state)
{
    const struct pp_usage_range range = {t0_s, t0_s + QUARTER_S};
    struct pp_usage usage = a_comparison();
    struct pp_err err = {0};

    (void)state;
    count_some("s", 5);
    usage.progress = not_now;
    assert_int_equal(pp_usage_reconcile(&usage, &range, &err), -1);
    assert_int_equal(used(), 5);
}

static struct pp_usage_sum seen;

static void remember(void *context, const struct pp_usage_sum *sum)
{
    (void)context;
    assert_string_equal(sum->account_id, "acc");
    seen = *sum;
}

static void the_proof_shows_what_was_counted_corrected_and_stored(void **state)
{
    const struct pp_usage_range range = {t0_s, t0_s + QUARTER_S};
    struct pp_usage usage = a_comparison();
    struct pp_err err = {0};

    (void)state;
    exec("INSERT INTO site (site_id, account_id, name, status) VALUES "
         "('gone', 'acc', 'g', 'erased') ON CONFLICT DO NOTHING");
    count_some("gone", 4);
    count_some("s", 5);
    store("s", "one", 1);
    store("s", "two", 2);
    assert_int_equal(
        pp_usage_compare(&usage, NULL, &range, remember, NULL, &err), 0);
    assert_int_equal(seen.counted, 9);
    assert_int_equal(seen.stored, 2);
    assert_int_equal(seen.erased, 4);
    (void)correct(0, QUARTER_S);
    assert_int_equal(
        pp_usage_compare(&usage, "acc", &range, remember, NULL, &err), 0);
    assert_int_equal(seen.corrections, -3);
    assert_int_equal(seen.counted + seen.corrections - seen.erased,
                     seen.stored);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup(name_, empty)
    const struct CMUnitTest ledger[] = {
        TEST(counts_and_their_offsets_change_together),
        TEST(what_was_written_is_not_written_again),
        TEST(one_partition_that_is_anothers_keeps_all_from_being_written),
        TEST(offsets_of_another_epoch_are_other_offsets),
        TEST(meters_side_by_side_neither_lose_nor_wait_crosswise),
        TEST(usage_is_page_views_and_custom_events_of_people),
        TEST(an_event_belongs_to_the_window_it_was_received_in),
        TEST(an_account_is_looked_at_when_it_has_counted_enough),
        TEST(what_is_told_twice_is_counted_once),
        TEST(the_meter_may_do_what_it_has_to_and_no_more),
        TEST(what_differs_becomes_a_signed_correction_once),
        TEST(an_event_stored_twice_counts_where_it_came_first),
        TEST(quarters_that_are_not_compared_stay_as_they_are),
        TEST(a_site_that_is_erased_keeps_its_usage),
        TEST(no_answer_of_clickhouse_is_not_zero),
        TEST(a_run_that_was_lost_writes_nothing),
        TEST(the_proof_shows_what_was_counted_corrected_and_stored),
    };

    return cmocka_run_group_tests(ledger, make_databases, close_databases);
}
