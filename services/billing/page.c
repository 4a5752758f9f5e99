#include "page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "pp_mem.h"
#include "pp_template.h"

#include "checkout_step.h"
#include "page_pieces.h"

#define POLICY_BYTES   1024
#define WORDS_BYTES    512
#define WARN_PERCENT   80
#define SHOWN_INVOICES 6

/* Every name that a piece may have. */
enum name {
    ACCOUNT,
    BACK,
    CHOICE,
    FORM,
    HEADING,
    INTERVAL,
    KIND,
    LIMIT,
    LINK,
    MANAGES,
    N,
    PENDING,
    PERCENT,
    PLAN,
    PRICE,
    REASON,
    STATE,
    TEXT,
    TITLE,
    UNTIL,
    USED,
    VERB,
    WINDOW,
    NAMES,
};

#define NAME(text)                                                             \
    {                                                                          \
        (text), sizeof(text) - 1                                               \
    }
static const struct pp_str names[NAMES] = {
    [ACCOUNT] = NAME("account"),
    [BACK] = NAME("back"),
    [CHOICE] = NAME("choice"),
    [FORM] = NAME("form"),
    [HEADING] = NAME("heading"),
    [INTERVAL] = NAME("interval"),
    [KIND] = NAME("kind"),
    [LIMIT] = NAME("limit"),
    [LINK] = NAME("link"),
    [MANAGES] = NAME("manages"),
    [N] = NAME("n"),
    [PENDING] = NAME("pending"),
    [PERCENT] = NAME("percent"),
    [PLAN] = NAME("plan"),
    [PRICE] = NAME("price"),
    [REASON] = NAME("reason"),
    [STATE] = NAME("state"),
    [TEXT] = NAME("text"),
    [TITLE] = NAME("title"),
    [UNTIL] = NAME("until"),
    [USED] = NAME("used"),
    [VERB] = NAME("verb"),
    [WINDOW] = NAME("window"),
};

struct page {
    struct pp_template *pieces[PAGE_PIECES];
    char policy[POLICY_BYTES];
};

/* The style stands in the page, and is allowed by its hash. */
static int make_policy(struct page *page, const char *pay_at,
                       struct pp_err *err)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof(hash),
                                        sodium_base64_VARIANT_ORIGINAL)];
    int n;

    crypto_hash_sha256(hash, (const unsigned char *)page_style,
                       strlen(page_style));
    sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
                      sodium_base64_VARIANT_ORIGINAL);
    n = snprintf(page->policy, sizeof(page->policy),
                 "default-src 'none'; style-src 'sha256-%s'; img-src data:; "
                 "form-action 'self' %s; base-uri 'none'; frame-ancestors "
                 "'none'",
                 text, pay_at);
    if (n < 0 || (size_t)n >= sizeof(page->policy))
        return pp_err_set(err, PP_ERR_FATAL, "too many origins to pay at");
    return 0;
}

int page_open(struct page **page_out, const char *pay_at, struct pp_err *err)
{
    struct page *page = pp_calloc(1, sizeof(*page));

    *page_out = page;
    for (int i = 0; i < PAGE_PIECES; i++)
        if (pp_template_open(&page->pieces[i], pp_str_of(page_pieces[i]), names,
                             NAMES, err) < 0)
            return -1;
    return make_policy(page, pay_at, err);
}

void page_close(struct page **page)
{
    if (!*page)
        return;
    for (int i = 0; i < PAGE_PIECES; i++)
        pp_template_close(&(*page)->pieces[i]);
    free(*page);
    *page = NULL;
}

const char *page_policy(const struct page *page)
{
    return page->policy;
}

/* --- words -----------------------------------------------------------------
 */

