#include "pp_rollup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_date.h"
#include "pp_mem.h"
#include "pp_rollup_plan.h"

#define SQL_BYTES  ((size_t)32 << 10)
#define NAME_BYTES 96
#define STAGE      "_stage_"
#define SPAN_DAYS  62 /* compared at once */
#define ROUNDS     4

/* Days behind today of which minutes are kept: 48 hours are in three days. */
#define MINUTE_DAYS 2

/* --- statements ------------------------------------------------------------
 */

/* The server ends a statement of its own accord before we stop waiting. */
static int run(struct pp_rollup *rollup, const char *sql,
               const struct pp_clickhouse_value *parameters,
               struct pp_str *answer_out, struct pp_err *err)
{
    char limit_s[24];
    const struct pp_clickhouse_value settings[] = {
        {"max_execution_time", limit_s},
        {"max_partitions_per_insert_block", "1"},
        {"insert_deduplicate", "0"},
        {"optimize_on_insert", "0"},
        {"max_bytes_before_external_group_by", "4000000000"},
        {0}};
    const struct pp_clickhouse_call call = {
        .sql = sql,
        .parameters = parameters,
        .settings = settings,
        .timeout_ms = rollup->timeout_ms,
    };

    snprintf(limit_s, sizeof(limit_s), "%d", rollup->timeout_ms / 1000);
    return pp_clickhouse_run(rollup->clickhouse, &call, answer_out, err);
}

/* sql with name in the place of its %s. */
static void put_name(const char *sql, const char *name, char out[SQL_BYTES])
{
    const char *place = strstr(sql, "%s");

    if (place)
        snprintf(out, SQL_BYTES, "%.*s%s%s", (int)(place - sql), sql, name,
                 place + 2);
    else
        snprintf(out, SQL_BYTES, "%s", sql);
}

static int run_named(struct pp_rollup *rollup, const char *sql,
                     const char *name, const char *day, struct pp_err *err)
{
    const struct pp_clickhouse_value parameters[] = {{"day", day}, {0}};
    char *text = pp_malloc(SQL_BYTES);
    struct pp_str answer;
    int result;

    put_name(sql, name, text);
    result = run(rollup, text, parameters, &answer, err);
    free(text);
    return result;
}

static int progress(struct pp_rollup *rollup, const char *table,
                    const char *day, struct pp_err *err)
{
    return rollup->progress ? rollup->progress(rollup->context, table, day, err)
                            : 0;
}

/* --- one day of one table --------------------------------------------------
 */

static int fill(struct pp_rollup *rollup, const struct pp_rollup_sql *table,
                const char *stage, const char *day, struct pp_err *err)
{
    for (size_t i = 0; i < PP_ROLLUP_STEPS_MAX && table->steps[i]; i++)
        if (progress(rollup, table->name, day, err) < 0 ||
            run_named(rollup, table->steps[i], stage, day, err) < 0)
            return -1;
    return 0;
}

static int put_in_place(struct pp_rollup *rollup, const char *table,
                        const char *stage, const char *day, struct pp_err *err)
{
    char sql[3 * NAME_BYTES + 80];

    pp_crash_point("rollup.before_replace");
    if (progress(rollup, table, day, err) < 0)
        return -1;
    snprintf(sql, sizeof(sql), "ALTER TABLE %s REPLACE PARTITION '%s' FROM %s",
             table, day, stage);
    if (run_named(rollup, sql, stage, day, err) < 0)
        return -1;
    pp_crash_point("rollup.after_replace");
    return 0;
}

static int drop(struct pp_rollup *rollup, const char *stage, struct pp_err *err)
{
    return run_named(rollup, "DROP TABLE IF EXISTS %s", stage, "1970-01-01",
                     err);
}

static int make_anew(struct pp_rollup *rollup, enum pp_rollup_table which,
                     const char *day, struct pp_err *err)
{
    const struct pp_rollup_sql *table = &pp_rollup_sql[which];
    struct pp_err ignored = {0};
    char stage[NAME_BYTES], create[2 * NAME_BYTES];

    snprintf(stage, sizeof(stage), "%s" STAGE "%s", table->name, rollup->tag);
    snprintf(create, sizeof(create), "CREATE TABLE %s AS %s", stage,
             table->name);
    if (drop(rollup, stage, err) < 0 ||
        run_named(rollup, create, stage, day, err) < 0)
        return -1;
    if (fill(rollup, table, stage, day, err) < 0 ||
        put_in_place(rollup, table->name, stage, day, err) < 0) {
        (void)drop(rollup, stage, &ignored); /* or pp_rollup_clean() will */
        return -1;
    }
    rollup->partitions++;
    return drop(rollup, stage, err);
}

