/* A mail as bytes: who may be its recipient, what gets into its headers. */
#include <string.h>

#include "pp_webhook.h"

#include "mail.h"

#include "test.h"

static struct pp_buf out;

static int begin(void **state)
{
    (void)state;
    pp_buf_init(&out, (size_t)1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_buf_fini(&out);
    return 0;
}

static const char *header(const char *value)
{
    pp_buf_reset(&out);
    mail_add_header(&out, "Subject", pp_str_of(value));
    pp_buf_add_byte(&out, '\0');
    return out.p;
}

static void an_address_is_one_that_needs_no_escaping_anywhere(void **state)
{
    static const char *const good[] = {
        "a@b.example",
        "first.last+tag@mail.example.com",
        "o'neill@x.example",
        "x@localhost",
    };
    static const char *const bad[] = {
        "",
        "a",
        "@b.example",
        "a@",
        "a b@c.example",
        "a@b@c.example",
        "a@b.example>",
        "a@b.example\r\nRCPT TO:<x@y.example>",
        "\"a\"@b.example",
        "a..b@c.example",
        ".a@b.example",
        "a@b..example",
        "a@[127.0.0.1]",
        "a@b.example,c@d.example",
        "caf\xC3\xA9@b.example",
        "a@b.example ",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(good); i++)
        if (!mail_is_address(pp_str_of(good[i])))
            fail_msg("%s was refused", good[i]);
    for (size_t i = 0; i < PP_COUNT(bad); i++)
        if (mail_is_address(pp_str_of(bad[i])))
            fail_msg("%s was taken", bad[i]);
    assert_false(mail_is_address((struct pp_str){"a@b\0c", 5}));
}

static void a_mailbox_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *name, *address;
    } cases[] = {
        {"a@b.example", "", "a@b.example"},
        {"Pawprint <a@b.example>", "Pawprint", "a@b.example"},
        {" Paw Print  <a@b.example> ", "Paw Print", "a@b.example"},
        {"<a@b.example>", "", "a@b.example"},
        {"Paw <a@b.example> x", NULL, NULL},
        {"Paw <a b>", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str name, address;
        struct pp_err err = {0};
        int result =
            mail_read_mailbox(pp_str_of(cases[i].text), &name, &address, &err);

        assert_int_equal(result, cases[i].name ? 0 : -1);
        if (result < 0)
            continue;
        assert_true(pp_str_eq(name, pp_str_of(cases[i].name)));
        assert_true(pp_str_eq(address, pp_str_of(cases[i].address)));
    }
}

static void a_short_ascii_value_stays_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(header("Back to normal"),
                        "Subject: Back to normal\r\n");
    assert_string_equal(header(""), "Subject: \r\n");
}

static void other_values_become_encoded_words(void **state)
{
    (void)state;
    assert_string_equal(header("Caf\xC3\xA9 & more"),
                        "Subject: =?UTF-8?Q?Caf=C3=A9_=26_more?=\r\n");
    assert_string_equal(header("=?UTF-8?Q?fake?="),
                        "Subject: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Ffake=3F=3D?="
                        "\r\n");
}

static void nobody_adds_a_header(void **state)
{
    static const char *const values[] = {
        "a\r\nBcc: b@example.com",
        "a\nBcc: b@example.com",
        "a\rBcc: b@example.com",
        "\r\n\r\nbody",
        "a\x85 Bcc: x",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(values); i++) {
        const char *text = header(values[i]);

        if (strchr(text, '\n') != text + strlen(text) - 1 ||
            strchr(text, '\r') != text + strlen(text) - 2)
            fail_msg("%s", text);
    }
}

static void no_line_of_a_header_is_long_and_no_character_is_cut(void **state)
{
    char value[400] = "";
    const char *line;

    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(value, "\xF0\x9F\x90\xBE ");
    line = header(value);
    for (const char *next; (next = strstr(line, "\r\n")); line = next + 2) {
        if (next - line > 76)
            fail_msg("%zd bytes", next - line);
        for (const char *c = line; (c = strstr(c, "=F0")) && c < next; c++)
            if (strncmp(c, "=F0=9F=90=BE", 12) != 0)
                fail_msg("%s", c);
    }
}

static void a_body_is_quoted_printable(void **state)
{
    char line[200], *at;

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    mail_add_quoted(&out, PP_LIT("a=b\nends with \ncaf\xC3\xA9\n.\n"));
    pp_buf_add_byte(&out, '\0');
    assert_string_equal(out.p, "a=3Db\r\nends with=20\r\ncaf=C3=A9\r\n.\r\n");
    pp_buf_reset(&out);
    mail_add_quoted(&out, pp_str_of(line));
    pp_buf_add_byte(&out, '\0');
    at = strstr(out.p, "=\r\n");
    assert_non_null(at);
    assert_true(at - out.p == 75);
}

static const struct mail example = {
    .from_name = {"Paw \"Print\"", 11},
    .from = {"no-reply@pawprint.example", 25},
    .to = {"ann@example.com", 15},
    .subject = {"Hello", 5},
    .key = {"capacity_depleted/acc/1", 23},
    .unsubscribe = {"https://p.example/n/u?t=1", 25},
    .list = {"k3ttl3s.report", 14},
    .kind = {"report_empty", 12},
    .text = {"text\n", 5},
    .html = {"<p>html</p>\n", 12},
    .date_ms = 1763949923123,
};

