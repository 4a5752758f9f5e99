/*
 * Every row of what Stripe's own libraries accept and refuse, and what is
 * accepted here. Signatures are made by libsodium from the scheme as it is
 * documented; tests/e2e/test_billing_webhook.py has other libraries make them.
 */
#include "signature.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_buf.h"
#include "pp_mem.h"
#include "test.h"

#define NOW_S  INT64_C(1764072000)
#define SECRET "whsec_of_a_unit_test_0123456789"
#define OLD    "whsec_of_a_unit_test_old_456789"
#define BODY   "{\"id\":\"evt_1\",\"object\":\"event\"}"

static struct secrets secrets;

static int set_up(void **state)
{
    struct pp_err err = {0};

    (void)state;
    if (sodium_init() < 0)
        return -1;
    return secrets_read(
        PP_LIT("new " SECRET "\nold " OLD " 2026-11-30T00:00:00Z\n"), &secrets,
        &err);
}

/* The signature of that time, as it stands in the header. */
static const char *hex_of(const char *secret, const char *time,
                          const char *body, size_t bytes)
{
    static char hex[4][65];
    static int turn;
    unsigned char mac[32];
    crypto_auth_hmacsha256_state hmac;
    char *out = hex[turn++ % 4];

    crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)secret,
                                strlen(secret));
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)time,
                                  strlen(time));
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)".", 1);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)body, bytes);
    crypto_auth_hmacsha256_final(&hmac, mac);
    sodium_bin2hex(out, 65, mac, sizeof(mac));
    return out;
}

static enum signature_verdict check(const char *header, const char **label)
{
    return signature_check((struct pp_str){header, header ? strlen(header) : 0},
                           PP_LIT(BODY), NOW_S * 1000, 300, &secrets, label);
}

/*
 * In a header, T stands for the time now, G for a good signature of it, B for
 * one by another's secret, U for the good one in upper case, C for one that is
 * cut, Z for one of zeros.
 */
static const char *header_of(const char *pattern)
{
    static char text[8192];
    char now[24], upper[65];
    const char *good;
    size_t n = 0;

    snprintf(now, sizeof(now), "%lld", (long long)NOW_S);
    good = hex_of(SECRET, now, BODY, strlen(BODY));
    for (size_t i = 0; i < 65; i++)
        upper[i] = good[i] >= 'a' ? (char)(good[i] - 32) : good[i];
    for (; *pattern; pattern++) {
        char one[2] = {*pattern, 0};
        const char *piece = one;

        switch (*pattern) {
        case 'T':
            piece = now;
            break;
        case 'G':
            piece = good;
            break;
        case 'U':
            piece = upper;
            break;
        case 'B':
            piece = hex_of("whsec_of_somebody_else", now, BODY, strlen(BODY));
            break;
        case 'C':
            piece = good + 1;
            break;
        case 'Z':
            piece = "00000000000000000000000000000000000000000000000000"
                    "00000000000000";
            break;
        default:
            break;
        }
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", piece);
    }
    return text;
}

static void a_header_is_taken_or_refused_by_one_grammar(void **state)
{
    static const struct {
        const char *when, *header;
        enum signature_verdict verdict;
    } cases[] = {
        {"plain", "t=T,v1=G", SIGNATURE_GOOD},
        {"the signature comes first", "v1=G,t=T", SIGNATURE_GOOD},
        {"the second of two is good", "t=T,v1=B,v1=G", SIGNATURE_GOOD},
        {"the first of two is good", "t=T,v1=G,v1=B", SIGNATURE_GOOD},
        {"a v0 beside", "t=T,v1=G,v0=B", SIGNATURE_GOOD},
        {"an unknown scheme beside", "t=T,v2=B,v1=G", SIGNATURE_GOOD},
        {"a comma behind", "t=T,v1=G,", SIGNATURE_MALFORMED},
        {"a comma before", ",t=T,v1=G", SIGNATURE_MALFORMED},
        {"two commas", "t=T,,v1=G", SIGNATURE_MALFORMED},
        {"a word without a value", "t=T,v1=G,x", SIGNATURE_MALFORMED},
        {"a second = in a pair", "t=T,v1=G,x=a=b", SIGNATURE_MALFORMED},
        {"a second = in the signature", "t=T,v1=G=", SIGNATURE_MALFORMED},
        {"a name that is empty", "t=T,v1=G,=a", SIGNATURE_MALFORMED},
        {"a blank after a comma", "t=T, v1=G", SIGNATURE_MALFORMED},
        {"a blank in front", " t=T,v1=G", SIGNATURE_MALFORMED},
        {"a tabulator in a value", "t=T,v1=G,x=a\tb", SIGNATURE_MALFORMED},
        {"upper-case hex", "t=T,v1=U", SIGNATURE_NO_MATCH},
        {"V1 for v1", "t=T,V1=G", SIGNATURE_MALFORMED},
        {"v0 alone", "t=T,v0=G", SIGNATURE_MALFORMED},
        {"v1 without a time", "v1=G", SIGNATURE_MALFORMED},
        {"a time alone", "t=T", SIGNATURE_MALFORMED},
        {"a time of letters", "t=abc,v1=G", SIGNATURE_MALFORMED},
        {"a time below zero", "t=-1,v1=G", SIGNATURE_MALFORMED},
        {"a time with a zero before it", "t=0T,v1=G", SIGNATURE_MALFORMED},
        {"a time with a plus", "t=+T,v1=G", SIGNATURE_MALFORMED},
        {"a time with a fraction", "t=T.0,v1=G", SIGNATURE_MALFORMED},
        {"a time with an exponent", "t=1e9,v1=G", SIGNATURE_MALFORMED},
        {"the right time twice", "t=T,t=T,v1=G", SIGNATURE_MALFORMED},
        {"the right time first", "t=T,t=1,v1=G", SIGNATURE_MALFORMED},
        {"the right time last", "t=1,t=T,v1=G", SIGNATURE_MALFORMED},
        {"a huge time", "t=99999999999999999999,v1=G", SIGNATURE_MALFORMED},
        {"a time of 13 digits", "t=1111111111111,v1=G", SIGNATURE_MALFORMED},
        {"a time without digits", "t=,v1=G", SIGNATURE_MALFORMED},
        {"nothing", "", SIGNATURE_MALFORMED},
        {"an empty signature", "t=T,v1=", SIGNATURE_MALFORMED},
        {"a signature that is cut", "t=T,v1=C", SIGNATURE_NO_MATCH},
        {"a signature with a letter more", "t=T,v1=G0", SIGNATURE_NO_MATCH},
        {"zeros", "t=T,v1=Z", SIGNATURE_NO_MATCH},
        {"somebody else's", "t=T,v1=B", SIGNATURE_NO_MATCH},
    };
    const char *label;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (check(header_of(cases[i].header), &label) != cases[i].verdict)
            fail_msg("when %s", cases[i].when);
    assert_int_equal(check(NULL, &label), SIGNATURE_MISSING);
}

