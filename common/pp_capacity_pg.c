#include "pp_capacity_pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_json.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "capacity.h"

#define DAY_MS       INT64_C(86400000)
#define FRESH_MS     (INT64_C(30) * 60000) /* of a count; two reconciles */
#define RECORD_BYTES ((size_t)4096)
#define FACTS_BYTES  ((size_t)4096)
#define KEY_BYTES    200
#define TICK_ROWS    "500"

static const struct pp_plans *the_plans;
static const struct pp_registry *the_registry;

void pp_capacity_setup(const struct pp_plans *plans,
                       const struct pp_registry *registry)
{
    the_plans = plans;
    the_registry = registry;
}

static int plans_ready(struct pp_err *err)
{
    static struct pp_plans *built_in; /* for the life of the process */

    if (the_plans)
        return 0;
    if (!built_in && pp_plans_open(&built_in, "", err) < 0)
        return -1;
    the_plans = built_in;
    return 0;
}

/* An account in the middle of its decision. */
struct account {
    struct pp_pg *pg;
    const char *id;
    char plan[64], blocked_reason[400];
    int64_t grace_days;
    int64_t anchor_ms, counted_at_ms;
    int64_t refused, refused_from_ms, refused_until_ms; /* until restored */
    bool is_there, plan_is_known, is_new;
    struct pp_capacity capacity;
    struct pp_capacity_facts facts;
};

/* --- values of statements, as texts --------------------------------------- */

#define VALUES_MAX 24

struct values {
    char texts[VALUES_MAX][24];
    const char *list[VALUES_MAX];
    int count;
};

static void add_text(struct values *values, const char *text)
{
    values->list[values->count++] = text;
}

static void add_number(struct values *values, int64_t number)
{
    char *text = values->texts[values->count];

    snprintf(text, sizeof(values->texts[0]), "%" PRId64, number);
    add_text(values, text);
}

static int exec(struct account *account, const char *sql,
                const struct values *values, struct pp_err *err)
{
    return pp_pg_exec(account->pg, sql, values->count, values->list, err);
}

/* --- reading -------------------------------------------------------------- */

/* Two that decide about one account do it one after the other; what is read
 * after this is what the one before has committed. */
