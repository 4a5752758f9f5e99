/* What messages say: the kinds that are compiled in, and what files may be. */
#include <ctype.h>
#include <string.h>

#include "pp_message.h"

#include "test.h"

static struct pp_messages *messages;
static struct pp_arena arena;
static struct pp_buf out;

static int open_all(void **state)
{
    struct pp_err err = {0};

    (void)state;
    if (pp_messages_open(&messages, &err) < 0)
        fail_msg("%s", err.msg);
    pp_arena_init(&arena, (size_t)64 << 10);
    pp_buf_init(&out, (size_t)256 << 10);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    pp_messages_close(&messages);
    pp_arena_fini(&arena);
    pp_buf_fini(&out);
    return 0;
}

static const char *terminated(void)
{
    pp_buf_add_byte(&out, '\0');
    assert_false(out.overflow);
    return out.p;
}

static const char *text_of(const struct pp_message *message,
                           const struct pp_message_values *values)
{
    pp_buf_reset(&out);
    pp_message_text(message, values, &out);
    return terminated();
}

static const char *html_of(const struct pp_message *message,
                           const struct pp_message_values *values)
{
    pp_buf_reset(&out);
    pp_message_html(messages, message, values, &out);
    return terminated();
}

static void every_kind_is_there(void **state)
{
    static const char *const kinds[] = {
        "account_blocked",   "alert_fired",
        "alert_resolved",    "announcement",
        "capacity_depleted", "capacity_rejecting",
        "grace_reminder",    "capacity_restored",
        "staff_alert",       "usage_warning",
        "payment_failed",    "payment_action",
        "trial_ending",      "report",
        "report_empty",      "report_confirm",
        "report_disabled",   "staff_daily",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(kinds); i++)
        if (!pp_message_find(messages, kinds[i]))
            fail_msg("no %s", kinds[i]);
    assert_null(pp_message_find(messages, "love_letter"));
}

/* Letters and digits only: how a text is broken or escaped does not matter. */
static void squeeze(const char *text, char *into, size_t bytes)
{
    size_t n = 0;

    for (; *text && n < bytes - 1; text++)
        if (isalnum((unsigned char)*text))
            into[n++] = *text;
    into[n] = '\0';
}

static void
html_and_text_of_every_kind_say_each_value_that_is_needed(void **state)
{
    static char html[200000], text[50000], value[2000];
    const char *kind, *name;

    (void)state;
    for (size_t k = 0; (kind = pp_message_kind(messages, k)); k++) {
        const struct pp_message *message = pp_message_find(messages, kind);
        struct pp_message_values values = {0};

        pp_message_sample(message, &values);
        assert_int_equal(
            pp_message_check(message, &values, &(struct pp_err){0}), 0);
        squeeze(html_of(message, &values), html, sizeof(html));
        squeeze(text_of(message, &values), text, sizeof(text));
        for (size_t i = 0; (name = pp_message_name(message, i)); i++) {
            struct pp_str sample = pp_message_get(message, name, &values);
            char *copy = pp_arena_text(&arena, sample);

            squeeze(copy, value, sizeof(value));
            if (!strstr(html, value) != !strstr(text, value))
                fail_msg("%s: only one of HTML and text says %s", kind, name);
        }
    }
}

static void no_mail_loads_anything_from_elsewhere(void **state)
{
    static const char *const loads[] = {"<img", "<link", "<script", "@import",
                                        "url(", "src=",  "<iframe", "@font"};
    const char *kind;

    (void)state;
    for (size_t k = 0; (kind = pp_message_kind(messages, k)); k++) {
        const struct pp_message *message = pp_message_find(messages, kind);
        struct pp_message_values values = {0};
        const char *html;

        pp_message_sample(message, &values);
        html = html_of(message, &values);
        for (size_t i = 0; i < PP_COUNT(loads); i++)
            if (strstr(html, loads[i]))
                fail_msg("%s has %s", kind, loads[i]);
    }
}

