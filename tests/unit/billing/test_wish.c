#include "wish.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static void only_a_plan_and_an_interval_may_be_wished_for(void **state)
{
    static const struct {
        const char *body;
        enum web_result result;
    } cases[] = {
        {"{\"plan\":\"BASIC\",\"interval\":\"month\"}", WEB_OK},
        {" { \"interval\" : \"year\" , \"plan\" : \"B\\u0041SIC\" } ", WEB_OK},
        {"{\"plan\":\"nonsense\",\"interval\":\"month\"}", WEB_OK},
        {"", WEB_MALFORMED},
        {"null", WEB_MALFORMED},
        {"[]", WEB_MALFORMED},
        {"{\"plan\":\"BASIC\",\"interval\":\"month\"} x", WEB_MALFORMED},
        {"{\"plan\":\"BASIC\",\"interval\":\"month\"", WEB_MALFORMED},
        {"{\"plan\":\"\x80\",\"interval\":\"month\"}", WEB_MALFORMED},
        {"{}", WEB_MISSING_FIELD},
        {"{\"plan\":\"BASIC\"}", WEB_MISSING_FIELD},
        {"{\"interval\":\"month\"}", WEB_MISSING_FIELD},
        {"{\"plan\":\"BASIC\",\"interval\":\"month\",\"price\":\"price_1\"}",
         WEB_UNKNOWN_FIELD},
        {"{\"plan\":\"BASIC\",\"interval\":\"month\",\"customer\":null}",
         WEB_UNKNOWN_FIELD},
        {"{\"success_url\":\"https://evil.example\"}", WEB_UNKNOWN_FIELD},
        {"{\"Plan\":\"BASIC\",\"interval\":\"month\"}", WEB_UNKNOWN_FIELD},
        {"{\"plan\":\"BASIC\",\"plan\":\"FREE\",\"interval\":\"month\"}",
         WEB_INVALID_FIELD},
        {"{\"plan\":\"\",\"interval\":\"month\"}", WEB_INVALID_FIELD},
        {"{\"plan\":\"BA\\u0000SIC\",\"interval\":\"month\"}",
         WEB_INVALID_FIELD},
        {"{\"plan\":7,\"interval\":\"month\"}", WEB_INVALID_FIELD},
        {"{\"plan\":{\"a\":1},\"interval\":\"month\"}", WEB_INVALID_FIELD},
        {"{\"plan\":\"BASIC\",\"interval\":\"week\"}", WEB_INVALID_FIELD},
        {"{\"plan\":\"BASIC\",\"interval\":\"\"}", WEB_INVALID_FIELD},
        {"{\"plan\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"interval\":"
         "\"month\"}",
         WEB_INVALID_FIELD},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct wish wish;
        enum web_result result = wish_of_json(pp_str_of(cases[i].body), &wish);

        if (result != cases[i].result)
            fail_msg("%s: %s", cases[i].body, web_result_name(result));
    }
}

static void a_wish_is_what_was_said(void **state)
{
    struct wish wish;

    (void)state;
    assert_int_equal(
        wish_of_json(PP_LIT("{\"interval\":\"year\",\"plan\":\"B\\u0041SIC\"}"),
                     &wish),
        WEB_OK);
    assert_string_equal(wish.plan, "BASIC");
    assert_int_equal(wish.interval, PP_PLAN_YEAR);
}

static void a_large_body_is_refused_unread(void **state)
{
    static char body[WISH_BODY_BYTES + 1];
    enum wish_flow flow;
    struct wish wish;

    (void)state;
    memset(body, ' ', sizeof(body));
    assert_int_equal(wish_of_json((struct pp_str){body, sizeof(body)}, &wish),
                     WEB_TOO_LARGE);
    assert_int_equal(wish_of_form((struct pp_str){body, sizeof(body)}, &wish),
                     WEB_TOO_LARGE);
    assert_int_equal(
        wish_flow_of_json((struct pp_str){body, sizeof(body)}, &flow),
        WEB_TOO_LARGE);
    assert_int_equal(
        wish_flow_of_form((struct pp_str){body, sizeof(body)}, &flow),
        WEB_TOO_LARGE);
}

static void the_portal_is_opened_for_all_or_for_one_thing(void **state)
{
    static const struct {
        const char *body;
        enum web_result result;
        enum wish_flow flow;
    } cases[] = {
        {"", WEB_OK, WISH_ANY},
        {" \n", WEB_OK, WISH_ANY},
        {"{}", WEB_OK, WISH_ANY},
        {"{\"flow\":\"update\"}", WEB_OK, WISH_UPDATE},
        {"{\"flow\":\"cancel\"}", WEB_OK, WISH_CANCEL},
        {" {\"fl\\u006fw\":\"payment_method\"} ", WEB_OK, WISH_PAYMENT},
        {"{\"flow\":\"\"}", WEB_INVALID_FIELD, WISH_ANY},
        {"{\"flow\":\"subscription_cancel\"}", WEB_INVALID_FIELD, WISH_ANY},
        {"{\"flow\":null}", WEB_INVALID_FIELD, WISH_ANY},
        {"{\"flow\":\"update\",\"flow\":\"update\"}", WEB_INVALID_FIELD,
         WISH_UPDATE},
        {"{\"return_url\":\"x\"}", WEB_UNKNOWN_FIELD, WISH_ANY},
        {"[]", WEB_MALFORMED, WISH_ANY},
        {"{} {}", WEB_MALFORMED, WISH_ANY},
        {"{\"flow\":\"update\"", WEB_MALFORMED, WISH_UPDATE},
        {"{\"flow\":", WEB_MALFORMED, WISH_ANY},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        enum wish_flow flow;
        enum web_result result =
            wish_flow_of_json(pp_str_of(cases[i].body), &flow);

        if (result != cases[i].result || flow != cases[i].flow)
            fail_msg("%s: %s, %d", cases[i].body, web_result_name(result),
                     (int)flow);
    }
}

