/* What a report says: its numbers, in words, and strangers' names in it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pp_date.h"
#include "pp_report.h"
#include "pp_report_view.h"
#include "pp_report_words.h"

#include "test.h"

static struct pp_report_layout *layout;
static struct pp_buf html, text;
static const struct pp_report_reader reader = {
    .unsubscribe_url = {"https://pawprint.example/n/unsubscribe/4f7c", 43},
};

static int open_all(void **state)
{
    struct pp_err err = {0};

    (void)state;
    if (pp_report_layout_open(&layout, &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_init(&html, (size_t)1 << 20);
    pp_buf_init(&text, (size_t)1 << 20);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    pp_report_layout_close(&layout);
    pp_buf_fini(&html);
    pp_buf_fini(&text);
    return 0;
}

static struct pp_report_number number(double value)
{
    return (struct pp_report_number){.known = true, .value = value};
}

/* A week in Berlin, every list full of that name. */
static struct pp_report full(const char *name)
{
    struct pp_report report = {
        .site = pp_str_of(name),
        .site_id = PP_LIT("k3ttl3s"),
        .zone = PP_LIT("Europe/Berlin"),
        .every = PP_LIT("week"),
        .period = {20773, 20780}, /* 2026-11-16 to 22 */
        .before = {20766, 20773},
    };

    for (int i = 0; i < PP_REPORT_FIGURES; i++)
        report.figures[i] = (struct pp_report_change){number(1234 + 111 * i),
                                                      number(1000 + 90 * i)};
    for (int i = 0; i < PP_REPORT_LISTS; i++) {
        report.lists[i].count = PP_REPORT_ROWS;
        for (int k = 0; k < PP_REPORT_ROWS; k++)
            report.lists[i].rows[k] = (struct pp_report_row){
                .name = pp_str_of(name),
                .value = 7654 - 911 * k - i,
                .before = 41 + k,
                .measurements = 5 + k,
            };
    }
    return report;
}

static void render(const struct pp_report *report)
{
    pp_buf_reset(&html);
    pp_buf_reset(&text);
    pp_report_html(layout, report, &reader, &html);
    pp_report_text(report, &reader, &text);
    pp_buf_add_byte(&html, '\0');
    pp_buf_add_byte(&text, '\0');
    assert_false(html.overflow || text.overflow);
}

static void html_and_text_say_the_same_numbers(void **state)
{
    struct pp_report report = full("/kettles");
    struct pp_buf word;

    (void)state;
    render(&report);
    pp_buf_init(&word, 100);
    for (int i = 0; i < PP_REPORT_FIGURES; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;

        for (int k = 0; k < 2; k++) {
            pp_buf_reset(&word);
            if (k == 0)
                pp_report_add_number(&word, figure, report.figures[i].now);
            else
                pp_report_add_change(&word, figure, &report.figures[i]);
            pp_buf_add_byte(&word, '\0');
            if (!strstr(html.p, word.p) || !strstr(text.p, word.p))
                fail_msg("%s is not in both", word.p);
        }
    }
    pp_buf_fini(&word);
    for (int k = 0; k < PP_REPORT_ROWS; k++) {
        char value[24];

        snprintf(value, sizeof(value), "%d", 41 + k);
        assert_non_null(strstr(html.p, value));
        assert_non_null(strstr(text.p, value));
    }
    assert_non_null(strstr(html.p, "Mon 16 to Sun 22 Nov 2026"));
    assert_non_null(strstr(text.p, "Mon 16 to Sun 22 Nov 2026"));
    assert_non_null(strstr(html.p, "Berlin"));
    assert_non_null(strstr(text.p, "Berlin"));
}

