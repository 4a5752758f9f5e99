#include "pp_report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "pp_date.h"
#include "pp_json.h"
#include "pp_mem.h"

#define JSON_DEPTH 8
#define MARKS_MAX  2 /* on one letter */

static const char *const figure_names[PP_REPORT_FIGURES] = {
    [PP_REPORT_VISITORS] = "visitors",   [PP_REPORT_VISITS] = "visits",
    [PP_REPORT_PAGEVIEWS] = "pageviews", [PP_REPORT_BOUNCE] = "bounce_percent",
    [PP_REPORT_DURATION] = "duration_s", [PP_REPORT_LCP] = "lcp_ms",
    [PP_REPORT_INP] = "inp_ms",          [PP_REPORT_CLS] = "cls",
    [PP_REPORT_TTFB] = "ttfb_ms",
};

static const char *const list_names[PP_REPORT_LISTS] = {
    [PP_REPORT_PAGES] = "pages",         [PP_REPORT_SOURCES] = "sources",
    [PP_REPORT_COUNTRIES] = "countries", [PP_REPORT_DEVICES] = "devices",
    [PP_REPORT_SLOWEST] = "slowest",     [PP_REPORT_MOVERS] = "movers",
};

const char *pp_report_figure_name(enum pp_report_figure figure)
{
    return figure_names[figure];
}

const char *pp_report_list_name(enum pp_report_list list)
{
    return list_names[list];
}

bool pp_report_has_traffic(const struct pp_report *report)
{
    return report->figures[PP_REPORT_PAGEVIEWS].now.value > 0;
}

/* --- writing ---------------------------------------------------------------
 */

static void add_text(struct pp_buf *out, const char *name, struct pp_str text)
{
    pp_buf_printf(out, "\"%s\":", name);
    pp_json_add_str(out, text);
    pp_buf_add_byte(out, ',');
}

static void add_period(struct pp_buf *out, const char *name,
                       struct pp_period period)
{
    char first[PP_DATE_TEXT_BYTES], end[PP_DATE_TEXT_BYTES];

    pp_date_text(period.first, first);
    pp_date_text(period.end, end);
    pp_buf_printf(out, "\"%s\":{\"first\":\"%s\",\"end\":\"%s\"},", name, first,
                  end);
}

static void add_number(struct pp_buf *out, const char *name,
                       struct pp_report_number number)
{
    pp_buf_printf(out, "\"%s\":", name);
    if (number.known && isfinite(number.value))
        pp_buf_printf(out, "%.10g", number.value);
    else
        pp_buf_add_text(out, "null");
}

static void add_row(struct pp_buf *out, const struct pp_report_row *row,
                    bool first)
{
    pp_buf_add_text(out, first ? "{" : ",{");
    add_text(out, "name", row->name);
    pp_buf_printf(out, "\"value\":%" PRId64, row->value);
    if (row->before)
        pp_buf_printf(out, ",\"before\":%" PRId64, row->before);
    if (row->measurements)
        pp_buf_printf(out, ",\"measurements\":%" PRId64, row->measurements);
    pp_buf_add_byte(out, '}');
}

void pp_report_add_json(const struct pp_report *report, struct pp_buf *out)
{
    pp_buf_add_byte(out, '{');
    add_text(out, "site", report->site);
    add_text(out, "site_id", report->site_id);
    add_text(out, "zone", report->zone);
    add_text(out, "every", report->every);
    add_period(out, "period", report->period);
    add_period(out, "compared_with", report->before);
    pp_buf_add_text(out, "\"figures\":{");
    for (int i = 0; i < PP_REPORT_FIGURES; i++) {
        pp_buf_printf(out, "%s\"%s\":{", i ? "," : "", figure_names[i]);
        add_number(out, "now", report->figures[i].now);
        pp_buf_add_byte(out, ',');
        add_number(out, "before", report->figures[i].before);
        pp_buf_add_byte(out, '}');
    }
    pp_buf_add_text(out, "},\"lists\":{");
    for (int i = 0; i < PP_REPORT_LISTS; i++) {
        pp_buf_printf(out, "%s\"%s\":[", i ? "," : "", list_names[i]);
        for (size_t k = 0; k < report->lists[i].count; k++)
            add_row(out, &report->lists[i].rows[k], k == 0);
        pp_buf_add_byte(out, ']');
    }
    pp_buf_add_text(out, "}}");
}

/* --- reading ---------------------------------------------------------------
 */

/*
 * The next key of the object that json is in; false at its end, or where it is
 * no object. Its value is the next token.
 */
static bool next_key(struct pp_json *json, struct pp_str *key)
{
    if (pp_json_next(json) != PP_JSON_KEY)
        return false;
    *key = json->str;
    return true;
}