static void the_same_key_has_the_same_message_id_for_ever(void **state)
{
    char id[MAIL_ID_BYTES], again[MAIL_ID_BYTES], other[MAIL_ID_BYTES];

    (void)state;
    mail_id(PP_LIT("capacity_depleted/acc/1"), id);
    mail_id(PP_LIT("capacity_depleted/acc/1"), again);
    mail_id(PP_LIT("capacity_depleted/acc/2"), other);
    assert_string_equal(id, again);
    assert_string_not_equal(id, other);
    assert_string_equal(id, "2c8307c7ac55ef6087b9c3b7098f27cb");
}

static void a_mail_has_the_headers_of_one(void **state)
{
    static const char *const has[] = {
        "From: =?UTF-8?Q?Paw_=22Print=22?=\r\n <no-reply@pawprint.example>\r\n",
        "To: <ann@example.com>\r\n",
        "Subject: Hello\r\n",
        "Date: Mon, 24 Nov 2025 02:05:23 +0000\r\n",
        "@pawprint.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "List-Id: <k3ttl3s.report.pawprint.example>\r\n",
        "Feedback-ID: report_empty:pawprint\r\n",
        "Message-ID: <2c8307c7ac55ef6087b9c3b7098f27cb@pawprint.example>\r\n",
        "List-Unsubscribe: <https://p.example/n/u?t=1>\r\n",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
    };
    struct mail mail = example;

    (void)state;
    mail_write(&mail, &out);
    pp_buf_add_byte(&out, '\0');
    for (size_t i = 0; i < PP_COUNT(has); i++)
        if (!strstr(out.p, has[i]))
            fail_msg("not there: %s in %s", has[i], out.p);
    pp_buf_reset(&out);
    mail.unsubscribe = PP_LIT("https://p.example/>\r\nBcc: x");
    mail_write(&mail, &out);
    pp_buf_add_byte(&out, '\0');
    assert_null(strstr(out.p, "List-Unsubscribe"));
    assert_null(strstr(out.p, "Bcc"));
    assert_null(strstr(out.p, "Precedence"));
}

static void a_mail_of_no_list_has_no_header_of_one(void **state)
{
    static const char *const lists[] = {"", "a>\r\nBcc: x", "a b",
                                        "caf\xC3\xA9"};
    struct mail mail = example;

    (void)state;
    mail.unsubscribe = PP_LIT("");
    for (size_t i = 0; i < PP_COUNT(lists); i++) {
        pp_buf_reset(&out);
        mail.list = mail.kind = pp_str_of(lists[i]);
        mail_write(&mail, &out);
        pp_buf_add_byte(&out, '\0');
        assert_null(strstr(out.p, "List-"));
        assert_null(strstr(out.p, "Feedback-ID"));
        assert_null(strstr(out.p, "Bcc"));
        assert_non_null(strstr(out.p, "X-Auto-Response-Suppress: All\r\n"));
    }
}

static void what_comes_back_goes_to_an_address_of_its_own(void **state)
{
    char id[MAIL_ID_BYTES];
    struct pp_str from = PP_LIT("no-reply@pawprint.example");

    (void)state;
    mail_id(PP_LIT("capacity_depleted/acc/1"), id);
    mail_add_return_path(&out, from, PP_LIT("back@in.example"), id);
    assert_true(
        pp_str_eq(pp_buf_str(&out),
                  PP_LIT("back+2c8307c7ac55ef6087b9c3b7098f27cb@in.example")));
    assert_true(mail_is_address(pp_buf_str(&out)));
    pp_buf_reset(&out);
    /* The longest that may be set is still an address. */
    mail_add_return_path(
        &out, from, PP_LIT("a234567890123456789012345678901@in.example"), id);
    assert_true(mail_is_address(pp_buf_str(&out)));
    pp_buf_reset(&out);
    mail_add_return_path(&out, from, PP_LIT(""), id);
    assert_true(pp_str_eq(pp_buf_str(&out), from));
}

/* The values are those of Python's hmac. */
static void a_webhook_is_signed_with_a_key_of_its_account(void **state)
{
    char secret[PP_WEBHOOK_SECRET_BYTES];
    struct pp_webhook_key key;

    (void)state;
    pp_webhook_key_of(PP_LIT("0123456789abcdef0123456789abcdef"),
                      PP_LIT("k3ttl3"), &key);
    pp_webhook_secret(&key, secret);
    assert_string_equal(secret,
                        "whsec_v33S7p7wegHYKyuXOUoL92ILfAAFk2kqrRG60mK/lU4=");
    pp_webhook_sign(&key, PP_LIT("msg_1"), 1614265330, PP_LIT("{\"test\":1}"),
                    &out);
    assert_true(
        pp_str_eq(pp_buf_str(&out),
                  PP_LIT("v1,I3f4CYKMflU7Z+fHtvGC4GaYkNOICvvSsEZLOzwrMkg=")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_one_that_needs_no_escaping_anywhere),
        TEST(a_mailbox_is_taken_apart),
        TEST(a_short_ascii_value_stays_as_it_is),
        TEST(other_values_become_encoded_words),
        TEST(nobody_adds_a_header),
        TEST(no_line_of_a_header_is_long_and_no_character_is_cut),
        TEST(a_body_is_quoted_printable),
        TEST(the_same_key_has_the_same_message_id_for_ever),
        TEST(a_mail_has_the_headers_of_one),
        TEST(a_mail_of_no_list_has_no_header_of_one),
        TEST(what_comes_back_goes_to_an_address_of_its_own),
        TEST(a_webhook_is_signed_with_a_key_of_its_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