static void a_page_says_what_the_portal_is_for(void **state)
{
    enum wish_flow flow;

    (void)state;
    assert_int_equal(wish_flow_of_form(PP_LIT("form=x"), &flow), WEB_OK);
    assert_int_equal(flow, WISH_ANY);
    assert_int_equal(
        wish_flow_of_form(PP_LIT("form=x&flow=payment_method"), &flow), WEB_OK);
    assert_int_equal(flow, WISH_PAYMENT);
    assert_int_equal(wish_flow_of_form(PP_LIT("flow=all"), &flow),
                     WEB_INVALID_FIELD);
}

static void a_form_is_decoded(void **state)
{
    static const struct {
        const char *form;
        const char *value; /* of a, in eight bytes; NULL: none */
    } cases[] = {
        {"a=1", "1"},
        {"b=2&a=x+y", "x y"},
        {"a=%41%6a", "Aj"},
        {"a=", ""},
        {"a", ""},
        {"a=50%", "50%"},
        {"a=%zz", "%zz"},
        {"a=1234567", "1234567"},
        {"", NULL},
        {"aa=1", NULL},
        {"b=a=1", NULL},
        {"a=1&a=2", NULL},
        {"a=12345678", NULL},
        {"a=%00", NULL},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char value[8];
        bool found = wish_form_value(pp_str_of(cases[i].form), "a", value,
                                     sizeof(value));

        if (found != !!cases[i].value ||
            (found && strcmp(value, cases[i].value) != 0))
            fail_msg("when %s", cases[i].form);
    }
}

static void a_form_wishes_as_json_does(void **state)
{
    struct wish wish;

    (void)state;
    assert_int_equal(
        wish_of_form(PP_LIT("form=x&plan=BASIC&interval=year"), &wish), WEB_OK);
    assert_string_equal(wish.plan, "BASIC");
    assert_int_equal(wish.interval, PP_PLAN_YEAR);
    assert_int_equal(wish_of_form(PP_LIT("plan=BASIC"), &wish),
                     WEB_INVALID_FIELD);
}

static void the_catalogue_says_what_it_costs(void **state)
{
    static const char file[] =
        "{\"plans\":["
        "{\"code\":\"FREE\",\"display_name\":\"x\",\"features\":[],"
        "\"monthly_limit\":1,\"max_alerts\":1,\"grace_days\":7,\"price_ids\":[]"
        "},{\"code\":\"ONE\",\"display_name\":\"x\",\"features\":[],"
        "\"monthly_limit\":1,\"max_alerts\":1,\"grace_days\":7,\"price_ids\":["
        "\"p1\"],\"offers\":{\"month\":{\"price_id\":\"p1\",\"amount\":900,"
        "\"currency\":\"usd\"}}},{\"code\":\"NONE\",\"display_name\":\"x\","
        "\"features\":[],\"monthly_limit\":1,\"max_alerts\":1,\"grace_days\":7,"
        "\"price_ids\":[]}]}";
    static const struct {
        struct wish wish;
        enum web_result result;
    } cases[] = {
        {{"ONE", PP_PLAN_MONTH}, WEB_OK},
        {{"ONE", PP_PLAN_YEAR}, WEB_NOT_OFFERED},
        {{"FREE", PP_PLAN_MONTH}, WEB_NOT_OFFERED},
        {{"NONE", PP_PLAN_MONTH}, WEB_NOT_CONFIGURED},
        {{"one", PP_PLAN_MONTH}, WEB_UNKNOWN_PLAN},
        {{"p1", PP_PLAN_MONTH}, WEB_UNKNOWN_PLAN},
    };
    struct pp_plans *plans;
    struct pp_err err = {0};

    (void)state;
    if (pp_plans_read(&plans, pp_str_of(file), &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_plan *plan;
        const struct pp_plan_offer *offer;
        enum web_result result =
            wish_offer(&cases[i].wish, plans, &plan, &offer);

        if (result != cases[i].result)
            fail_msg("%s: %s", cases[i].wish.plan, web_result_name(result));
        if (result == WEB_OK)
            assert_string_equal(offer->price_id, "p1");
    }
    pp_plans_close(&plans);
}

int main(void)
{
    const struct CMUnitTest wishes[] = {
        cmocka_unit_test(only_a_plan_and_an_interval_may_be_wished_for),
        cmocka_unit_test(a_wish_is_what_was_said),
        cmocka_unit_test(a_large_body_is_refused_unread),
        cmocka_unit_test(the_portal_is_opened_for_all_or_for_one_thing),
        cmocka_unit_test(a_page_says_what_the_portal_is_for),
        cmocka_unit_test(a_form_is_decoded),
        cmocka_unit_test(a_form_wishes_as_json_does),
        cmocka_unit_test(the_catalogue_says_what_it_costs),
    };

    return cmocka_run_group_tests(wishes, NULL, NULL);
}