static bool is(struct pp_str key, const char *name)
{
    return pp_str_eq(key, pp_str_of(name));
}

static void read_text(struct pp_json *json, struct pp_str *text)
{
    enum pp_json_token token = pp_json_next(json);

    if (token == PP_JSON_STRING)
        *text = json->str;
    pp_json_skip(json, token);
}

static void read_date(struct pp_json *json, int64_t *date)
{
    struct pp_str text = {NULL, 0};

    read_text(json, &text);
    (void)pp_date_parse(text, date);
}

static void read_number(struct pp_json *json, struct pp_report_number *number)
{
    enum pp_json_token token = pp_json_next(json);

    *number = (struct pp_report_number){0};
    if (token == PP_JSON_NUMBER)
        number->known = pp_json_double(json->str, &number->value);
    pp_json_skip(json, token);
}

static void read_int(struct pp_json *json, int64_t *value)
{
    enum pp_json_token token = pp_json_next(json);

    if (token == PP_JSON_NUMBER)
        (void)pp_json_int64(json->str, value);
    pp_json_skip(json, token);
}

/* Whether an object or an array begins; anything else is passed over. */
static bool begins(struct pp_json *json, enum pp_json_token wanted)
{
    enum pp_json_token token = pp_json_next(json);

    if (token == wanted)
        return true;
    pp_json_skip(json, token);
    return false;
}

static void read_period(struct pp_json *json, struct pp_period *period)
{
    struct pp_str key;

    if (!begins(json, PP_JSON_OBJECT))
        return;
    while (next_key(json, &key)) {
        if (is(key, "first"))
            read_date(json, &period->first);
        else if (is(key, "end"))
            read_date(json, &period->end);
        else
            pp_json_skip(json, pp_json_next(json));
    }
}

static void read_change(struct pp_json *json, struct pp_report_change *change)
{
    struct pp_str key;

    if (!begins(json, PP_JSON_OBJECT))
        return;
    while (next_key(json, &key)) {
        if (is(key, "now"))
            read_number(json, &change->now);
        else if (is(key, "before"))
            read_number(json, &change->before);
        else
            pp_json_skip(json, pp_json_next(json));
    }
}

static void read_figures(struct pp_json *json, struct pp_report *report)
{
    struct pp_str key;

    if (!begins(json, PP_JSON_OBJECT))
        return;
    while (next_key(json, &key)) {
        int i = 0;

        while (i < PP_REPORT_FIGURES && !is(key, figure_names[i]))
            i++;
        if (i < PP_REPORT_FIGURES)
            read_change(json, &report->figures[i]);
        else
            pp_json_skip(json, pp_json_next(json));
    }
}

/* json stands behind the brace of its object. */
static void read_row(struct pp_json *json, struct pp_report_row *row)
{
    struct pp_str key;

    *row = (struct pp_report_row){0};
    while (next_key(json, &key)) {
        if (is(key, "name"))
            read_text(json, &row->name);
        else if (is(key, "value"))
            read_int(json, &row->value);
        else if (is(key, "before"))
            read_int(json, &row->before);
        else if (is(key, "measurements"))
            read_int(json, &row->measurements);
        else
            pp_json_skip(json, pp_json_next(json));
    }
}

static void read_list(struct pp_json *json, struct pp_report *report, int list)
{
    enum pp_json_token token;
    size_t *count = &report->lists[list].count;

    if (!begins(json, PP_JSON_ARRAY))
        return;
    *count = 0;
    for (token = pp_json_next(json);
         token != PP_JSON_ARRAY_END && token != PP_JSON_ERROR;
         token = pp_json_next(json)) {
        if (token == PP_JSON_OBJECT && *count < PP_REPORT_ROWS)
            read_row(json, &report->lists[list].rows[(*count)++]);
        else
            pp_json_skip(json, token);
    }
}

static void read_lists(struct pp_json *json, struct pp_report *report)
{
    struct pp_str key;

    if (!begins(json, PP_JSON_OBJECT))
        return;
    while (next_key(json, &key)) {
        int i = 0;

        while (i < PP_REPORT_LISTS && !is(key, list_names[i]))
            i++;
        if (i < PP_REPORT_LISTS)
            read_list(json, report, i);
        else
            pp_json_skip(json, pp_json_next(json));
    }
}

static void read_member(struct pp_json *json, struct pp_str key,
                        struct pp_report *report)
{
    if (is(key, "site"))
        read_text(json, &report->site);
    else if (is(key, "site_id"))
        read_text(json, &report->site_id);
    else if (is(key, "zone"))
        read_text(json, &report->zone);
    else if (is(key, "every"))
        read_text(json, &report->every);
    else if (is(key, "period"))
        read_period(json, &report->period);
    else if (is(key, "compared_with"))
        read_period(json, &report->before);
    else if (is(key, "figures"))
        read_figures(json, report);
    else if (is(key, "lists"))
        read_lists(json, report);
    else
        pp_json_skip(json, pp_json_next(json));
}

