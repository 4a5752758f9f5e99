/*
 * Any bytes as the body of POST /v1/billing/checkout and /portal, as JSON and
 * as a form: refused with a reason, or a plan of some length and an interval,
 * or a flow, that there is. And as what the query of /v1/billing/usage says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "usage_range.h"
#include "wish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum web_result result, const struct wish *wish)
{
    if (result < 0 || result >= WEB_RESULTS ||
        (result != WEB_OK && web_result_status(result) / 100 != 4))
        abort();
    if (result != WEB_OK)
        return;
    if (strnlen(wish->plan, sizeof(wish->plan)) == sizeof(wish->plan) ||
        (wish->interval != PP_PLAN_MONTH && wish->interval != PP_PLAN_YEAR))
        abort();
}

static void check_flow(enum web_result result, enum wish_flow flow)
{
    if (result < 0 || result >= WEB_RESULTS ||
        (result != WEB_OK && web_result_status(result) / 100 != 4) ||
        flow < WISH_ANY || flow > WISH_PAYMENT)
        abort();
}

/* Three words of it: from, to, step. */
static void check_range(struct pp_str text)
{
    struct usage_query query = {0};
    struct usage_range range;
    int64_t days;

    (void)(pp_str_split(&text, ' ', &query.from) &&
           pp_str_split(&text, ' ', &query.to) &&
           pp_str_split(&text, ' ', &query.step));
    if (!usage_range_of(&query, 0, &range))
        return;
    days = range.to_day - range.from_day;
    if (days < 1 ||
        days > (range.by_hour ? USAGE_RANGE_HOURS : USAGE_RANGE_DAYS))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str body = {(const char *)data, size};
    enum wish_flow flow;
    struct wish wish;

    check(wish_of_json(body, &wish), &wish);
    check(wish_of_form(body, &wish), &wish);
    check_flow(wish_flow_of_json(body, &flow), flow);
    check_flow(wish_flow_of_form(body, &flow), flow);
    check_range(body);
    return 0;
}
