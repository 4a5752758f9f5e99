#include "render.h"

#include <stdio.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_report_view.h"
#include "pp_template.h"

#define FACTS_BYTES  ((size_t)16 << 10) /* some may stand in a line often */
#define REPORT_BYTES ((size_t)96 << 10)
#define LINE_BYTES   ((size_t)64 << 10)

bool render_is_report(const struct ledger_message *message)
{
    return strcmp(message->kind, "report") == 0;
}

int render_report(const struct ledger_message *message, struct pp_arena *arena,
                  struct pp_report *report_out, struct pp_err *err)
{
    struct pp_str facts = pp_str_of(message->facts);
    enum pp_json_token token;
    struct pp_json json;

    pp_json_init(&json, facts, arena, 12);
    for (token = pp_json_next(&json); token != PP_JSON_END;
         token = pp_json_next(&json)) {
        size_t from = pp_json_at(&json);

        if (token == PP_JSON_ERROR)
            return pp_err_set(err, PP_ERR_INVALID, "facts: %s", json.error);
        if (token != PP_JSON_KEY)
            continue;
        if (!pp_str_eq(json.str, PP_LIT("report"))) {
            pp_json_skip(&json, pp_json_next(&json));
            continue;
        }
        pp_json_skip(&json, pp_json_next(&json));
        return pp_report_read(pp_str_sub(facts, from, pp_json_at(&json) - from),
                              arena, report_out, err);
    }
    return pp_err_set(err, PP_ERR_INVALID, "a report without its numbers");
}

static int localize(struct ledger *ledger, const struct pp_message *kind,
                    const struct ledger_message *message,
                    struct pp_arena *arena, struct pp_message_values *values,
                    struct pp_err *err)
{
    const char *name;

    for (size_t i = 0; (name = pp_message_name(kind, i)); i++) {
        char text[LEDGER_INSTANT_BYTES];
        char *copy;

        if (!pp_message_is_instant(name) || values->of[i].n == 0)
            continue;
        if (ledger_instant(ledger, values->of[i], message->zone, text, err) < 0)
            return -1;
        copy = pp_arena_text(arena, pp_str_of(text));
        if (!copy)
            return pp_err_set(err, PP_ERR_INVALID, "the facts are too large");
        values->of[i] = pp_str_of(copy);
    }
    return 0;
}

int render_values(struct ledger *ledger, const struct pp_message *kind,
                  const struct ledger_message *message, struct pp_arena *arena,
                  struct pp_message_values *values_out, struct pp_err *err)
{
    *values_out = (struct pp_message_values){0};
    if (strlen(message->facts) >
        (render_is_report(message) ? REPORT_BYTES : FACTS_BYTES))
        return pp_err_set(err, PP_ERR_INVALID, "the facts are too large");
    pp_message_set(kind, "account", pp_str_of(message->account), values_out);
    pp_message_set(kind, "account_id", pp_str_of(message->account_id),
                   values_out);
    pp_message_set(kind, "site",
                   pp_str_of(message->site ? message->site : message->site_id),
                   values_out);
    if (pp_message_facts(kind, pp_str_of(message->facts), arena, values_out,
                         err) < 0 ||
        pp_message_check(kind, values_out, err) < 0)
        return -1;
    return localize(ledger, kind, message, arena, values_out, err);
}

static void add_member(struct pp_buf *out, const char *name, const char *value)
{
    pp_buf_printf(out, ",\"%s\":", name);
    if (value)
        pp_json_add_str(out, pp_str_of(value));
    else
        pp_buf_add_text(out, "null");
}

void render_webhook(const struct pp_message *kind,
                    const struct ledger_message *message,
                    const struct pp_message_values *values, struct pp_buf *out)
{
    struct pp_buf line;

    pp_buf_init(&line, LINE_BYTES);
    pp_message_short(kind, values, &line);
    pp_buf_add_text(out, "{\"type\":");
    pp_json_add_str(out, pp_str_of(message->kind));
    add_member(out, "timestamp", message->created_at);
    pp_buf_add_text(out, ",\"data\":{\"summary\":");
    pp_json_add_str(out, pp_buf_str(&line));
    add_member(out, "account", message->account_id);
    add_member(out, "site", message->site_id);
    pp_buf_printf(out, ",\"facts\":%s}}", message->facts);
    pp_buf_fini(&line);
}

/* The first address that the message leads to. */
static struct pp_str link_of(const struct pp_message *kind,
                             const struct pp_message_values *values)
{
    static const char *const names[] = {"url", "upgrade_url", "runbook_url"};

    for (size_t i = 0; i < PP_COUNT(names); i++) {
        struct pp_str url = pp_message_get(kind, names[i], values);

        if (pp_str_starts(url, PP_LIT("https://")) &&
            pp_str_find(url, '|') == url.n && pp_str_find(url, '>') == url.n)
            return url;
    }
    return (struct pp_str){NULL, 0};
}

void render_slack_report(const struct pp_report *report, bool test,
                         struct pp_buf *out)
{
    const struct pp_report_reader reader = {.test = test};
    struct pp_buf text;

    pp_buf_init(&text, LINE_BYTES);
    pp_report_slack(report, &reader, &text);
    pp_buf_add_text(out, "{\"text\":");
    pp_json_add_str(out, pp_buf_str(&text));
    pp_buf_add_text(out, ",\"mrkdwn\":false,\"unfurl_links\":false,"
                         "\"unfurl_media\":false}");
    pp_buf_fini(&text);
}

void render_slack(const struct pp_message *kind,
                  const struct pp_message_values *values, struct pp_buf *out)
{
    struct pp_str url = link_of(kind, values);
    struct pp_buf line, text;

    pp_buf_init(&line, LINE_BYTES);
    pp_buf_init(&text, 8 * LINE_BYTES);
    pp_message_subject(kind, values, &line);
    pp_buf_add_byte(&text, '*');
    pp_template_escape(&text, pp_buf_str(&line), PP_TEMPLATE_SLACK);
    pp_buf_add_text(&text, "*\n");
    pp_buf_reset(&line);
    pp_message_short(kind, values, &line);
    pp_template_escape(&text, pp_buf_str(&line), PP_TEMPLATE_SLACK);
    if (url.n) {
        pp_buf_add_text(&text, "\n<");
        pp_template_escape(&text, url, PP_TEMPLATE_SLACK);
        pp_buf_add_byte(&text, '>');
    }
    pp_buf_add_text(out, "{\"text\":");
    pp_json_add_str(out, pp_buf_str(&text));
    pp_buf_add_byte(out, '}');
    pp_buf_fini(&line);
    pp_buf_fini(&text);
}
