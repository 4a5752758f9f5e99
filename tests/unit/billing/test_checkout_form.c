#include "checkout_form.h"

#include "pp_mem.h"
#include "test.h"

#define BODY_BYTES ((size_t)16 << 10)

static struct checkout_session_form a_session(void)
{
    return (struct checkout_session_form){
        .account_id = "acc",
        .customer = "cus_1",
        .price = "price_1",
        .locale = "de-AT",
        .returns_to = "https://b.example/billing",
        .expires_at_s = 1764054000,
        .is_first = true,
    };
}

static void wrote(struct pp_buf *form, const char *expected)
{
    pp_buf_add_byte(form, '\0');
    assert_string_equal(form->p, expected);
    pp_buf_fini(form);
}

static void session_is(const struct checkout_session_form *is,
                       const struct checkout_options *options,
                       const char *expected)
{
    struct pp_buf form;

    pp_buf_init(&form, BODY_BYTES);
    checkout_form_session(is, options, &form);
    wrote(&form, expected);
}

#define PLAIN                                                                  \
    "mode=subscription&customer=cus_1&client_reference_id=acc&"                \
    "line_items%5B0%5D%5Bprice%5D=price_1&line_items%5B0%5D%5Bquantity%5D=1&"  \
    "success_url=https%3A%2F%2Fb.example%2Fbilling%3Fcheckout%3Ddone&"         \
    "cancel_url=https%3A%2F%2Fb.example%2Fbilling&"                            \
    "metadata%5Baccount_id%5D=acc&"                                            \
    "subscription_data%5Bmetadata%5D%5Baccount_id%5D=acc&"                     \
    "expires_at=1764054000&locale=de"

static void a_session_asks_for_no_more_than_it_is_told_to(void **state)
{
    const struct checkout_session_form is = a_session();
    const struct checkout_options none = {.portal = ""};

    (void)state;
    session_is(&is, &none, PLAIN);
}

static void taxes_need_an_address_and_a_name_that_are_kept(void **state)
{
    const struct checkout_session_form is = a_session();
    const struct checkout_options options = {
        .promotion_codes = true, .tax = true, .portal = ""};

    (void)state;
    session_is(&is, &options,
               PLAIN "&allow_promotion_codes=true&"
                     "automatic_tax%5Benabled%5D=true&"
                     "tax_id_collection%5Benabled%5D=true&"
                     "customer_update%5Baddress%5D=auto&"
                     "customer_update%5Bname%5D=auto");
}

static void only_the_first_subscription_begins_with_a_trial(void **state)
{
    const struct checkout_options options = {.trial_days = 14, .portal = ""};
    struct checkout_session_form is = a_session();

    (void)state;
    session_is(&is, &options,
               PLAIN "&payment_method_collection=if_required&"
                     "subscription_data%5Btrial_period_days%5D=14&"
                     "subscription_data%5Btrial_settings%5D%5Bend_behavior%5D"
                     "%5Bmissing_payment_method%5D=pause");
    is.is_first = false;
    session_is(&is, &options, PLAIN);
}

static void the_portal_leads_where_it_was_opened_for(void **state)
{
    static const struct {
        enum wish_flow flow;
        const char *expected; /* behind what all have */
    } cases[] = {
        {WISH_ANY, ""},
        {WISH_UPDATE,
         "&flow_data%5Btype%5D=subscription_update&"
         "flow_data%5Bafter_completion%5D%5Btype%5D=redirect&"
         "flow_data%5Bafter_completion%5D%5Bredirect%5D%5Breturn_url%5D="
         "https%3A%2F%2Fb.example%2Fbilling&"
         "flow_data%5Bsubscription_update%5D%5Bsubscription%5D=sub_1"},
        {WISH_CANCEL,
         "&flow_data%5Btype%5D=subscription_cancel&"
         "flow_data%5Bafter_completion%5D%5Btype%5D=redirect&"
         "flow_data%5Bafter_completion%5D%5Bredirect%5D%5Breturn_url%5D="
         "https%3A%2F%2Fb.example%2Fbilling&"
         "flow_data%5Bsubscription_cancel%5D%5Bsubscription%5D=sub_1"},
        {WISH_PAYMENT,
         "&flow_data%5Btype%5D=payment_method_update&"
         "flow_data%5Bafter_completion%5D%5Btype%5D=redirect&"
         "flow_data%5Bafter_completion%5D%5Bredirect%5D%5Breturn_url%5D="
         "https%3A%2F%2Fb.example%2Fbilling"},
    };
    const struct checkout_options options = {.portal = "bpc_1"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct checkout_portal_form is = {
            .customer = "cus_1",
            .subscription = "sub_1",
            .locale = "en",
            .returns_to = "https://b.example/billing",
            .flow = cases[i].flow,
        };
        char expected[1024];
        struct pp_buf form;

        snprintf(expected, sizeof(expected),
                 "customer=cus_1&return_url=https%%3A%%2F%%2Fb.example%%"
                 "2Fbilling&configuration=bpc_1&locale=en%s",
                 cases[i].expected);
        pp_buf_init(&form, BODY_BYTES);
        checkout_form_portal(&is, &options, &form);
        wrote(&form, expected);
    }
}

static void stripe_speaks_the_accounts_language_or_the_browsers(void **state)
{
    static const struct {
        const char *locale, *expected;
    } cases[] = {
        {"en", "en"},       {"en-GB", "en-GB"}, {"en-US", "en"},
        {"pt_BR", "pt-BR"}, {"pt-br", "pt-BR"}, {"pt-PT", "pt"},
        {"DE", "de"},       {"fil", "fil"},     {"tlh", "auto"},
        {"", "auto"},       {"-", "auto"},      {"es-419", "es-419"},
        {"zh-TW", "zh-TW"}, {"zh_Hant", "zh"},  {"e", "auto"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (strcmp(checkout_form_locale(cases[i].locale), cases[i].expected) !=
            0)
            fail_msg("%s: %s", cases[i].locale,
                     checkout_form_locale(cases[i].locale));
}

int main(void)
{
    const struct CMUnitTest forms[] = {
        cmocka_unit_test(a_session_asks_for_no_more_than_it_is_told_to),
        cmocka_unit_test(taxes_need_an_address_and_a_name_that_are_kept),
        cmocka_unit_test(only_the_first_subscription_begins_with_a_trial),
        cmocka_unit_test(the_portal_leads_where_it_was_opened_for),
        cmocka_unit_test(stripe_speaks_the_accounts_language_or_the_browsers),
    };

    return cmocka_run_group_tests(forms, NULL, NULL);
}
