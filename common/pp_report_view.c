#include "pp_report_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_report_words.h"
#include "pp_template.h"

#define CELL_BYTES ((size_t)4 << 10)
#define NAME_WIDTH 44 /* of the text's first column, in characters */
#define SLACK_ROWS 5  /* of a list */

/* --- the words that both have ----------------------------------------------
 */

static const struct {
    const char *label;
    bool less_is_better;
} figures[PP_REPORT_FIGURES] = {
    [PP_REPORT_VISITORS] = {"Visitors", false},
    [PP_REPORT_VISITS] = {"Visits", false},
    [PP_REPORT_PAGEVIEWS] = {"Page views", false},
    [PP_REPORT_BOUNCE] = {"Left after one page", true},
    [PP_REPORT_DURATION] = {"Time of a visit, on average", false},
    [PP_REPORT_LCP] = {"Largest content shown (LCP)", true},
    [PP_REPORT_INP] = {"Reaction to input (INP)", true},
    [PP_REPORT_CLS] = {"Layout shift (CLS)", true},
    [PP_REPORT_TTFB] = {"First byte (TTFB)", true},
};

static const struct {
    const char *title, *note, *name, *value, *change;
    const char *unnamed; /* a row without a name */
} lists[PP_REPORT_LISTS] = {
    [PP_REPORT_PAGES] = {"Pages", "", "Page", "Views", "", "(no path)"},
    [PP_REPORT_SOURCES] = {"Sources", "", "Source", "Visits", "", "direct"},
    [PP_REPORT_COUNTRIES] = {"Countries", "", "Country", "Visits", "",
                             "unknown"},
    [PP_REPORT_DEVICES] = {"Devices", "", "Device", "Visits", "", "unknown"},
    [PP_REPORT_SLOWEST] = {"Slowest pages",
                           "Time until the largest content is shown, of pages "
                           "that were measured at least five times",
                           "Page", "LCP", "", "(no path)"},
    [PP_REPORT_MOVERS] = {"Biggest movers",
                          "Pages whose views changed most against the period "
                          "before",
                          "Page", "Views", "Before", "(no path)"},
};

#define SPEED_NOTE "Three of four page loads were at least this fast"

enum tone { SAME, GOOD, BAD };
static const struct {
    const char *name, *colour;
} tones[] = {
    [SAME] = {"soft", "#5b6470"},
    [GOOD] = {"good", "#1f6f5f"},
    [BAD] = {"bad", "#a3362a"},
};

static enum tone tone_of(enum pp_report_figure figure,
                         const struct pp_report_change *change)
{
    double by = pp_report_moved(figure, change);

    if (by > 0 || by < 0)
        return (by < 0) == figures[figure].less_is_better ? GOOD : BAD;
    return SAME;
}

/*
 * A stranger's name: clean, and with a space of no width behind what mail
 * programs know addresses by.
 */
static void add_name(struct pp_buf *out, struct pp_str name,
                     const char *unnamed)
{
    struct pp_buf clean;

    pp_buf_init(&clean, CELL_BYTES);
    pp_report_clean(&clean, name);
    if (clean.n == 0)
        pp_buf_add_text(&clean, unnamed);
    for (size_t i = 0; i < clean.n; i++) {
        pp_buf_add_byte(out, (unsigned char)clean.p[i]);
        if (i + 1 < clean.n && strchr(".:/@", clean.p[i]))
            pp_buf_add_text(out, "\xE2\x80\x8B");
    }
    pp_buf_fini(&clean);
}

/* Which reports there are more of, and why this one came. */
static void add_why(struct pp_buf *out, const struct pp_report *report,
                    const struct pp_report_reader *reader)
{
    static const struct {
        const char *every, *words;
    } periods[] = {{"day", "daily"}, {"week", "weekly"}, {"month", "monthly"}};
    const char *words = NULL;

    for (size_t i = 0; i < PP_COUNT(periods); i++)
        if (pp_str_eq(report->every, pp_str_of(periods[i].every)))
            words = periods[i].words;
    if (reader->test)
        pp_buf_add_text(out, "This is a test that somebody asked for. ");
    if (!words) {
        pp_buf_add_text(out, "A report by Pawprint.");
        return;
    }
    pp_buf_printf(out,
                  "You get this %s report since this address is on the "
                  "list for it.",
                  words);
}

