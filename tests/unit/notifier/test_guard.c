/* Which addresses a customer's webhook may lead to. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "guard.h"

#include "test.h"

static bool allows(const struct guard *guard, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return guard_allows(guard, (const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return guard_allows(guard, (const struct sockaddr *)&in6);
}

static void addresses_of_the_public_internet_are_allowed(void **state)
{
    static const char *const addresses[] = {
        "1.1.1.1",          "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",   "100.128.0.0",     "172.15.255.255",
        "172.32.0.0",       "192.167.255.255", "223.255.255.255",
        "2606:4700::1111",  "::ffff:8.8.8.8",  "2a00:1450:4001::1",
        "64:ff9b::808:808", "2002:808:808::1",
    };
    struct guard guard = {0};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(addresses); i++)
        if (!allows(&guard, addresses[i]))
            fail_msg("%s is refused", addresses[i]);
}

static void every_other_address_is_refused(void **state)
{
    static const char *const addresses[] = {
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1", /* shared by a provider's customers */
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254", /* where clouds tell secrets */
        "172.16.0.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1", /* Teredo carries addresses, too */
    };
    struct guard guard = {0};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(addresses); i++)
        if (allows(&guard, addresses[i]))
            fail_msg("%s is allowed", addresses[i]);
}

static void an_operator_may_allow_networks_of_his_own(void **state)
{
    struct guard guard;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(
        guard_read(&guard, " 10.1.0.0/16, fd00::/8 127.0.0.1 ", &err), 0);
    assert_int_equal(guard.count, 3);
    assert_true(allows(&guard, "10.1.255.255"));
    assert_true(allows(&guard, "::ffff:10.1.2.3"));
    assert_true(allows(&guard, "127.0.0.1"));
    assert_true(allows(&guard, "fd00::1"));
    assert_false(allows(&guard, "10.2.0.0"));
    assert_false(allows(&guard, "127.0.0.2"));
    assert_false(allows(&guard, "fc00::1"));
}

static void a_network_that_is_none_is_refused_at_the_start(void **state)
{
    static const char *const lists[] = {
        "10.0.0.0/33", "10.0.0/8",  "fd00::/129",
        "localhost",   "10.0.0.0/", "10.0.0.0/-1",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(lists); i++) {
        struct guard guard;
        struct pp_err err = {0};

        if (guard_read(&guard, lists[i], &err) == 0)
            fail_msg("%s was taken", lists[i]);
        assert_int_equal(err.kind, PP_ERR_FATAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_public_internet_are_allowed),
        cmocka_unit_test(every_other_address_is_refused),
        cmocka_unit_test(an_operator_may_allow_networks_of_his_own),
        cmocka_unit_test(a_network_that_is_none_is_refused_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
