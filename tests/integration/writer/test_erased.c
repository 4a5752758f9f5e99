#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pp_avro.h"
#include "pp_producer.h"
#include "pp_time.h"

#include "erased.h"
#include "site.h"

#include "test.h"

/* What the writer knows of erased sites, from a real topic. */

#define WAIT_MS 10000

static struct pp_kafka_access access_ = {.client_id = "test",
                                         .security = "plaintext"};
static struct pp_kafka *kafka;
static struct pp_producer *producer;
static char prefix[60], topic[80];

/* Each test has a topic of its own. */
static int make_topic(void **state)
{
    const struct pp_kafka_option compacted[] = {{"cleanup.policy", "compact"},
                                                {0}};
    const struct pp_kafka_topic wish = {topic, 1, 1, compacted};
    struct pp_err err = {0};

    (void)state;
    snprintf(prefix, sizeof(prefix), "test.%lld.", (long long)pp_mono_now().ns);
    snprintf(topic, sizeof(topic), "%ssites.v1", prefix);
    if (pp_kafka_topic_create(kafka, &wish, &err) != 1)
        fail_msg("%s", err.msg);
    return 0;
}

static void tell(const char *site_id, int64_t version, enum site_status status)
{
    const struct pp_avro_frame frame = {.fingerprint = SITE_FINGERPRINT};
    const struct site site = {
        .site_id = pp_str_of(site_id), .version = version, .status = status};
    struct pp_record out = {.topic = topic, .key = site.site_id};
    struct pp_err err = {0};
    struct pp_buf record;

    pp_buf_init(&record, 4096);
    pp_avro_frame_put(&record, &frame);
    site_encode(&site, &record);
    out.value = pp_buf_str(&record);
    if (pp_producer_send(producer, &out, &err) < 0 ||
        pp_producer_flush(producer, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_fini(&record);
}

static void put(struct batch *batch, int64_t offset, const char *site_id)
{
    const struct event event = {.site_id = pp_str_of(site_id)};

    batch_put(batch, &event, &(struct row_identity){1, 0, offset},
              PP_LIT("key"), PP_LIT("value"));
}

static size_t deny(struct erased *erased, struct batch *batch)
{
    struct pp_err err = {0};
    size_t denied;

    if (erased_deny(erased, batch, &denied, &err) < 0)
        fail_msg("%s", err.msg);
    return denied;
}

static void open_erased(struct erased **erased)
{
    struct pp_err err = {0};

    if (erased_open(erased, &access_, prefix, NULL, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
}

static void an_erasure_reaches_rows_that_are_in_memory_already(void **state)
{
    struct batch *batch = batch_new();
    struct pp_mono start = pp_mono_now();
    struct erased *erased;
    size_t denied = 0;

    (void)state;
    tell("before", 2, SITE_STATUS_ERASED);
    tell("deleted", 1, SITE_STATUS_DELETED);
    tell("during", 1, SITE_STATUS_ACTIVE);
    open_erased(&erased);
    put(batch, 0, "before");
    put(batch, 1, "during");
    put(batch, 2, "deleted");
    put(batch, 3, "never heard of");
    assert_int_equal(deny(erased, batch), 1);
    assert_int_equal(batch_next(batch).count, 3);
    tell("during", 2, SITE_STATUS_ERASED);
    while (denied == 0 && pp_mono_ms(start, pp_mono_now()) < WAIT_MS)
        denied = deny(erased, batch);
    assert_int_equal(denied, 1);
    assert_int_equal(batch_next(batch).count, 2);
    erased_close(&erased);
    batch_free(&batch);
}

static void nothing_is_known_before_the_topic_was_read_to_its_end(void **state)
{
    struct erased *erased = NULL;
    struct pp_err err = {0};

    (void)state;
    tell("a", 1, SITE_STATUS_ERASED);
    assert_int_equal(
        erased_open(&erased, &access_, "no.such.", NULL, 500, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_null(erased);
    open_erased(&erased);
    erased_close(&erased);
}

static void rows_of_a_site_that_only_a_newer_program_can_read_wait(void **state)
{
    const struct pp_record newer = {.topic = topic,
                                    .key = PP_LIT("x"),
                                    .value = PP_LIT("\xC3\x01"
                                                    "12345678x")};
    struct batch *batch = batch_new();
    struct pp_mono start = pp_mono_now();
    struct erased *erased;
    struct pp_err err = {0};
    size_t denied;

    (void)state;
    tell("x", 1, SITE_STATUS_ACTIVE);
    if (pp_producer_send(producer, &newer, &err) < 0 ||
        pp_producer_flush(producer, WAIT_MS, &err) < 0)
        fail_msg("%s", err.msg);
    open_erased(&erased);
    put(batch, 0, "another");
    assert_int_equal(deny(erased, batch), 0);
    put(batch, 1, "x");
    assert_int_equal(erased_deny(erased, batch, &denied, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    tell("x", 1, SITE_STATUS_ACTIVE); /* anew, as this program writes it */
    while (erased_deny(erased, batch, &denied, &err) < 0 &&
           pp_mono_ms(start, pp_mono_now()) < WAIT_MS)
        usleep(10000);
    assert_int_equal(deny(erased, batch), 0);
    assert_int_equal(batch_next(batch).count, 2);
    erased_close(&erased);
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            an_erasure_reaches_rows_that_are_in_memory_already, make_topic),
        cmocka_unit_test_setup(
            nothing_is_known_before_the_topic_was_read_to_its_end, make_topic),
        cmocka_unit_test_setup(
            rows_of_a_site_that_only_a_newer_program_can_read_wait, make_topic),
    };
    const struct pp_producer_options options = {.timeout_ms = WAIT_MS,
                                                .queue_bytes = (size_t)1 << 20};
    struct pp_err err = {0};
    int failed;

    access_.brokers = getenv("PAWPRINT_KAFKA_BROKERS");
    if (!access_.brokers || pp_kafka_open(&kafka, &access_, &err) < 0 ||
        pp_producer_open(&producer, &access_, &options, &err) < 0) {
        fputs("PAWPRINT_KAFKA_BROKERS has to name a broker\n", stderr);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    pp_producer_close(&producer);
    pp_kafka_close(&kafka);
    return failed;
}
