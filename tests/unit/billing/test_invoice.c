#include "invoice.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static const struct stripe_options options = {.url = STRIPE_API_URL};
static struct pp_arena arena;

static bool reads(const char *text, struct invoice *out)
{
    struct pp_err err = {0};
    struct pick document;

    if (pick_document(pp_str_of(text), &arena, &document, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return invoice_read(document, &options, out);
}

static void what_stripe_says_of_an_invoice_is_kept_as_it_is(void **state)
{
    struct invoice is;

    (void)state;
    assert_true(
        reads("{\"id\":\"in_1\",\"object\":\"invoice\",\"number\":\"A-0001\","
              "\"status\":\"open\",\"currency\":\"jpy\",\"amount_due\":900,"
              "\"amount_paid\":100,\"created\":1764072000,\"period_start\":"
              "1764072001,\"period_end\":1766664000,\"hosted_invoice_url\":"
              "\"https://invoice.stripe.com/i/acct_1/x?s=ap\"}",
              &is));
    assert_string_equal(is.id, "in_1");
    assert_string_equal(is.number, "A-0001");
    assert_string_equal(is.status, "open");
    assert_string_equal(is.currency, "jpy");
    assert_int_equal(is.amount_due, 900);
    assert_int_equal(is.amount_paid, 100);
    assert_int_equal(is.created_ms, INT64_C(1764072000000));
    assert_int_equal(is.period_start_ms, INT64_C(1764072001000));
    assert_int_equal(is.period_end_ms, INT64_C(1766664000000));
    assert_string_equal(is.url, "https://invoice.stripe.com/i/acct_1/x?s=ap");
}

static void a_draft_has_no_number_and_no_page(void **state)
{
    struct invoice is;

    (void)state;
    assert_true(reads("{\"id\":\"in_1\",\"status\":\"draft\",\"number\":null,"
                      "\"hosted_invoice_url\":null}",
                      &is));
    assert_string_equal(is.number, "");
    assert_string_equal(is.url, "");
}

static void an_address_that_is_not_stripes_is_left_out(void **state)
{
    struct invoice is;

    (void)state;
    assert_true(reads("{\"id\":\"in_1\",\"status\":\"open\","
                      "\"hosted_invoice_url\":\"https://evil.example/\"}",
                      &is));
    assert_string_equal(is.url, "");
}

static void what_has_no_id_or_status_is_no_invoice(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"status\":\"open\"}",
        "{\"id\":\"in_1\"}",
        "{\"id\":\"../in_1\",\"status\":\"open\"}",
        "{\"id\":\"in_1\",\"status\":7}",
    };
    struct invoice is;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++)
        if (reads(texts[i], &is))
            fail_msg("%s", texts[i]);
}

static int set_up(void **state)
{
    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    pp_arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest invoices[] = {
        cmocka_unit_test(what_stripe_says_of_an_invoice_is_kept_as_it_is),
        cmocka_unit_test(a_draft_has_no_number_and_no_page),
        cmocka_unit_test(an_address_that_is_not_stripes_is_left_out),
        cmocka_unit_test(what_has_no_id_or_status_is_no_invoice),
    };

    return cmocka_run_group_tests(invoices, set_up, take_down);
}
