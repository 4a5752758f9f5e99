#include "staff.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_date.h"
#include "pp_json.h"
#include "pp_mem.h"
#include "pp_schedule.h"
#include "pp_time.h"

#define TEXT_BYTES    ((size_t)16 << 10)
#define USUAL_LEAST   1000 /* events of a day, below which it says nothing */
#define REFUSED_LEAST 100

/* --- what is wrong ---------------------------------------------------------
 */

static void add_problem(struct pp_buf *lines, size_t *count, const char *what,
                        int64_t number, const char *unit)
{
    if (number <= 0)
        return;
    pp_buf_printf(lines, "%s%s: %" PRId64 "%s", *count ? "\n" : "", what,
                  number, unit);
    (*count)++;
}

size_t staff_judge(const int64_t n[STAFF_NUMBERS], struct pp_buf *lines)
{
    int64_t usual = n[STAFF_ACCEPTED_WEEK_BEFORE];
    size_t count = 0;

    add_problem(lines, &count, "Runs of jobs given up", n[STAFF_RUNS_DEAD], "");
    add_problem(lines, &count, "Runs of jobs late by more than an hour",
                n[STAFF_RUNS_LATE], "");
    if (usual >= USUAL_LEAST && n[STAFF_ACCEPTED] < usual / 2)
        add_problem(lines, &count, "Fewer events than a week before",
                    100 - 100 * n[STAFF_ACCEPTED] / usual, " %");
    add_problem(lines, &count, "Events of Stripe given up",
                n[STAFF_STRIPE_DEAD], "");
    add_problem(lines, &count, "Messages that could not be delivered",
                n[STAFF_MESSAGES_FAILED], "");
    add_problem(lines, &count, "Mails that came back for good",
                n[STAFF_MESSAGES_BACK], "");
    if (n[STAFF_REFUSED] >= REFUSED_LEAST &&
        n[STAFF_REFUSED] > n[STAFF_ACCEPTED] / 10)
        add_problem(lines, &count, "Hits that were refused",
                    100 * n[STAFF_REFUSED] /
                        (n[STAFF_REFUSED] + n[STAFF_ACCEPTED]),
                    " %");
    return count;
}

/* --- what it says ----------------------------------------------------------
 */

static void add_fact(struct pp_buf *out, const char *name, int64_t number)
{
    pp_buf_printf(out, ",\"%s\":%" PRId64, name, number);
}

static void add_text(struct pp_buf *out, const char *name, struct pp_str text)
{
    pp_buf_printf(out, ",\"%s\":", name);
    pp_json_add_str(out, text);
}

void staff_facts(const int64_t n[STAFF_NUMBERS], const char *day,
                 const char *zone, struct pp_buf *out)
{
    static const struct {
        const char *name;
        enum staff_number number;
    } facts[] = {
        {"accepted", STAFF_ACCEPTED},
        {"day_before", STAFF_ACCEPTED_DAY_BEFORE},
        {"week_before", STAFF_ACCEPTED_WEEK_BEFORE},
        {"refused", STAFF_REFUSED},
        {"accounts_new", STAFF_ACCOUNTS_NEW},
        {"accounts_started", STAFF_ACCOUNTS_STARTED},
        {"grace", STAFF_GRACE},
        {"rejecting", STAFF_REJECTING},
        {"blocked", STAFF_BLOCKED},
        {"closed", STAFF_CLOSED},
        {"sent", STAFF_MESSAGES_SENT},
        {"failed", STAFF_MESSAGES_FAILED},
        {"suppressed", STAFF_MESSAGES_SUPPRESSED},
        {"back", STAFF_MESSAGES_BACK},
        {"runs", STAFF_RUNS_DONE},
        {"runs_dead", STAFF_RUNS_DEAD},
        {"reports", STAFF_REPORTS},
    };
    struct pp_str worst, rest;
    struct pp_buf lines;
    size_t count;

    pp_buf_init(&lines, TEXT_BYTES);
    count = staff_judge(n, &lines);
    pp_buf_add_text(out, "{\"day\":");
    pp_json_add_str(out, pp_str_of(day));
    add_text(out, "zone", pp_str_of(zone));
    for (size_t i = 0; i < PP_COUNT(facts); i++)
        add_fact(out, facts[i].name, n[facts[i].number]);
    rest = pp_buf_str(&lines);
    if (count > 0 && pp_str_split(&rest, '\n', &worst)) {
        pp_buf_printf(out, ",\"problems\":\"%zu problem%s\"", count,
                      count == 1 ? "" : "s");
        add_text(out, "worst", worst);
        add_text(out, "problem_list", pp_buf_str(&lines));
    }
    pp_buf_add_byte(out, '}');
    pp_buf_fini(&lines);
}