static int lock(struct account *account, struct pp_err *err)
{
    const char *values[] = {account->id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(account->pg,
                             "SELECT plan_code FROM billing_profile "
                             "WHERE account_id = $1 FOR UPDATE",
                             1, values, &rows, err);

    account->is_there = result == 0 && rows.count == 1;
    if (account->is_there)
        snprintf(account->plan, sizeof(account->plan), "%s",
                 pp_pg_text(&rows, 0, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

/* A plan that nobody has had yet is in force from now on. */
static int put_plan_in_force(struct account *account, struct pp_err *err)
{
    const struct pp_plan *plan;
    struct values values = {.count = 0};

    if (plans_ready(err) < 0)
        return -1;
    plan = pp_plans_find(the_plans, pp_str_of(account->plan));
    if (!plan)
        return 0;
    add_text(&values, plan->code);
    add_number(&values, plan->monthly_limit);
    add_number(&values, plan->grace_days);
    add_number(&values, plan->max_alerts);
    add_number(&values, plan->grace_ceiling);
    return exec(account,
                "INSERT INTO plan_in_force (code, monthly_limit, grace_days, "
                "max_alerts, grace_ceiling) VALUES ($1, nullif($2::bigint, "
                "-1), $3, $4, nullif($5::bigint, -1)) ON CONFLICT DO NOTHING",
                &values, err);
}

static enum pp_capacity_state state_of(const char *name)
{
    if (strcmp(name, "grace") == 0)
        return PP_CAPACITY_GRACE;
    return strcmp(name, "rejecting") == 0 ? PP_CAPACITY_REJECTING
                                          : PP_CAPACITY_OK;
}

static const char capacity_sql[] =
    "SELECT state, blocked, closed, version, pp_ms(told_at), "
    "pp_ms(window_start), pp_ms(window_end), monthly_limit, limit_version, "
    "pp_ms(detected_at), pp_ms(grace_ends_at), pp_ms(reject_until), "
    "pp_ms(paused_at), graces, grace_version, pp_ms(last_deadline), mailed, "
    "alerted, pp_ms(counted_at) FROM account_capacity WHERE account_id = $1";

static int read_capacity(struct account *account, struct pp_err *err)
{
    const char *values[] = {account->id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(account->pg, capacity_sql, 1, values, &rows, err);

    account->capacity = pp_capacity_new();
    account->is_new = result == 0 && rows.count == 0;
    if (result == 0 && rows.count == 1) {
        account->capacity = (struct pp_capacity){
            .state = state_of(pp_pg_text(&rows, 0, 0)),
            .blocked = pp_pg_bool(&rows, 0, 1),
            .closed = pp_pg_bool(&rows, 0, 2),
            .version = pp_pg_int64(&rows, 0, 3),
            .told_at_ms = pp_pg_int64(&rows, 0, 4),
            .window_start_ms = pp_pg_int64(&rows, 0, 5),
            .window_end_ms = pp_pg_int64(&rows, 0, 6),
            .limit = pp_pg_int64(&rows, 0, 7),
            .limit_version = pp_pg_int64(&rows, 0, 8),
            .detected_at_ms = pp_pg_int64(&rows, 0, 9),
            .grace_ends_at_ms = pp_pg_int64(&rows, 0, 10),
            .reject_until_ms = pp_pg_int64(&rows, 0, 11),
            .paused_at_ms = pp_pg_int64(&rows, 0, 12),
            .graces = (int)pp_pg_int64(&rows, 0, 13),
            .grace_version = pp_pg_int64(&rows, 0, 14),
            .last_deadline_ms = pp_pg_int64(&rows, 0, 15),
            .mailed = (unsigned)pp_pg_int64(&rows, 0, 16),
            .alerted = (unsigned)pp_pg_int64(&rows, 0, 17),
        };
        account->counted_at_ms = pp_pg_int64(&rows, 0, 18);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* A limit of -1 is unlimited, -2 a plan that is not in force. The plan's
 * ceiling is not that of an override's limit. */
static const char account_sql[] =
    "SELECT pp_ms(pp_now()), a.blocked_at IS NOT NULL, "
    "a.closed_at IS NOT NULL, pp_ms(b.anchor_at), "
    "CASE WHEN o.unlimited THEN -1 "
    "WHEN o.monthly_limit IS NOT NULL THEN o.monthly_limit "
    "WHEN p.code IS NULL THEN -2 ELSE coalesce(p.monthly_limit, -1) END, "
    "coalesce(o.grace_days, p.grace_days, 7), "
    "k.steady, pp_ms(k.last_tick_at), coalesce(a.blocked_reason, ''), "
    "CASE WHEN o.unlimited OR o.monthly_limit IS NOT NULL THEN 0 ELSE "
    "coalesce(p.grace_ceiling, 0) END "
    "FROM account AS a JOIN billing_profile AS b USING (account_id) "
    "LEFT JOIN capacity_override AS o USING (account_id) "
    "LEFT JOIN plan_in_force AS p ON p.code = b.plan_code "
    "CROSS JOIN capacity_clock AS k WHERE account_id = $1";

static int read_account(struct account *account, struct pp_err *err)
{
    const char *values[] = {account->id};
    struct pp_capacity_facts *facts = &account->facts;
    struct pp_pg_rows rows;
    int result = pp_pg_query(account->pg, account_sql, 1, values, &rows, err);

    if (result == 0 && rows.count == 1) {
        facts->now_ms = pp_pg_int64(&rows, 0, 0);
        facts->blocked = pp_pg_bool(&rows, 0, 1);
        facts->closed = pp_pg_bool(&rows, 0, 2);
        account->anchor_ms = pp_pg_int64(&rows, 0, 3);
        facts->limit = pp_pg_int64(&rows, 0, 4);
        account->grace_days = pp_pg_int64(&rows, 0, 5);
        facts->grace_ms = account->grace_days * DAY_MS;
        facts->ceiling = pp_pg_int64(&rows, 0, 9);
        snprintf(account->blocked_reason, sizeof(account->blocked_reason), "%s",
                 pp_pg_text(&rows, 0, 8));
        facts->clock_is_steady = pp_pg_bool(&rows, 0, 6) &&
                                 pp_capacity_clock_is_steady(
                                     pp_pg_int64(&rows, 0, 7), facts->now_ms);
    }
    account->plan_is_known =
        result == 0 && rows.count == 1 && facts->limit != -2;
    pp_pg_rows_fini(&rows);
    return result;
}

/* Of now, but never one before the window that stands. */
static void find_window(struct account *account)
{
    struct pp_capacity_facts *facts = &account->facts;

    pp_capacity_window(account->anchor_ms, facts->now_ms,
                       &facts->window_start_ms, &facts->window_end_ms);
    if (!account->is_new &&
        facts->window_start_ms < account->capacity.window_start_ms) {
        facts->window_start_ms = account->capacity.window_start_ms;
        facts->window_end_ms = account->capacity.window_end_ms;
    }
}

/* One message has one key, however often and by whomever it is decided. */
static void mail_key(const struct account *account, int64_t limit_version,
                     const char *kind, char key[static KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "capacity/%s/%" PRId64 "/%" PRId64 "/%s",
             account->id, account->facts.window_start_ms, limit_version, kind);
}

static const char usage_sql[] =
    "SELECT usage_of($1, pp_at($2::bigint), pp_at($3::bigint)), "
    "(SELECT least(coalesce(sum(events), 0), 9223372036854775807)::bigint "
    "FROM capacity_credit WHERE account_id = $1 AND "
    "given_at >= pp_at($2::bigint) AND given_at < pp_at($3::bigint)), "
    "(SELECT pp_ms(handed_over_at) FROM notification WHERE business_key = $4)";

static int read_usage(struct account *account, struct pp_err *err)
{
    struct pp_capacity_facts *facts = &account->facts;
    struct values values = {.count = 0};
    char key[KEY_BYTES];
    struct pp_pg_rows rows;
    int result;

    mail_key(account, account->capacity.grace_version,
             pp_capacity_mail_name(PP_CAPACITY_MAIL_DEPLETED), key);
    add_text(&values, account->id);
    add_number(&values, facts->window_start_ms);
    add_number(&values, facts->window_end_ms);
    add_text(&values, key);
    result = pp_pg_query(account->pg, usage_sql, values.count, values.list,
                         &rows, err);
    if (result == 0) {
        int64_t credit = pp_pg_int64(&rows, 0, 1);

        facts->used = pp_pg_int64(&rows, 0, 0);
        if (facts->ceiling > 0)
            facts->ceiling = credit > INT64_MAX - facts->ceiling
                                 ? INT64_MAX
                                 : facts->ceiling + credit;
        if (facts->limit >= 0)
            facts->limit = credit > INT64_MAX - facts->limit
                               ? INT64_MAX
                               : facts->limit + credit;
        facts->handed_over_at_ms =
            pp_pg_is_null(&rows, 0, 2) ? 0 : pp_pg_int64(&rows, 0, 2);
        facts->is_confirmed =
            account->counted_at_ms >= facts->window_start_ms &&
            facts->now_ms - account->counted_at_ms <= FRESH_MS;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- writing -------------------------------------------------------------- */

static const char write_sql[] =
    "INSERT INTO account_capacity (account_id, state, blocked, closed, "
    "version, told_at, window_start, window_end, monthly_limit, "
    "limit_version, detected_at, grace_ends_at, reject_until, paused_at, "
    "graces, grace_version, last_deadline, mailed, alerted) VALUES ($1, $2, "
    "$3::int::boolean, $4::int::boolean, $5, pp_at($6::bigint), "
    "pp_at($7::bigint), pp_at($8::bigint), $9, $10, pp_at($11::bigint), "
    "pp_at($12::bigint), pp_at($13::bigint), pp_at($14::bigint), $15, $16, "
    "pp_at($17::bigint), $18, $19) ON CONFLICT (account_id) DO UPDATE SET "
    "(state, blocked, closed, version, told_at, window_start, window_end, "
    "monthly_limit, limit_version, detected_at, grace_ends_at, reject_until, "
    "paused_at, graces, grace_version, last_deadline, mailed, alerted) = "
    "(EXCLUDED.state, EXCLUDED.blocked, EXCLUDED.closed, EXCLUDED.version, "
    "EXCLUDED.told_at, EXCLUDED.window_start, EXCLUDED.window_end, "
    "EXCLUDED.monthly_limit, EXCLUDED.limit_version, EXCLUDED.detected_at, "
    "EXCLUDED.grace_ends_at, EXCLUDED.reject_until, EXCLUDED.paused_at, "
    "EXCLUDED.graces, EXCLUDED.grace_version, EXCLUDED.last_deadline, "
    "EXCLUDED.mailed, EXCLUDED.alerted)";

static int write_capacity(struct account *account,
                          const struct pp_capacity *next, struct pp_err *err)
{
    struct values values = {.count = 0};

    add_text(&values, account->id);
    add_text(&values, pp_capacity_state_name(next->state));
    add_number(&values, next->blocked);
    add_number(&values, next->closed);
    add_number(&values, next->version);
    add_number(&values, next->told_at_ms);
    add_number(&values, next->window_start_ms);
    add_number(&values, next->window_end_ms);
    add_number(&values, next->limit);
    add_number(&values, next->limit_version);
    add_number(&values, next->detected_at_ms);
    add_number(&values, next->grace_ends_at_ms);
    add_number(&values, next->reject_until_ms);
    add_number(&values, next->paused_at_ms);
    add_number(&values, next->graces);
    add_number(&values, next->grace_version);
    add_number(&values, next->last_deadline_ms);
    add_number(&values, next->mailed);
    add_number(&values, next->alerted);
    return exec(account, write_sql, &values, err);
}

/*
 * What was refused since the last T3, for the mail that it is over: as counted
 * by now, in whole hours, of the sites that are the account's.
 */
static const char refused_sql[] =
    "SELECT pp_ms(t.at), (SELECT coalesce(sum(r.n), 0)::bigint FROM "
    "usage_refused AS r JOIN site AS s USING (site_id) WHERE s.account_id = $1 "
    "AND r.reason = 'capacity_exhausted' AND r.hour_at >= date_trunc('hour', "
    "t.at)) FROM capacity_transition AS t WHERE t.account_id = $1 AND "
    "t.transition = 'T3' ORDER BY t.id DESC LIMIT 1";

static int read_refused(struct account *account,
                        const struct pp_capacity_decision *decision,
                        struct pp_err *err)
{
    const char *values[] = {account->id};
    struct pp_pg_rows rows;
    int result;

    if (!(decision->mails & PP_CAPACITY_MAIL_RESTORED) ||
        account->capacity.state != PP_CAPACITY_REJECTING)
        return 0;
    result = pp_pg_query(account->pg, refused_sql, 1, values, &rows, err);
    if (result == 0 && rows.count == 1) {
        account->refused_from_ms = pp_pg_int64(&rows, 0, 0);
        account->refused = pp_pg_int64(&rows, 0, 1);
        account->refused_until_ms = account->facts.now_ms;
        if (account->capacity.reject_until_ms < account->refused_until_ms)
            account->refused_until_ms = account->capacity.reject_until_ms;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* What templates show, and what the log keeps as its evidence. */
static void facts_make(const struct account *account,
                       const struct pp_capacity *next, struct pp_buf *out)
{
    const struct pp_capacity_facts *facts = &account->facts;

    pp_buf_add_text(out, "{\"plan\":");
    pp_json_add_str(out, pp_str_of(account->plan));
    pp_buf_printf(out,
                  ",\"used\":%" PRId64 ",\"limit\":%" PRId64
                  ",\"limit_version\":%" PRId64 ",\"grace_days\":%" PRId64
                  ",\"confirmed\":%s",
                  facts->used, facts->limit, next->limit_version,
                  account->grace_days, facts->is_confirmed ? "true" : "false");
    pp_json_add_instant(out, "window_start", next->window_start_ms);
    pp_json_add_instant(out, "window_ends_at", next->window_end_ms);
    pp_json_add_instant(out, "grace_ends_at", next->grace_ends_at_ms);
    pp_json_add_instant(out, "reject_until", next->reject_until_ms);
    pp_json_add_instant(out, "counted_at", account->counted_at_ms);
    pp_json_add_instant(out, "handed_over_at", facts->handed_over_at_ms);
    if (account->refused > 0)
        pp_buf_printf(out, ",\"refused\":%" PRId64, account->refused);
    pp_json_add_instant(out, "refused_from_at", account->refused_from_ms);
    pp_json_add_instant(out, "refused_until", account->refused_until_ms);
    if (account->blocked_reason[0]) {
        pp_buf_add_text(out, ",\"blocked_reason\":");
        pp_json_add_str(out, pp_str_of(account->blocked_reason));
        pp_buf_add_text(out, ",\"detail\":");
        pp_json_add_str(out, pp_str_of(account->blocked_reason));
    }
    pp_buf_add_text(out, "}");
    pp_buf_add_byte(out, '\0');
}

static int write_steps(struct account *account,
                       const struct pp_capacity_decision *decision,
                       const char *facts, struct pp_err *err)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct pp_capacity_step *step = &decision->steps[i];
        struct values values = {.count = 0};

        add_text(&values, account->id);
        add_text(&values, pp_capacity_transition_name(step->transition));
        add_text(&values, pp_capacity_state_name(step->from));
        add_text(&values, pp_capacity_state_name(step->to));
        add_text(&values, pp_capacity_transition_words(step->transition));
        add_number(&values, account->facts.used);
        add_number(&values, account->facts.limit);
        add_number(&values, decision->next.limit_version);
        add_text(&values, facts);
        if (exec(account,
                 "INSERT INTO capacity_transition (account_id, transition, "
                 "from_state, to_state, reason, used, monthly_limit, "
                 "limit_version, evidence) VALUES "
                 "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                 &values, err) < 0)
            return -1;
    }
    return 0;
}

/* The message that tells it, and what that shows beside the facts; in the order
 * of the bits. One with a metric shows usage and limit under their names. */
struct message {
    const char *kind, *more;
};

static const struct message mails[PP_CAPACITY_MAILS] = {
    {"usage_warning", "{\"percent\":80}"},
    {"usage_warning", "{\"percent\":90}"},
    {"capacity_depleted", "{}"},
    {"grace_reminder", "{\"hours_left\":72}"},
    {"grace_reminder", "{\"hours_left\":24}"},
    {"capacity_rejecting", "{}"},
    {"capacity_restored", "{}"},
};

static const struct message staffs[PP_CAPACITY_STAFFS] = {
    {"staff_alert", "{\"what\":\"The mail about a depleted account could not "
                    "be handed over for a day: its grace runs\"}"},
    {"staff_alert", "{\"what\":\"The end of a grace waits for a count of "
                    "ClickHouse for 48 hours\"}"},
    {"staff_alert",
     "{\"what\":\"Usage is ten times the limit\",\"metric\":\"page views and "
     "events of people, in this window\",\"detail\":\"Its hits are still "
     "accepted, until its grace is over.\"}"},
    {"staff_alert", "{\"what\":\"An account was blocked\"}"},
};

static int write_message(struct account *account, const char *key,
                         const struct message *message, const char *facts,
                         struct pp_err *err)
{
    const char *values[] = {key, message->kind, account->id, facts,
                            message->more};

    return pp_pg_exec(
        account->pg,
        "INSERT INTO notification (business_key, kind, account_id, facts) "
        "VALUES ($1, $2, $3, $4::jsonb || $5::jsonb || CASE WHEN $5::jsonb ? "
        "'metric' THEN jsonb_build_object('value', $4::jsonb->'used', "
        "'threshold', $4::jsonb->'limit') ELSE '{}' END) "
        "ON CONFLICT (business_key) DO NOTHING",
        PP_COUNT(values), values, err);
}

static int write_messages(struct account *account,
                          const struct pp_capacity_decision *decision,
                          const char *facts, struct pp_err *err)
{
    char key[KEY_BYTES];

    for (int i = 0; i < PP_CAPACITY_MAILS; i++) {
        if (!(decision->mails & 1U << i))
            continue;
        mail_key(account, decision->next.limit_version,
                 pp_capacity_mail_name(1U << i), key);
        if (write_message(account, key, &mails[i], facts, err) < 0)
            return -1;
    }
    for (int i = 0; i < PP_CAPACITY_STAFFS; i++) {
        bool each_time = 1U << i == PP_CAPACITY_STAFF_BLOCKED;

        if (!(decision->staff & 1U << i))
            continue;
        mail_key(account, each_time ? decision->next.version : 0,
                 pp_capacity_staff_name(1U << i), key);
        if (write_message(account, key, &staffs[i], facts, err) < 0)
            return -1;
    }
    return 0;
}

/* The record for the collectors; the relay sends it. */
static int tell(struct account *account, const struct pp_capacity *next,
                struct pp_err *err)
{
    const struct capacity record = {
        .account_id = pp_str_of(account->id),
        .version = next->version,
        .state = (enum capacity_state)next->state,
        .blocked = next->blocked,
        .closed = next->closed,
        .grace_ends_at_ms = next->grace_ends_at_ms,
        .reject_until_ms = next->reject_until_ms,
        .decided_at_ms = account->facts.now_ms,
    };
    const char *values[] = {account->id, NULL};
    struct pp_buf bytes, text;
    int result;

    pp_buf_init(&bytes, RECORD_BYTES);
    pp_buf_init(&text, 2 * RECORD_BYTES + 3);
    pp_registry_put(the_registry, CAPACITY_FINGERPRINT, &bytes);
    capacity_encode(&record, &bytes);
    pp_pg_add_bytea(&text, pp_buf_str(&bytes));
    pp_buf_add_byte(&text, '\0');
    values[1] = text.p;
    result = pp_pg_exec(account->pg,
                        "INSERT INTO outbox (topic, key, value) VALUES "
                        "('capacity.v1', convert_to($1, 'UTF8'), $2::bytea)",
                        2, values, err);
    pp_buf_fini(&text);
    pp_buf_fini(&bytes);
    return result;
}

static int write_all(struct account *account,
                     const struct pp_capacity_decision *decision,
                     struct pp_err *err)
{
    struct pp_buf facts;
    int result = -1;

    if (read_refused(account, decision, err) < 0)
        return -1;
    pp_buf_init(&facts, FACTS_BYTES);
    facts_make(account, &decision->next, &facts);
    if (write_capacity(account, &decision->next, err) == 0 &&
        write_steps(account, decision, facts.p, err) == 0 &&
        write_messages(account, decision, facts.p, err) == 0 &&
        (!decision->tell || tell(account, &decision->next, err) == 0))
        result = 0;
    pp_buf_fini(&facts);
    return result;
}

/*
 * When the meter has to ask again. It may hold that row while it waits for the
 * account's lock, which is held here: then it asks by itself, and nobody waits.
 */
static int watch(struct account *account, const struct pp_capacity *next,
                 struct pp_err *err)
{
    struct values values = {.count = 0};

    add_text(&values, account->id);
    add_number(&values, pp_capacity_left(next, account->facts.used));
    return exec(account,
                "UPDATE usage_watch SET counted = 0, run_at = $2 WHERE "
                "account_id = (SELECT account_id FROM usage_watch WHERE "
                "account_id = $1 FOR UPDATE SKIP LOCKED)",
                &values, err);
}

/* --- the calls ------------------------------------------------------------ */

/* A plan that this program does not know: its last limit stands; without one
 * nothing is decided, and the account's hits are taken. */
static bool plan_will_do(struct account *account)
{
    if (account->plan_is_known)
        return true;
    pp_error("capacity.plan_unknown", "account=%s plan=%s", account->id,
             account->plan);
    return !account->is_new;
}

static int read_all(struct account *account, struct pp_err *err)
{
    if (read_account(account, err) < 0)
        return -1;
    if (!account->plan_is_known &&
        (put_plan_in_force(account, err) < 0 || read_account(account, err) < 0))
        return -1;
    return read_capacity(account, err);
}

/* is_counted: ClickHouse has just answered, and usage_of() says what. */
static int run(struct account *account, bool is_counted, struct pp_err *err)
{
    struct pp_capacity_decision decision;

    if (lock(account, err) < 0)
        return -1;
    if (!account->is_there)
        return 0;
    if (read_all(account, err) < 0)
        return -1;
    if (!plan_will_do(account))
        return 0;
    if (is_counted)
        account->counted_at_ms = account->facts.now_ms;
    find_window(account);
    if (read_usage(account, err) < 0)
        return -1;
    if (!account->plan_is_known)
        account->facts.limit = account->capacity.limit;
    decision = pp_capacity_decide(&account->capacity, &account->facts);
    if (watch(account, &decision.next, err) < 0)
        return -1;
    /* Padding that differs costs a needless write, and nothing else. */
    if (!account->is_new && decision.step_count == 0 && !decision.mails &&
        !decision.staff && !decision.tell &&
        memcmp(&decision.next, &account->capacity, sizeof(decision.next)) == 0)
        return 0;
    return write_all(account, &decision, err);
}

int pp_capacity_run(struct pp_pg *pg, const char *account_id,
                    struct pp_err *err)
{
    struct account account = {.pg = pg, .id = account_id};

    return run(&account, false, err);
}

int pp_capacity_confirm(struct pp_pg *pg, const char *account_id,
                        struct pp_err *err)
{
    struct account account = {.pg = pg, .id = account_id};
    const char *values[] = {account_id};

    if (run(&account, true, err) < 0)
        return -1;
    return pp_pg_exec(pg,
                      "UPDATE account_capacity SET counted_at = pp_now() "
                      "WHERE account_id = $1",
                      1, values, err);
}

/* --- the clock ------------------------------------------------------------ */

/* A jump is told to staff; the second tick that agrees makes it steady. */
static int move_clock(struct pp_pg *pg, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int64_t last_ms = 0, now_ms = 0;
    bool steady, is_first;
    const char *values[1];
    int result = pp_pg_query(pg,
                             "SELECT pp_ms(last_tick_at), pp_ms(pp_now()) "
                             "FROM capacity_clock FOR UPDATE",
                             0, NULL, &rows, err);

    if (result == 0 && rows.count == 1) {
        last_ms = pp_pg_int64(&rows, 0, 0);
        now_ms = pp_pg_int64(&rows, 0, 1);
    }
    pp_pg_rows_fini(&rows);
    if (result < 0)
        return -1;
    is_first = last_ms == 0;
    steady = pp_capacity_clock_is_steady(last_ms, now_ms);
    if (steady && now_ms < last_ms)
        return 0; /* another has ticked just now */
    values[0] = steady ? "true" : "false";
    if (pp_pg_exec(pg,
                   "UPDATE capacity_clock SET last_tick_at = pp_now(), "
                   "steady = $1",
                   1, values, err) < 0)
        return -1;
    if (steady || is_first)
        return 0;
    pp_warn("capacity.clock_jumped", "by_ms=%" PRId64, now_ms - last_ms);
    return pp_pg_exec(pg,
                      "INSERT INTO notification (business_key, kind, facts) "
                      "SELECT 'clock/' || pp_ms(pp_now()) || "
                      "'/staff_clock_jumped', 'staff_alert', "
                      "jsonb_build_object('what', 'The clock of Postgres "
                      "jumped: nobody is refused until it is steady') "
                      "ON CONFLICT (business_key) DO NOTHING",
                      0, NULL, err);
}

static int tick_account(struct pp_pg *pg, const char *account_id,
                        struct pp_err *err)
{
    if (pp_pg_begin(pg, err) < 0)
        return -1;
    if (pp_capacity_run(pg, account_id, err) == 0)
        return pp_pg_commit(pg, err);
    pp_pg_rollback(pg);
    return -1;
}

static const char due_sql[] =
    "SELECT account_id FROM account_capacity WHERE account_id > $1 AND "
    "(state <> 'ok' OR window_end <= pp_now() OR "
    "told_at <= pp_now() - interval '6 hours') "
    "ORDER BY account_id LIMIT " TICK_ROWS;

/* Up to so many accounts, from the one after last_id on, which moves. */
static int tick_some(struct pp_pg *pg, char last_id[static 64], int *count_out,
                     struct pp_err *err)
{
    const char *values[] = {last_id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, due_sql, 1, values, &rows, err);

    *count_out = result == 0 ? rows.count : 0;
    for (int i = 0; result == 0 && i < *count_out; i++) {
        snprintf(last_id, 64, "%s", pp_pg_text(&rows, i, 0));
        if (tick_account(pg, last_id, err) == 0)
            continue;
        if (err->kind == PP_ERR_AGAIN) {
            result = -1;
        } else {
            pp_error("capacity.undecided", "account=%s why=%s", last_id,
                     err->msg);
            *err = (struct pp_err){0};
        }
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_capacity_tick(struct pp_pg *pg, struct pp_err *err)
{
    char last_id[64] = "";
    int count;

    if (pp_pg_begin(pg, err) < 0)
        return -1;
    if (move_clock(pg, err) < 0) {
        pp_pg_rollback(pg);
        return -1;
    }
    if (pp_pg_commit(pg, err) < 0)
        return -1;
    do {
        if (tick_some(pg, last_id, &count, err) < 0)
            return -1;
    } while (count > 0);
    return 0;
}