void page_number(int64_t n, char text[static PAGE_TEXT_BYTES])
{
    char digits[24];
    size_t count, at = 0;

    snprintf(digits, sizeof(digits), "%" PRId64, n);
    count = strlen(digits);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

/* Currencies without a smaller unit. [Stripe: "Zero-decimal currencies"] */
static bool is_whole(const char *currency)
{
    static const char all[] = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd "
                              "vuv xaf xof xpf";

    return strlen(currency) == 3 && strstr(all, currency);
}

void page_amount(int64_t amount, const char *currency,
                 char text[static PAGE_TEXT_BYTES])
{
    const char *sign = strcmp(currency, "usd") == 0   ? "$"
                       : strcmp(currency, "eur") == 0 ? "€"
                       : strcmp(currency, "gbp") == 0 ? "£"
                                                      : "";
    int64_t unit = is_whole(currency) ? 1 : 100;
    char whole[PAGE_TEXT_BYTES], cents[8] = "", code[8] = "";

    page_number(amount / unit, whole);
    if (amount % unit)
        snprintf(cents, sizeof(cents), ".%02d", (int)(amount % unit));
    for (int i = 0; !*sign && i < 3 && currency[i]; i++) {
        code[0] = ' ';
        code[i + 1] = (char)(currency[i] - 'a' + 'A');
    }
    snprintf(text, PAGE_TEXT_BYTES, "%s%.24s%s%s", sign, whole, cents, code);
}

static void print_time(int64_t at_ms, const char *format,
                       char text[static PAGE_TEXT_BYTES])
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm tm;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (!gmtime_r(&at, &tm) || !strftime(text, PAGE_TEXT_BYTES, format, &tm))
        text[0] = '\0';
#pragma GCC diagnostic pop
}

void page_instant(int64_t at_ms, char text[static PAGE_TEXT_BYTES])
{
    print_time(at_ms, "%-d %b %Y, %H:%M", text);
}

static void day_of(int64_t at_ms, char text[static PAGE_TEXT_BYTES])
{
    print_time(at_ms, "%-d %b %Y", text);
}

/* A reason as collector and enricher count it, in words. */
static void reason_words(const char *reason, char words[static WORDS_BYTES])
{
    static const struct {
        const char *reason, *words;
    } rows[] = {
        {"capacity_exhausted", "Over the plan's limit, after the grace"},
        {"account_blocked", "The account was blocked"},
        {"foreign_origin", "From a page of another host"},
        {"rate_limited", "Too many at once"},
        {"duplicate", "Sent twice"},
        {"malformed", "Not understood"},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        if (strcmp(rows[i].reason, reason) == 0) {
            snprintf(words, WORDS_BYTES, "%s", rows[i].words);
            return;
        }
    }
    snprintf(words, WORDS_BYTES, "%s", reason);
    for (char *p = words; *p; p++)
        if (*p == '_')
            *p = ' ';
    if (words[0] >= 'a' && words[0] <= 'z')
        words[0] = (char)(words[0] - 'a' + 'A');
}

static const char *status_words(const char *status)
{
    static const struct {
        const char *status, *words;
    } rows[] = {
        {"active", "active"},           {"trialing", "on trial"},
        {"past_due", "payment failed"}, {"unpaid", "not paid"},
        {"paused", "paused"},           {"incomplete", "payment pending"},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++)
        if (strcmp(rows[i].status, status) == 0)
            return rows[i].words;
    return "";
}

/* --- pieces ----------------------------------------------------------------
 */

static void add(struct page *page, enum page_piece piece,
                const struct pp_str values[static NAMES], struct pp_buf *out)
{
    pp_template_render(page->pieces[piece], values, PP_TEMPLATE_HTML, out);
}

static void add_banner_to(struct page *page, const char *kind,
                          const char *heading, const char *text,
                          const char *link, const char *form,
                          struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {[KIND] = pp_str_of(kind),
                                         [HEADING] = pp_str_of(heading),
                                         [TEXT] = pp_str_of(text),
                                         [LINK] = pp_str_of(link),
                                         [FORM] = pp_str_of(form)};

    add(page, PAGE_BANNER, values, out);
}

static void add_banner(struct page *page, const char *kind, const char *heading,
                       const char *text, struct pp_buf *out)
{
    add_banner_to(page, kind, heading, text, "", "", out);
}

static void rejecting_banner(struct page *page, const struct overview *is,
                             struct pp_buf *out)
{
    char heading[WORDS_BYTES], text[WORDS_BYTES], since[PAGE_TEXT_BYTES],
        until[PAGE_TEXT_BYTES];

    page_instant(is->rejecting_since_ms, since);
    page_instant(is->reject_until_ms, until);
    snprintf(heading, sizeof(heading),
             is->rejecting_since_ms ? "New data is refused since %s"
                                    : "New data is refused",
             since);
    snprintf(text, sizeof(text),
             "The plan's events are used up and the grace is over. New data is "
             "accepted again with a larger plan, at once, or by itself on %s. "
             "What is recorded stays and can be read.",
             until);
    add_banner(page, "bad", heading, text, out);
}

