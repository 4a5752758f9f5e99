/* What mail servers write about a mail of ours, and what we make of it. */
#include "pp_dsn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define ID "2c8307c7ac55ef6087b9c3b7098f27cb@pawprint.example"

/* As Postfix writes it: the whole mail comes back. */
#define WHOLE                                                                  \
    "Return-Path: <>\r\n"                                                      \
    "From: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n"                \
    "Subject: Undelivered Mail Returned to Sender\r\n"                         \
    "To: no-reply@pawprint.example\r\n"                                        \
    "MIME-Version: 1.0\r\n"                                                    \
    "Content-Type: multipart/report; report-type=delivery-status;\r\n"         \
    "\tboundary=\"4Xyz.1/mx.example\"\r\n"                                     \
    "\r\n"                                                                     \
    "This is a MIME-encapsulated message.\r\n"                                 \
    "\r\n"                                                                     \
    "--4Xyz.1/mx.example\r\n"                                                  \
    "Content-Type: text/plain; charset=us-ascii\r\n"                           \
    "\r\n"                                                                     \
    "Your mail could not be delivered. Action: relayed\r\n"                    \
    "\r\n"                                                                     \
    "--4Xyz.1/mx.example\r\n"                                                  \
    "Content-Description: Delivery report\r\n"                                 \
    "Content-Type: message/delivery-status\r\n"                                \
    "\r\n"                                                                     \
    "Reporting-MTA: dns; mx.example\r\n"                                       \
    "Arrival-Date: Tue, 24 Nov 2026 10:00:00 +0000 (UTC)\r\n"                  \
    "\r\n"                                                                     \
    "Final-Recipient: rfc822; ann@example.com\r\n"                             \
    "Original-Recipient: rfc822;ann@example.com\r\n"                           \
    "Action: failed\r\n"                                                       \
    "Status: 5.1.1\r\n"                                                        \
    "Diagnostic-Code: smtp; 550 5.1.1 <ann@example.com>: no such\r\n"          \
    "    mailbox\r\n"                                                          \
    "\r\n"                                                                     \
    "--4Xyz.1/mx.example\r\n"                                                  \
    "Content-Type: message/rfc822\r\n"                                         \
    "\r\n"                                                                     \
    "From: Pawprint <no-reply@pawprint.example>\r\n"                           \
    "Message-ID: <" ID ">\r\n"                                                 \
    "Subject: Capacity depleted\r\n"                                           \
    "\r\n"                                                                     \
    "Message-ID: <of-the-body@x.example>\r\n"                                  \
    "--4Xyz.1/mx.example--\r\n"

/* Only the headers come back, folded, and line ends are bare. */
#define HEADERS                                                                \
    "content-type: Multipart/Report; boundary=b;\n"                            \
    " report-type=\"delivery-status\"\n"                                       \
    "\n"                                                                       \
    "--b\n"                                                                    \
    "content-type: message/delivery-status; charset=utf-8\n"                   \
    "\n"                                                                       \
    "reporting-mta: dns;mail.example\n"                                        \
    "\n"                                                                       \
    "final-recipient: RFC822;<ann@example.com>\n"                              \
    "action: FAILED (expanded)\n"                                              \
    "status: 5.7.1 (refused)\n"                                                \
    "\n"                                                                       \
    "--b\n"                                                                    \
    "content-type: text/rfc822-headers\n"                                      \
    "\n"                                                                       \
    "message-id:\n"                                                            \
    " <" ID ">\n"                                                              \
    "to: ann@example.com\n"

static struct pp_dsn read_text(const char *text)
{
    struct pp_dsn dsn;

    pp_dsn_read(pp_str_of(text), &dsn);
    return dsn;
}

static void assert_text(struct pp_str text, const char *expected)
{
    char copy[400];

    snprintf(copy, sizeof(copy), "%.*s", PP_ARG(text));
    assert_string_equal(copy, expected);
}

