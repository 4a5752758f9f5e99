#include "pp_report_query.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_json.h"
#include "pp_mem.h"

#define NUMBER_BYTES 24
#define NAME_BYTES   ((size_t)8 << 10)

/* --- statements ------------------------------------------------------------
 */

#define AT(name)  "fromUnixTimestamp64Milli({" name ":Int64}, 'UTC')"
#define SITE      " FROM events WHERE site_id = {site:String} AND NOT bot "
#define IN_TIME   "AND event_at >= " AT("from") " AND event_at < " AT("to") " "
#define PAGEVIEWS SITE IN_TIME "AND kind = 'pageview' "
#define VITAL(name)                                                            \
    "quantileExactIf(0.75)(value, kind = 'vital' AND name = '" name "')"

/* Every row of the site that is asked for, read once. */
static const char figures_sql[] =
    "SELECT uniqExactIf(visitor, kind = 'pageview'), uniqExactIf(visit_id, "
    "kind = 'pageview'), countIf(kind = 'pageview'), " VITAL("LCP") ", " VITAL(
        "INP") ", " VITAL("CLS") ", " VITAL("TTFB") SITE IN_TIME;

/*
 * Of the visits that began in the time and have a page view: how many, how
 * many with one page view and nothing else, and how long on average. Events of
 * a day before tell of visits that began earlier, of a day after how they went
 * on.
 */
static const char visits_sql[] =
    "SELECT count(), countIf(pages = 1 AND customs = 0), "
    "avg(dateDiff('millisecond', first, last)) FROM (SELECT visit_id, "
    "min(event_at) AS first, max(event_at) AS last, countIf(kind = "
    "'pageview') AS pages, countIf(kind = 'custom') AS customs" SITE
    "AND visit_id IS NOT NULL AND event_at >= " AT(
        "from") " - "
                "toIntervalDay(1) AND event_at < " AT(
                    "to") " + toIntervalDay(1) GROUP BY "
                          "visit_id HAVING pages > 0 AND first >= " AT(
                              "from") " AND first < " AT("to") ")";

/* The host is said only where there are several. */
#define WITH_HOSTS "WITH (SELECT uniqExact(hostname)" PAGEVIEWS ") AS hosts "
#define PAGE       "if(hosts > 1, concat(toString(hostname), pathname), pathname)"
#define TOP        "n DESC, what LIMIT 8"
#define BY_VISITS(column)                                                      \
    "SELECT toString(" column ") AS what, uniqExact(visit_id) AS n, 0, "       \
    "0" PAGEVIEWS "GROUP BY what HAVING n > 0 ORDER BY " TOP

/* Each gives rows of a name, its value, the value before, measurements. */
static const char
    *const list_sql[PP_REPORT_LISTS] =
        {
            [PP_REPORT_PAGES] =
                WITH_HOSTS "SELECT " PAGE " AS what, count() AS n, 0, "
                           "0" PAGEVIEWS "GROUP BY what ORDER BY " TOP,
            [PP_REPORT_SOURCES] = BY_VISITS("source"),
            [PP_REPORT_COUNTRIES] = BY_VISITS("country"),
            [PP_REPORT_DEVICES] = BY_VISITS("device"),
            [PP_REPORT_SLOWEST] = WITH_HOSTS
            "SELECT " PAGE " AS what, toInt64(round(quantileExact(0.75)("
            "assumeNotNull(value)))) AS n, 0, count() AS m" SITE IN_TIME
            "AND kind = 'vital' AND name = 'LCP' AND value IS NOT NULL "
            "GROUP BY what HAVING m >= 5 ORDER BY " TOP,
            [PP_REPORT_MOVERS] = WITH_HOSTS
            "SELECT " PAGE " AS what, toInt64(countIf(event_at >= " AT("from") ")) AS n, toInt64(countIf(event_at < " AT(
                "from") ")) AS "
                        "b, 0" SITE "AND kind = 'pageview' AND event_at >= " AT(
                            "before") " "
                                      "AND event_at < " AT(
                                          "to") " AND "
                                                "(event_at "
                                                "< " AT(
                                                    "before_"
                                                    "to") " OR"
                                                          " "
                                                          "eve"
                                                          "nt_"
                                                          "at "
                                                          ">="
                                                          " " AT(
                                                              "from") ") GROUP "
                                                                      "BY what "
                                                                      "HAVING "
                                                                      "n != b "
                                                                      "ORDER "
                                                                      "BY "
                                                                      "abs(n - "
                                                                      "b) "
                                                                      "DESC, "
                                                                      "what "
                                                                      "LIMIT 8",
};

