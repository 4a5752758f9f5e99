/* The pages of the public port: what they ask, and what never stands there. */
#include "page.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "test.h"

static struct pp_buf out;

static int begin(void **state)
{
    (void)state;
    pp_buf_init(&out, (size_t)64 << 10);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_buf_fini(&out);
    return 0;
}

static const char *text(void)
{
    pp_buf_add_byte(&out, '\0');
    return out.p;
}

static void assert_has(const char *page, const char *what)
{
    if (!strstr(page, what))
        fail_msg("not there: %s in %s", what, page);
}

static void assert_has_not(const char *page, const char *what)
{
    if (strstr(page, what))
        fail_msg("there: %s in %s", what, page);
}

static void a_page_about_an_alert_asks_for_how_long(void **state)
{
    (void)state;
    page_snooze(&out, &(struct page_snooze){"No data", "Kettles", ""}, false);
    assert_has(text(), "Mute this alert?");
    assert_has(out.p, "It is <b>No data</b>, for the site <b>Kettles</b>.");
    assert_has(out.p, "<form method=\"post\">");
    assert_has(out.p, "name=\"for\" value=\"1h\"");
    assert_has(out.p, "name=\"for\" value=\"1d\"");
    assert_has(out.p, "name=\"for\" value=\"1w\"");
    assert_has_not(out.p, "value=\"off\"");
}

static void what_was_done_can_be_undone(void **state)
{
    (void)state;
    page_snooze(&out, &(struct page_snooze){"No data", "Kettles", "Mon 1 Jan"},
                true);
    assert_has(text(), "This alert is muted");
    assert_has(out.p, "until <b>Mon 1 Jan</b>.");
    assert_has(out.p, "name=\"for\" value=\"off\">Undo<");
    pp_buf_reset(&out);
    page_snooze(&out, &(struct page_snooze){"No data", "Kettles", ""}, true);
    assert_has(text(), "This alert is on again");
    pp_buf_reset(&out);
    page_unsubscribe(&out, "usage_warning", true, true);
    assert_has(text(), "You have unsubscribed");
    assert_has(out.p, "name=\"do\" value=\"undo\">Undo<");
    pp_buf_reset(&out);
    page_unsubscribe(&out, "usage_warning", false, true);
    assert_has(text(), "You get these mails again");
}

static void a_page_says_what_can_not_be_switched_off(void **state)
{
    (void)state;
    page_unsubscribe(&out, "grace_reminder", false, false);
    assert_has(text(), "Unsubscribe?");
    assert_has(out.p, "reminders before days of grace end");
    assert_has(out.p, "can't be switched off");
    pp_buf_reset(&out);
    page_unsubscribe(&out, "announcement", false, false);
    assert_has_not(text(), "can't be switched off");
}

static void the_name_of_a_site_is_only_text(void **state)
{
    (void)state;
    page_snooze(&out,
                &(struct page_snooze){"<i>", "</b><script>x</script>", ""},
                false);
    assert_has(text(), "&lt;script&gt;");
    assert_has_not(out.p, "<script");
    assert_has_not(out.p, "<i>");
}

static void no_page_has_scripts_or_anything_from_elsewhere(void **state)
{
    static const char *const never[] = {"<script", "<img",   "<link", "<iframe",
                                        "http:",   "https:", "url(",  "@import",
                                        "style=",  "onclick"};

    (void)state;
    page_snooze(&out, &(struct page_snooze){"a", "b", ""}, false);
    page_snooze(&out, &(struct page_snooze){"a", "b", "c"}, true);
    page_unsubscribe(&out, "usage_warning", true, true);
    page_problem(&out, "No", "No.");
    assert_false(out.overflow);
    for (size_t i = 0; i < PP_COUNT(never); i++)
        assert_has_not(text(), never[i]);
}

static void
the_policy_allows_the_style_of_the_page_and_nothing_else(void **state)
{
    char policy[PAGE_POLICY_BYTES], base64[64];
    unsigned char sum[crypto_hash_sha256_BYTES];
    const char *from, *to;

    (void)state;
    page_problem(&out, "No", "No.");
    from = strstr(text(), "<style>") + strlen("<style>");
    to = strstr(from, "</style>");
    crypto_hash_sha256(sum, (const unsigned char *)from, (size_t)(to - from));
    sodium_bin2base64(base64, sizeof(base64), sum, sizeof(sum),
                      sodium_base64_VARIANT_ORIGINAL);
    page_policy(policy);
    assert_has(policy, base64);
    assert_has(policy, "default-src 'none'");
    assert_has(policy, "frame-ancestors 'none'");
    assert_has_not(policy, "unsafe");
}

static void a_page_about_reports_asks_and_says_what_was_done(void **state)
{
    static const struct {
        const char *when;
        bool confirmed, unsubscribed, done;
        const char *then, *button;
    } cases[] = {
        {"asked whether they are wanted", false, false, false,
         "Do you want these reports?", "value=\"confirm\""},
        {"they are wanted now", true, false, true, "You get these reports",
         "value=\"unsubscribe\""},
        {"the link of a report is opened", true, false, false, "Unsubscribe?",
         "value=\"unsubscribe\""},
        {"they are not wanted any more", true, true, true,
         "You have unsubscribed", ">Undo<"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct page_report is = {"<Kettles>", "week", cases[i].confirmed,
                                       cases[i].unsubscribed};

        pp_buf_reset(&out);
        page_report(&out, &is, cases[i].done);
        assert_has(text(), cases[i].then);
        assert_has(out.p, cases[i].button);
        assert_has(out.p, "&lt;Kettles&gt;");
    }
    pp_buf_reset(&out);
    page_report(&out, &(struct page_report){"", "", true, true}, false);
    assert_has(text(), "You have unsubscribed");
    assert_has_not(out.p, "<form");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_page_about_an_alert_asks_for_how_long),
        TEST(what_was_done_can_be_undone),
        TEST(a_page_says_what_can_not_be_switched_off),
        TEST(a_page_about_reports_asks_and_says_what_was_done),
        TEST(the_name_of_a_site_is_only_text),
        TEST(no_page_has_scripts_or_anything_from_elsewhere),
        TEST(the_policy_allows_the_style_of_the_page_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
