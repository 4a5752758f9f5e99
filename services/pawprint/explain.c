#include "explain.h"

#include <inttypes.h>
#include <string.h>

#include "pp_time.h"

static void at(struct pp_buf *out, int64_t at_ms)
{
    char text[PP_WALL_TEXT_BYTES];

    pp_wall_text((struct pp_wall){at_ms}, text);
    pp_buf_printf(out, "%.10s %.5s UTC", text, text + 11);
}

static void usage(const struct explained *is, struct pp_buf *out)
{
    const struct pp_capacity *capacity = &is->capacity;

    pp_buf_printf(out,
                  "%" PRId64 " of %" PRId64
                  " events (plan %s) are used in the window from ",
                  is->used, capacity->limit, is->plan);
    at(out, capacity->window_start_ms);
    pp_buf_add_text(out, " to ");
    at(out, capacity->window_end_ms);
}

static void refused(const struct explained *is, struct pp_buf *out)
{
    pp_buf_add_text(out, "answered 402 capacity_exhausted until ");
    at(out, is->capacity.reject_until_ms);
    pp_buf_add_text(out, ": ");
    usage(is, out);
    pp_buf_add_text(out, ", and the grace ended ");
    at(out, is->capacity.grace_ends_at_ms);
    pp_buf_add_text(out, ". A larger plan, an override or a credit has them "
                         "taken again within two seconds.");
}

static void in_grace(const struct explained *is, struct pp_buf *out)
{
    pp_buf_add_text(out, "taken, in grace: ");
    usage(is, out);
    if (is->capacity.grace_ends_at_ms == 0) {
        pp_buf_add_text(out, ". The grace begins when the mail about it was "
                             "handed over, at the latest a day after ");
        at(out, is->capacity.detected_at_ms);
    } else if (is->now_ms >= is->capacity.grace_ends_at_ms) {
        pp_buf_add_text(out, ". The grace ended ");
        at(out, is->capacity.grace_ends_at_ms);
        pp_buf_add_text(out,
                        "; they are refused once a fresh count confirms it");
    } else {
        pp_buf_add_text(out, ". They are refused from ");
        at(out, is->capacity.grace_ends_at_ms);
        pp_buf_add_text(out, " on, unless usage is below the limit by then");
    }
    pp_buf_add_text(out, ".");
}

static void within(const struct explained *is, struct pp_buf *out)
{
    if (!is->is_decided) {
        pp_buf_add_text(out, "taken: nothing was counted of the account yet.");
        return;
    }
    pp_buf_add_text(out, "taken: ");
    if (is->capacity.limit == PP_CAPACITY_UNLIMITED)
        pp_buf_printf(out, "plan %s or an override has no limit", is->plan);
    else
        usage(is, out);
    pp_buf_add_text(out, ".");
}

void explain(const struct explained *is, struct pp_buf *out)
{
    const struct pp_capacity *capacity = &is->capacity;

    pp_buf_printf(out, "Hits of %s %s are ", is->site ? "site" : "account",
                  is->site ? is->site : is->account);
    if (is->site && strcmp(is->site_status, "active") != 0) {
        pp_buf_printf(out, "answered 404 unknown_site: the site is %s.",
                      is->site_status);
        return;
    }
    switch (pp_capacity_judge(capacity->state, capacity->blocked,
                              capacity->closed, capacity->reject_until_ms,
                              is->now_ms)) {
    case PP_CAPACITY_CLOSED:
        pp_buf_printf(out, "answered 404 unknown_site: account %s is closed.",
                      is->account);
        break;
    case PP_CAPACITY_BLOCKED:
        pp_buf_printf(out,
                      "answered 403 account_blocked: staff blocked account %s "
                      "(%s).",
                      is->account, is->blocked_reason);
        break;
    case PP_CAPACITY_EXHAUSTED:
        refused(is, out);
        break;
    case PP_CAPACITY_TAKE:
        if (capacity->state == PP_CAPACITY_GRACE)
            in_grace(is, out);
        else
            within(is, out);
        break;
    }
}