static void add_note(struct pp_buf *out, const struct pp_report *report)
{
    pp_report_add_number(out, PP_REPORT_VISITORS,
                         report->figures[PP_REPORT_VISITORS].now);
    pp_buf_add_text(out, " visitors, ");
    pp_report_add_number(out, PP_REPORT_PAGEVIEWS,
                         report->figures[PP_REPORT_PAGEVIEWS].now);
    pp_buf_add_text(out, " page views");
}

/* The number of a row; a slow page's is a time. */
static void add_row_value(struct pp_buf *out, int list,
                          const struct pp_report_row *row)
{
    if (list == PP_REPORT_SLOWEST)
        pp_report_add_ms(out, (double)row->value);
    else
        pp_report_add_count(out, row->value);
}

/* Nobody measured anything. */
static bool has_speed(const struct pp_report *report)
{
    for (int i = PP_REPORT_LCP; i < PP_REPORT_FIGURES; i++)
        if (report->figures[i].now.known || report->figures[i].before.known)
            return true;
    return false;
}

/* --- HTML ------------------------------------------------------------------
 */

enum part { TOP, LIST, FIGURE, ROW, LIST_END, BOTTOM, PARTS };

struct pp_report_layout {
    struct pp_template *parts[PARTS];
};

enum value {
    SITE,
    PERIOD,
    ZONE,
    BEFORE,
    NOTE,
    TITLE,
    LABEL,
    VALUE,
    CHANGE,
    TONE,
    COLOUR,
    NAME,
    BAR,
    REST,
    WHY,
    UNSUBSCRIBE,
    VALUES
};

static const struct pp_str value_names[VALUES] = {
    [SITE] = {"site", 4},     [PERIOD] = {"period", 6},
    [ZONE] = {"zone", 4},     [BEFORE] = {"before", 6},
    [NOTE] = {"note", 4},     [TITLE] = {"title", 5},
    [LABEL] = {"label", 5},   [VALUE] = {"value", 5},
    [CHANGE] = {"change", 6}, [TONE] = {"tone", 4},
    [COLOUR] = {"colour", 6}, [NAME] = {"name", 4},
    [BAR] = {"bar", 3},       [REST] = {"rest", 4},
    [WHY] = {"why", 3},       [UNSUBSCRIBE] = {"unsubscribe", 11},
};

int pp_report_layout_read(struct pp_report_layout **layout_out,
                          const char *parts, struct pp_err *err)
{
    static const char *const titles[PARTS] = {
        [TOP] = "== top\n",           [LIST] = "== list\n",
        [FIGURE] = "== figure\n",     [ROW] = "== row\n",
        [LIST_END] = "== list end\n", [BOTTOM] = "== bottom\n",
    };
    struct pp_report_layout *layout = pp_calloc(1, sizeof(*layout));
    int result = 0;

    *layout_out = layout;
    for (int i = 0; i < PARTS && result == 0; i++) {
        const char *at = strstr(parts, titles[i]), *end;

        if (!at) {
            result = pp_err_set(err, PP_ERR_FATAL, "report.html: no line %s",
                                titles[i]);
            break;
        }
        at += strlen(titles[i]);
        end = strstr(at, "\n== ");
        result = pp_template_open(
            &layout->parts[i],
            (struct pp_str){at, end ? (size_t)(end + 1 - at) : strlen(at)},
            value_names, VALUES, err);
    }
    if (result < 0)
        pp_report_layout_close(layout_out);
    return result;
}

int pp_report_layout_open(struct pp_report_layout **layout_out,
                          struct pp_err *err)
{
    return pp_report_layout_read(layout_out, pp_report_parts, err);
}

void pp_report_layout_close(struct pp_report_layout **layout)
{
    if (!*layout)
        return;
    for (int i = 0; i < PARTS; i++)
        pp_template_close(&(*layout)->parts[i]);
    free(*layout);
    *layout = NULL;
}

/* What is being written: each part takes the values set since the last. */
struct writer {
    const struct pp_report_layout *layout;
    struct pp_buf *out;
    struct pp_buf values[VALUES];
};

