#include "page.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_template.h"

/* The only style that the policy allows, by its hash. */
static const char style[] =
    ":root{color-scheme:light dark;--back:#f2f4f6;--card:#fff;--line:#dfe3e8;"
    "--text:#1b1f24;--soft:#5b6470;--mark:#1f6f5f;--on:#fff}"
    "@media(prefers-color-scheme:dark){:root{--back:#16181d;--card:#21242b;"
    "--line:#343944;--text:#eceef2;--soft:#a7afbd;--mark:#6cb8a6;--on:#10201c}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:24px 16px;background:var(--back);color:var(--text);"
    "font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}"
    "main{max-width:460px;margin:0 auto;padding:24px;background:var(--card);"
    "border:1px solid var(--line);border-radius:10px;overflow-wrap:anywhere}"
    ".name{margin:0;color:var(--mark);font-size:14px;font-weight:700;"
    "letter-spacing:.4px}"
    "h1{margin:8px 0 12px;font-size:22px;line-height:1.3}"
    "p{margin:0 0 16px}"
    ".soft{margin:16px 0 0;color:var(--soft);font-size:14px}"
    "form{display:grid;gap:10px;margin:0}"
    "button{min-height:48px;padding:10px 16px;border:1px solid var(--mark);"
    "border-radius:8px;background:transparent;color:var(--mark);font:inherit;"
    "font-weight:600;cursor:pointer}"
    "button.first{background:var(--mark);color:var(--on)}"
    "button:focus-visible{outline:3px solid #d99a1c;outline-offset:2px}";

void page_policy(char policy[static PAGE_POLICY_BYTES])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    char text[64];

    crypto_hash_sha256(sum, (const unsigned char *)style, strlen(style));
    sodium_bin2base64(text, sizeof(text), sum, sizeof(sum),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(policy, PAGE_POLICY_BYTES,
             "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; "
             "base-uri 'none'; frame-ancestors 'none'",
             text);
}

/* --- parts -----------------------------------------------------------------
 */

static void begin(struct pp_buf *out, const char *heading)
{
    pp_buf_printf(out,
                  "<!DOCTYPE html>\n<html lang=\"en\"><head>"
                  "<meta charset=\"utf-8\"><meta name=\"viewport\" "
                  "content=\"width=device-width, initial-scale=1\">"
                  "<title>%s</title><style>%s</style></head>\n"
                  "<body><main><p class=\"name\">Pawprint</p><h1>%s</h1>\n",
                  heading, style, heading);
}

static void end(struct pp_buf *out)
{
    pp_buf_add_text(out, "</main></body></html>\n");
}

/* A value, which may be the database's, in bold. */
static void add_bold(struct pp_buf *out, const char *value)
{
    pp_buf_add_text(out, "<b>");
    pp_template_escape(out, pp_str_of(value), PP_TEMPLATE_HTML);
    pp_buf_add_text(out, "</b>");
}

static void say(struct pp_buf *out, const char *before, const char *value,
                const char *after)
{
    pp_buf_printf(out, "<p>%s", before);
    add_bold(out, value);
    pp_buf_printf(out, "%s</p>\n", after);
}

static void small(struct pp_buf *out, const char *text)
{
    pp_buf_printf(out, "<p class=\"soft\">%s</p>\n", text);
}

/* A form without an action goes to the page's own address. */
static void begin_form(struct pp_buf *out)
{
    pp_buf_add_text(out, "<form method=\"post\">\n");
}

static void add_button(struct pp_buf *out, bool first, const char *name,
                       const char *value, const char *words)
{
    pp_buf_printf(out, "<button%s name=\"%s\" value=\"%s\">%s</button>\n",
                  first ? " class=\"first\"" : "", name, value, words);
}

static void end_form(struct pp_buf *out)
{
    pp_buf_add_text(out, "</form>\n");
}

/* --- pages -----------------------------------------------------------------
 */

static void add_rule(struct pp_buf *out, const struct page_snooze *is)
{
    pp_buf_add_text(out,
                    is->until[0] ? "<p>No message is sent of " : "<p>It is ");
    add_bold(out, is->rule);
    pp_buf_add_text(out, ", for the site ");
    add_bold(out, is->site);
    if (is->until[0]) {
        pp_buf_add_text(out, ", until ");
        add_bold(out, is->until);
    }
    pp_buf_add_text(out, ".</p>\n");
}

void page_snooze(struct pp_buf *out, const struct page_snooze *is, bool done)
{
    bool muted = is->until[0];

    begin(out, muted  ? "This alert is muted"
               : done ? "This alert is on again"
                      : "Mute this alert?");
    add_rule(out, is);
    begin_form(out);
    if (muted)
        add_button(out, true, "for", "off",
                   done ? "Undo" : "Send alerts again");
    if (!muted || !done) {
        add_button(out, !muted, "for", "1h", "Mute for an hour");
        add_button(out, false, "for", "1d", "Mute for a day");
        add_button(out, false, "for", "1w", "Mute for a week");
    }
    end_form(out);
    small(out, "The rule stays as it is, and other alerts are still sent.");
    end(out);
}

static const char *words_of(const char *kind)
{
    if (strcmp(kind, "usage_warning") == 0)
        return "warnings before the limit is reached";
    if (strcmp(kind, "grace_reminder") == 0)
        return "reminders before days of grace end";
    return "news from those who run Pawprint";
}

void page_unsubscribe(struct pp_buf *out, const char *kind, bool opted_out,
                      bool done)
{
    begin(out, opted_out ? "You have unsubscribed"
               : done    ? "You get these mails again"
                         : "Unsubscribe?");
    say(out, opted_out ? "You get no more " : "You get ", words_of(kind),
        opted_out ? "." : " by mail.");
    begin_form(out);
    if (opted_out)
        add_button(out, true, "do", "undo", done ? "Undo" : "Subscribe again");
    else
        add_button(out, true, "do", "unsubscribe", "Unsubscribe");
    end_form(out);
    if (strcmp(kind, "announcement") != 0)
        small(out, "That a limit is reached, and that data is refused, is "
                   "always told: those mails can't be switched off.");
    end(out);
}

static const char *report_heading(const struct page_report *is, bool done)
{
    if (is->unsubscribed)
        return "You have unsubscribed";
    if (!is->confirmed)
        return "Do you want these reports?";
    return done ? "You get these reports" : "Unsubscribe?";
}

void page_report(struct pp_buf *out, const struct page_report *is, bool done)
{
    begin(out, report_heading(is, done));
    if (!is->site[0]) {
        small(out, "These reports are not sent any more.");
        end(out);
        return;
    }
    pp_buf_add_text(out, is->unsubscribed ? "<p>You get no more reports of "
                                          : "<p>Reports of ");
    add_bold(out, is->site);
    if (!is->unsubscribed)
        pp_buf_printf(out,
                      is->confirmed
                          ? ", one each %s, come to your address"
                          : ", one each %s, would come to your address",
                      is->every);
    pp_buf_add_text(out, ".</p>\n");
    begin_form(out);
    if (is->unsubscribed)
        add_button(out, true, "do", "undo", done ? "Undo" : "Subscribe again");
    else if (is->confirmed)
        add_button(out, true, "do", "unsubscribe", "Unsubscribe");
    else
        add_button(out, true, "do", "confirm", "Yes, send them");
    end_form(out);
    if (!is->confirmed && !is->unsubscribed)
        small(out, "If you do nothing, nothing is sent.");
    end(out);
}

void page_problem(struct pp_buf *out, const char *heading, const char *text)
{
    begin(out, heading);
    pp_buf_printf(out, "<p>%s</p>\n", text);
    end(out);
}
