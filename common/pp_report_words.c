#include "pp_report_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "pp_date.h"
#include "pp_json.h"

#define NUMBER_MAX 1e15
#define TEXT_BYTES ((size_t)1 << 10)

void pp_report_add_count(struct pp_buf *out, int64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRId64, count);

    for (int i = 0; i < n; i++) {
        pp_buf_add_byte(out, (unsigned char)digits[i]);
        if (digits[i] != '-' && i + 1 < n && (n - i - 1) % 3 == 0)
            pp_buf_add_byte(out, ',');
    }
}

static void add_seconds(struct pp_buf *out, double value)
{
    int64_t seconds = llround(value);

    if (seconds < 60)
        pp_buf_printf(out, "%" PRId64 " s", seconds);
    else if (seconds < 3600)
        pp_buf_printf(out, "%" PRId64 " min %" PRId64 " s", seconds / 60,
                      seconds % 60);
    else
        pp_buf_printf(out, "%" PRId64 " h %" PRId64 " min", seconds / 3600,
                      seconds % 3600 / 60);
}

void pp_report_add_ms(struct pp_buf *out, double value)
{
    if (value < 999.5)
        pp_buf_printf(out, "%.0f ms", value);
    else
        pp_buf_printf(out, "%.2f s", value / 1000);
}

void pp_report_add_number(struct pp_buf *out, enum pp_report_figure figure,
                          struct pp_report_number number)
{
    if (!number.known || !(fabs(number.value) < NUMBER_MAX)) {
        pp_buf_add_byte(out, '-');
        return;
    }
    switch (figure) {
    case PP_REPORT_BOUNCE:
        pp_buf_printf(out, "%.1f %%", number.value);
        break;
    case PP_REPORT_DURATION:
        add_seconds(out, number.value);
        break;
    case PP_REPORT_LCP:
    case PP_REPORT_INP:
    case PP_REPORT_TTFB:
        pp_report_add_ms(out, number.value);
        break;
    case PP_REPORT_CLS:
        pp_buf_printf(out, "%.3f", number.value);
        break;
    case PP_REPORT_VISITORS:
    case PP_REPORT_VISITS:
    case PP_REPORT_PAGEVIEWS:
    case PP_REPORT_FIGURES:
        pp_report_add_count(out, llround(number.value));
        break;
    }
}

double pp_report_moved(enum pp_report_figure figure,
                       const struct pp_report_change *change)
{
    double now = change->now.value, before = change->before.value;
    double by;

    if (!change->now.known || !change->before.known)
        return 0;
    if (figure == PP_REPORT_BOUNCE)
        by = round((now - before) * 10) / 10;
    else
        by = before > 0 ? round((now - before) / before * 100) : 0;
    return fabs(by) < NUMBER_MAX ? by : 0;
}

void pp_report_add_change(struct pp_buf *out, enum pp_report_figure figure,
                          const struct pp_report_change *change)
{
    double by = pp_report_moved(figure, change);

    if (!change->now.known || !change->before.known)
        return;
    if (figure != PP_REPORT_BOUNCE && !(change->before.value > 0) &&
        change->now.value > 0) {
        pp_buf_add_text(out, "new");
    } else if (by > 0 || by < 0) {
        pp_buf_add_byte(out, by > 0 ? '+' : '-');
        if (figure == PP_REPORT_BOUNCE) {
            pp_buf_printf(out, "%.1f points", fabs(by));
        } else {
            pp_report_add_count(out, llround(fabs(by)));
            pp_buf_add_text(out, " %");
        }
    } else {
        pp_buf_add_text(out, "same");
    }
}

static void add_date(struct pp_buf *out, int64_t day, bool month, bool year)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu",
                                       "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    struct pp_date date = pp_date_of(day);

    pp_buf_printf(out, "%s %d", days[pp_date_weekday(day) - 1], date.day);
    if (month)
        pp_buf_printf(out, " %s", months[date.month - 1]);
    if (year)
        pp_buf_printf(out, " %" PRId64, date.year);
}

void pp_report_add_dates(struct pp_buf *out, struct pp_period period)
{
    struct pp_date first = pp_date_of(period.first);
    struct pp_date last = pp_date_of(period.end - 1);
    bool year = first.year != last.year;

    if (period.end - period.first > 1) {
        add_date(out, period.first, year || first.month != last.month, year);
        pp_buf_add_text(out, " to ");
    }
    add_date(out, period.end - 1, true, true);
}

void pp_report_add_facts(struct pp_buf *out, const struct pp_report *report,
                         int64_t subscription_id, bool test)
{
    struct pp_buf text;

    pp_buf_init(&text, TEXT_BYTES);
    pp_buf_printf(out,
                  "{\"subscription\":%" PRId64 ",\"period\":", subscription_id);
    pp_report_add_dates(&text, report->period);
    pp_json_add_str(out, pp_buf_str(&text));
    if (test)
        pp_buf_add_text(out, ",\"test\":\"yes\"");
    for (int i = 0; i < PP_REPORT_FIGURES; i++) {
        enum pp_report_figure figure = (enum pp_report_figure)i;

        pp_buf_printf(out, ",\"%s\":", pp_report_figure_name(figure));
        pp_buf_reset(&text);
        pp_report_add_number(&text, figure, report->figures[i].now);
        pp_json_add_str(out, pp_buf_str(&text));
        pp_buf_printf(out, ",\"%s_change\":", pp_report_figure_name(figure));
        pp_buf_reset(&text);
        pp_report_add_change(&text, figure, &report->figures[i]);
        pp_json_add_str(out, pp_buf_str(&text));
    }
    pp_buf_add_text(out, ",\"report\":");
    pp_report_add_json(report, out);
    pp_buf_add_byte(out, '}');
    pp_buf_fini(&text);
}
