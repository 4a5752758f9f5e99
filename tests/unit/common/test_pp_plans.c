#include "pp_plans.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

#define PLAN(code, limit, prices)                                              \
    "{\"code\":\"" code "\",\"display_name\":\"x\",\"features\":[],"           \
    "\"monthly_limit\":" limit ",\"max_alerts\":1,\"grace_days\":7,"           \
    "\"price_ids\":[" prices "]}"
#define CAPPED(limit, ceiling)                                                 \
    "{\"code\":\"FREE\",\"display_name\":\"x\",\"features\":[],"               \
    "\"monthly_limit\":" limit ",\"max_alerts\":1,\"grace_days\":7,"           \
    "\"price_ids\":[],\"grace_ceiling\":" ceiling "}"
#define FILE_OF(plans) "{\"plans\":[" plans "]}"

static void the_three_plans_are_built_in(void **state)
{
    static const struct {
        const char *code;
        int64_t limit;
        int alerts;
    } cases[] = {
        {"FREE", 5000, 1}, {"BASIC", 50000, 5}, {"PREMIUM", 250000, 25}};
    struct pp_plans *plans = NULL;
    struct pp_err err = {0};

    (void)state;
    if (pp_plans_open(&plans, "", &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pp_plans_count(plans), 3);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_plan *plan =
            pp_plans_find(plans, pp_str_of(cases[i].code));

        assert_non_null(plan);
        assert_ptr_equal(plan, pp_plans_at(plans, i));
        assert_int_equal(plan->monthly_limit, cases[i].limit);
        assert_int_equal(plan->max_alerts, cases[i].alerts);
        assert_int_equal(plan->grace_days, 7);
        assert_true(plan->feature_count > 0);
        assert_true(strlen(plan->display_name) > 0);
        for (size_t k = 0; k < plan->price_id_count; k++)
            assert_ptr_equal(
                pp_plans_of_price(plans, pp_str_of(plan->price_ids[k])), plan);
    }
    assert_null(pp_plans_find(plans, PP_LIT("free")));
    assert_null(pp_plans_of_price(plans, PP_LIT("price_unknown"))); /* E37 */
    pp_plans_close(&plans);
}

/* E33 */
static void a_limit_may_be_nothing_and_may_be_unlimited(void **state)
{
    struct pp_plans *plans = NULL;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(
        pp_plans_read(
            &plans,
            PP_LIT(FILE_OF(PLAN("FREE", "0", "") "," PLAN(
                "ALL", "null", "") "," PLAN("BIG", "9007199254740993", ""))),
            &err),
        0);
    assert_int_equal(pp_plans_find(plans, PP_LIT("FREE"))->monthly_limit, 0);
    assert_int_equal(pp_plans_find(plans, PP_LIT("ALL"))->monthly_limit,
                     PP_PLAN_UNLIMITED);
    assert_int_equal(pp_plans_find(plans, PP_LIT("BIG"))->monthly_limit,
                     INT64_C(9007199254740993));
    pp_plans_close(&plans);
}

/* D12 */
static void a_plan_has_a_ceiling_in_grace_only_if_the_file_says_so(void **state)
{
    struct pp_plans *plans = NULL;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(
        pp_plans_read(&plans,
                      PP_LIT(FILE_OF(CAPPED("5", "50") "," PLAN("B", "1", ""))),
                      &err),
        0);
    assert_int_equal(pp_plans_at(plans, 0)->grace_ceiling, 50);
    assert_int_equal(pp_plans_at(plans, 1)->grace_ceiling, PP_PLAN_UNLIMITED);
    pp_plans_close(&plans);
}

static void a_catalogue_that_is_wrong_is_refused_in_words(void **state)
{
    static const struct {
        const char *when, *text, *says;
    } cases[] = {
        {"it is no JSON", "{", "expected"},
        {"it has no plans", FILE_OF(""), "there has to be FREE"},
        {"nobody could have chosen none", FILE_OF(PLAN("BASIC", "1", "")),
         "there has to be FREE"},
        {"a code is there twice",
         FILE_OF(PLAN("FREE", "1", "") "," PLAN("FREE", "2", "")), "twice"},
        {"a price is of two plans",
         FILE_OF(PLAN("FREE", "1", "\"p\"") "," PLAN("B", "2", "\"p\"")),
         "price p"},
        {"a limit is negative", FILE_OF(PLAN("FREE", "-1", "")), "number"},
        {"a limit is a text", FILE_OF(PLAN("FREE", "\"5\"", "")), "number"},
        {"a limit is too large for 64 bits",
         FILE_OF(PLAN("FREE", "9223372036854775808", "")), "number"},
        {"a ceiling is not above the limit", FILE_OF(CAPPED("5", "5")),
         "grace_ceiling of FREE"},
        {"a code is no code", FILE_OF(PLAN("free", "1", "")), "A-Z"},
        {"a field is missing", FILE_OF("{\"code\":\"FREE\"}"), "FREE lacks"},
        {"a field is misspelt", FILE_OF("{\"cod\":\"FREE\"}"), "called cod"},
        {"something stands behind it", FILE_OF(PLAN("FREE", "1", "")) "x",
         "plans:"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_plans *plans = NULL;
        struct pp_err err = {0};

        if (pp_plans_read(&plans, pp_str_of(cases[i].text), &err) == 0)
            fail_msg("taken, when %s", cases[i].when);
        assert_int_equal(err.kind, PP_ERR_FATAL);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("when %s: %s", cases[i].when, err.msg);
        assert_null(plans);
    }
}

static void a_file_that_is_not_there_is_refused_by_its_name(void **state)
{
    struct pp_plans *plans = NULL;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_plans_open(&plans, "/nowhere/plans.json", &err), -1);
    assert_non_null(strstr(err.msg, "/nowhere/plans.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_plans_are_built_in),
        cmocka_unit_test(a_limit_may_be_nothing_and_may_be_unlimited),
        cmocka_unit_test(
            a_plan_has_a_ceiling_in_grace_only_if_the_file_says_so),
        cmocka_unit_test(a_catalogue_that_is_wrong_is_refused_in_words),
        cmocka_unit_test(a_file_that_is_not_there_is_refused_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
