/*
 * What staff is told of, by a real Postgres and a real Kafka. The database has
 * a clock of its own that is shifted.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "watch.h"

#include "postgres.h"

#define WAIT_MS 20000
#define TRIES   10

static char owner_dsn[POSTGRES_DSN_BYTES], meter_dsn[POSTGRES_DSN_BYTES];
static char prefix[64];
static struct pp_pg *owner;
static struct pp_kafka_access access_ = {.client_id = "test"};
static struct pp_kafka *kafka;

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

static int64_t told(const char *key)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM notification WHERE kind = 'staff_alert' AND "
             "business_key LIKE '%s'",
             key);
    return number(sql);
}

static void let_pass(const char *interval)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "UPDATE installation SET clock_shift = clock_shift + interval "
             "'%s'",
             interval);
    exec(sql);
}

static void topic_name(const char *name, char text[static 200])
{
    snprintf(text, 200, "%s%s", prefix, name);
}

static void make_topic(const char *name)
{
    char text[200];
    const struct pp_kafka_topic topic = {
        .name = text, .partitions = 2, .replicas = 1};
    struct pp_err err = {0};

    topic_name(name, text);
    if (pp_kafka_topic_create(kafka, &topic, &err) != 1)
        fail_msg("%s", err.msg);
}

static void send_some(const char *name, int count)
{
    const struct pp_producer_options options = {.timeout_ms = WAIT_MS,
                                                .queue_bytes = (size_t)1 << 20};
    struct pp_producer *producer;
    struct pp_err err = {0};
    char topic[200];

    topic_name(name, topic);
    assert_int_equal(pp_producer_open(&producer, &access_, &options, &err), 0);
    for (int i = 0; i < count; i++) {
        char key[20];
        const struct pp_record record = {
            .topic = topic,
            .key = {key, (size_t)snprintf(key, sizeof(key), "%d", i)},
            .value = PP_LIT("x"),
        };

        assert_int_equal(pp_producer_send(producer, &record, &err), 0);
    }
    assert_int_equal(pp_producer_flush(producer, WAIT_MS, &err), 0);
    pp_producer_close(&producer);
}

/* A group that has read all there is. */
static void settle(const char *group, const char *name)
{
    int64_t low, ends[2];
    struct pp_err err = {0};
    char topic[200];

    topic_name(name, topic);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            pp_kafka_offsets(kafka, topic, i, &low, &ends[i], &err), 0);
    if (pp_kafka_commit_for(kafka, group, topic, ends, 2, &err) < 0)
        fail_msg("%s", err.msg);
}

static const struct watch_options usual = {
    .median_times = 10,
    .median_events = 1000,
    .rejects = 1,
    .lag_records = 10,
    .lag_s = 300,
};

/* Again while a broker that has just started answers for no group yet. Adds
 * how many messages were written. */
static int look_till_answered(struct watch *watch, int64_t *told_out,
                              struct pp_err *err)
{
    for (int tries = 0; tries < TRIES; tries++) {
        int result = watch_look(watch, err);

        *told_out += watch->told;
        if (result == 0 || err->kind != PP_ERR_AGAIN)
            return result;
        *err = (struct pp_err){0};
    }
    return pp_err_set(err, PP_ERR_AGAIN, "Kafka has not answered");
}

/* As the meter's role; gives how many messages were written. */
static int64_t look_with(const struct watch_options *options)
{
    struct watch watch = {.kafka = kafka, .prefix = prefix, .options = options};
    struct pp_err err = {0};
    int64_t told_now = 0;

    assert_int_equal(pp_pg_open(&watch.pg, meter_dsn, "test", &err), 0);
    if (look_till_answered(&watch, &told_now, &err) < 0)
        fail_msg("%s", err.msg);
    pp_pg_close(&watch.pg);
    return told_now;
}

static int64_t look(void)
{
    return look_with(&usual);
}

static void make_database(void)
{
    static const char *const files[] = {
        "schemas/postgres/0001_accounts_sites_outbox.sql",
        "schemas/postgres/0005_job_run.sql",
        "schemas/postgres/0006_notification.sql",
        "schemas/postgres/0007_usage.sql",
        "schemas/postgres/0008_capacity.sql",
        "schemas/postgres/0009_alert.sql",
    };
    struct pp_err err = {0};

    postgres_make("watch_test", owner_dsn);
    postgres_dsn("watch_test", "pawprint_meter", meter_dsn);
    assert_int_equal(pp_pg_open(&owner, owner_dsn, "test", &err), 0);
    for (size_t i = 0; i < PP_COUNT(files); i++)
        postgres_run_file(owner, files[i]);
    exec("UPDATE installation SET is_test = true");
}