static void a_report_says_which_mail_came_back_and_why(void **state)
{
    struct pp_dsn dsn = read_text(WHOLE);

    (void)state;
    assert_int_equal(dsn.kind, PP_DSN_PERMANENT);
    assert_text(dsn.message_id, ID);
    assert_text(dsn.recipient, "ann@example.com");
    assert_text(dsn.action, "failed");
    assert_text(dsn.status, "5.1.1");
    assert_text(dsn.diagnostic, "550 5.1.1 <ann@example.com>: no such");
}

static void
names_in_any_case_folded_lines_and_bare_line_ends_are_read(void **state)
{
    struct pp_dsn dsn = read_text(HEADERS);

    (void)state;
    assert_int_equal(dsn.kind, PP_DSN_PERMANENT);
    assert_text(dsn.message_id, ID);
    assert_text(dsn.recipient, "ann@example.com");
    assert_text(dsn.status, "5.7.1");
    assert_text(dsn.diagnostic, "");
}

static void
action_and_status_say_whether_anything_may_still_arrive(void **state)
{
    static const struct {
        const char *action, *status;
        enum pp_dsn_kind kind;
    } cases[] = {
        {"failed", "5.1.1", PP_DSN_PERMANENT},
        {"failed", "5.0.0", PP_DSN_PERMANENT},
        {"failed", "5.1.10", PP_DSN_PERMANENT},
        {"failed", "5.2.1", PP_DSN_PERMANENT},
        {"failed", "5.7.1", PP_DSN_PERMANENT},
        {"Failed", "5.1.2 (no such domain)", PP_DSN_PERMANENT},
        /* A name server that is ill says so of every domain. */
        {"failed", "5.4.4", PP_DSN_TRANSIENT},
        {"failed", "5.4.40", PP_DSN_PERMANENT},
        {"failed", "4.4.7", PP_DSN_TRANSIENT},
        {"failed", "4.2.2", PP_DSN_TRANSIENT},
        {"failed", "2.0.0", PP_DSN_TRANSIENT},
        {"delayed", "4.4.1", PP_DSN_TRANSIENT},
        {"delayed", "5.1.1", PP_DSN_TRANSIENT},
        {"delivered", "2.1.5", PP_DSN_DELIVERED},
        {"relayed", "2.0.0", PP_DSN_DELIVERED},
        {"expanded", "2.0.0", PP_DSN_DELIVERED},
        {"delivered", "5.1.1", PP_DSN_DELIVERED},
        {"failed", "", PP_DSN_NO_STATUS},
        {"failed", "5", PP_DSN_NO_STATUS},
        {"failed", "5.1", PP_DSN_NO_STATUS},
        {"failed", "5.1.", PP_DSN_NO_STATUS},
        {"failed", "5..1", PP_DSN_NO_STATUS},
        {"failed", "5.1.1.1", PP_DSN_NO_STATUS},
        {"failed", "5.1.x", PP_DSN_NO_STATUS},
        {"failed", "5.1111.1", PP_DSN_NO_STATUS},
        {"failed", "6.1.1", PP_DSN_NO_STATUS},
        {"failed", "550", PP_DSN_NO_STATUS},
        {"", "5.1.1", PP_DSN_NO_STATUS},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char text[1000];

        snprintf(text, sizeof(text),
                 "Content-Type: multipart/report; boundary=b\n\n--b\n"
                 "Content-Type: message/delivery-status\n\n"
                 "Reporting-MTA: dns; x\n\n"
                 "Action: %s\nStatus: %s\n\n--b\n"
                 "Content-Type: message/rfc822\n\nMessage-ID: <%s>\n\n--b--\n",
                 cases[i].action, cases[i].status, ID);
        if (read_text(text).kind != cases[i].kind)
            fail_msg("%s, %s: %s", cases[i].action, cases[i].status,
                     pp_dsn_kind_name(read_text(text).kind));
    }
}

