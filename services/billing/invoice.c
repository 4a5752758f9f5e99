#include "invoice.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_mem.h"

#define PATH_BYTES ((size_t)1024)

static void copy(char *to, size_t bytes, struct pp_str text)
{
    if (text.n < bytes)
        snprintf(to, bytes, "%.*s", PP_ARG(text));
}

bool invoice_read(struct pick from, const struct stripe_options *options,
                  struct invoice *out)
{
    struct pp_str id = pick_id(from);
    struct pp_str url = pick_text(pick_at(from, "hosted_invoice_url"));

    *out = (struct invoice){0};
    copy(out->status, sizeof(out->status), pick_text(pick_at(from, "status")));
    if (!notice_is_id(id) || !out->status[0])
        return false;
    copy(out->id, sizeof(out->id), id);
    copy(out->number, sizeof(out->number), pick_text(pick_at(from, "number")));
    copy(out->currency, sizeof(out->currency),
         pick_text(pick_at(from, "currency")));
    if (stripe_url_is_theirs(options, url))
        copy(out->url, sizeof(out->url), url);
    out->amount_due = pick_number(pick_at(from, "amount_due"));
    out->amount_paid = pick_number(pick_at(from, "amount_paid"));
    out->created_ms = pick_instant_ms(pick_at(from, "created"));
    out->period_start_ms = pick_instant_ms(pick_at(from, "period_start"));
    out->period_end_ms = pick_instant_ms(pick_at(from, "period_end"));
    return true;
}

int invoices_ask(struct sync *sync, const struct sync_answer *answer,
                 const struct stripe_options *options,
                 struct invoices *invoices_out, struct pp_err *err)
{
    struct stripe_answer stripe;
    struct pp_buf path;
    struct pick_list list;
    struct pick one;
    int result;

    invoices_out->count = 0;
    pp_buf_init(&path, PATH_BYTES);
    pp_buf_printf(&path, "/v1/invoices?limit=%d&customer=", INVOICES_MAX);
    stripe_path_add(&path, pp_str_of(answer->customer));
    pp_buf_add_byte(&path, '\0');
    result = stripe_get(sync->stripe, path.p, &stripe, err);
    pp_buf_fini(&path);
    if (result < 0)
        return -1;
    pick_list(pick_at(stripe.body, "data"), &list);
    while (invoices_out->count < INVOICES_MAX && pick_next(&list, &one))
        if (invoice_read(one, options, &invoices_out->all[invoices_out->count]))
            invoices_out->count++;
    return 0;
}

static int write_one(struct sync *sync, const struct sync_answer *answer,
                     const struct invoice *is, struct pp_err *err)
{
    const int64_t numbers[] = {is->amount_due,    is->amount_paid,
                               is->created_ms,    is->period_start_ms,
                               is->period_end_ms, answer->number};
    char texts[PP_COUNT(numbers)][24];
    const char *values[] = {
        is->id,       answer->account, answer->customer, is->number, is->status,
        is->currency, is->url,         texts[0],         texts[1],   texts[2],
        texts[3],     texts[4],        texts[5]};

    for (size_t i = 0; i < PP_COUNT(numbers); i++)
        snprintf(texts[i], sizeof(texts[i]), "%" PRId64, numbers[i]);
    return pp_pg_exec(
        sync->pg,
        "INSERT INTO billing_invoice AS i (invoice_id, account_id, "
        "customer_id, number, status, currency, page_url, amount_due, "
        "amount_paid, created_at, period_start, period_end, ask_number) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, pp_at($10), pp_at($11), "
        "pp_at($12), $13) ON CONFLICT (invoice_id) DO UPDATE SET number = "
        "EXCLUDED.number, status = EXCLUDED.status, currency = "
        "EXCLUDED.currency, page_url = EXCLUDED.page_url, amount_due = "
        "EXCLUDED.amount_due, amount_paid = EXCLUDED.amount_paid, created_at "
        "= EXCLUDED.created_at, period_start = EXCLUDED.period_start, "
        "period_end = EXCLUDED.period_end, ask_number = EXCLUDED.ask_number, "
        "fetched_at = pp_now() WHERE i.account_id = EXCLUDED.account_id AND "
        "i.ask_number < EXCLUDED.ask_number",
        (int)PP_COUNT(values), values, err);
}

int invoices_write(struct sync *sync, const struct sync_answer *answer,
                   const struct invoices *invoices, struct pp_err *err)
{
    for (int i = 0; i < invoices->count; i++)
        if (write_one(sync, answer, &invoices->all[i], err) < 0)
            return -1;
    return 0;
}