static struct pp_buf *set(struct writer *writer, enum value value)
{
    pp_buf_reset(&writer->values[value]);
    return &writer->values[value];
}

static void set_text(struct writer *writer, enum value value, const char *text)
{
    pp_buf_add_text(set(writer, value), text);
}

static void set_tone(struct writer *writer, enum tone tone)
{
    set_text(writer, TONE, tones[tone].name);
    set_text(writer, COLOUR, tones[tone].colour);
}

static void write_part(struct writer *writer, enum part part)
{
    struct pp_str values[VALUES];

    for (int i = 0; i < VALUES; i++)
        values[i] = pp_buf_str(&writer->values[i]);
    pp_template_render(writer->layout->parts[part], values, PP_TEMPLATE_HTML,
                       writer->out);
    for (int i = 0; i < VALUES; i++)
        pp_buf_reset(&writer->values[i]);
}

static void write_top(struct writer *writer, const struct pp_report *report)
{
    add_name(set(writer, SITE), report->site, "a site");
    pp_report_add_dates(set(writer, PERIOD), report->period);
    add_name(set(writer, ZONE), report->zone, "UTC");
    pp_report_add_dates(set(writer, BEFORE), report->before);
    add_note(set(writer, NOTE), report);
    write_part(writer, TOP);
}

static void write_figures(struct writer *writer, const struct pp_report *report,
                          bool speed)
{
    int first = speed ? PP_REPORT_LCP : 0;
    int end = speed ? PP_REPORT_FIGURES : PP_REPORT_LCP;

    set_text(writer, TITLE, speed ? "Page speed" : "Visits");
    set_text(writer, NOTE, speed ? SPEED_NOTE : "");
    set_text(writer, LABEL, speed ? "Measured" : "Counted");
    set_text(writer, VALUE, "Now");
    set_text(writer, CHANGE, "Change");
    write_part(writer, LIST);
    for (int i = first; i < end; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;
        const struct pp_report_change *change = &report->figures[i];

        set_text(writer, LABEL, figures[i].label);
        pp_report_add_number(set(writer, VALUE), figure, change->now);
        pp_report_add_change(set(writer, CHANGE), figure, change);
        set_tone(writer, tone_of(figure, change));
        write_part(writer, FIGURE);
    }
    write_part(writer, LIST_END);
}

static int64_t longest(const struct pp_report *report, int list)
{
    int64_t most = 1;

    for (size_t i = 0; i < report->lists[list].count; i++) {
        const struct pp_report_row *row = &report->lists[list].rows[i];

        most = row->value > most ? row->value : most;
    }
    return most;
}

/* A bar is as long as the number beside it, but never nothing. */
static void set_bar(struct writer *writer, int64_t value, int64_t most)
{
    int percent = (int)lround(100.0 * (double)value / (double)most);

    percent = percent < 1 ? 1 : percent > 100 ? 100 : percent;
    pp_buf_printf(set(writer, BAR), "%d", percent);
    if (percent < 100)
        pp_buf_printf(set(writer, REST), "%d", 100 - percent);
}

static void write_list(struct writer *writer, const struct pp_report *report,
                       int list)
{
    int64_t most = longest(report, list);

    if (report->lists[list].count == 0)
        return;
    set_text(writer, TITLE, lists[list].title);
    set_text(writer, NOTE, lists[list].note);
    set_text(writer, LABEL, lists[list].name);
    set_text(writer, VALUE, lists[list].value);
    set_text(writer, CHANGE, lists[list].change);
    write_part(writer, LIST);
    for (size_t i = 0; i < report->lists[list].count; i++) {
        const struct pp_report_row *row = &report->lists[list].rows[i];

        add_name(set(writer, NAME), row->name, lists[list].unnamed);
        add_row_value(set(writer, VALUE), list, row);
        if (list == PP_REPORT_MOVERS)
            pp_report_add_count(set(writer, CHANGE), row->before);
        else
            set_bar(writer, row->value, most);
        write_part(writer, ROW);
    }
    write_part(writer, LIST_END);
}

/* Ours, and nothing that ends an attribute; escaped besides. */
static bool is_link(struct pp_str url)
{
    return pp_str_starts(url, PP_LIT("https://")) ||
           pp_str_starts(url, PP_LIT("http://"));
}