static void a_report_is_the_same_after_it_was_kept_as_json(void **state)
{
    struct pp_report report = full("/a\"b\\c <d> \xC3\xA9"), again;
    struct pp_arena arena;
    struct pp_buf json, first;
    struct pp_err err = {0};

    (void)state;
    report.figures[PP_REPORT_INP].now.known = false;
    report.figures[PP_REPORT_CLS].now = number(0.0671);
    report.figures[PP_REPORT_BOUNCE].before = number(100.0 / 3);
    pp_arena_init(&arena, (size_t)1 << 20);
    pp_buf_init(&json, (size_t)1 << 20);
    pp_buf_init(&first, (size_t)1 << 20);
    render(&report);
    pp_buf_add(&first, html.p, html.n);
    pp_report_add_json(&report, &json);
    if (pp_report_read(pp_buf_str(&json), &arena, &again, &err) < 0)
        fail_msg("%s", err.msg);
    render(&again);
    assert_true(pp_str_eq(pp_buf_str(&first), pp_buf_str(&html)));
    pp_arena_fini(&arena);
    pp_buf_fini(&json);
    pp_buf_fini(&first);
}

static void what_is_no_report_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "7",
        "{}",
        "{\"period\":{\"first\":\"2026-11-16\",\"end\":\"2026-11-16\"},"
        "\"compared_with\":{\"first\":\"2026-11-09\",\"end\":\"2026-11-16\"}}",
        "{\"period\":{\"first\":\"2026-11-16\"",
        "{\"lists\":{\"pages\":[{\"name\":",
    };
    struct pp_arena arena;
    struct pp_report report;

    (void)state;
    pp_arena_init(&arena, 4096);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_err err = {0};

        if (pp_report_read(pp_str_of(cases[i]), &arena, &report, &err) == 0 ||
            err.kind != PP_ERR_INVALID)
            fail_msg("taken: %s", cases[i]);
    }
    pp_arena_fini(&arena);
}

static void a_change_is_said_in_words_that_make_sense(void **state)
{
    static const struct {
        const char *when;
        enum pp_report_figure figure;
        double now, before;
        const char *then;
    } cases[] = {
        {"more", PP_REPORT_VISITORS, 112, 100, "+12 %"},
        {"fewer", PP_REPORT_VISITORS, 88, 100, "-12 %"},
        {"there was nothing before", PP_REPORT_VISITORS, 5, 0, "new"},
        {"there is nothing at all", PP_REPORT_VISITORS, 0, 0, "same"},
        {"there is nothing now", PP_REPORT_VISITORS, 0, 10, "-100 %"},
        {"it is the same", PP_REPORT_VISITORS, 10, 10, "same"},
        {"it is very much", PP_REPORT_PAGEVIEWS, 12346, 1, "+1,234,500 %"},
        {"a share rises", PP_REPORT_BOUNCE, 44.6, 41.5, "+3.1 points"},
        {"a share falls", PP_REPORT_BOUNCE, 41.5, 44.6, "-3.1 points"},
        {"a share begins", PP_REPORT_BOUNCE, 41.5, 0, "+41.5 points"},
        {"a number is beyond all", PP_REPORT_VISITS, 1e300, 1e-300, "same"},
    };
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 100);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_report_change change = {number(cases[i].now),
                                                number(cases[i].before)};

        pp_buf_reset(&out);
        pp_report_add_change(&out, cases[i].figure, &change);
        if (!pp_str_eq(pp_buf_str(&out), pp_str_of(cases[i].then)))
            fail_msg("when %s: %.*s", cases[i].when, PP_ARG(pp_buf_str(&out)));
    }
    pp_buf_reset(&out);
    pp_report_add_change(&out, PP_REPORT_LCP,
                         &(const struct pp_report_change){.now = number(1)});
    assert_int_equal(out.n, 0);
    pp_buf_fini(&out);
}