/* --- the job ---------------------------------------------------------------
 */

/* $1 to $2: the day; $3 to $4 the day before; $5 to $6 a week before. */
#define DAY(column)                                                            \
    column " >= $1::timestamptz AND " column " < $2::timestamptz"
#define EVENTS(from, to)                                                       \
    "(SELECT coalesce(sum(n), 0) FROM usage_bucket WHERE bucket_at >= " from   \
    "::timestamptz AND bucket_at < " to "::timestamptz)"
#define COUNT(what) "(SELECT count(*) FROM " what ")"

static const char *const counted[STAFF_NUMBERS] = {
    [STAFF_ACCEPTED] = EVENTS("$1", "$2"),
    [STAFF_ACCEPTED_DAY_BEFORE] = EVENTS("$3", "$4"),
    [STAFF_ACCEPTED_WEEK_BEFORE] = EVENTS("$5", "$6"),
    [STAFF_REFUSED] = "(SELECT coalesce(sum(n), 0) FROM usage_refused "
                      "WHERE " DAY("hour_at") ")",
    [STAFF_ACCOUNTS_NEW] = COUNT("account WHERE " DAY("created_at")),
    [STAFF_ACCOUNTS_STARTED] =
        COUNT("(SELECT DISTINCT account_id FROM usage_bucket b WHERE " DAY(
            "bucket_at") " AND NOT EXISTS (SELECT FROM usage_bucket o WHERE "
                         "o.account_id = b.account_id AND o.bucket_at < "
                         "$1::timestamptz)) AS started"),
    [STAFF_GRACE] = COUNT("account_capacity WHERE state = 'grace'"),
    [STAFF_REJECTING] = COUNT("account_capacity WHERE state = 'rejecting'"),
    [STAFF_BLOCKED] = COUNT("account_capacity WHERE blocked"),
    [STAFF_CLOSED] = COUNT("account_capacity WHERE closed"),
    [STAFF_MESSAGES_SENT] =
        COUNT("delivery WHERE state = 'sent' AND " DAY("began_at")),
    [STAFF_MESSAGES_FAILED] =
        COUNT("delivery WHERE state = 'failed' AND " DAY("began_at")),
    [STAFF_MESSAGES_SUPPRESSED] =
        COUNT("delivery WHERE state = 'suppressed' AND " DAY("began_at")),
    [STAFF_MESSAGES_BACK] =
        COUNT("bounce WHERE permanent AND " DAY("reported_at")),
    [STAFF_RUNS_DONE] =
        COUNT("job_run WHERE state = 'done' AND " DAY("finished_at")),
    [STAFF_RUNS_DEAD] =
        COUNT("job_run WHERE state = 'dead' AND " DAY("finished_at")),
    [STAFF_RUNS_LATE] =
        COUNT("job_run WHERE state IN ('due', 'running', 'failed') AND "
              "coalesce(starts_at, scheduled_for) < pp_now() - interval '1 "
              "hour'"),
    [STAFF_REPORTS] =
        COUNT("notification WHERE kind = 'report' AND " DAY("created_at")),
    [STAFF_STRIPE_DEAD] = COUNT("stripe_event WHERE state = 'dead'"),
};

static void instant(const struct pp_zone *zone, int64_t date,
                    char text[static PP_WALL_TEXT_BYTES])
{
    pp_wall_text((struct pp_wall){pp_zone_date_at_ms(zone, date)}, text);
}

static int read_numbers(struct pp_pg *pg, const struct pp_zone *zone,
                        int64_t day, int64_t numbers[STAFF_NUMBERS],
                        struct pp_err *err)
{
    static const int from[] = {0, 1, -1, 0, -7, -6};
    char texts[PP_COUNT(from)][PP_WALL_TEXT_BYTES];
    const char *values[PP_COUNT(from)];
    struct pp_pg_rows rows;
    struct pp_buf sql;
    int result;

