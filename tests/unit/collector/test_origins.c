#include "origins.h"

#include "test.h"

static void only_allowed_hosts_may_send(void **state)
{
    static const struct {
        const char *origins, *hostname;
        bool allowed;
    } cases[] = {
        {"", "anything.example", true},
        {"  ", "anything.example", true},
        {"shop.example", "shop.example", true},
        {"shop.example", "SHOP.example", true},
        {"shop.example", "evilshop.example", false},
        {"shop.example", "www.shop.example", false},
        {"*.shop.example", "www.shop.example", true},
        {"*.shop.example", "a.b.shop.example", true},
        {"*.shop.example", "shop.example", false},
        {"*.shop.example", "evilshop.example", false},
        {"a.example b.example", "b.example", true},
        {"a.example", "", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_site site = {.origins = pp_str_of(cases[i].origins)};

        if (origins_allow(&site, pp_str_of(cases[i].hostname)) !=
            cases[i].allowed)
            fail_msg("'%s' for '%s'", cases[i].hostname, cases[i].origins);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_allowed_hosts_may_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