static void numbers_have_their_units(void **state)
{
    static const struct {
        enum pp_report_figure figure;
        double value;
        const char *then;
    } cases[] = {
        {PP_REPORT_VISITORS, 0, "0"},
        {PP_REPORT_VISITORS, 999, "999"},
        {PP_REPORT_VISITORS, 1234567, "1,234,567"},
        {PP_REPORT_BOUNCE, 41.46, "41.5 %"},
        {PP_REPORT_DURATION, 59.4, "59 s"},
        {PP_REPORT_DURATION, 125, "2 min 5 s"},
        {PP_REPORT_DURATION, 7260, "2 h 1 min"},
        {PP_REPORT_LCP, 840.4, "840 ms"},
        {PP_REPORT_LCP, 999.6, "1.00 s"},
        {PP_REPORT_TTFB, 2345, "2.35 s"},
        {PP_REPORT_CLS, 0.0671, "0.067"},
        {PP_REPORT_LCP, NAN, "-"},
        {PP_REPORT_VISITS, INFINITY, "-"},
    };
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 100);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        pp_buf_reset(&out);
        pp_report_add_number(&out, cases[i].figure, number(cases[i].value));
        if (!pp_str_eq(pp_buf_str(&out), pp_str_of(cases[i].then)))
            fail_msg("not %s: %.*s", cases[i].then, PP_ARG(pp_buf_str(&out)));
    }
    pp_buf_fini(&out);
}

static void dates_are_said_as_short_as_they_are_clear(void **state)
{
    static const struct {
        const char *first, *end, *then;
    } cases[] = {
        {"2026-11-16", "2026-11-17", "Mon 16 Nov 2026"},
        {"2026-11-16", "2026-11-23", "Mon 16 to Sun 22 Nov 2026"},
        {"2026-10-26", "2026-11-02", "Mon 26 Oct to Sun 1 Nov 2026"},
        {"2026-12-28", "2027-01-04", "Mon 28 Dec 2026 to Sun 3 Jan 2027"},
        {"2028-02-01", "2028-03-01", "Tue 1 to Tue 29 Feb 2028"},
    };
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 100);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_period period;

        assert_true(pp_date_parse(pp_str_of(cases[i].first), &period.first));
        assert_true(pp_date_parse(pp_str_of(cases[i].end), &period.end));
        pp_buf_reset(&out);
        pp_report_add_dates(&out, period);
        if (!pp_str_eq(pp_buf_str(&out), pp_str_of(cases[i].then)))
            fail_msg("not %s: %.*s", cases[i].then, PP_ARG(pp_buf_str(&out)));
    }
    pp_buf_fini(&out);
}

static void names_of_strangers_are_cleaned(void **state)
{
    static const struct {
        const char *when, *name, *then;
    } cases[] = {
        {"it is harmless", "/kettles", "/kettles"},
        {"it has line ends", "/a\r\nBcc: x", "/a Bcc: x"},
        {"it has blanks around", "  a \t b  ", "a b "},
        {"it turns text around", "/\xE2\x80\xAEgpj.exe", "/gpj.exe"},
        {"it isolates",
         "\xE2\x81\xA6"
         "a\xE2\x81\xA9",
         "a"},
        {"it hides something",
         "a\xE2\x80\x8B\xEF\xBB\xBF\xC2\xAD"
         "b",
         "ab"},
        {"it is no UTF-8", "a\xFF\xC3", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"it is overlong", "\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"it piles up marks", "e\xCC\x81\xCC\x81\xCC\x81\xCC\x81",
         "e\xCC\x81\xCC\x81"},
        {"it begins with a mark",
         "\xCC\x81"
         "a",
         "a"},
        {"it has tags",
         "a\xF3\xA0\x81\xA1"
         "b",
         "ab"},
        {"it has C1",
         "a\xC2\x9B"
         "b",
         "a b"},
        {"it is empty", "", ""},
    };
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 1000);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        pp_buf_reset(&out);
        pp_report_clean(&out, pp_str_of(cases[i].name));
        if (!pp_str_eq(pp_buf_str(&out), pp_str_of(cases[i].then)))
            fail_msg("when %s: %.*s", cases[i].when, PP_ARG(pp_buf_str(&out)));
    }
    pp_buf_fini(&out);
}

