/* A report as Slack and a webhook get it. */
#include <string.h>

#include "pp_json.h"
#include "pp_report_words.h"

#include "render.h"

#include "test.h"

static struct pp_arena arena;
static struct pp_buf facts, out;
static struct pp_messages *messages;

static int begin(void **state)
{
    struct pp_err err = {0};

    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    pp_buf_init(&facts, (size_t)1 << 20);
    pp_buf_init(&out, (size_t)1 << 20);
    if (pp_messages_open(&messages, &err) < 0)
        fail_msg("%s", err.msg);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_messages_close(&messages);
    pp_buf_fini(&facts);
    pp_buf_fini(&out);
    pp_arena_fini(&arena);
    return 0;
}

/* Numbers that no two of have in common. */
static struct pp_report a_report(const char *name)
{
    struct pp_report report = {
        .site = pp_str_of(name),
        .site_id = PP_LIT("k3ttl3s"),
        .zone = PP_LIT("Asia/Kathmandu"),
        .every = PP_LIT("day"),
        .period = {20773, 20774},
        .before = {20772, 20773},
    };

    for (int i = 0; i < PP_REPORT_FIGURES; i++)
        report.figures[i] =
            (struct pp_report_change){{true, 101 + i}, {true, 51 + i}};
    report.lists[PP_REPORT_PAGES].count = 1;
    report.lists[PP_REPORT_PAGES].rows[0] =
        (struct pp_report_row){.name = pp_str_of(name), .value = 4321};
    return report;
}

/* The message of it, as the ledger gives it. */
static struct ledger_message message_of(const struct pp_report *report)
{
    pp_buf_reset(&facts);
    pp_report_add_facts(&facts, report, 42, false);
    pp_buf_add_byte(&facts, '\0');
    assert_false(facts.overflow);
    return (struct ledger_message){
        .key = "report/42/2026-11-16/x",
        .kind = "report",
        .facts = facts.p,
        .created_at = "2026-11-17T03:15:00Z",
        .account_id = "acc",
        .account = "Kettles",
        .site_id = "k3ttl3s",
        .site = "kettles",
    };
}

/* The text of the JSON's member, without its escapes. */
static struct pp_str member(struct pp_str json_text, const char *name)
{
    struct pp_json json;
    enum pp_json_token token;

    pp_json_init(&json, json_text, &arena, 16);
    for (token = pp_json_next(&json); token != PP_JSON_END;
         token = pp_json_next(&json)) {
        if (token == PP_JSON_ERROR)
            fail_msg("%s: %.*s", json.error, PP_ARG(json_text));
        if (token != PP_JSON_KEY || !pp_str_eq(json.str, pp_str_of(name)))
            continue;
        token = pp_json_next(&json);
        if (token == PP_JSON_STRING)
            return json.str;
    }
    fail_msg("no %s in %.*s", name, PP_ARG(json_text));
    return (struct pp_str){NULL, 0};
}

static void slack_and_webhook_have_the_same_numbers(void **state)
{
    struct pp_report report = a_report("/cups"), of_webhook;
    struct ledger_message message = message_of(&report);
    const struct pp_message *kind = pp_message_find(messages, "report");
    struct pp_message_values values;
    struct pp_err err = {0};
    struct pp_buf word;
    struct pp_str text;

    (void)state;
    assert_int_equal(render_values(NULL, kind, &message, &arena, &values, &err),
                     0);
    render_webhook(kind, &message, &values, &out);
    assert_true(pp_str_eq(member(pp_buf_str(&out), "type"), PP_LIT("report")));
    pp_buf_add_byte(&out, '\0');
    message.facts = strstr(out.p, "\"facts\":");
    assert_non_null(message.facts);
    message.facts += strlen("\"facts\":");
    if (render_report(&message, &arena, &of_webhook, &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_reset(&out);
    render_slack_report(&of_webhook, false, &out);
    text = member(pp_buf_str(&out), "text");
    pp_buf_init(&word, 200);
    for (int i = 0; i < PP_REPORT_FIGURES; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;

        assert_true(of_webhook.figures[i].now.value ==
                    report.figures[i].now.value);
        assert_true(of_webhook.figures[i].before.value ==
                    report.figures[i].before.value);
        pp_buf_reset(&word);
        pp_buf_add_text(&word, ": ");
        pp_report_add_number(&word, figure, report.figures[i].now);
        if (!memmem(text.p, text.n, word.p, word.n))
            fail_msg("no %.*s in %.*s", PP_ARG(pp_buf_str(&word)),
                     PP_ARG(text));
    }
    pp_buf_fini(&word);
    assert_int_equal(of_webhook.lists[PP_REPORT_PAGES].rows[0].value, 4321);
    assert_non_null(memmem(text.p, text.n, "4,321", 5));
}

static void nothing_that_slack_gets_is_markup(void **state)
{
    static const char *const names[] = {
        "<!channel>", "<https://evil.example|us>", "*bold* `code` _x_",
        "\"},\"text\":\"other", "&lt;@U1&gt;"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(names); i++) {
        struct pp_report report = a_report(names[i]);
        struct pp_str text;

        pp_buf_reset(&out);
        render_slack_report(&report, true, &out);
        text = member(pp_buf_str(&out), "text");
        assert_int_equal(pp_str_find(text, '<'), text.n);
        assert_int_equal(pp_str_find(text, '>'), text.n);
        /* What would be bold or code is not, in the whole message. */
        assert_non_null(memmem(out.p, out.n, ",\"mrkdwn\":false,", 16));
        assert_true(text.n > 100);
    }
}

int main(void)
{
    const struct CMUnitTest render[] = {
        cmocka_unit_test_setup_teardown(slack_and_webhook_have_the_same_numbers,
                                        begin, end),
        cmocka_unit_test_setup_teardown(nothing_that_slack_gets_is_markup,
                                        begin, end),
    };

    return cmocka_run_group_tests(render, NULL, NULL);
}