    for (size_t i = 0; i < PP_COUNT(from); i++) {
        instant(zone, day + from[i], texts[i]);
        values[i] = texts[i];
    }
    pp_buf_init(&sql, TEXT_BYTES);
    for (int i = 0; i < STAFF_NUMBERS; i++)
        pp_buf_printf(&sql, "%s%s", i == 0 ? "SELECT " : ", ", counted[i]);
    pp_buf_add_byte(&sql, '\0');
    result = pp_pg_query(pg, sql.p, PP_COUNT(values), values, &rows, err);
    pp_buf_fini(&sql);
    for (int i = 0; i < STAFF_NUMBERS && result == 0; i++)
        numbers[i] = pp_pg_int64(&rows, 0, i);
    pp_pg_rows_fini(&rows);
    return result;
}

/* 1: Pawprint ran at that instant; a new installation has nothing to tell. */
static int was_there(struct pp_pg *pg, const char *at, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(pg,
                         "SELECT EXISTS (SELECT FROM job_run WHERE job = "
                         "'report.dispatch' AND scope = '' AND scheduled_for "
                         "< $1::timestamptz)",
                         1, &at, &rows, err);
    if (result == 0)
        result = pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

int staff_plan(struct pp_pg *pg, const struct staff_context *context,
               struct pp_err *err)
{
    const struct pp_schedule schedule = {.every = PP_SCHEDULE_DAY,
                                         .minute = context->minute};
    char at[PP_WALL_TEXT_BYTES], date[PP_DATE_TEXT_BYTES];
    struct pp_occurrence last;
    struct pp_pg_rows rows;
    int64_t now_ms = 0;
    int result;

    if (!context->mail[0])
        return 0;
    result = pp_pg_query(
        pg, "SELECT floor(extract(epoch FROM pp_now()) * 1000)::bigint", 0,
        NULL, &rows, err);
    if (result == 0)
        now_ms = pp_pg_int64(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    if (result < 0)
        return -1;
    last = pp_schedule_previous(&schedule, context->zone, now_ms);
    pp_wall_text((struct pp_wall){last.at_ms}, at);
    pp_date_text(last.date, date);
    result = was_there(pg, at, err);
    return result == 1 ? pp_job_add(pg, STAFF_JOB, date, at, err) : result;
}

static int insert(struct pp_job_run *run, const char *mail,
                  const struct pp_buf *facts, struct pp_err *err)
{
    const char *values[] = {run->scope, mail, facts->p};

    return pp_pg_exec(run->pg,
                      "INSERT INTO notification (business_key, kind, target, "
                      "facts) VALUES ('staff_daily/' || $1, 'staff_daily', "
                      "$2, $3::jsonb) ON CONFLICT (business_key) DO NOTHING",
                      PP_COUNT(values), values, err);
}

int staff_report(struct pp_job_run *run, const struct staff_context *context,
                 struct pp_err *err)
{
    int64_t date, numbers[STAFF_NUMBERS];
    char day[PP_DATE_TEXT_BYTES];
    struct pp_buf facts;
    int result;

    if (!pp_date_parse(pp_str_of(run->scope), &date))
        return pp_err_set(err, PP_ERR_INVALID, "no such scope: %s", run->scope);
    if (pp_pg_begin(run->pg, err) < 0)
        return -1;
    pp_date_text(date - 1, day);
    pp_buf_init(&facts, TEXT_BYTES);
    result = read_numbers(run->pg, context->zone, date - 1, numbers, err);
    if (result == 0) {
        staff_facts(numbers, day, context->zone_name, &facts);
        pp_buf_add_byte(&facts, '\0');
        result = insert(run, context->mail, &facts, err);
    }
    if (result == 0)
        result = pp_job_finish(run, err);
    if (result == 0)
        result = pp_pg_commit(run->pg, err);
    if (result < 0) {
        run->finished = false;
        pp_pg_rollback(run->pg);
    }
    pp_buf_fini(&facts);
    return result;
}