/* --- hostile names ---------------------------------------------------------
 */

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' style='display:none",
    "</td></tr></table></body>",
    "<a href=\"https://evil.example/\">click</a>",
    "https://evil.example/login",
    "http://evil.example",
    "www.evil.example",
    "evil.example/free?money=1&x=2",
    "mailto:eve@evil.example",
    "eve@evil.example",
    "tel:+491234567",
    "javascript:alert(1)",
    "{{unsubscribe}} {{#note}} }} {{",
    "{{{raw}}}",
    "\r\n.\r\nMAIL FROM:<eve@evil.example>",
    "a\r\nBcc: eve@evil.example\r\n\r\n<b>",
    "\r\n\r\n--=_boundary\r\nContent-Type: text/html",
    "=?utf-8?B?PGI+?=",
    "-- \n",
    "<!--",
    "-->",
    "<![CDATA[",
    "<style>*{display:none}</style>",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "\xE2\x80\xAE\xE2\x81\xA7/moc.live",
    "\xEF\xBC\x9Cscript\xEF\xBC\x9E",
    "\xFF\xFE\xFD",
    "\xE2\x80\xA8\xE2\x80\xA9",
    "%3Cscript%3E",
    "\x01\x02\x1B[31m",
    "== bottom",
};

/* The tags of HTML, without what stands in between. */
static void add_structure(struct pp_buf *out, const char *from)
{
    bool inside = false;

    for (; *from; from++) {
        if (*from == '<')
            inside = true;
        if (inside)
            pp_buf_add_byte(out, (unsigned char)*from);
        if (*from == '>')
            inside = false;
    }
    pp_buf_add_byte(out, '\0');
}

static size_t lines_of(const char *from)
{
    size_t lines = 0;

    for (; *from; from++)
        lines += *from == '\n';
    return lines;
}

static void hostile_names_change_no_structure(void **state)
{
    struct pp_report report = full("/kettles");
    struct pp_buf plain, structure;
    size_t lines;

    (void)state;
    pp_buf_init(&plain, (size_t)1 << 20);
    pp_buf_init(&structure, (size_t)1 << 20);
    render(&report);
    add_structure(&plain, html.p);
    lines = lines_of(text.p);
    for (size_t i = 0; i < PP_COUNT(hostile); i++) {
        report = full(hostile[i]);
        render(&report);
        pp_buf_reset(&structure);
        add_structure(&structure, html.p);
        if (strcmp(plain.p, structure.p) != 0)
            fail_msg("another structure by %s", hostile[i]);
        if (lines_of(text.p) != lines)
            fail_msg("other lines by %s", hostile[i]);
        if (strchr(text.p, '\r') || strstr(html.p, "{{"))
            if (!strstr(hostile[i], "{{"))
                fail_msg("a template's or a line's end by %s", hostile[i]);
    }
    pp_buf_fini(&plain);
    pp_buf_fini(&structure);
}

/* What mail programs make a link of: it has to be our own. */
static void only_our_link(const char *where, const char *name)
{
    static const char *const signs[] = {"://", "www.e",  "mailto:e",    "tel:+",
                                        "@e",  "evil.e", "javascript:a"};

    for (size_t i = 0; i < PP_COUNT(signs); i++) {
        const char *at = where;

        while ((at = strstr(at, signs[i]))) {
            if (strcmp(signs[i], "://") != 0 ||
                strncmp(at, "://pawprint.example/n/", 22) != 0)
                fail_msg("%s in a report about %s", signs[i], name);
            at++;
        }
    }
}

