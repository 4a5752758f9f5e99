/*
 * The generated codecs against avro-c, the second implementation: generated
 * records come out as the same bytes both ways.
 */
#include <avro.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "event.h"
#include "hit.h"
#include "reject.h"
#include "site.h"

#include "test.h"

#define RECORDS   2000
#define MAX_BYTES ((size_t)1 << 16)

/* xorshift: the same records in every run. */
static uint64_t next_random(void)
{
    static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Pieces of UTF-8, so that any run of them is UTF-8. */
static void add_text(struct pp_buf *out)
{
    static const char *const pieces[] = {
        "a", "/", "?q=", "\xC3\xA9", " ", "\xF0\x9F\x90\xBE"};
    struct pp_buf text;

    pp_buf_init(&text, MAX_BYTES);
    for (uint64_t n = next_random() % 80; n > 0; n--)
        pp_buf_add_text(&text, pieces[next_random() % PP_COUNT(pieces)]);
    pp_avro_put_bytes(out, pp_buf_str(&text));
    pp_buf_fini(&text);
}

static void add_map(struct pp_buf *out)
{
    int64_t count = (int64_t)(next_random() % 4);

    pp_avro_map_begin(out, count);
    for (int64_t i = 0; i < count; i++) {
        char key[24];

        snprintf(key, sizeof(key), "k%d", (int)i);
        pp_avro_put_bytes(out, pp_str_of(key));
        add_text(out);
    }
    pp_avro_map_end(out);
}

/* A random value of any type the schemas use, by avro-c's reading of them. */
static void add_value(struct pp_buf *out, avro_schema_t schema)
{
    switch ((int)avro_typeof(schema)) { /* newer libraries know more types */
    case AVRO_STRING:
    case AVRO_BYTES:
        add_text(out);
        return;
    case AVRO_INT32:
        pp_avro_put_long(out, (int32_t)next_random());
        return;
    case AVRO_INT64:
        pp_avro_put_long(out, (int64_t)next_random() >> next_random() % 64);
        return;
    case AVRO_DOUBLE:
        pp_avro_put_double(out, (double)(int64_t)next_random() / 1024);
        return;
    case AVRO_BOOLEAN:
        pp_avro_put_boolean(out, next_random() & 1);
        return;
    case AVRO_ENUM:
        pp_avro_put_long(out, (int64_t)(next_random() % 4));
        return;
    case AVRO_MAP:
        add_map(out);
        return;
    case AVRO_UNION: {
        int64_t branch = (int64_t)(next_random() & 1);

        pp_avro_put_long(out, branch);
        if (branch)
            add_value(out, avro_schema_union_branch(schema, 1));
        return;
    }
    default:
        fail_msg("a type that the generator does not know");
    }
}

/* Reads bytes with avro-c and writes them again; false when it can't. */
static bool oracle(avro_value_iface_t *class, struct pp_str in, char *out,
                   size_t *out_count)
{
    avro_reader_t reader = avro_reader_memory(in.p, (int64_t)in.n);
    avro_writer_t writer = avro_writer_memory(out, (int64_t)MAX_BYTES);
    avro_value_t value;
    bool ok;

    avro_generic_value_new(class, &value);
    ok = avro_value_read(reader, &value) == 0 &&
         avro_value_write(writer, &value) == 0;
    *out_count = (size_t)avro_writer_tell(writer);
    avro_value_decref(&value);
    avro_writer_free(writer);
    avro_reader_free(reader);
    return ok;
}

/* Decodes with ours and encodes again into out. */
typedef int round_trip(uint64_t fingerprint, struct pp_str body,
                       struct pp_buf *out, struct pp_err *err);

#define ROUND_TRIP(record)                                                     \
    static int record##_trip(uint64_t fingerprint, struct pp_str body,         \
                             struct pp_buf *out, struct pp_err *err)           \
    {                                                                          \
        struct record record;                                                  \
                                                                               \
        if (record##_decode(fingerprint, body, &record, err) < 0)              \
            return -1;                                                         \
        record##_encode(&record, out);                                         \
        return 0;                                                              \
    }

ROUND_TRIP(hit)
ROUND_TRIP(event)
ROUND_TRIP(reject)
ROUND_TRIP(counts)
ROUND_TRIP(site)

static const struct codec {
    const char *schema;
    const char *canonical;
    uint64_t fingerprint;
    round_trip *trip;
} codecs[] = {
    {hit_schema, hit_canonical, HIT_FINGERPRINT, hit_trip},
    {event_schema, event_canonical, EVENT_FINGERPRINT, event_trip},
    {reject_schema, reject_canonical, REJECT_FINGERPRINT, reject_trip},
    {counts_schema, counts_canonical, COUNTS_FINGERPRINT, counts_trip},
    {site_schema, site_canonical, SITE_FINGERPRINT, site_trip},
};

static void make_record(avro_schema_t schema, struct pp_buf *out)
{
    pp_buf_reset(out);
    for (int i = 0; i < (int)avro_schema_record_size(schema); i++)
        add_value(out, avro_schema_record_field_get_by_index(schema, i));
    assert_false(out->overflow);
}

static void compare_records(const struct codec *codec, avro_schema_t schema)
{
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    struct pp_buf made, ours;
    struct pp_err err = {0};
    char *theirs = pp_malloc(MAX_BYTES);
    size_t count;

    pp_buf_init(&made, MAX_BYTES);
    pp_buf_init(&ours, MAX_BYTES);
    for (int i = 0; i < RECORDS; i++) {
        make_record(schema, &made);
        assert_true(oracle(class, pp_buf_str(&made), theirs, &count));
        pp_buf_reset(&ours);
        assert_int_equal(codec->trip(codec->fingerprint,
                                     (struct pp_str){theirs, count}, &ours,
                                     &err),
                         0);
        assert_int_equal(ours.n, count);
        assert_memory_equal(ours.p, theirs, count);
    }
    free(theirs);
    pp_buf_fini(&ours);
    pp_buf_fini(&made);
    avro_value_iface_decref(class);
}

static void generated_codecs_and_avro_c_agree_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < PP_COUNT(codecs); i++) {
        avro_schema_t schema;

        assert_int_equal(avro_schema_from_json_length(codecs[i].schema,
                                                      strlen(codecs[i].schema),
                                                      &schema),
                         0);
        compare_records(&codecs[i], schema);
        avro_schema_decref(schema);
    }
}