/* --- asking ----------------------------------------------------------------
 */

/* The values of parameters, which last as long as it does. */
struct asked {
    const struct pp_report_count *count;
    const char *site;
    char from[NUMBER_BYTES], to[NUMBER_BYTES];
    char before[NUMBER_BYTES], before_to[NUMBER_BYTES];
};

static int ask(const struct asked *asked, const char *sql, bool before,
               struct pp_str *answer_out, struct pp_err *err)
{
    const struct pp_report_count *count = asked->count;
    char limit_s[NUMBER_BYTES];
    const struct pp_clickhouse_value parameters[] = {
        {"site", asked->site},
        {"from", before ? asked->before : asked->from},
        {"to", before ? asked->before_to : asked->to},
        {"before", asked->before},
        {"before_to", asked->before_to},
        {0}};
    const struct pp_clickhouse_value settings[] = {
        {"max_execution_time", limit_s},
        {"max_bytes_before_external_group_by", "4000000000"},
        {0}};
    const struct pp_clickhouse_call call = {
        .sql = sql,
        .parameters = parameters,
        .settings = settings,
        .timeout_ms = count->timeout_ms,
    };

    snprintf(limit_s, sizeof(limit_s), "%d", count->timeout_ms / 1000);
    if (count->progress && count->progress(count->context, err) < 0)
        return -1;
    return pp_clickhouse_run(count->clickhouse, &call, answer_out, err);
}

static int odd_answer(struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_AGAIN,
                      "clickhouse: an answer that cannot be read");
}

/* \N and nan: there was nothing to make it of. */
static struct pp_report_number number_of(struct pp_str cell)
{
    struct pp_report_number number = {0};

    number.known = cell.n > 0 &&
                   (cell.p[0] == '-' || isdigit((unsigned char)cell.p[0])) &&
                   pp_json_double(cell, &number.value);
    return number;
}

static size_t cells_of(struct pp_str row, struct pp_str *cells, size_t most)
{
    size_t n = 0;

    while (n < most && pp_str_split(&row, '\t', &cells[n]))
        n++;
    return n;
}

static void set(struct pp_report *report, enum pp_report_figure figure,
                bool before, struct pp_report_number number)
{
    if (before)
        report->figures[figure].before = number;
    else
        report->figures[figure].now = number;
}

static int count_visits(const struct asked *asked, bool before,
                        struct pp_report *report, struct pp_err *err)
{
    struct pp_report_number cells[3];
    struct pp_str answer, texts[3];

    if (ask(asked, visits_sql, before, &answer, err) < 0)
        return -1;
    if (cells_of(pp_str_trim(answer), texts, 3) < 3)
        return odd_answer(err);
    for (int i = 0; i < 3; i++)
        cells[i] = number_of(texts[i]);
    if (!cells[0].known || !cells[1].known)
        return odd_answer(err);
    if (cells[0].value > 0) {
        cells[1].value = 100 * cells[1].value / cells[0].value;
        cells[2].value /= 1000;
        set(report, PP_REPORT_BOUNCE, before, cells[1]);
        set(report, PP_REPORT_DURATION, before, cells[2]);
    }
    return 0;
}

static int count_figures(const struct asked *asked, bool before,
                         struct pp_report *report, struct pp_err *err)
{
    static const enum pp_report_figure columns[] = {
        PP_REPORT_VISITORS, PP_REPORT_VISITS, PP_REPORT_PAGEVIEWS,
        PP_REPORT_LCP,      PP_REPORT_INP,    PP_REPORT_CLS,
        PP_REPORT_TTFB,
    };
    struct pp_str answer, texts[PP_COUNT(columns)];

    if (ask(asked, figures_sql, before, &answer, err) < 0)
        return -1;
    if (cells_of(pp_str_trim(answer), texts, PP_COUNT(columns)) <
        PP_COUNT(columns))
        return odd_answer(err);
    for (size_t i = 0; i < PP_COUNT(columns); i++)
        set(report, columns[i], before, number_of(texts[i]));
    for (int i = 0; i < 3; i++)
        if (!number_of(texts[i]).known)
            return odd_answer(err);
    return count_visits(asked, before, report, err);
}