/* --- what is wrong ---------------------------------------------------------
 */

static int odd_answer(struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_AGAIN,
                      "clickhouse: an answer that cannot be read");
}

/* An unsigned number, which a checksum is; false when it is none. */
static bool number_of(struct pp_str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.n > 0;
}

/* A line: what, day, rows, checksum. */
static bool read_line(struct pp_str line, struct pp_rollup_state *states,
                      int64_t first, size_t count)
{
    struct pp_rollup_sum sum;
    struct pp_str parts[4];
    char what[16], text[PP_DATE_TEXT_BYTES];
    int64_t day;

    for (size_t i = 0; i < PP_COUNT(parts); i++)
        if (!pp_str_split(&line, '\t', &parts[i]))
            return false;
    snprintf(what, sizeof(what), "%.*s", PP_ARG(parts[0]));
    snprintf(text, sizeof(text), "%.*s", PP_ARG(parts[1]));
    return pp_date_parse(pp_str_of(text), &day) && day >= first &&
           day < first + (int64_t)count && number_of(parts[2], &sum.rows) &&
           number_of(parts[3], &sum.checksum) &&
           pp_rollup_state_set(&states[day - first], what, sum);
}

/* first is the day of states[0]. */
static int compare(struct pp_rollup *rollup, int64_t first,
                   struct pp_rollup_state *states, size_t count,
                   struct pp_err *err)
{
    char from[PP_DATE_TEXT_BYTES], to[PP_DATE_TEXT_BYTES];
    const struct pp_clickhouse_value parameters[] = {
        {"from", from}, {"to", to}, {0}};
    struct pp_str answer, line;

    pp_date_text(first, from);
    pp_date_text(first + (int64_t)count - 1, to);
    memset(states, 0, count * sizeof(*states));
    if (progress(rollup, NULL, NULL, err) < 0 ||
        run(rollup, pp_rollup_compare_sql, parameters, &answer, err) < 0)
        return -1;
    while (answer.n && pp_str_split(&answer, '\n', &line))
        if (line.n && !read_line(line, states, first, count))
            return odd_answer(err);
    return 0;
}

/* --- days ------------------------------------------------------------------
 */

/* The visits of all days come first: a day reads its own. */
static int make_planned(struct pp_rollup *rollup, int64_t first,
                        const struct pp_rollup_state *states, size_t count,
                        struct pp_err *err)
{
    for (int which = 0; which < PP_ROLLUP_TABLES; which++) {
        for (size_t i = 0; i < count; i++) {
            char day[PP_DATE_TEXT_BYTES];

            pp_date_text(first + (int64_t)i, day);
            if (states[i].anew[which] &&
                make_anew(rollup, (enum pp_rollup_table)which, day, err) < 0)
                return -1;
        }
    }
    return 0;
}

static void force_all(struct pp_rollup_state *states, size_t count,
                      size_t minutes_from)
{
    for (size_t i = PP_ROLLUP_BEFORE; i + PP_ROLLUP_AFTER < count; i++)
        for (int which = 0; which < PP_ROLLUP_TABLES; which++)
            states[i].anew[which] =
                which != PP_ROLLUP_MINUTE || i >= minutes_from;
}

static void note_days(const struct pp_rollup_state *states, size_t count,
                      bool *touched)
{
    for (size_t i = 0; i < count; i++)
        for (int which = 0; which < PP_ROLLUP_TABLES; which++)
            touched[i] |= states[i].anew[which];
}

