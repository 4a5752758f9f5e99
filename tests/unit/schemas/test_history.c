/*
 * Every released schema of ours keeps a golden record, a hex file in
 * schemas/history, with its frame. Today's programs read it, and a program of
 * that time would read what today's write.
 */
#include <avro.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "hit.h"
#include "site.h"

#include "test.h"

#define FILE_BYTES  32768
#define FRAME_BYTES 10

static size_t read_file(const char *path, char text[static FILE_BYTES])
{
    FILE *file = fopen(path, "r");
    size_t n;

    if (!file)
        fail_msg("%s is not there", path);
    n = fread(text, 1, FILE_BYTES - 1, file);
    fclose(file);
    text[n] = '\0';
    return n;
}

/* The record of a golden file, and the fingerprint in its frame. */
static struct pp_str golden(const char *path, char bytes[static FILE_BYTES],
                            uint64_t *fingerprint_out)
{
    char text[FILE_BYTES];
    size_t n = 0;

    read_file(path, text);
    for (const char *p = text; *p; p += *p == '\n' ? 1 : 2) {
        char pair[3] = {p[0], p[1], '\0'};

        if (*p != '\n')
            bytes[n++] = (char)strtoul(pair, NULL, 16);
    }
    assert_true(n > FRAME_BYTES);
    assert_memory_equal(bytes, "\xC3\x01", 2);
    memcpy(fingerprint_out, bytes + 2, sizeof(*fingerprint_out));
    return (struct pp_str){bytes + FRAME_BYTES, n - FRAME_BYTES};
}

static void a_site_of_the_first_version_keeps_its_events_400_days(void **state)
{
    char bytes[FILE_BYTES];
    struct pp_err err = {0};
    struct pp_str record;
    struct site site;
    uint64_t schema;

    (void)state;
    record = golden("schemas/history/site.1.hex", bytes, &schema);
    assert_int_equal(site_decode(schema, record, &site, &err), 0);
    assert_int_equal(site.version, 7);
    assert_int_equal(site.status, SITE_STATUS_PAUSED);
    assert_true(pp_str_eq(site.zone, PP_LIT("Europe/Paris")));
    assert_int_equal(site.retention_days, 400);
}

static void a_hit_of_the_first_version_is_read_today(void **state)
{
    char bytes[FILE_BYTES];
    struct pp_err err = {0};
    struct pp_str record;
    struct hit hit;
    uint64_t schema;

    (void)state;
    record = golden("schemas/history/hit.1.hex", bytes, &schema);
    assert_int_equal(hit_decode(schema, record, &hit, &err), 0);
    assert_int_equal(hit.kind, HIT_KIND_VITAL);
    assert_int_equal(hit.visitor, -42);
    assert_int_equal(hit.load_ms, INT32_MAX);
    assert_true(
        pp_str_eq(hit.url, PP_LIT("https://shop.example/\xC3\xA9?x=1")));
    assert_int_equal(hit.retention_days, 400);
}

static void an_event_of_the_first_version_is_read_today(void **state)
{
    char bytes[FILE_BYTES];
    struct pp_err err = {0};
    struct pp_str record;
    struct event event;
    uint64_t schema;

    (void)state;
    record = golden("schemas/history/event.1.hex", bytes, &schema);
    assert_int_equal(event_decode(schema, record, &event, &err), 0);
    assert_int_equal(event.kind, EVENT_KIND_CUSTOM);
    assert_int_equal(event.visit_id, -7);
    assert_int_equal(event.visitor, INT64_MAX);
    assert_true(event.bot);
    assert_true(pp_str_eq(event.pathname, PP_LIT("/\xC3\xA9")));
    assert_int_equal(event.retention_days, 400);
}

static avro_schema_t schema_of(const char *text)
{
    avro_schema_t schema;

    assert_int_equal(avro_schema_from_json_length(text, strlen(text), &schema),
                     0);
    return schema;
}

/* Reads body, written under today's schema, as a reader of path's would. */
static void read_as_then(const char *path, const char *today,
                         struct pp_str body, avro_value_t *value_out)
{
    char text[FILE_BYTES];
    avro_schema_t old, new = schema_of(today);
    avro_value_iface_t *reader, *resolver;
    avro_reader_t in = avro_reader_memory(body.p, (int64_t)body.n);
    avro_value_t resolved;

    read_file(path, text);
    old = schema_of(text);
    reader = avro_generic_class_from_schema(old);
    resolver = avro_resolved_writer_new(new, old);
    assert_non_null(resolver);
    avro_generic_value_new(reader, value_out);
    avro_resolved_writer_new_value(resolver, &resolved);
    avro_resolved_writer_set_dest(&resolved, value_out);
    assert_int_equal(avro_value_read(in, &resolved), 0);
    avro_value_decref(&resolved);
    avro_value_iface_decref(resolver);
    avro_value_iface_decref(reader);
    avro_reader_free(in);
    avro_schema_decref(old);
    avro_schema_decref(new);
}

static void
a_program_of_the_first_version_reads_what_is_written_today(void **state)
{
    const struct event event = {.event_id = PP_LIT("id-7"),
                                .site_id = PP_LIT("site"),
                                .received_at_ms = 1700000000123,
                                .retention_days = 90,
                                .has_load_ms = true,
                                .load_ms = 12};
    const struct hit hit = {.event_id = PP_LIT("id-7"), .retention_days = 90};
    const struct site site = {.site_id = PP_LIT("id-7"), .retention_days = 90};
    static const char *const paths[] = {"schemas/history/event.1.avsc",
                                        "schemas/history/hit.1.avsc",
                                        "schemas/history/site.1.avsc"};
    const char *const schemas[] = {event_schema, hit_schema, site_schema};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(paths); i++) {
        avro_value_t value, first;
        const char *text;
        struct pp_buf body;
        size_t n;

        pp_buf_init(&body, 4096);
        if (i == 0)
            event_encode(&event, &body);
        else if (i == 1)
            hit_encode(&hit, &body);
        else
            site_encode(&site, &body);
        read_as_then(paths[i], schemas[i], pp_buf_str(&body), &value);
        assert_int_equal(avro_value_get_by_index(&value, 0, &first, NULL), 0);
        assert_int_equal(avro_value_get_string(&first, &text, &n), 0);
        assert_string_equal(text, "id-7");
        avro_value_decref(&value);
        pp_buf_fini(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_of_the_first_version_keeps_its_events_400_days),
        cmocka_unit_test(a_hit_of_the_first_version_is_read_today),
        cmocka_unit_test(an_event_of_the_first_version_is_read_today),
        cmocka_unit_test(
            a_program_of_the_first_version_reads_what_is_written_today),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
