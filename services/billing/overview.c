#include "overview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_time.h"

/* --- JSON ------------------------------------------------------------------
 */

static void add_text(struct pp_buf *out, const char *name, const char *text)
{
    pp_buf_printf(out, ",\"%s\":", name);
    if (*text)
        pp_json_add_str(out, pp_str_of(text));
    else
        pp_buf_add_text(out, "null");
}

static void add_instant(struct pp_buf *out, const char *name, int64_t at_ms)
{
    char text[PP_WALL_TEXT_BYTES] = "";

    if (at_ms)
        pp_wall_text((struct pp_wall){at_ms}, text);
    add_text(out, name, text);
}

static void add_flag(struct pp_buf *out, const char *name, bool flag)
{
    pp_buf_printf(out, ",\"%s\":%s", name, flag ? "true" : "false");
}

/* Used against the limit, and what becomes of new events; from the number on.
 */
static void add_capacity(struct pp_buf *out, const struct overview *is)
{
    pp_buf_printf(out, "%" PRId64 ",\"limit\":", is->used);
    if (is->limit == PP_CAPACITY_UNLIMITED)
        pp_buf_add_text(out, "null");
    else
        pp_buf_printf(out, "%" PRId64, is->limit);
    add_instant(out, "window_start", is->window_start_ms);
    add_instant(out, "window_end", is->window_end_ms);
    add_text(out, "state", pp_capacity_state_name(is->state));
    add_instant(out, "grace_ends_at", is->grace_ends_at_ms);
    add_instant(out, "rejecting_since", is->rejecting_since_ms);
    add_instant(out, "reject_until", is->reject_until_ms);
    add_flag(out, "blocked", is->blocked);
}

void overview_billing_json(const struct overview *is, struct pp_buf *out)
{
    pp_buf_add_text(out, "{\"result\":\"ok\"");
    add_text(out, "account", is->account_id);
    add_text(out, "plan", is->plan_code);
    add_text(out, "plan_name", is->plan ? is->plan->display_name : "");
    add_text(out, "pending_plan", is->pending_plan);
    add_text(out, "status", is->status);
    add_instant(out, "period_start", is->period_start_ms);
    add_instant(out, "period_end", is->period_end_ms);
    add_flag(out, "cancel_at_period_end", is->cancels_at_period_end);
    add_instant(out, "cancel_at", is->cancel_at_ms);
    add_instant(out, "past_due_since", is->past_due_since_ms);
    add_flag(out, "payment_action", is->awaits_payer);
    pp_buf_add_text(out, ",\"usage\":{\"used\":");
    add_capacity(out, is);
    pp_buf_add_text(out, "}}");
}

static void add_refused(struct pp_buf *out, const struct overview *is)
{
    pp_buf_add_text(out, ",\"refused\":{");
    for (size_t i = 0; i < is->refused_count; i++) {
        if (i)
            pp_buf_add_byte(out, ',');
        pp_json_add_str(out, pp_str_of(is->refused[i].reason));
        pp_buf_printf(out, ":%" PRId64, is->refused[i].n);
    }
    pp_buf_add_byte(out, '}');
}

void overview_usage_json(const struct overview *is, struct pp_buf *out)
{
    pp_buf_add_text(out, "{\"result\":\"ok\"");
    add_text(out, "account", is->account_id);
    pp_buf_add_text(out, ",\"used\":");
    add_capacity(out, is);
    add_refused(out, is);
    pp_buf_add_byte(out, '}');
}

static void add_invoice(struct pp_buf *out, const struct overview_invoice *is)
{
    pp_buf_add_text(out, "{\"id\":");
    pp_json_add_str(out, pp_str_of(is->id));
    add_text(out, "number", is->number);
    add_text(out, "status", is->status);
    pp_buf_printf(out, ",\"amount_due\":%" PRId64 ",\"amount_paid\":%" PRId64,
                  is->amount_due, is->amount_paid);
    add_text(out, "currency", is->currency);
    add_instant(out, "created", is->created_ms);
    add_instant(out, "period_start", is->period_start_ms);
    add_instant(out, "period_end", is->period_end_ms);
    add_text(out, "url", is->url);
    pp_buf_add_byte(out, '}');
}

void overview_invoices_json(const struct overview *is, struct pp_buf *out)
{
    pp_buf_add_text(out, "{\"result\":\"ok\"");
    add_text(out, "account", is->account_id);
    pp_buf_add_text(out, ",\"invoices\":[");
    for (size_t i = 0; i < is->invoice_count; i++) {
        if (i)
            pp_buf_add_byte(out, ',');
        add_invoice(out, &is->invoices[i]);
    }
    pp_buf_add_text(out, "]}");
}

