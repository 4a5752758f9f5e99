#include "url.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static struct pp_arena arena;

static int setup(void **state)
{
    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pp_arena_fini(&arena);
    return 0;
}

static struct url parsed(struct pp_str text)
{
    struct url url;
    struct pp_err err;

    if (url_parse(text, &arena, &url, &err) < 0)
        fail_msg("'%.*s': %s", PP_ARG(text), err.msg);
    return url;
}

static void expect(const char *what, struct pp_str text, struct pp_str got,
                   const char *then)
{
    if (!pp_str_eq(got, pp_str_of(then)))
        fail_msg("the %s of '%.*s' is '%.*s', not '%s'", what, PP_ARG(text),
                 PP_ARG(got), then);
}

static void an_address_has_a_host_a_path_and_a_query(void **state)
{
    static const struct {
        struct pp_str url;
        const char *hostname, *pathname, *query;
    } cases[] = {
        {STR("https://example.com/a/b?c=d#e"), "example.com", "/a/b", "c=d"},
        {STR("http://example.com"), "example.com", "/", ""},
        {STR("http://example.com/"), "example.com", "/", ""},
        {STR("http://example.com?x=/y"), "example.com", "/", "x=/y"},
        {STR("http://example.com#/hash?x"), "example.com", "/", ""},
        {STR("http://example.com/#a?b"), "example.com", "/", ""},
        {STR("HTTPS://WWW.Example.COM/Path"), "www.example.com", "/Path", ""},
        {STR("http://example.com:8080/p"), "example.com", "/p", ""},
        {STR("http://example.com:/p"), "example.com", "/p", ""},
        {STR("http://example.com./p"), "example.com", "/p", ""},
        {STR("http://example.com.:80/p"), "example.com", "/p", ""},
        {STR("http://localhost:3000"), "localhost", "/", ""},
        {STR("http://192.0.2.1/"), "192.0.2.1", "/", ""},
        {STR("http://[2001:DB8::1]:80/p"), "[2001:db8::1]", "/p", ""},
        {STR("http://B\xC3\x9C"
             "CHER.example/"),
         "b\xC3\x9C"
         "cher.example",
         "/", ""},
        {STR("http://xn--bcher-kva.example/"), "xn--bcher-kva.example", "/",
         ""},
        {STR("http://a_b.example/"), "a_b.example", "/", ""},
        {STR("http://example.com//x/../%2F@y:z"), "example.com",
         "//x/../%2F@y:z", ""},
        {STR("http://example.com/?"), "example.com", "/", ""},
        {STR("http://example.com/?a?b"), "example.com", "/", "a?b"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct url url = parsed(cases[i].url);

        expect("hostname", cases[i].url, url.hostname, cases[i].hostname);
        expect("pathname", cases[i].url, url.pathname, cases[i].pathname);
        expect("query", cases[i].url, url.query, cases[i].query);
    }
}

static void what_is_no_address_of_a_page_is_refused(void **state)
{
    static const struct {
        struct pp_str url;
        const char *because;
    } cases[] = {
        {STR(""), "http"},
        {STR("example.com/a"), "http"},
        {STR("//example.com/a"), "http"},
        {STR("ftp://example.com/"), "http"},
        {STR("javascript:alert(1)"), "http"},
        {STR("file:///etc/passwd"), "http"},
        {STR("about:blank"), "http"},
        {STR("http:example.com"), "http"},
        {STR("http:/example.com"), "http"},
        {STR(" http://example.com/"), "http"},
        {STR("http://"), "no host"},
        {STR("http:///path"), "no host"},
        {STR("http://:80/"), "no host"},
        {STR("http://./"), "no host"},
        {STR("http://?q"), "no host"},
        {STR("http://user@example.com/"), "user name"},
        {STR("http://user:word@example.com/"), "user name"},
        {STR("http://@example.com/"), "user name"},
        {STR("http://good.example\\@evil.example/"), "user name"},
        {STR("http://good.example\\evil.example/"), "character"},
        {STR("http://a..b/"), "dot"},
        {STR("http://.a/"), "dot"},
        {STR("http://a../"), "dot"},
        {STR("http://exa mple.com/"), "character"},
        {STR("http://ex%61mple.com/"), "character"},
        {STR("http://example.com:port/"), "port"},
        {STR("http://example.com:65536/"), "port"},
        {STR("http://example.com:99999999999999999999/"), "port"},
        {STR("http://example.com:80:80/"), "port"},
        {STR("http://2001:db8::1/"), "port"},
        {STR("http://[2001:db8::1/"), "IPv6"},
        {STR("http://[]/"), "IPv6"},
        {STR("http://[example.com]/"), "IPv6"},
        {STR("http://[::1]x/"), "follows"},
        {STR("http://example.com/a\0b"), "control"},
        {STR("http://example.com/a\nb"), "control"},
        {STR("http://example.com/?a\tb"), "control"},
        {STR("http://example.com/#a\x7F"), "control"},
        {STR("http://example.com/\xC2\x85"), "control"},
        {STR("http://example.com/\xFF"), "UTF-8"},
        {STR("http://example.com/\xC0\xAF"), "UTF-8"},
        {STR("http://example.com/\xED\xA0\x80"), "UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_err err = {0};
        struct url url;

        if (url_parse(cases[i].url, &arena, &url, &err) == 0)
            fail_msg("'%.*s' is taken", PP_ARG(cases[i].url));
        if (err.kind != PP_ERR_INVALID || !strstr(err.msg, cases[i].because))
            fail_msg("'%.*s': %s", PP_ARG(cases[i].url), err.msg);
    }
}

/* prefix, then count times unit, then suffix; the caller frees it. */
static struct pp_str repeated(const char *prefix, const char *unit,
                              size_t count, const char *suffix)
{
    size_t n = strlen(unit), max = strlen(prefix) + n * count + strlen(suffix);
    char *text = pp_malloc(max + 1), *end = stpcpy(text, prefix);

    while (count-- > 0)
        end = stpcpy(end, unit);
    end = stpcpy(end, suffix);
    return (struct pp_str){text, (size_t)(end - text)};
}

static void long_paths_are_cut_between_characters(void **state)
{
    static const struct {
        const char *unit;
        size_t count, bytes;
    } cases[] = {
        {"a", 2047, 2048},   {"a", 2048, 2048},        {"a", 9000, 2048},
        {"%41", 3000, 2047}, {"\xC3\xA9", 3000, 2047},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str text =
            repeated("http://a/", cases[i].unit, cases[i].count, "?q");
        struct url url = parsed(text);

        if (url.pathname.n != cases[i].bytes)
            fail_msg("case %zu: %zu bytes", i, url.pathname.n);
        assert_true(pp_str_is_utf8(url.pathname));
        assert_true(pp_str_eq(url.query, PP_LIT("q")));
        free((char *)(uintptr_t)text.p);
    }
}

static void a_host_has_at_most_253_bytes(void **state)
{
    struct pp_str longest = repeated("http://", "a", 253, "./");
    struct pp_str longer = repeated("http://", "a", 254, "/");
    struct pp_err err;
    struct url url = parsed(longest);

    (void)state;
    assert_int_equal(url.hostname.n, URL_HOSTNAME_MAX_BYTES);
    assert_int_equal(url_parse(longer, &arena, &url, &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    free((char *)(uintptr_t)longest.p);
    free((char *)(uintptr_t)longer.p);
}

static void a_utm_value_is_decoded_when_that_gives_text(void **state)
{
    static const struct {
        struct pp_str url;
        const char *source;
    } cases[] = {
        {STR("http://a/?utm_source=news"), "news"},
        {STR("http://a/?x=1&utm_source=news&y=2"), "news"},
        {STR("http://a/?UTM_Source=News"), "News"},
        {STR("http://a/?utm_source=a+b%20c"), "a b c"},
        {STR("http://a/?utm_source=caf%C3%A9"), "caf\xC3\xA9"},
        {STR("http://a/?utm_source=caf\xC3\xA9"), "caf\xC3\xA9"},
        {STR("http://a/?utm_source=a%26b%3Dc"), "a&b=c"},
        {STR("http://a/?utm_source=a=b"), "a=b"},
        {STR("http://a/?utm_source=100%"), "100%"},
        {STR("http://a/?utm_source=%4"), "%4"},
        {STR("http://a/?utm_source=%zz%41"), "%zzA"},
        {STR("http://a/?utm_source=a%FFb"), "a%FFb"},
        {STR("http://a/?utm_source=a%00b"), "a%00b"},
        {STR("http://a/?utm_source=a%0Ab+c"), "a%0Ab+c"},
        {STR("http://a/?utm_source=a%C2%85b"), "a%C2%85b"},
        {STR("http://a/?utm_source=+a+"), "a"},
        {STR("http://a/?utm_source=first&utm_source=second"), "first"},
        {STR("http://a/?utm_source="), ""},
        {STR("http://a/?utm_source"), ""},
        {STR("http://a/?my_utm_source=x"), ""},
        {STR("http://a/#utm_source=x"), ""},
        {STR("http://a/?&&=&utm_source=x"), "x"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        expect("utm_source", cases[i].url, parsed(cases[i].url).utm_source,
               cases[i].source);
}

static void each_utm_value_goes_to_its_own_field(void **state)
{
    struct pp_str text =
        PP_LIT("http://a/?utm_campaign=c+1&utm_medium=e%2Dmail&utm_source=s");
    struct url url = parsed(text);

    (void)state;
    expect("utm_source", text, url.utm_source, "s");
    expect("utm_medium", text, url.utm_medium, "e-mail");
    expect("utm_campaign", text, url.utm_campaign, "c 1");
}

static void a_utm_value_has_at_most_256_bytes(void **state)
{
    struct pp_str text =
        repeated("http://a/?utm_source=", "%C3%A9", 200, "&utm_medium=m");
    struct url url = parsed(text);

    (void)state;
    assert_int_equal(url.utm_source.n, URL_UTM_MAX_BYTES);
    assert_true(pp_str_is_utf8(url.utm_source));
    expect("utm_medium", text, url.utm_medium, "m");
    free((char *)(uintptr_t)text.p);
}

static void a_click_id_is_noticed_and_not_kept(void **state)
{
    static const struct {
        struct pp_str url;
        unsigned clicks;
    } cases[] = {
        {STR("http://a/?gclid=x"), URL_GCLID},
        {STR("http://a/?fbclid=x&utm_source=y"), URL_FBCLID},
        {STR("http://a/?q&msclkid=x"), URL_MSCLKID},
        {STR("http://a/?ScCid=x"), URL_SCCID},
        {STR("http://a/?gclid=x&fbclid=y&li_fat_id=z"),
         URL_GCLID | URL_FBCLID | URL_LI_FAT_ID},
        {STR("http://a/?gbraid=1&wbraid=1&dclid=1&twclid=1&ttclid=1&rdt_cid=1"
             "&epik=1&yclid=1"),
         URL_GBRAID | URL_WBRAID | URL_DCLID | URL_TWCLID | URL_TTCLID |
             URL_RDT_CID | URL_EPIK | URL_YCLID},
        {STR("http://a/?gclid="), 0},
        {STR("http://a/?gclid"), 0},
        {STR("http://a/?xgclid=x"), 0},
        {STR("http://a/gclid=x"), 0},
        {STR("http://a/#gclid=x"), 0},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        unsigned clicks = parsed(cases[i].url).clicks;

        if (clicks != cases[i].clicks)
            fail_msg("'%.*s': %x", PP_ARG(cases[i].url), clicks);
    }
}

static void an_arena_without_room_is_our_own_fault(void **state)
{
    struct pp_str text = PP_LIT("http://EXAMPLE.com/?utm_source=a+b");
    struct pp_arena none;
    struct pp_err err;
    struct url url;

    (void)state;
    for (size_t bytes = 0; bytes < 2; bytes++) {
        pp_arena_init(&none, bytes * 16);
        assert_int_equal(url_parse(text, &none, &url, &err), -1);
        assert_int_equal(err.kind, PP_ERR_FATAL);
        pp_arena_fini(&none);
    }
    pp_arena_init(&none, URL_ARENA_BYTES(text.n));
    assert_int_equal(url_parse(text, &none, &url, &err), 0);
    pp_arena_fini(&none);
}

int main(void)
{
    const struct CMUnitTest url[] = {
        cmocka_unit_test(an_address_has_a_host_a_path_and_a_query),
        cmocka_unit_test(what_is_no_address_of_a_page_is_refused),
        cmocka_unit_test(long_paths_are_cut_between_characters),
        cmocka_unit_test(a_host_has_at_most_253_bytes),
        cmocka_unit_test(a_utm_value_is_decoded_when_that_gives_text),
        cmocka_unit_test(each_utm_value_goes_to_its_own_field),
        cmocka_unit_test(a_utm_value_has_at_most_256_bytes),
        cmocka_unit_test(a_click_id_is_noticed_and_not_kept),
        cmocka_unit_test(an_arena_without_room_is_our_own_fault),
    };

    return cmocka_run_group_tests(url, setup, teardown);
}