static enum signature_verdict at(int64_t offset_s, int tolerance_s)
{
    char time[24], header[128];
    const char *label;

    snprintf(time, sizeof(time), "%lld", (long long)(NOW_S + offset_s));
    snprintf(header, sizeof(header), "t=%s,v1=%s", time,
             hex_of(SECRET, time, BODY, strlen(BODY)));
    return signature_check(pp_str_of(header), PP_LIT(BODY), NOW_S * 1000,
                           tolerance_s, &secrets, &label);
}

static void a_signature_is_good_for_so_long_on_both_sides(void **state)
{
    static const struct {
        int64_t offset_s;
        int tolerance_s;
        enum signature_verdict verdict;
    } cases[] = {
        {0, 300, SIGNATURE_GOOD},
        {-299, 300, SIGNATURE_GOOD},
        {-300, 300, SIGNATURE_GOOD},
        {-301, 300, SIGNATURE_TOO_OLD},
        {299, 300, SIGNATURE_GOOD},
        {300, 300, SIGNATURE_GOOD},
        {301, 300, SIGNATURE_TOO_NEW},
        {3600, 300, SIGNATURE_TOO_NEW},
        {INT64_C(315360000), 300, SIGNATURE_TOO_NEW},
        {-2, 1, SIGNATURE_TOO_OLD},
        {2, 1, SIGNATURE_TOO_NEW},
        {-900, 900, SIGNATURE_GOOD},
        {-901, 900, SIGNATURE_TOO_OLD},
        {-NOW_S, 900, SIGNATURE_TOO_OLD},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (at(cases[i].offset_s, cases[i].tolerance_s) != cases[i].verdict)
            fail_msg("%lld s off, of %d", (long long)cases[i].offset_s,
                     cases[i].tolerance_s);
}

static void the_bytes_as_they_came_are_what_is_signed(void **state)
{
    static const struct {
        const char *what, *body;
        size_t bytes;
    } cases[] = {
        {"no UTF-8", "\xff\xfe{\"a\":\"\xc3\"}", 11},
        {"a NUL", "a\0b", 3},
        {"nothing", "", 0},
        {"blanks around", " { } \r\n", 7},
    };
    char now[24], header[128];
    const char *label;

    (void)state;
    snprintf(now, sizeof(now), "%lld", (long long)NOW_S);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str body = {cases[i].body, cases[i].bytes};

        snprintf(header, sizeof(header), "t=%s,v1=%s", now,
                 hex_of(SECRET, now, body.p, body.n));
        if (signature_check(pp_str_of(header), body, NOW_S * 1000, 300,
                            &secrets, &label) != SIGNATURE_GOOD)
            fail_msg("%s", cases[i].what);
        if (signature_check(pp_str_of(header), PP_LIT("other"), NOW_S * 1000,
                            300, &secrets, &label) != SIGNATURE_NO_MATCH)
            fail_msg("%s, and another body", cases[i].what);
    }
}