int overview_percent(const struct overview *is)
{
    if (is->limit == PP_CAPACITY_UNLIMITED)
        return 0;
    if (is->used >= is->limit)
        return 100;
    return is->used < 0 ? 0 : (int)((double)is->used * 100 / (double)is->limit);
}

/* --- what Postgres says ----------------------------------------------------
 */

static const char account_sql[] =
    "SELECT a.name, b.plan_code, coalesce(b.pending_plan_code, ''), "
    "b.stripe_customer_id IS NOT NULL, coalesce(b.subscription_status, ''), "
    "pp_ms(b.current_period_start), pp_ms(b.current_period_end), "
    "coalesce(b.cancel_at_period_end, false), pp_ms(b.cancel_at), "
    "pp_ms(b.anchor_at), pp_ms(pp_now()), pp_ms(c.window_start), "
    "pp_ms(c.window_end), coalesce(c.monthly_limit, 0), "
    "coalesce(c.state, 'ok'), a.blocked_at IS NOT NULL, "
    "pp_ms(c.grace_ends_at), pp_ms(c.reject_until), "
    "CASE WHEN c.state = 'rejecting' THEN pp_ms((SELECT max(at) FROM "
    "capacity_transition AS t WHERE t.account_id = a.account_id AND "
    "t.to_state = 'rejecting' AND t.from_state <> 'rejecting')) ELSE 0 END, "
    "c.account_id IS NOT NULL, pp_ms(b.past_due_since), "
    "b.action_required_at IS NOT NULL FROM account AS a JOIN billing_profile "
    "AS b "
    "USING (account_id) LEFT JOIN account_capacity AS c USING (account_id) "
    "WHERE a.account_id = $1";

static void copy(char *to, size_t bytes, const char *text)
{
    struct pp_str fits = pp_str_cut_utf8(pp_str_of(text), bytes - 1);

    memcpy(to, fits.p, fits.n);
    to[fits.n] = '\0';
}

static enum pp_capacity_state state_of(const char *name)
{
    return strcmp(name, "grace") == 0       ? PP_CAPACITY_GRACE
           : strcmp(name, "rejecting") == 0 ? PP_CAPACITY_REJECTING
                                            : PP_CAPACITY_OK;
}

static void take_subscription(const struct pp_pg_rows *rows,
                              struct overview *out)
{
    copy(out->name, sizeof(out->name), pp_pg_text(rows, 0, 0));
    copy(out->plan_code, sizeof(out->plan_code), pp_pg_text(rows, 0, 1));
    copy(out->pending_plan, sizeof(out->pending_plan), pp_pg_text(rows, 0, 2));
    out->has_customer = pp_pg_bool(rows, 0, 3);
    copy(out->status, sizeof(out->status), pp_pg_text(rows, 0, 4));
    out->period_start_ms = pp_pg_int64(rows, 0, 5);
    out->period_end_ms = pp_pg_int64(rows, 0, 6);
    out->cancels_at_period_end = pp_pg_bool(rows, 0, 7);
    out->cancel_at_ms = pp_pg_int64(rows, 0, 8);
    out->past_due_since_ms = pp_pg_int64(rows, 0, 20);
    out->awaits_payer = pp_pg_bool(rows, 0, 21);
}

/*
 * What was decided holds for its window; when that is over, or nothing was
 * decided yet, nobody is refused, and a window begins with the plan's limit.
 */
static void take_capacity(const struct pp_pg_rows *rows, struct overview *out)
{
    int64_t anchor_ms = pp_pg_int64(rows, 0, 9);

    out->now_ms = pp_pg_int64(rows, 0, 10);
    out->blocked = pp_pg_bool(rows, 0, 15);
    out->window_start_ms = pp_pg_int64(rows, 0, 11);
    out->window_end_ms = pp_pg_int64(rows, 0, 12);
    out->limit = pp_pg_int64(rows, 0, 13);
    if (!pp_pg_bool(rows, 0, 19))
        out->limit = out->plan ? out->plan->monthly_limit : 0;
    if (out->window_end_ms <= out->now_ms) {
        pp_capacity_window(anchor_ms, out->now_ms, &out->window_start_ms,
                           &out->window_end_ms);
        return;
    }
    out->state = state_of(pp_pg_text(rows, 0, 14));
    if (out->state == PP_CAPACITY_OK)
        return;
    out->grace_ends_at_ms = pp_pg_int64(rows, 0, 16);
    if (out->state == PP_CAPACITY_REJECTING) {
        out->reject_until_ms = pp_pg_int64(rows, 0, 17);
        out->rejecting_since_ms = pp_pg_int64(rows, 0, 18);
    }
}