static void facts_are_taken_from_json_and_numbers_get_commas(void **state)
{
    const struct pp_message *message =
        pp_message_find(messages, "capacity_depleted");
    struct pp_message_values values = {0};
    struct pp_err err = {0};
    const char *text;

    (void)state;
    pp_message_set(message, "account", PP_LIT("Caf\xC3\xA9 <&>"), &values);
    assert_int_equal(
        pp_message_facts(message,
                         PP_LIT("{\"used\":1234567,\"limit\":50000,\"x\":[1,"
                                "{\"used\":2}],\"plan\":\"A\\nB\"}"),
                         &arena, &values, &err),
        0);
    text = text_of(message, &values);
    assert_non_null(strstr(text, "1,234,567 of 50,000 events"));
    assert_non_null(strstr(text, "Caf\xC3\xA9 <&>"));
    assert_non_null(strstr(text, "A B\n"));
    assert_null(strstr(text, "accepted until"));
    assert_null(strstr(text, "Choose a larger plan"));
    assert_non_null(
        strstr(html_of(message, &values), "Caf\xC3\xA9 &lt;&amp;&gt;"));
}

static void what_a_link_is_made_of_gets_no_commas(void **state)
{
    const struct pp_message *message = pp_message_find(messages, "report");
    struct pp_message_values values = {0};
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(
        pp_message_facts(message,
                         PP_LIT("{\"subscription\":12345,\"visitors\":6789}"),
                         &arena, &values, &err),
        0);
    assert_true(pp_str_eq(pp_message_get(message, "subscription", &values),
                          PP_LIT("12345")));
    assert_true(pp_str_eq(pp_message_get(message, "visitors", &values),
                          PP_LIT("6,789")));
}

static void facts_that_are_no_object_are_refused(void **state)
{
    static const char *const facts[] = {
        "", "[]", "{", "{\"used\":1}x", "{\"used\":}", "null"};
    const struct pp_message *message =
        pp_message_find(messages, "capacity_depleted");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(facts); i++) {
        struct pp_message_values values = {0};
        struct pp_err err = {0};

        if (pp_message_facts(message, pp_str_of(facts[i]), &arena, &values,
                             &err) == 0)
            fail_msg("'%s' was taken", facts[i]);
        assert_int_equal(err.kind, PP_ERR_INVALID);
    }
}

static void a_value_that_is_needed_and_missing_is_named(void **state)
{
    const struct pp_message *message =
        pp_message_find(messages, "capacity_depleted");
    struct pp_message_values values = {0};
    struct pp_err err = {0};

    (void)state;
    pp_message_set(message, "used", PP_LIT("5"), &values);
    assert_int_equal(pp_message_check(message, &values, &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    assert_non_null(strstr(err.msg, "limit"));
}

static void a_link_that_is_no_address_of_the_web_is_left_out(void **state)
{
    static const char *const urls[] = {"javascript:alert(1)", "https://a b",
                                       "https://a/\"onclick=", "data:x"};
    const struct pp_message *message =
        pp_message_find(messages, "announcement");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(urls); i++) {
        struct pp_message_values values = {0};

        pp_message_sample(message, &values);
        pp_message_set(message, "url", pp_str_of(urls[i]), &values);
        assert_null(strstr(html_of(message, &values), "Read more"));
        assert_null(strstr(text_of(message, &values), "Read more"));
    }
}

static void a_file_that_is_wrong_is_refused_at_the_start(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"subject {{whom}}\nheading x\nshort x\n", "no such name"},
        {"subject x\nheading x\n", "is missing"},
        {"subject x\nheading x\nshort x\nbuton x | y\n", "what is 'buton'"},
        {"need used\nsubject x\nheading x\nshort x\n", "no example"},
        {"subject x\nheading x\nshort x\nrow no bar\n", "no bar"},
        {"subject x\nsubject x\nheading x\nshort x\n", "twice"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_message_source sources[] = {{"test", cases[i].text},
                                                    {0}};
        struct pp_messages *read;
        struct pp_err err = {0};

        assert_int_equal(
            pp_messages_read(&read, sources, pp_message_layout, &err), -1);
        assert_null(read);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("of %s it says %s", cases[i].text, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_there),
        cmocka_unit_test(
            html_and_text_of_every_kind_say_each_value_that_is_needed),
        cmocka_unit_test(no_mail_loads_anything_from_elsewhere),
        cmocka_unit_test(facts_are_taken_from_json_and_numbers_get_commas),
        cmocka_unit_test(what_a_link_is_made_of_gets_no_commas),
        cmocka_unit_test(facts_that_are_no_object_are_refused),
        cmocka_unit_test(a_value_that_is_needed_and_missing_is_named),
        cmocka_unit_test(a_link_that_is_no_address_of_the_web_is_left_out),
        cmocka_unit_test(a_file_that_is_wrong_is_refused_at_the_start),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