static int start(void **state)
{
    struct pp_err err = {0};

    (void)state;
    make_database();
    access_.brokers = getenv("PAWPRINT_KAFKA_BROKERS");
    access_.security = "plaintext";
    assert_int_equal(pp_kafka_open(&kafka, &access_, &err), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pp_kafka_close(&kafka);
    pp_pg_close(&owner);
    postgres_drop("watch_test");
    return 0;
}

/* Topics of its own, an account of a month, and a clock at noon. */
static int start_anew(void **state)
{
    (void)state;
    snprintf(prefix, sizeof(prefix), "watch%" PRId64 ".",
             (int64_t)pp_mono_now().ns);
    make_topic("hits.v1");
    make_topic("events.v1");
    make_topic("rejects.v1");
    exec("DELETE FROM staff_alert_state; DELETE FROM notification; DELETE FROM "
         "usage_bucket; DELETE FROM usage_correction; DELETE FROM account;"
         "UPDATE installation SET clock_shift = timestamptz '2027-03-10 "
         "12:00Z' - now();"
         "INSERT INTO account (account_id, name, owner_mail, created_at) "
         "VALUES ('a', 'A', 'a@example.com', pp_now() - interval '30 days')");
    return 0;
}

/* So many events of people, in the quarter that ended so long ago. */
static void use(const char *account, int count, const char *ago)
{
    char sql[600];

    snprintf(sql, sizeof(sql),
             "INSERT INTO usage_bucket (account_id, bucket_at, site_id, kind, "
             "bot, n) SELECT '%s', to_timestamp(floor(extract(epoch FROM "
             "pp_now() - interval '%s') / 900) * 900 - 900), 's', 'pageview', "
             "false, %d",
             account, ago, count);
    exec(sql);
}

static void use_daily(const char *account, const int *counts, int days)
{
    for (int day = 1; day <= days; day++) {
        char ago[40];

        snprintf(ago, sizeof(ago), "%d hours", 24 * day + 2);
        use(account, counts[day - 1], ago);
    }
}

/* --- accounts --------------------------------------------------------------
 */

static void ten_times_the_median_of_the_last_days_is_told_once(void **state)
{
    static const int days[14] = {200,   200, 200, 200, 200, 200, 200,
                                 90000, 200, 200, 200, 0,   0,   90000};

    (void)state;
    use_daily("a", days, 14);
    use("a", 1999, "2 hours");
    look();
    assert_int_equal(told("staff/median/a/%"), 0);
    use("a", 1, "3 hours");
    for (int i = 0; i < 12; i++) {
        look();
        let_pass("50 minutes");
    }
    assert_int_equal(told("staff/median/a/%"), 1);
    assert_int_equal(number("SELECT (facts->>'value')::bigint FROM "
                            "notification WHERE account_id = 'a'"),
                     2000);
    assert_int_equal(number("SELECT (facts->>'threshold')::bigint FROM "
                            "notification"),
                     2000);
}

static void it_is_told_again_when_it_was_over(void **state)
{
    (void)state;
    use("a", 1000, "1 hour");
    look();
    assert_int_equal(told("staff/median/a/1"), 1);
    let_pass("24 hours"); /* it is over, and has not been for an hour */
    look();
    use("a", 10000, "10 minutes");
    look();
    assert_int_equal(told("staff/median/a/2"), 1);
    assert_int_equal(told("staff/median/a/%"), 2);
}

static void a_small_account_is_never_told_of(void **state)
{
    static const int days[14] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

    (void)state;
    use_daily("a", days, 14);
    use("a", 999, "2 hours");
    look();
    assert_int_equal(told("staff/median/%"), 0);
}

static void an_account_of_few_days_has_no_median(void **state)
{
    (void)state;
    exec("INSERT INTO account (account_id, name, owner_mail, created_at) "
         "VALUES ('new', 'N', 'n@example.com', pp_now() - interval '3 days "
         "23 hours')");
    use("new", 90000, "2 hours");
    look();
    assert_int_equal(told("staff/median/%"), 0);
    let_pass("1 hour");
    look();
    assert_int_equal(told("staff/median/new/1"), 1);
}

/* --- rejects, lag ----------------------------------------------------------
 */

static void records_that_were_rejected_are_told_once_an_occurrence(void **state)
{
    (void)state;
    send_some("rejects.v1", 5); /* before anybody looked */
    look();
    assert_int_equal(told("staff/rejects/%"), 0);
    send_some("rejects.v1", 3);
    assert_int_equal(look(), 1);
    assert_int_equal(number("SELECT (facts->>'value')::bigint FROM "
                            "notification"),
                     3);
    let_pass("50 minutes");
    send_some("rejects.v1", 1);
    look();
    let_pass("59 minutes");
    look();
    assert_int_equal(told("staff/rejects/%"), 1);
    let_pass("1 minute");
    look();
    send_some("rejects.v1", 1);
    look();
    assert_int_equal(told("staff/rejects/2"), 1);
}

static void a_topic_of_rejects_that_was_made_anew_is_no_growth(void **state)
{
    (void)state;
    exec("INSERT INTO staff_alert_state (name, value) VALUES ('rejects', "
         "900)");
    send_some("rejects.v1", 1);
    look();
    assert_int_equal(told("staff/rejects/%"), 0);
    send_some("rejects.v1", 1);
    look();
    assert_int_equal(told("staff/rejects/1"), 1);
}

static void a_group_that_lags_for_long_enough_is_told_by_its_name(void **state)
{
    (void)state;
    send_some("hits.v1", 10);
    send_some("events.v1", 10);
    settle("writer", "events.v1");
    assert_int_equal(look(), 0);
    let_pass("4 minutes 50 seconds");
    assert_int_equal(look(), 0);
    settle("enricher", "hits.v1"); /* it has caught up in time */
    look();
    let_pass("20 seconds");
    assert_int_equal(look(), 1);
    assert_int_equal(told("staff/lag/meter/1"), 1);
    let_pass("5 minutes");
    assert_int_equal(look(), 0);
    assert_int_equal(told("staff/lag/%"), 1);
}

static void a_rule_of_zero_tells_nothing(void **state)
{
    static const struct watch_options none = {.median_events = 1};

    (void)state;
    use("a", 100000, "2 hours");
    look_with(&none);
    send_some("rejects.v1", 5);
    send_some("hits.v1", 500);
    look_with(&none);
    let_pass("1 hour");
    assert_int_equal(look_with(&none), 0);
    assert_int_equal(number("SELECT count(*) FROM notification"), 0);
}

/* With connections of its own, as another meter has; says what went wrong. */
static void *look_as_another(void *context)
{
    struct watch watch = {.prefix = prefix, .options = &usual};
    struct pp_err *err = context;
    int64_t told_now = 0;

    if (pp_pg_open(&watch.pg, meter_dsn, "test", err) == 0 &&
        pp_kafka_open(&watch.kafka, &access_, err) == 0)
        (void)look_till_answered(&watch, &told_now, err);
    pp_kafka_close(&watch.kafka);
    pp_pg_close(&watch.pg);
    return NULL;
}

static void several_that_look_at_once_tell_once(void **state)
{
    pthread_t threads[4];
    struct pp_err errs[PP_COUNT(threads)] = {0};

    (void)state;
    use("a", 5000, "1 hour");
    for (size_t i = 0; i < PP_COUNT(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, look_as_another, &errs[i]), 0);
    for (size_t i = 0; i < PP_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        if (errs[i].kind != PP_ERR_NONE)
            fail_msg("%s", errs[i].msg);
    }
    assert_int_equal(told("staff/median/a/%"), 1);
}

int main(void)
{
    const struct CMUnitTest watch[] = {
        cmocka_unit_test_setup(
            ten_times_the_median_of_the_last_days_is_told_once, start_anew),
        cmocka_unit_test_setup(it_is_told_again_when_it_was_over, start_anew),
        cmocka_unit_test_setup(a_small_account_is_never_told_of, start_anew),
        cmocka_unit_test_setup(an_account_of_few_days_has_no_median,
                               start_anew),
        cmocka_unit_test_setup(
            records_that_were_rejected_are_told_once_an_occurrence, start_anew),
        cmocka_unit_test_setup(
            a_topic_of_rejects_that_was_made_anew_is_no_growth, start_anew),
        cmocka_unit_test_setup(
            a_group_that_lags_for_long_enough_is_told_by_its_name, start_anew),
        cmocka_unit_test_setup(a_rule_of_zero_tells_nothing, start_anew),
        cmocka_unit_test_setup(several_that_look_at_once_tell_once, start_anew),
    };

    return cmocka_run_group_tests(watch, start, stop);
}