/* A span: its neighbours are the first and last elements of states. */
static int one_span(struct pp_rollup *rollup, int64_t first, int64_t today,
                    struct pp_rollup_state *states, size_t count, bool force,
                    int64_t *left_out, struct pp_err *err)
{
    bool touched[SPAN_DAYS + PP_ROLLUP_BEFORE + PP_ROLLUP_AFTER] = {0};
    int64_t minutes = today - MINUTE_DAYS - first;
    size_t minutes_from = minutes > 0 ? (size_t)minutes : 0, wrong;

    for (int round = 0;; round++) {
        if (compare(rollup, first, states, count, err) < 0)
            return -1;
        if (today >= first && today < first + (int64_t)count)
            states[today - first].may_lag =
                pp_rollup_may_lag(&states[today - first], rollup->lag_s);
        wrong = pp_rollup_plan(states, count, minutes_from, round > 0);
        if (force && round == 0)
            force_all(states, count, minutes_from);
        else if (wrong == 0 || round == ROUNDS)
            break;
        note_days(states, count, touched);
        if (make_planned(rollup, first, states, count, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < count; i++)
        rollup->days += touched[i];
    *left_out += (int64_t)wrong;
    return 0;
}

int pp_rollup_days(struct pp_rollup *rollup, int64_t first, int64_t last,
                   bool force, int64_t *left_out, struct pp_err *err)
{
    struct pp_rollup_state
        states[SPAN_DAYS + PP_ROLLUP_BEFORE + PP_ROLLUP_AFTER];
    int64_t today;

    *left_out = 0;
    if (pp_rollup_today(rollup, &today, err) < 0)
        return -1;
    while (first <= last) {
        int64_t days = last - first + 1;

        if (days > SPAN_DAYS)
            days = SPAN_DAYS;
        if (one_span(rollup, first - PP_ROLLUP_BEFORE, today, states,
                     (size_t)days + PP_ROLLUP_BEFORE + PP_ROLLUP_AFTER, force,
                     left_out, err) < 0)
            return -1;
        first += days;
    }
    return 0;
}

static int ask_days(struct pp_rollup *rollup, const char *sql, int64_t *a,
                    int64_t *b, struct pp_err *err)
{
    struct pp_str answer, part;

    if (run(rollup, sql, NULL, &answer, err) < 0)
        return -1;
    answer = pp_str_trim(answer);
    if (!pp_str_split(&answer, '\t', &part) || !pp_str_int64(part, a) ||
        !pp_str_split(&answer, '\t', &part) || !pp_str_int64(part, b))
        return odd_answer(err);
    return 0;
}

int pp_rollup_today(struct pp_rollup *rollup, int64_t *today_out,
                    struct pp_err *err)
{
    int64_t same;

    return ask_days(rollup,
                    "SELECT toUInt32(toDate(now('UTC'))) AS d, d AS again",
                    today_out, &same, err);
}

int pp_rollup_range(struct pp_rollup *rollup, int64_t *first_out,
                    int64_t *last_out, struct pp_err *err)
{
    static const char sql[] =
        "SELECT if(max(b) = 0, 1, min(a)), max(b) FROM ("
        "SELECT toUInt32(min(toDate(event_at))) AS a,"
        " toUInt32(max(toDate(event_at))) AS b, count() AS n FROM events "
        "UNION ALL SELECT toUInt32(min(day)), toUInt32(max(day)), count()"
        " FROM visits "
        "UNION ALL SELECT toUInt32(toDate(min(hour))),"
        " toUInt32(toDate(max(hour))), count() FROM rollup_hour "
        "UNION ALL SELECT toUInt32(min(day)), toUInt32(max(day)), count()"
        " FROM rollup_day) WHERE n > 0";

    return ask_days(rollup, sql, first_out, last_out, err);
}

int pp_rollup_clean(struct pp_rollup *rollup, struct pp_err *err)
{
    static const char sql[] =
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND match(name, '^(visits|rollup_[a-z]+)" STAGE "') "
        "AND metadata_modification_time < now() - 3600";
    struct pp_str answer, line;
    char *names;
    int result = 0;

    if (run(rollup, sql, NULL, &answer, err) < 0)
        return -1;
    names = pp_strndup(answer.p, answer.n); /* the next takes its place */
    answer.p = names;
    while (result == 0 && answer.n && pp_str_split(&answer, '\n', &line)) {
        char name[NAME_BYTES];

        snprintf(name, sizeof(name), "%.*s", PP_ARG(line));
        if (line.n)
            result = drop(rollup, name, err);
    }
    free(names);
    return result;
}