static void hostile_names_make_no_link(void **state)
{
    (void)state;
    for (size_t i = 0; i < PP_COUNT(hostile); i++) {
        struct pp_report report = full(hostile[i]);
        const char *first;

        render(&report);
        first = strstr(html.p, " href=\"");
        assert_non_null(first);
        assert_null(strstr(first + 1, " href=\""));
        only_our_link(html.p, hostile[i]);
        only_our_link(text.p, hostile[i]);
    }
}

static void a_mail_loads_nothing(void **state)
{
    static const char *const loads[] = {
        " src=",   "url(", "<img",  "<link", "@import",     "<script",
        "<iframe", "cid:", "data:", "<form", "background=",
    };
    struct pp_report report = full("/kettles");

    (void)state;
    render(&report);
    for (size_t i = 0; i < PP_COUNT(loads); i++)
        if (strstr(html.p, loads[i]))
            fail_msg("%s", loads[i]);
}

static void a_mail_is_small_whatever_it_is_about(void **state)
{
    static const char *const longest[] = {"\"", "'", "/",
                                          "&",  ".", "\xF0\x9F\x98\x80"};
    char name[4 * 400 + 1];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(longest); i++) {
        struct pp_report report;

        name[0] = '\0';
        for (int k = 0; k < 400; k++)
            strcat(name, longest[i]);
        report = full(name);
        render(&report);
        if (html.n >= PP_REPORT_HTML_MAX)
            fail_msg("%zu bytes of %s", html.n, longest[i]);
    }
}

/* --- Slack -----------------------------------------------------------------
 */

static void render_slack(const struct pp_report *report)
{
    const struct pp_report_reader nobody = {.test = true};

    pp_buf_reset(&text);
    pp_report_slack(report, &nobody, &text);
    pp_buf_add_byte(&text, '\0');
    assert_false(text.overflow);
}

static void slack_gets_the_numbers_the_first_names_and_the_dates(void **state)
{
    struct pp_report report = full("/kettles");
    struct pp_buf line;

    (void)state;
    report.site = PP_LIT("kettles");
    render_slack(&report);
    assert_int_equal(strncmp(text.p,
                             "kettles, Mon 16 to Sun 22 Nov 2026\n"
                             "Days of Europe/\xE2\x80\x8B"
                             "Berlin, beside Mon 9 to Sun 15 Nov 2026\n\n"
                             "Visitors: 1,234 (+23.4 %)\n",
                             70),
                     0);
    pp_buf_init(&line, 200);
    for (int i = 0; i < PP_REPORT_FIGURES; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;

        pp_buf_reset(&line);
        pp_buf_add_text(&line, ": ");
        pp_report_add_number(&line, figure, report.figures[i].now);
        pp_buf_add_text(&line, " (");
        pp_report_add_change(&line, figure, &report.figures[i]);
        pp_buf_add_text(&line, ")\n");
        pp_buf_add_byte(&line, '\0');
        if (!strstr(text.p, line.p))
            fail_msg("no %s", line.p);
    }
    pp_buf_fini(&line);
    assert_non_null(strstr(text.p, "\nPages, by page views\n1. /\xE2\x80\x8B"
                                   "kettles: 7,654\n"));
    assert_non_null(strstr(text.p, "\nSources, by visits\n1. /\xE2\x80\x8B"
                                   "kettles: 7,653\n"));
    assert_non_null(strstr(text.p, "\n5. "));
    assert_null(strstr(text.p, "\n6. "));
    assert_null(strstr(text.p, "Countries"));
    assert_non_null(strstr(text.p, "This is a test"));
}