static void grace_banner(struct page *page, const struct overview *is,
                         struct pp_buf *out)
{
    char text[WORDS_BYTES], until[PAGE_TEXT_BYTES];

    page_instant(is->grace_ends_at_ms, until);
    if (is->grace_ends_at_ms)
        snprintf(text, sizeof(text),
                 "The plan's events are used up. New data is still accepted "
                 "until %s; with a larger plan it simply goes on. There is no "
                 "penalty.",
                 until);
    else
        snprintf(text, sizeof(text),
                 "The plan's events are used up. New data is still accepted; "
                 "we will write to you until when. There is no penalty.");
    add_banner(page, "warn", "Capacity depleted", text, out);
}

static void usage_banner(struct page *page, const struct overview *is,
                         struct pp_buf *out)
{
    char heading[WORDS_BYTES];
    int percent = overview_percent(is);

    if (is->state == PP_CAPACITY_REJECTING) {
        rejecting_banner(page, is, out);
    } else if (is->state == PP_CAPACITY_GRACE || percent == 100) {
        grace_banner(page, is, out);
    } else if (percent >= WARN_PERCENT) {
        snprintf(heading, sizeof(heading), "%d %% of your events are used",
                 percent);
        add_banner(page, "warn", heading,
                   "When all of them are, new data is still accepted for the "
                   "plan's grace, and we will write to you.",
                   out);
    }
}

bool page_waits(const struct overview *is, bool returned)
{
    return returned && !checkout_is_live(pp_str_of(is->status));
}

/* The page of the newest invoice that is still to be paid, or nothing. */
static const char *open_invoice(const struct overview *is)
{
    for (size_t i = 0; i < is->invoice_count; i++)
        if (strcmp(is->invoices[i].status, "open") == 0)
            return is->invoices[i].url;
    return "";
}

static void payment_banner(struct page *page, const struct overview *is,
                           const char *form, struct pp_buf *out)
{
    char heading[WORDS_BYTES] = "The last payment failed", day[PAGE_TEXT_BYTES];

    if (is->past_due_since_ms) {
        day_of(is->past_due_since_ms, day);
        snprintf(heading, sizeof(heading), "A payment is due since %s", day);
    }
    if (is->awaits_payer)
        add_banner_to(page, "warn", "A payment waits for you",
                      "Your bank wants you to confirm it. Your plan goes on "
                      "meanwhile.",
                      open_invoice(is), "", out);
    else if (strcmp(is->status, "past_due") == 0)
        add_banner_to(page, "warn", heading,
                      "Your plan goes on meanwhile. Choose another way to pay, "
                      "and the payment is tried again.",
                      open_invoice(is), form, out);
}

static void add_banners(struct page *page, const struct overview *is,
                        const char *form, bool returned, struct pp_buf *out)
{
    if (is->blocked)
        add_banner(page, "bad", "The account is blocked",
                   "No new data is accepted. Please write to us.", out);
    if (page_waits(is, returned))
        add_banner(page, "good", "Thank you",
                   "The payment is being confirmed. The new plan stands here "
                   "in a few seconds; this page looks by itself.",
                   out);
    payment_banner(page, is, form, out);
    if (!is->blocked)
        usage_banner(page, is, out);
}

/* What comes next of the subscription. */
static void until_words(const struct overview *is,
                        char words[static WORDS_BYTES])
{
    char day[PAGE_TEXT_BYTES];
    int64_t at_ms = is->cancel_at_ms ? is->cancel_at_ms : is->period_end_ms;

    words[0] = '\0';
    if (!checkout_is_live(pp_str_of(is->status)) || at_ms == 0)
        return;
    day_of(at_ms, day);
    snprintf(words, WORDS_BYTES, "%s %s.",
             is->cancels_at_period_end || is->cancel_at_ms ? "Ends on"
                                                           : "Renews on",
             day);
}

static const char *plan_name(const struct pp_plans *plans, const char *code)
{
    const struct pp_plan *plan = pp_plans_find(plans, pp_str_of(code));

    return plan ? plan->display_name : code;
}

static void add_plan(struct page *page, const struct overview *is,
                     const struct pp_plans *plans, const char *form,
                     struct pp_buf *out)
{
    char until[WORDS_BYTES], pending[WORDS_BYTES] = "";
    struct pp_str values[NAMES] = {
        [PLAN] = pp_str_of(plan_name(plans, is->plan_code)),
        [STATE] = pp_str_of(status_words(is->status)),
        [MANAGES] = pp_str_of(is->has_customer ? "yes" : ""),
        [VERB] = pp_str_of(checkout_is_live(pp_str_of(is->status))
                               ? "Manage subscription"
                               : "Invoices"),
        [FORM] = pp_str_of(form),
    };