void pp_report_html(const struct pp_report_layout *layout,
                    const struct pp_report *report,
                    const struct pp_report_reader *reader, struct pp_buf *out)
{
    struct writer writer = {.layout = layout, .out = out};

    for (int i = 0; i < VALUES; i++)
        pp_buf_init(&writer.values[i], CELL_BYTES);
    write_top(&writer, report);
    write_figures(&writer, report, false);
    if (has_speed(report))
        write_figures(&writer, report, true);
    for (int i = 0; i < PP_REPORT_LISTS; i++)
        write_list(&writer, report, i);
    add_why(set(&writer, WHY), report, reader);
    if (is_link(reader->unsubscribe_url))
        pp_buf_add_str(set(&writer, UNSUBSCRIBE), reader->unsubscribe_url);
    write_part(&writer, BOTTOM);
    for (int i = 0; i < VALUES; i++)
        pp_buf_fini(&writer.values[i]);
}

/* --- text ------------------------------------------------------------------
 */

/* As wide as it is on the screen, roughly: what has no width is not counted. */
static size_t width_of(struct pp_str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (i + 3 <= text.n && memcmp(text.p + i, "\xE2\x80\x8B", 3) == 0) {
            i += 2;
            continue;
        }
        width += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    }
    return width;
}

/* Two or three columns; cells are emptied. */
static void add_line(struct pp_buf *out, struct pp_buf cells[3])
{
    size_t width = width_of(pp_buf_str(&cells[0]));

    pp_buf_add_text(out, "  ");
    pp_template_escape(out, pp_buf_str(&cells[0]), PP_TEMPLATE_HEADER);
    for (; width < NAME_WIDTH; width++)
        pp_buf_add_byte(out, ' ');
    pp_buf_printf(out, " %13.*s", PP_ARG(pp_buf_str(&cells[1])));
    if (cells[2].n)
        pp_buf_printf(out, " %13.*s", PP_ARG(pp_buf_str(&cells[2])));
    pp_buf_add_byte(out, '\n');
    for (int i = 0; i < 3; i++)
        pp_buf_reset(&cells[i]);
}

static void add_title(struct pp_buf *out, const char *title, const char *note)
{
    pp_buf_printf(out, "\n%s\n", title);
    if (*note)
        pp_buf_printf(out, "%s\n", note);
}

static void text_figures(struct pp_buf *out, const struct pp_report *report,
                         struct pp_buf cells[3], bool speed)
{
    int first = speed ? PP_REPORT_LCP : 0;
    int end = speed ? PP_REPORT_FIGURES : PP_REPORT_LCP;

    add_title(out, speed ? "Page speed" : "Visits", speed ? SPEED_NOTE : "");
    for (int i = first; i < end; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;

        pp_buf_add_text(&cells[0], figures[i].label);
        pp_report_add_number(&cells[1], figure, report->figures[i].now);
        pp_report_add_change(&cells[2], figure, &report->figures[i]);
        add_line(out, cells);
    }
}

static void text_list(struct pp_buf *out, const struct pp_report *report,
                      struct pp_buf cells[3], int list)
{
    if (report->lists[list].count == 0)
        return;
    add_title(out, lists[list].title, lists[list].note);
    pp_buf_add_text(&cells[0], lists[list].name);
    pp_buf_add_text(&cells[1], lists[list].value);
    pp_buf_add_text(&cells[2], lists[list].change);
    add_line(out, cells);
    for (size_t i = 0; i < report->lists[list].count; i++) {
        const struct pp_report_row *row = &report->lists[list].rows[i];

        add_name(&cells[0], row->name, lists[list].unnamed);
        add_row_value(&cells[1], list, row);
        if (list == PP_REPORT_MOVERS)
            pp_report_add_count(&cells[2], row->before);
        add_line(out, cells);
    }
}

