#include "visitor.h"

#include "test.h"

static const struct visitor_salt today = {true, 20000, "0123456789abcde"};
static const struct visitor_salt tomorrow = {true, 20001, "fedcba987654321"};

static void a_visitor_is_the_same_only_on_one_site_and_day(void **state)
{
    struct pp_str site = PP_LIT("s1"), address = PP_LIT("203.0.113.7"),
                  agent = PP_LIT("Mozilla/5.0");
    int64_t visitor = visitor_hash(&today, site, address, agent);

    (void)state;
    assert_true(visitor == visitor_hash(&today, site, address, agent));
    assert_true(visitor != visitor_hash(&tomorrow, site, address, agent));
    assert_true(visitor != visitor_hash(&today, PP_LIT("s2"), address, agent));
    assert_true(visitor !=
                visitor_hash(&today, site, PP_LIT("203.0.113.8"), agent));
    assert_true(visitor !=
                visitor_hash(&today, site, address, PP_LIT("Mozilla/5.1")));
}

static void parts_do_not_run_into_each_other(void **state)
{
    (void)state;
    assert_true(visitor_hash(&today, PP_LIT("ab"), PP_LIT("c"), PP_LIT("d")) !=
                visitor_hash(&today, PP_LIT("a"), PP_LIT("bc"), PP_LIT("d")));
}

static void a_very_long_user_agent_is_no_trouble(void **state)
{
    static char agent[100000];
    struct pp_str text = {agent, sizeof(agent)};

    (void)state;
    for (size_t i = 0; i < sizeof(agent); i++)
        agent[i] = 'x';
    (void)visitor_hash(&today, text, text, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_is_the_same_only_on_one_site_and_day),
        cmocka_unit_test(parts_do_not_run_into_each_other),
        cmocka_unit_test(a_very_long_user_agent_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