static void what_is_no_report_about_a_mail_is_told_apart(void **state)
{
    static const struct {
        const char *when, *text;
        enum pp_dsn_kind kind;
    } cases[] = {
        {"nothing", "", PP_DSN_NO_REPORT},
        {"only line ends", "\r\n\r\n\r\n", PP_DSN_NO_REPORT},
        {"no mail", "hello", PP_DSN_NO_REPORT},
        {"an answer of a person",
         "Subject: Re: hello\nContent-Type: text/plain\n\nAction: failed\n"
         "Status: 5.1.1\n",
         PP_DSN_NO_REPORT},
        {"a report without a boundary",
         "Content-Type: multipart/report\n\n--b\n", PP_DSN_NO_REPORT},
        {"a report without its parts",
         "Content-Type: multipart/report; boundary=b\n\nhello\n",
         PP_DSN_NO_STATUS},
        {"another type that begins alike",
         "Content-Type: multipart/reports; boundary=b\n\n--b\n",
         PP_DSN_NO_REPORT},
        {"the mail does not come back",
         "Content-Type: multipart/report; boundary=b\n\n--b\n"
         "Content-Type: message/delivery-status\n\nAction: failed\n"
         "Status: 5.1.1\n\n--b--\n",
         PP_DSN_NO_MESSAGE_ID},
        {"the mail that comes back has no id, but its body says one",
         "Content-Type: multipart/report; boundary=b\n\n--b\n"
         "Content-Type: message/delivery-status\n\nAction: failed\n"
         "Status: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\n"
         "Subject: x\n\nMessage-ID: <a@b>\n--b--\n",
         PP_DSN_NO_MESSAGE_ID},
        {"parts behind the end are none",
         "Content-Type: multipart/report; boundary=b\n\n--b\n\n--b--\n--b\n"
         "Content-Type: message/delivery-status\n\nAction: failed\n"
         "Status: 5.1.1\n\n--b--\n",
         PP_DSN_NO_STATUS},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (read_text(cases[i].text).kind != cases[i].kind)
            fail_msg("when %s: %s", cases[i].when,
                     pp_dsn_kind_name(read_text(cases[i].text).kind));
}

#define REPORT_TO(to, back)                                                    \
    "To: " to "\n"                                                             \
    "Content-Type: multipart/report; boundary=b\n\n--b\n"                      \
    "Content-Type: message/delivery-status\n\nAction: failed\n"                \
    "Status: 5.1.1\n\n" back "--b--\n"
#define BACK                                                                   \
    "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <" ID ">\n\n"

static void
the_address_that_it_goes_to_says_which_mail_it_is_about(void **state)
{
    static const struct {
        const char *when, *text, *id;
    } cases[] = {
        {"it is in brackets", REPORT_TO("<back+" ID ">", ""), ID},
        {"it is bare", REPORT_TO("back+" ID, ""), ID},
        {"the address is nobody's own", REPORT_TO("<back@x.example>", ""), ""},
        {"the mail comes back: its own id counts",
         REPORT_TO("<back+00000000000000000000000000000000@x.example>", BACK),
         ID},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_dsn dsn = read_text(cases[i].text);

        if (!pp_str_eq(dsn.message_id, pp_str_of(cases[i].id)))
            fail_msg("when %s: %.*s", cases[i].when, PP_ARG(dsn.message_id));
        assert_int_equal(dsn.kind, cases[i].id[0] ? PP_DSN_PERMANENT
                                                  : PP_DSN_NO_MESSAGE_ID);
    }
}

static void a_report_that_ends_anywhere_is_read_without_harm(void **state)
{
    static const char whole[] = WHOLE;
    size_t known = 0;

    (void)state;
    for (size_t n = 0; n < sizeof(whole); n++) {
        struct pp_dsn dsn;
        char *copy = pp_malloc(n + 1);

        memcpy(copy, whole, n); /* so that a sanitizer sees its end */
        pp_dsn_read((struct pp_str){copy, n}, &dsn);
        known += dsn.kind == PP_DSN_PERMANENT;
        free(copy);
    }
    assert_in_range(known, 1, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_says_which_mail_came_back_and_why),
        cmocka_unit_test(
            the_address_that_it_goes_to_says_which_mail_it_is_about),
        cmocka_unit_test(
            names_in_any_case_folded_lines_and_bare_line_ends_are_read),
        cmocka_unit_test(
            action_and_status_say_whether_anything_may_still_arrive),
        cmocka_unit_test(what_is_no_report_about_a_mail_is_told_apart),
        cmocka_unit_test(a_report_that_ends_anywhere_is_read_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