    until_words(is, until);
    if (is->pending_plan[0])
        snprintf(pending, sizeof(pending), "From the next period on: %s.",
                 plan_name(plans, is->pending_plan));
    values[UNTIL] = pp_str_of(until);
    values[PENDING] = pp_str_of(pending);
    add(page, PAGE_PLAN, values, out);
}

static void add_usage(struct page *page, const struct overview *is,
                      struct pp_buf *out)
{
    char used[PAGE_TEXT_BYTES], limit[PAGE_TEXT_BYTES], bar[16],
        percent[PAGE_TEXT_BYTES], start[PAGE_TEXT_BYTES], end[PAGE_TEXT_BYTES],
        window[WORDS_BYTES];
    int full = overview_percent(is);
    bool is_bad = is->state == PP_CAPACITY_REJECTING;
    struct pp_str values[NAMES] = {[KIND] = pp_str_of(is_bad ? "bad"
                                                      : full >= WARN_PERCENT
                                                          ? "warn"
                                                          : "good")};

    page_number(is->used, used);
    page_number(is->limit, limit);
    snprintf(bar, sizeof(bar), "%d", full);
    page_number(is->limit > 0 && full == 100
                    ? (int64_t)((double)is->used * 100 / (double)is->limit)
                    : full,
                percent);
    day_of(is->window_start_ms, start);
    page_instant(is->window_end_ms, end);
    snprintf(window, sizeof(window), "Since %s. Counting begins anew on %s.",
             start, end);
    values[USED] = pp_str_of(used);
    values[LIMIT] = pp_str_of(limit);
    values[PERCENT] = pp_str_of(bar);
    values[N] = pp_str_of(percent);
    values[WINDOW] = pp_str_of(window);
    add(page,
        is->limit == PP_CAPACITY_UNLIMITED ? PAGE_USAGE_UNLIMITED : PAGE_USAGE,
        values, out);
}

static void add_refused(struct page *page, const struct overview *is,
                        struct pp_buf *out)
{
    static const struct pp_str none[NAMES];

    if (is->refused_count == 0)
        return;
    add(page, PAGE_REFUSED, none, out);
    for (size_t i = 0; i < is->refused_count; i++) {
        char words[WORDS_BYTES], n[PAGE_TEXT_BYTES];
        struct pp_str values[NAMES] = {0};

        reason_words(is->refused[i].reason, words);
        page_number(is->refused[i].n, n);
        values[REASON] = pp_str_of(words);
        values[N] = pp_str_of(n);
        add(page, PAGE_REFUSED_ROW, values, out);
    }
    add(page, PAGE_REFUSED_END, none, out);
}

static const char *invoice_words(const char *status)
{
    return strcmp(status, "open") == 0            ? "to be paid"
           : strcmp(status, "void") == 0          ? "cancelled"
           : strcmp(status, "uncollectible") == 0 ? "not paid"
                                                  : status;
}

static void add_invoices(struct page *page, const struct overview *is,
                         struct pp_buf *out)
{
    static const struct pp_str none[NAMES];

    if (is->invoice_count == 0)
        return;
    add(page, PAGE_INVOICES, none, out);
    for (size_t i = 0; i < is->invoice_count && i < SHOWN_INVOICES; i++) {
        const struct overview_invoice *invoice = &is->invoices[i];
        char day[PAGE_TEXT_BYTES], amount[PAGE_TEXT_BYTES];
        struct pp_str values[NAMES] = {
            [TEXT] = pp_str_of(invoice->number),
            [LINK] = pp_str_of(invoice->url),
            [STATE] = pp_str_of(invoice_words(invoice->status)),
        };

        day_of(invoice->created_ms, day);
        page_amount(invoice->amount_due, invoice->currency, amount);
        values[UNTIL] = pp_str_of(day);
        values[PRICE] = pp_str_of(amount);
        add(page, PAGE_INVOICE, values, out);
    }
    add(page, PAGE_INVOICES_END, none, out);
}

