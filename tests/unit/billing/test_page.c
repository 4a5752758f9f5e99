#include "page.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static struct page *page;
static struct pp_plans *plans;
static struct pp_buf html;

static int set_up(void **state)
{
    struct pp_err err = {0};

    (void)state;
    if (page_open(&page, "https://pay.example", &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(pp_plans_open(&plans, "", &err), 0);
    pp_buf_init(&html, (size_t)1 << 20);
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    pp_buf_fini(&html);
    pp_plans_close(&plans);
    page_close(&page);
    return 0;
}

/* Somebody on FREE who has used so much of 5,000. */
static struct overview free_account(int64_t used)
{
    struct overview is = {
        .account_id = "acc",
        .name = "Kettles",
        .plan_code = "FREE",
        .now_ms = INT64_C(1764054000000), /* 25 Nov 2025, 07:00 */
        .window_start_ms = INT64_C(1762502400000),
        .window_end_ms = INT64_C(1765094400000),
        .used = used,
        .limit = 5000,
    };

    return is;
}

static const char *shown(const struct overview *is, bool returned)
{
    pp_buf_reset(&html);
    page_billing(page, is, plans, "a-form", returned, &html);
    assert_false(html.overflow);
    pp_buf_add_byte(&html, '\0');
    return html.p;
}

static void has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("not there: %s in %s", part, text ? text : "nothing");
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("should not be there: %s", part);
}

static void the_page_says_plan_usage_and_prices(void **state)
{
    struct overview is = free_account(1234);
    const char *text = shown(&is, false);

    (void)state;
    has(text, "Kettles");
    has(text, "Free");
    has(text, "<strong>1,234</strong>");
    has(text, "of 5,000");
    has(text, "value=\"24\"");
    has(text, "50,000 events a month");
    has(text, "$9 / month<");
    has(text, "$290 / year<");
    has(text, "name=\"plan\" value=\"PREMIUM\"");
    has_not(text, "price_"); /* prices are ours to say */
    has_not(text, "<script");
    has_not(text, "<section class=\"banner");
}

static void hostile_names_stay_text(void **state)
{
    struct overview is = free_account(10);
    const char *text;

    (void)state;
    snprintf(is.name, sizeof(is.name), "%s",
             "<script>alert(1)</script>\"' onx=1 {{form}} &amp; \x80");
    snprintf(is.plan_code, sizeof(is.plan_code), "%s", "<b>&\"'");
    snprintf(is.pending_plan, sizeof(is.pending_plan), "%s", "\"><img src=x>");
    is.refused_count = 1;
    snprintf(is.refused[0].reason, sizeof(is.refused[0].reason), "%s",
             "<i>_reason");
    is.refused[0].n = 7;
    text = shown(&is, false);
    has_not(text, "<script");
    has_not(text, "<img");
    has_not(text, "<b>");
    has_not(text, "<i>");
    has(text, "&lt;script&gt;");
    has(text, "{{form}}"); /* nor is it a hole */
    assert_true(pp_str_is_utf8(pp_str_of(text)));
}

static void the_banner_says_what_becomes_of_new_data(void **state)
{
    static const struct {
        const char *when;
        int64_t used;
        enum pp_capacity_state state;
        int64_t grace_ends_at_ms;
        const char *then; /* NULL: no banner */
    } cases[] = {
        {"little is used", 100, PP_CAPACITY_OK, 0, NULL},
        {"79 % are used", 3999, PP_CAPACITY_OK, 0, NULL},
        {"80 % are used", 4000, PP_CAPACITY_OK, 0, "80 % of your events"},
        {"90 % are used", 4500, PP_CAPACITY_OK, 0, "90 % of your events"},
        {"the grace has no clock yet", 5000, PP_CAPACITY_GRACE, 0,
         "we will write to you until when"},
        {"the grace runs", 6000, PP_CAPACITY_GRACE, INT64_C(1764460800000),
         "until 30 Nov 2025, 00:00"},
        {"data is refused", 6000, PP_CAPACITY_REJECTING, INT64_C(1764000000000),
         "refused since 24 Nov 2025, 16:00"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct overview is = free_account(cases[i].used);
        const char *text;

        is.state = cases[i].state;
        is.grace_ends_at_ms = cases[i].grace_ends_at_ms;
        if (is.state == PP_CAPACITY_REJECTING) {
            is.rejecting_since_ms = is.grace_ends_at_ms;
            is.reject_until_ms = is.window_end_ms;
        }
        text = shown(&is, false);
        if (cases[i].then ? !strstr(text, cases[i].then)
                          : !!strstr(text, "class=\"banner"))
            fail_msg("when %s", cases[i].when);
    }
}

static void who_has_a_subscription_manages_it(void **state)
{
    struct overview is = free_account(10);
    const char *text;

    (void)state;
    snprintf(is.plan_code, sizeof(is.plan_code), "BASIC");
    snprintf(is.status, sizeof(is.status), "active");
    is.has_customer = true;
    is.period_end_ms = INT64_C(1765094400000);
    text = shown(&is, true);
    has(text, "action=\"/billing/portal\"");
    has(text, "Renews on 7 Dec 2025.");
    has_not(text, "/billing/checkout"); /* a second one is impossible */
    has_not(text, "being confirmed");
    is.cancels_at_period_end = true;
    has(shown(&is, false), "Ends on 7 Dec 2025.");
}

static void after_a_checkout_the_page_waits_for_the_webhook(void **state)
{
    struct overview is = free_account(10);

    (void)state;
    assert_true(page_waits(&is, true));
    assert_false(page_waits(&is, false));
    has(shown(&is, true), "being confirmed");
    has(shown(&is, true), "Free"); /* nothing is granted by coming back */
}

static void every_form_says_that_it_is_ours(void **state)
{
    struct overview is = free_account(10);
    const char *p;
    int forms = 0, fields = 0;

    (void)state;
    is.has_customer = true;
    for (p = shown(&is, false); (p = strstr(p, "<form")); p++)
        forms++;
    for (p = shown(&is, false);
         (p = strstr(p, "name=\"form\" value=\"a-form\"")); p++)
        fields++;
    assert_int_equal(forms, 6); /* out, portal, two plans of two prices */
    assert_int_equal(fields, forms);
}

static void an_unlimited_plan_has_no_bar(void **state)
{
    struct overview is = free_account(10);
    const char *text;

    (void)state;
    is.limit = PP_CAPACITY_UNLIMITED;
    text = shown(&is, false);
    has_not(text, "<progress ");
    has(text, "as many as you like");
}

static void the_policy_lets_forms_end_where_it_is_paid(void **state)
{
    (void)state;
    has(page_policy(page), "form-action 'self' https://pay.example;");
    has(page_policy(page), "default-src 'none'");
    has_not(page_policy(page), "unsafe");
}

static void a_login_asks_before_it_uses_the_link_up(void **state)
{
    (void)state;
    pp_buf_reset(&html);
    page_login(page, "<Kettles>", "pl_x", &html);
    pp_buf_add_byte(&html, '\0');
    has(html.p, "&lt;Kettles&gt;");
    has(html.p, "method=\"post\" action=\"/billing/login\"");
}

static void numbers_and_amounts_are_as_people_write_them(void **state)
{
    static const struct {
        int64_t amount;
        const char *currency, *text;
    } cases[] = {
        {900, "usd", "$9"},        {950, "eur", "€9.50"},
        {123400, "gbp", "£1,234"}, {905, "chf", "9.05 CHF"},
        {900, "jpy", "900 JPY"},   {0, "usd", "$0"},
    };
    char text[PAGE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        page_amount(cases[i].amount, cases[i].currency, text);
        assert_string_equal(text, cases[i].text);
    }
    page_number(INT64_MAX, text);
    assert_string_equal(text, "9,223,372,036,854,775,807");
    page_number(-1234, text);
    assert_string_equal(text, "-1,234");
    page_number(999, text);
    assert_string_equal(text, "999");
}

static void the_last_invoices_are_shown_and_an_open_one_is_led_to(void **state)
{
    struct overview is = free_account(1);
    const char *text;

    (void)state;
    has_not(shown(&is, false), "Invoices</h2>");
    is.invoice_count = 8;
    for (int i = 0; i < 8; i++) {
        is.invoices[i] = (struct overview_invoice){
            .status = "paid", .currency = "usd", .amount_due = 900};
        snprintf(is.invoices[i].number, sizeof(is.invoices[i].number), "<N-%d>",
                 i);
        snprintf(is.invoices[i].url, sizeof(is.invoices[i].url),
                 "https://invoice.stripe.com/i/\"%d", i);
        is.invoices[i].created_ms = INT64_C(1764054000000);
    }
    snprintf(is.invoices[2].status, sizeof(is.invoices[2].status), "open");
    is.awaits_payer = true;
    text = shown(&is, false);
    has(text, "Invoices</h2>");
    has(text, "&lt;N-5&gt;");
    has_not(text, "N-6"); /* six of them */
    has(text, "25 Nov 2025");
    has(text, "$9");
    has(text, "to be paid");
    has(text, "A payment waits for you");
    has(text, "https://invoice.stripe.com/i/&quot;2\">Open the invoice");
    is.awaits_payer = false;
    snprintf(is.status, sizeof(is.status), "past_due");
    is.past_due_since_ms = INT64_C(1764054000000);
    text = shown(&is, false);
    has(text, "A payment is due since 25 Nov 2025");
    has(text, "Open the invoice");
    snprintf(is.status, sizeof(is.status), "active");
    is.past_due_since_ms = 0;
    has_not(shown(&is, false), "Open the invoice");
}

int main(void)
{
    const struct CMUnitTest pages[] = {
        cmocka_unit_test(the_page_says_plan_usage_and_prices),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(the_banner_says_what_becomes_of_new_data),
        cmocka_unit_test(who_has_a_subscription_manages_it),
        cmocka_unit_test(after_a_checkout_the_page_waits_for_the_webhook),
        cmocka_unit_test(every_form_says_that_it_is_ours),
        cmocka_unit_test(the_last_invoices_are_shown_and_an_open_one_is_led_to),
        cmocka_unit_test(an_unlimited_plan_has_no_bar),
        cmocka_unit_test(the_policy_lets_forms_end_where_it_is_paid),
        cmocka_unit_test(a_login_asks_before_it_uses_the_link_up),
        cmocka_unit_test(numbers_and_amounts_are_as_people_write_them),
    };

    return cmocka_run_group_tests(pages, set_up, take_down);
}