static void each_secret_is_tried_and_says_its_label(void **state)
{
    char now[24], header[256];
    const char *label;

    (void)state;
    snprintf(now, sizeof(now), "%lld", (long long)NOW_S);
    snprintf(header, sizeof(header), "t=%s,v1=%s", now,
             hex_of(OLD, now, BODY, strlen(BODY)));
    assert_int_equal(check(header, &label), SIGNATURE_GOOD);
    assert_string_equal(label, "old");
    assert_int_equal(check(header_of("t=T,v1=G"), &label), SIGNATURE_GOOD);
    assert_string_equal(label, "new");
    snprintf(header, sizeof(header), "t=%s,v1=%s,v1=%s", now,
             hex_of(OLD, now, BODY, strlen(BODY)),
             hex_of(SECRET, now, BODY, strlen(BODY)));
    assert_int_equal(check(header, &label), SIGNATURE_GOOD);
}

static void a_secret_that_is_over_signs_nothing(void **state)
{
    int64_t end_s = INT64_C(1764460800) /* 2025-11-30 */ + 31536000;
    char time[24], header[128];
    const char *label;

    (void)state;
    for (int64_t s = end_s - 1; s <= end_s; s++) {
        snprintf(time, sizeof(time), "%lld", (long long)s);
        snprintf(header, sizeof(header), "t=%s,v1=%s", time,
                 hex_of(OLD, time, BODY, strlen(BODY)));
        assert_int_equal(signature_check(pp_str_of(header), PP_LIT(BODY),
                                         s * 1000, 300, &secrets, &label),
                         s < end_s ? SIGNATURE_GOOD : SIGNATURE_NO_MATCH);
        assert_int_equal(secrets_alive(&secrets, s * 1000), s < end_s ? 2 : 1);
    }
}

static void a_header_has_its_limits(void **state)
{
    struct pp_buf header;
    const char *label, *plain = header_of("t=T,v1=G");

    (void)state;
    pp_buf_init(&header, 65536);
    pp_buf_add_text(&header, plain);
    for (int i = 1; i < SIGNATURE_COUNT_MAX; i++)
        pp_buf_add_text(&header, ",v1=0");
    pp_buf_add_byte(&header, '\0');
    assert_int_equal(check(header.p, &label), SIGNATURE_GOOD);
    header.n--;
    pp_buf_add_text(&header, ",v1=0");
    pp_buf_add_byte(&header, '\0');
    assert_int_equal(check(header.p, &label), SIGNATURE_MALFORMED);

    pp_buf_reset(&header);
    pp_buf_add_text(&header, plain);
    pp_buf_add_text(&header, ",x=");
    while (header.n < SIGNATURE_HEADER_BYTES)
        pp_buf_add_byte(&header, 'a');
    pp_buf_add_byte(&header, '\0');
    assert_int_equal(check(header.p, &label), SIGNATURE_GOOD);
    header.n--;
    pp_buf_add_text(&header, "a");
    pp_buf_add_byte(&header, '\0');
    assert_int_equal(check(header.p, &label), SIGNATURE_MALFORMED);
    pp_buf_fini(&header);
}

static void a_file_of_secrets_is_right_or_says_which_line_is_not(void **state)
{
    static const struct {
        const char *text, *wrong; /* NULL: right */
    } cases[] = {
        {"a " SECRET, NULL},
        {"# a note\n\n  a \t" SECRET "  \n", NULL},
        {"a " SECRET " 2026-11-30T00:00:00Z", NULL},
        {"", "has no secret"},
        {"# a " SECRET, "has no secret"},
        {"a", "line 1 has to be"},
        {"\nA " SECRET, "line 2 has a label"},
        {"a sk_test_0123456789abcdef", "line 1 has no secret"},
        {"a whsec_short", "line 1 has no secret"},
        {"a " SECRET " soon", "line 1 has an end"},
        {"a " SECRET " 2026-11-30T00:00:00Z more", "line 1 has an end"},
        {"a " SECRET "\na " SECRET "\na " SECRET "\na " SECRET "\na " SECRET
         "\na " SECRET "\na " SECRET "\na " SECRET "\na " SECRET,
         "has more than 8"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct secrets found;
        struct pp_err err = {0};
        int result = secrets_read(pp_str_of(cases[i].text), &found, &err);

        if (cases[i].wrong ? result == 0 || !strstr(err.msg, cases[i].wrong)
                           : result < 0)
            fail_msg("%s: %s", cases[i].text, err.msg);
        if (strstr(err.msg, "whsec_of") || strstr(err.msg, "sk_test"))
            fail_msg("a secret is told: %s", err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_taken_or_refused_by_one_grammar),
        cmocka_unit_test(a_signature_is_good_for_so_long_on_both_sides),
        cmocka_unit_test(the_bytes_as_they_came_are_what_is_signed),
        cmocka_unit_test(each_secret_is_tried_and_says_its_label),
        cmocka_unit_test(a_secret_that_is_over_signs_nothing),
        cmocka_unit_test(a_header_has_its_limits),
        cmocka_unit_test(a_file_of_secrets_is_right_or_says_which_line_is_not),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