void pp_report_text(const struct pp_report *report,
                    const struct pp_report_reader *reader, struct pp_buf *out)
{
    struct pp_buf cells[3];

    for (int i = 0; i < 3; i++)
        pp_buf_init(&cells[i], CELL_BYTES);
    add_name(&cells[0], report->site, "a site");
    pp_template_escape(out, pp_buf_str(&cells[0]), PP_TEMPLATE_HEADER);
    pp_buf_reset(&cells[0]);
    pp_buf_add_byte(out, '\n');
    pp_report_add_dates(out, report->period);
    pp_buf_add_text(out, "\nDays of ");
    add_name(&cells[0], report->zone, "UTC");
    pp_template_escape(out, pp_buf_str(&cells[0]), PP_TEMPLATE_HEADER);
    pp_buf_reset(&cells[0]);
    pp_buf_add_text(out, ", beside ");
    pp_report_add_dates(out, report->before);
    pp_buf_add_byte(out, '\n');
    text_figures(out, report, cells, false);
    if (has_speed(report))
        text_figures(out, report, cells, true);
    for (int i = 0; i < PP_REPORT_LISTS; i++)
        text_list(out, report, cells, i);
    pp_buf_add_text(out, "\n-- \n");
    add_why(out, report, reader);
    if (is_link(reader->unsubscribe_url)) {
        pp_buf_add_text(out, "\nNo more of these: ");
        pp_template_escape(out, reader->unsubscribe_url, PP_TEMPLATE_HEADER);
    }
    pp_buf_add_byte(out, '\n');
    for (int i = 0; i < 3; i++)
        pp_buf_fini(&cells[i]);
}

/* --- Slack -----------------------------------------------------------------
 */

/* One line of text, escaped; it is emptied. */
static void slack_line(struct pp_buf *out, struct pp_buf *line)
{
    pp_template_escape(out, pp_buf_str(line), PP_TEMPLATE_SLACK);
    pp_buf_add_byte(out, '\n');
    pp_buf_reset(line);
}

static void slack_figures(struct pp_buf *out, const struct pp_report *report,
                          struct pp_buf *line)
{
    int end = has_speed(report) ? PP_REPORT_FIGURES : PP_REPORT_LCP;

    for (int i = 0; i < end; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;
        const struct pp_report_change *change = &report->figures[i];
        size_t before;

        pp_buf_printf(line, "%s: ", figures[i].label);
        pp_report_add_number(line, figure, change->now);
        before = line->n;
        pp_buf_add_text(line, " (");
        pp_report_add_change(line, figure, change);
        if (line->n == before + 2)
            line->n = before; /* there is nothing to compare */
        else
            pp_buf_add_byte(line, ')');
        slack_line(out, line);
    }
}

static void slack_list(struct pp_buf *out, const struct pp_report *report,
                       int list, struct pp_buf *line)
{
    size_t count = report->lists[list].count;

    if (count == 0)
        return;
    pp_buf_add_byte(out, '\n');
    pp_buf_printf(line, "%s, by %s", lists[list].title,
                  list == PP_REPORT_PAGES ? "page views" : "visits");
    slack_line(out, line);
    for (size_t i = 0; i < count && i < SLACK_ROWS; i++) {
        const struct pp_report_row *row = &report->lists[list].rows[i];

        pp_buf_printf(line, "%zu. ", i + 1);
        add_name(line, row->name, lists[list].unnamed);
        pp_buf_add_text(line, ": ");
        add_row_value(line, list, row);
        slack_line(out, line);
    }
}

void pp_report_slack(const struct pp_report *report,
                     const struct pp_report_reader *reader, struct pp_buf *out)
{
    struct pp_buf line;

    pp_buf_init(&line, CELL_BYTES);
    add_name(&line, report->site, "a site");
    pp_buf_add_text(&line, ", ");
    pp_report_add_dates(&line, report->period);
    slack_line(out, &line);
    pp_buf_add_text(&line, "Days of ");
    add_name(&line, report->zone, "UTC");
    pp_buf_add_text(&line, ", beside ");
    pp_report_add_dates(&line, report->before);
    slack_line(out, &line);
    pp_buf_add_byte(out, '\n');
    slack_figures(out, report, &line);
    slack_list(out, report, PP_REPORT_PAGES, &line);
    slack_list(out, report, PP_REPORT_SOURCES, &line);
    if (reader->test)
        pp_buf_add_text(out, "\nThis is a test that somebody asked for.\n");
    pp_buf_fini(&line);
}