static void a_fingerprint_is_that_of_the_canonical_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < PP_COUNT(codecs); i++)
        assert_true(pp_avro_fingerprint(pp_str_of(codecs[i].canonical)) ==
                    codecs[i].fingerprint);
}

static void a_cut_or_longer_record_is_refused(void **state)
{
    struct hit hit = {.event_id = PP_LIT("id"), .has_value = true, .value = 1};
    struct pp_err err;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, MAX_BYTES);
    hit_encode(&hit, &out);
    for (size_t n = 0; n < out.n; n++) {
        char *copy = pp_malloc(n);

        memcpy(copy, out.p, n);
        assert_int_equal(
            hit_decode(HIT_FINGERPRINT, (struct pp_str){copy, n}, &hit, &err),
            -1);
        assert_int_equal(err.kind, PP_ERR_INVALID);
        free(copy);
    }
    pp_buf_add_byte(&out, 0);
    assert_int_equal(hit_decode(HIT_FINGERPRINT, pp_buf_str(&out), &hit, &err),
                     -1);
    pp_buf_fini(&out);
}

static void an_unknown_schema_is_waited_for_not_rejected(void **state)
{
    struct pp_err err = {0};
    struct hit hit;

    (void)state;
    assert_int_equal(hit_decode(1, PP_LIT("x"), &hit, &err), -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_codecs_and_avro_c_agree_byte_for_byte),
        cmocka_unit_test(a_fingerprint_is_that_of_the_canonical_form),
        cmocka_unit_test(a_cut_or_longer_record_is_refused),
        cmocka_unit_test(an_unknown_schema_is_waited_for_not_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