/* --- lists -----------------------------------------------------------------
 */

/* What ClickHouse wrote into a cell: control characters become blanks. */
static void add_plain(struct pp_buf *out, struct pp_str cell)
{
    for (size_t i = 0; i < cell.n; i++) {
        char c = cell.p[i];

        if (c == '\\' && i + 1 < cell.n) {
            c = cell.p[++i];
            pp_buf_add_byte(out,
                            c == '\\' || c == '\'' ? (unsigned char)c : ' ');
        } else {
            pp_buf_add_byte(out, (unsigned char)c);
        }
    }
}

static bool name_of(struct pp_str cell, struct pp_arena *arena,
                    struct pp_str *name_out)
{
    struct pp_buf plain, clean;
    const char *kept;

    pp_buf_init(&plain, NAME_BYTES);
    pp_buf_init(&clean, NAME_BYTES);
    add_plain(&plain, pp_str_sub(cell, 0, NAME_BYTES));
    pp_report_clean(&clean, pp_buf_str(&plain));
    kept = pp_arena_text(arena, pp_buf_str(&clean));
    *name_out = (struct pp_str){kept, clean.n};
    pp_buf_fini(&plain);
    pp_buf_fini(&clean);
    return kept != NULL;
}

static int read_row(struct pp_str row, struct pp_arena *arena,
                    struct pp_report_row *out, struct pp_err *err)
{
    struct pp_str cells[4];

    if (cells_of(row, cells, 4) < 4 || !pp_str_int64(cells[1], &out->value) ||
        !pp_str_int64(cells[2], &out->before) ||
        !pp_str_int64(cells[3], &out->measurements))
        return odd_answer(err);
    if (!name_of(cells[0], arena, &out->name))
        return pp_err_set(err, PP_ERR_INVALID, "the report is too large");
    return 0;
}

static int count_list(const struct asked *asked, enum pp_report_list list,
                      struct pp_arena *arena, struct pp_report *report,
                      struct pp_err *err)
{
    size_t *count = &report->lists[list].count;
    struct pp_str answer, row;

    *count = 0;
    if (ask(asked, list_sql[list], false, &answer, err) < 0)
        return -1;
    while (*count < PP_REPORT_ROWS && answer.n &&
           pp_str_split(&answer, '\n', &row)) {
        if (row.n && read_row(row, arena, &report->lists[list].rows[(*count)++],
                              err) < 0)
            return -1;
    }
    return 0;
}

/* Of a site that has just begun, or that nobody sees, everything moved. */
static bool is_wanted(const struct pp_report *report, enum pp_report_list list)
{
    const struct pp_report_change *views =
        &report->figures[PP_REPORT_PAGEVIEWS];

    return list != PP_REPORT_MOVERS ||
           (views->now.value > 0 && views->before.value > 0);
}

int pp_report_count(const struct pp_report_count *count, struct pp_arena *arena,
                    struct pp_report *report, struct pp_err *err)
{
    struct pp_window now = pp_period_window(report->period, count->zone);
    struct pp_window before = pp_period_window(report->before, count->zone);
    struct asked asked = {.count = count};

    asked.site = pp_arena_text(arena, report->site_id);
    if (!asked.site)
        return pp_err_set(err, PP_ERR_INVALID, "the report is too large");
    snprintf(asked.from, NUMBER_BYTES, "%" PRId64, now.start_ms);
    snprintf(asked.to, NUMBER_BYTES, "%" PRId64, now.end_ms);
    snprintf(asked.before, NUMBER_BYTES, "%" PRId64, before.start_ms);
    snprintf(asked.before_to, NUMBER_BYTES, "%" PRId64, before.end_ms);
    if (count_figures(&asked, false, report, err) < 0 ||
        count_figures(&asked, true, report, err) < 0)
        return -1;
    for (int i = 0; i < PP_REPORT_LISTS; i++) {
        enum pp_report_list list = (enum pp_report_list)i;

        if (is_wanted(report, list) &&
            count_list(&asked, list, arena, report, err) < 0)
            return -1;
    }
    return 0;
}

struct pp_period pp_report_before(struct pp_str every, struct pp_period period)
{
    if (pp_str_eq(every, PP_LIT("month")))
        return pp_period_of(PP_SCHEDULE_MONTH, 1, period.first - 1);
    return (struct pp_period){2 * period.first - period.end, period.first};
}
