#include "pp_alert_report.h"

#include <stdio.h>

#include "pp_json.h"

const char *pp_alert_title(enum pp_alert_kind kind)
{
    static const char *const titles[] = {
        [PP_ALERT_USAGE] = "Usage over its threshold",
        [PP_ALERT_SPIKE] = "Far more traffic than usual",
        [PP_ALERT_DROP] = "Far less traffic than usual",
        [PP_ALERT_NO_DATA] = "No data",
        [PP_ALERT_LCP] = "LCP over its budget",
        [PP_ALERT_INP] = "INP over its budget",
        [PP_ALERT_CLS] = "CLS over its budget",
        [PP_ALERT_TTFB] = "TTFB over its budget",
    };

    return titles[kind];
}

/* Whole numbers are shown with commas; a fraction is a text of its digits. */
static void add_number(struct pp_buf *facts, const char *name, double number)
{
    char text[40];
    size_t n;

    if (number >= 100 || number == (double)(int64_t)number) {
        pp_buf_printf(facts, ",\"%s\":%.0f", name, number);
        return;
    }
    n = (size_t)snprintf(text, sizeof(text), "%.*f", number < 1 ? 3 : 1,
                         number);
    while (n > 0 && text[n - 1] == '0')
        n--;
    if (n > 0 && text[n - 1] == '.')
        n--;
    pp_buf_printf(facts, ",\"%s\":\"%.*s\"", name, (int)n, text);
}

/* Of usage the window is the account's. */
static void add_metric(struct pp_buf *facts, const struct pp_alert_rule *rule)
{
    pp_buf_printf(facts, ",\"metric\":\"%s",
                  pp_alert_defaults(rule->kind)->words);
    if (rule->kind != PP_ALERT_USAGE)
        pp_buf_printf(facts, ", in %d minutes", rule->window_s / 60);
    pp_buf_add_byte(facts, '"');
}

void pp_alert_report_add(const struct pp_alert_report *report,
                         struct pp_buf *out)
{
    const struct pp_alert_decision *is = report->decision;

    pp_buf_printf(out, "{\"rule\":\"%s\",\"snooze_id\":\"%s\"",
                  pp_alert_title(report->rule->kind), report->alert_id);
    add_metric(out, report->rule);
    if (report->facts->is_known)
        add_number(out, "value", report->facts->value);
    else
        pp_buf_add_text(out, ",\"value\":\"not known\"");
    add_number(out, "threshold", is->limit);
    if (is->usual >= 0)
        add_number(out, "usual", is->usual);
    pp_json_add_instant(out, "since_at", is->next.since_ms);
    if (is->message == PP_ALERT_RESOLVED)
        pp_json_add_instant(out, "resolved_at", is->next.resolved_ms);
    if (report->is_test)
        pp_buf_add_text(out, ",\"test\":true");
    pp_buf_add_byte(out, '}');
}
