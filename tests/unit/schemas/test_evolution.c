/*
 * tests/schemas/probe.avsc in two versions: what a program of today reads of
 * what an older one wrote.
 */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

#include "test.h"

/* Of tests/schemas/history/probe.1.avsc in Parsing Canonical Form. */
static const char first_canonical[] =
    "{\"name\":\"pawprint.test.probe\",\"type\":\"record\",\"fields\":["
    "{\"name\":\"count\",\"type\":\"long\"},"
    "{\"name\":\"gone\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"id\",\"type\":\"string\"}]}";

/* A record as the first version wrote it, with everything it had. */
static void add_first(struct pp_buf *out)
{
    pp_avro_put_long(out, 7);
    pp_avro_put_long(out, 1);
    pp_avro_put_double(out, 0.5);
    pp_avro_map_begin(out, 1);
    pp_avro_put_bytes(out, PP_LIT("k"));
    pp_avro_put_bytes(out, PP_LIT("v"));
    pp_avro_map_end(out);
    pp_avro_put_bytes(out, PP_LIT("old"));
}

static void an_older_record_fills_todays_struct(void **state)
{
    uint64_t first = pp_avro_fingerprint(pp_str_of(first_canonical));
    struct pp_err err = {0};
    struct probe probe;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 256);
    add_first(&out);
    assert_int_equal(probe_decode(first, pp_buf_str(&out), &probe, &err), 0);
    assert_true(pp_str_eq(probe.id, PP_LIT("old")));
    assert_int_equal(probe.count, 7);
    assert_false(probe.has_note);

    /* Under today's schema the same bytes are something else. */
    assert_int_equal(
        probe_decode(PROBE_FINGERPRINT, pp_buf_str(&out), &probe, &err), -1);
    pp_buf_fini(&out);
}

static void an_older_record_that_is_cut_is_refused(void **state)
{
    uint64_t first = pp_avro_fingerprint(pp_str_of(first_canonical));
    struct pp_err err = {0};
    struct probe probe;
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 256);
    add_first(&out);
    for (size_t n = 0; n < out.n; n++) {
        struct pp_str cut = {out.p, n};

        assert_int_equal(probe_decode(first, cut, &probe, &err), -1);
        assert_int_equal(err.kind, PP_ERR_INVALID);
    }
    pp_buf_fini(&out);
}

/* gen.py on a schema that breaks the rules: how it exits and what it says. */
static void assert_generator_refuses(const char *field, const char *why)
{
    char command[1024];

    snprintf(command, sizeof(command),
             "d=$(mktemp -d) && mkdir $d/out && printf '%%s' "
             "'{\"type\":\"record\",\"name\":\"r\",\"doc\":\"d\",\"fields\":"
             "[%s]}' >$d/r.avsc && "
             "! python3 schemas/gen.py $d/r.avsc $d/out 2>$d/err && "
             "grep -q '%s' $d/err; r=$?; rm -rf $d; exit $r",
             field, why);
    if (system(command) != 0)
        fail_msg("accepted, or said otherwise than '%s': %s", why, field);
}

static void the_generator_refuses_what_it_cannot_keep(void **state)
{
    (void)state;
    assert_generator_refuses("{\"name\":\"a\",\"type\":\"string\"}",
                             "r.a: has no doc");
    assert_generator_refuses(
        "{\"name\":\"a\",\"type\":\"float\",\"doc\":\"d\"}",
        "r.a: type \"float\" is not one");
    assert_generator_refuses(
        "{\"name\":\"a\",\"type\":[\"null\",\"long\"],\"doc\":\"d\"}",
        "r.a: a union needs \"default\": null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_record_fills_todays_struct),
        cmocka_unit_test(an_older_record_that_is_cut_is_refused),
        cmocka_unit_test(the_generator_refuses_what_it_cannot_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
