/*
 * Any bytes as the body of POST /v1/billing/checkout, as JSON and as a form:
 * refused with a reason, or a plan of some length and an interval there is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str body = {(const char *)data, size};
    struct wish wish;

    check(wish_of_json(body, &wish), &wish);
    check(wish_of_form(body, &wish), &wish);
    if (wish_nothing(body) == WEB_OK && size > WISH_BODY_BYTES)
        abort();
    return 0;
}