/* Slack makes links, mentions and commands of what stands in < and >. */
static void hostile_names_are_only_names_in_slack(void **state)
{
    static const char *const mentions[] = {
        "<!channel>",
        "<!here|everybody>",
        "<@U012AB3CD>",
        "<#C024BE7LR>",
        "@channel",
        "<https://evil.example|pawprint.example>",
        "&lt;!channel&gt;",
        "a\n2. /other: 5",
        "<!date^0^{date}^https://evil.example|now>",
    };
    size_t lines = 0;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(hostile) + PP_COUNT(mentions); i++) {
        const char *name = i < PP_COUNT(hostile)
                               ? hostile[i]
                               : mentions[i - PP_COUNT(hostile)];
        struct pp_report report = full(name);
        size_t count = 0;

        render_slack(&report);
        for (const char *c = text.p; *c; c++) {
            count += *c == '\n';
            if (*c == '<' || *c == '>')
                fail_msg("%s leaves a %c", name, *c);
            if (*c == '&' && strncmp(c, "&lt;", 4) != 0 &&
                strncmp(c, "&gt;", 4) != 0 && strncmp(c, "&amp;", 5) != 0)
                fail_msg("%s leaves a &", name);
        }
        lines = i == 0 ? count : lines;
        if (count != lines)
            fail_msg("%s makes other lines", name);
        if (strstr(text.p, "://") || strstr(text.p, "@channel") ||
            strstr(text.p, "evil.example"))
            fail_msg("%s makes a link or a mention", name);
    }
}

static void no_link_is_made_of_what_is_no_address(void **state)
{
    struct pp_report report = full("/");
    const struct pp_report_reader bad = {.unsubscribe_url =
                                             PP_LIT("javascript:alert(1)")};

    (void)state;
    pp_buf_reset(&html);
    pp_report_html(layout, &report, &bad, &html);
    pp_buf_add_byte(&html, '\0');
    assert_null(strstr(html.p, "href="));
}

static void a_name_that_nobody_knows_fails_at_the_start(void **state)
{
    static const char *const parts[] = {
        "== top\n{{sight}}\n== list\n== figure\n== row\n== list end\n== "
        "bottom\n",
        "== top\n== list\n== figure\n== row\n== list end\n",
        "",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(parts); i++) {
        struct pp_report_layout *bad = NULL;
        struct pp_err err = {0};

        assert_int_equal(pp_report_layout_read(&bad, parts[i], &err), -1);
        assert_int_equal(err.kind, PP_ERR_FATAL);
        assert_null(bad);
    }
}

static void an_empty_report_has_no_empty_tables(void **state)
{
    struct pp_report report = {
        .site = PP_LIT("kettles"),
        .period = {20773, 20774},
        .before = {20772, 20773},
    };

    (void)state;
    render(&report);
    assert_false(pp_report_has_traffic(&report));
    assert_null(strstr(html.p, "Pages"));
    assert_null(strstr(text.p, "Page speed"));
    assert_non_null(strstr(text.p, "Mon 16 Nov 2026"));
}

int main(void)
{
    const struct CMUnitTest report[] = {
        cmocka_unit_test(html_and_text_say_the_same_numbers),
        cmocka_unit_test(a_report_is_the_same_after_it_was_kept_as_json),
        cmocka_unit_test(what_is_no_report_is_refused),
        cmocka_unit_test(a_change_is_said_in_words_that_make_sense),
        cmocka_unit_test(numbers_have_their_units),
        cmocka_unit_test(dates_are_said_as_short_as_they_are_clear),
        cmocka_unit_test(names_of_strangers_are_cleaned),
        cmocka_unit_test(hostile_names_change_no_structure),
        cmocka_unit_test(hostile_names_make_no_link),
        cmocka_unit_test(a_mail_loads_nothing),
        cmocka_unit_test(a_mail_is_small_whatever_it_is_about),
        cmocka_unit_test(slack_gets_the_numbers_the_first_names_and_the_dates),
        cmocka_unit_test(hostile_names_are_only_names_in_slack),
        cmocka_unit_test(no_link_is_made_of_what_is_no_address),
        cmocka_unit_test(a_name_that_nobody_knows_fails_at_the_start),
        cmocka_unit_test(an_empty_report_has_no_empty_tables),
    };

    return cmocka_run_group_tests(report, open_all, close_all);
}