int pp_report_read(struct pp_str text, struct pp_arena *arena,
                   struct pp_report *report_out, struct pp_err *err)
{
    struct pp_json json;
    struct pp_str key;

    *report_out = (struct pp_report){0};
    pp_json_init(&json, text, arena, JSON_DEPTH);
    if (begins(&json, PP_JSON_OBJECT))
        while (next_key(&json, &key))
            read_member(&json, key, report_out);
    if (pp_json_next(&json) != PP_JSON_END)
        return pp_err_set(err, PP_ERR_INVALID, "report: %s",
                          json.error ? json.error : "not an object");
    if (report_out->period.end <= report_out->period.first ||
        report_out->before.end <= report_out->before.first)
        return pp_err_set(err, PP_ERR_INVALID, "report: of no time");
    return 0;
}

/* --- strangers' texts ------------------------------------------------------
 */

/* The character that text begins with; U+FFFD of one byte where it is none. */
static uint32_t first_character(struct pp_str text, size_t *bytes_out)
{
    unsigned char lead = (unsigned char)text.p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = n == 1 ? lead : lead & (0xFFU >> (n + 1));

    *bytes_out = 1;
    if (n == 1)
        return code;
    if (n > text.n || !pp_str_is_utf8(pp_str_sub(text, 0, n)))
        return 0xFFFD;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)text.p[i] & 0x3F);
    *bytes_out = n;
    return code;
}

/* What nobody sees, or what turns text around. */
static bool is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00AD, 0x00AD},   /* a soft hyphen */
        {0x034F, 0x034F},   /* a joiner of graphemes */
        {0x061C, 0x061C},   /* an Arabic mark of direction */
        {0x115F, 0x1160},   /* Hangul's fillers */
        {0x17B4, 0x17B5},   /* Khmer vowels without a form */
        {0x180B, 0x180F},   /* Mongolian selectors */
        {0x200B, 0x200F},   /* zero width, marks of direction */
        {0x202A, 0x202E},   /* embeddings and overrides */
        {0x2060, 0x206F},   /* joiners, isolates, shaping */
        {0x3164, 0x3164},   /* a filler */
        {0xFE00, 0xFE0F},   /* selectors of variations */
        {0xFEFF, 0xFEFF},   /* a byte order mark */
        {0xFFA0, 0xFFA0},   /* a filler */
        {0xFFF0, 0xFFFB},   /* annotations */
        {0x1D173, 0x1D17A}, /* of musical notes */
        {0xE0000, 0xE0FFF}, /* tags */
    };

    for (size_t i = 0; i < PP_COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* Marks that stand on the letter before them, of most scripts of stacks. */
static bool is_mark(uint32_t code)
{
    return (code >= 0x0300 && code <= 0x036F) ||
           (code >= 0x0483 && code <= 0x0489) ||
           (code >= 0x0E31 && code <= 0x0E3A && code != 0x0E32 &&
            code != 0x0E33) ||
           (code >= 0x0E47 && code <= 0x0E4E) ||
           (code >= 0x1AB0 && code <= 0x1AFF) ||
           (code >= 0x1DC0 && code <= 0x1DFF) ||
           (code >= 0x20D0 && code <= 0x20FF) ||
           (code >= 0xFE20 && code <= 0xFE2F);
}

static bool is_blank(uint32_t code)
{
    return code <= 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

void pp_report_clean(struct pp_buf *out, struct pp_str text)
{
    size_t letters = 0, marks = 0;
    bool blank = true; /* none at the start, none behind another */

    for (size_t i = 0, n = 0; i < text.n; i += n) {
        uint32_t code = first_character(pp_str_sub(text, i, text.n), &n);
        bool mark = is_mark(code);

        if (is_hidden(code) || (is_blank(code) && blank))
            continue;
        marks = mark ? marks + 1 : 0;
        if (marks > MARKS_MAX || (mark && letters == 0))
            continue;
        if (!mark && letters++ == PP_REPORT_NAME_CHARS) {
            pp_buf_add_text(out, "\xE2\x80\xA6");
            return;
        }
        blank = is_blank(code);
        if (blank)
            pp_buf_add_byte(out, ' ');
        else if (code == 0xFFFD)
            pp_buf_add_text(out, "\xEF\xBF\xBD");
        else
            pp_buf_add_str(out, pp_str_sub(text, i, n));
    }
}
