#include "pp_address.h"

#include "test.h"

#define STR(literal)                                                           \
    {                                                                          \
        (literal), sizeof(literal) - 1                                         \
    }

static void only_our_own_proxies_say_who_the_client_is(void **state)
{
    static const struct {
        const char *when;
        struct pp_str forwarded;
        int hops;
        const char *client;
    } cases[] = {
        {"nobody is trusted", STR("203.0.113.7"), 0, "192.0.2.1"},
        {"one proxy appended what it saw", STR("203.0.113.7"), 1,
         "203.0.113.7"},
        {"the client made up the left part", STR("198.51.100.9, 203.0.113.7"),
         1, "203.0.113.7"},
        {"two proxies stand before us", STR("6.6.6.6, 203.0.113.7,10.0.0.1"), 2,
         "203.0.113.7"},
        {"there are fewer than there should be", STR("203.0.113.7"), 2,
         "192.0.2.1"},
        {"there is no header", STR(""), 1, "192.0.2.1"},
        {"a port follows", STR("203.0.113.7:4711"), 1, "203.0.113.7"},
        {"an IPv6 address has brackets", STR("[2001:db8::1]:4711"), 1,
         "2001:db8::1"},
        {"an IPv6 address has none", STR("2001:db8::1"), 1, "2001:db8::1"},
        {"the last part is empty", STR("203.0.113.7,"), 1, ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str client = pp_address_client(
            cases[i].forwarded, PP_LIT("192.0.2.1:999"), cases[i].hops);

        if (!pp_str_eq(client, pp_str_of(cases[i].client)))
            fail_msg("when %s: '%.*s'", cases[i].when, PP_ARG(client));
    }
}

static void an_address_is_cut_before_it_travels(void **state)
{
    static const struct {
        struct pp_str address;
        const char *prefix;
    } cases[] = {
        {STR("203.0.113.77"), "203.0.113.0"},
        {STR("0.0.0.0"), "0.0.0.0"},
        {STR("2001:db8:1234:5678:9abc:def0:1234:5678"), "2001:db8:1234::"},
        {STR("::1"), "::"},
        {STR("::ffff:203.0.113.77"), "203.0.113.0"},
        {STR("fe80::1%eth0"), ""},
        {STR("203.0.113"), ""},
        {STR("203.0.113.777"), ""},
        {STR("203.0.113.77\0.evil"), ""},
        {STR("unknown"), ""},
        {STR(""), ""},
        {STR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"), ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char prefix[PP_ADDRESS_BYTES];

        pp_address_prefix(cases[i].address, prefix);
        assert_string_equal(prefix, cases[i].prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_own_proxies_say_who_the_client_is),
        cmocka_unit_test(an_address_is_cut_before_it_travels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