static void add_offer(struct page *page, const struct pp_plan *plan,
                      enum pp_plan_interval interval, const char *form,
                      struct pp_buf *out)
{
    const struct pp_plan_offer *offer = &plan->offers[interval];
    char amount[PAGE_TEXT_BYTES], price[WORDS_BYTES];
    struct pp_str values[NAMES] = {
        [FORM] = pp_str_of(form),
        [PLAN] = pp_str_of(plan->code),
        [CHOICE] = pp_str_of(plan->display_name),
        [INTERVAL] = pp_str_of(pp_plan_interval_name(interval)),
        [KIND] = pp_str_of(interval == PP_PLAN_MONTH ? "first" : "second"),
        [VERB] =
            pp_str_of(interval == PP_PLAN_MONTH ? "Pay monthly" : "Pay yearly"),
    };

    page_amount(offer->amount, offer->currency, amount);
    snprintf(price, sizeof(price), "%s / %s", amount,
             pp_plan_interval_name(interval));
    values[PRICE] = pp_str_of(price);
    add(page, PAGE_OFFER, values, out);
}

static bool is_sold(const struct pp_plan *plan)
{
    for (int i = 0; i < PP_PLAN_INTERVALS; i++)
        if (plan->offers[i].price_id)
            return true;
    return false;
}

static void add_choice(struct page *page, const struct pp_plan *plan,
                       const char *form, struct pp_buf *out)
{
    char limit[PAGE_TEXT_BYTES] = "Unlimited";
    struct pp_str values[NAMES] = {[PLAN] = pp_str_of(plan->display_name)};

    if (plan->monthly_limit != PP_PLAN_UNLIMITED)
        page_number(plan->monthly_limit, limit);
    values[LIMIT] = pp_str_of(limit);
    add(page, PAGE_CHOICE, values, out);
    for (int i = 0; i < PP_PLAN_INTERVALS; i++)
        if (plan->offers[i].price_id)
            add_offer(page, plan, (enum pp_plan_interval)i, form, out);
    add(page, PAGE_CHOICE_END, values, out);
}

/* Who has a subscription changes that one, at Stripe's portal. */
static void add_choices(struct page *page, const struct overview *is,
                        const struct pp_plans *plans, const char *form,
                        struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {[HEADING] = PP_LIT("Plans")};
    bool any = false;

    if (checkout_is_live(pp_str_of(is->status)) || is->blocked)
        return;
    for (size_t i = 0; i < pp_plans_count(plans); i++) {
        const struct pp_plan *plan = pp_plans_at(plans, i);

        if (!is_sold(plan))
            continue;
        if (!any)
            add(page, PAGE_CHOICES, values, out);
        any = true;
        add_choice(page, plan, form, out);
    }
    if (any)
        add(page, PAGE_CHOICES_END, values, out);
}

/* --- pages -----------------------------------------------------------------
 */

static void add_top(struct page *page, const char *title, const char *form,
                    struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {
        [TITLE] = pp_str_of(title), [FORM] = pp_str_of(form)};

    add(page, PAGE_TOP, values, out);
}

static void add_bottom(struct page *page, const char *text, struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {[TEXT] = pp_str_of(text)};

    add(page, PAGE_BOTTOM, values, out);
}

void page_billing(struct page *page, const struct overview *is,
                  const struct pp_plans *plans, const char *form, bool returned,
                  struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {
        [ACCOUNT] = pp_str_of(is->name), [TITLE] = PP_LIT("Plan and usage")};

    add_top(page, "Plan and usage", form, out);
    add(page, PAGE_HEADING, values, out);
    add_banners(page, is, form, returned, out);
    add_plan(page, is, plans, form, out);
    add_usage(page, is, out);
    add_refused(page, is, out);
    add_invoices(page, is, out);
    add_choices(page, is, plans, form, out);
    add_bottom(page, "All times are in UTC.", out);
}

void page_login(struct page *page, const char *account, const char *link,
                struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {
        [ACCOUNT] = pp_str_of(account), [LINK] = pp_str_of(link)};

    add_top(page, "Open the billing page", "", out);
    add(page, PAGE_LOGIN, values, out);
    add_bottom(page, "", out);
}

void page_note(struct page *page, const char *title, const char *text,
               bool back, struct pp_buf *out)
{
    const struct pp_str values[NAMES] = {[TITLE] = pp_str_of(title),
                                         [TEXT] = pp_str_of(text),
                                         [BACK] = pp_str_of(back ? "1" : "")};

    add_top(page, title, "", out);
    add(page, PAGE_NOTE, values, out);
    add_bottom(page, "", out);
}