static int read_account(struct pp_pg *pg, const struct pp_plans *plans,
                        struct overview *out, struct pp_err *err)
{
    const char *values[] = {out->account_id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, account_sql, 1, values, &rows, err);

    if (result == 0 && rows.count != 1)
        result = pp_err_set(err, PP_ERR_INVALID, "there is no account %s",
                            out->account_id);
    if (result == 0) {
        take_subscription(&rows, out);
        out->plan = pp_plans_find(plans, pp_str_of(out->plan_code));
        take_capacity(&rows, out);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* Used, and what was not accepted, of the window. */
static int read_usage(struct pp_pg *pg, struct overview *out,
                      struct pp_err *err)
{
    char start[24], end[24];
    const char *values[] = {out->account_id, start, end};
    struct pp_pg_rows rows;
    int result;

    snprintf(start, sizeof(start), "%" PRId64, out->window_start_ms);
    snprintf(end, sizeof(end), "%" PRId64, out->window_end_ms);
    result = pp_pg_query(
        pg,
        "SELECT '', usage_of($1, pp_at($2::bigint), pp_at($3::bigint)) UNION "
        "ALL (SELECT reason, sum(r.n)::bigint FROM usage_refused AS r JOIN "
        "site USING (site_id) WHERE account_id = $1 AND hour_at >= "
        "date_trunc('hour', pp_at($2::bigint)) AND hour_at < "
        "pp_at($3::bigint) GROUP BY 1 HAVING sum(r.n) <> 0 ORDER BY 2 DESC, 1)",
        3, values, &rows, err);
    for (int i = 0; result == 0 && i < rows.count; i++) {
        if (pp_pg_text(&rows, i, 0)[0] == '\0') {
            out->used = pp_pg_int64(&rows, i, 1);
        } else if (out->refused_count < OVERVIEW_REASONS) {
            struct overview_refused *row = &out->refused[out->refused_count++];

            copy(row->reason, sizeof(row->reason), pp_pg_text(&rows, i, 0));
            row->n = pp_pg_int64(&rows, i, 1);
        }
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static void take_invoice(const struct pp_pg_rows *rows, int row,
                         struct overview_invoice *out)
{
    copy(out->id, sizeof(out->id), pp_pg_text(rows, row, 0));
    copy(out->number, sizeof(out->number), pp_pg_text(rows, row, 1));
    copy(out->status, sizeof(out->status), pp_pg_text(rows, row, 2));
    copy(out->currency, sizeof(out->currency), pp_pg_text(rows, row, 3));
    copy(out->url, sizeof(out->url), pp_pg_text(rows, row, 4));
    out->amount_due = pp_pg_int64(rows, row, 5);
    out->amount_paid = pp_pg_int64(rows, row, 6);
    out->created_ms = pp_pg_int64(rows, row, 7);
    out->period_start_ms = pp_pg_int64(rows, row, 8);
    out->period_end_ms = pp_pg_int64(rows, row, 9);
}

static int read_invoices(struct pp_pg *pg, struct overview *out,
                         struct pp_err *err)
{
    const char *values[] = {out->account_id};
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        pg,
        "SELECT invoice_id, number, status, currency, page_url, amount_due, "
        "amount_paid, pp_ms(created_at), pp_ms(period_start), "
        "pp_ms(period_end) FROM billing_invoice WHERE account_id = $1 AND "
        "status <> 'draft' ORDER BY created_at DESC, invoice_id DESC LIMIT 12",
        1, values, &rows, err);

    for (int i = 0; result == 0 && i < rows.count &&
                    out->invoice_count < OVERVIEW_INVOICES;
         i++)
        take_invoice(&rows, i, &out->invoices[out->invoice_count++]);
    pp_pg_rows_fini(&rows);
    return result;
}

int overview_read(struct pp_pg *pg, const struct pp_plans *plans,
                  const char *account_id, struct overview *out,
                  struct pp_err *err)
{
    *out = (struct overview){0};
    copy(out->account_id, sizeof(out->account_id), account_id);
    if (read_account(pg, plans, out, err) < 0)
        return -1;
    if (read_usage(pg, out, err) < 0)
        return -1;
    return read_invoices(pg, out, err);
}
