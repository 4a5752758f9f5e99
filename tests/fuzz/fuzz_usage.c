/*
 * Any bytes as the texts of a record of `counts` and of an event: what is taken
 * of them stands in an SQL array without being able to end it.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#include "buckets.h"
#include "refusals.h"

#define TEXTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One record: as many commas and quotes as it has of its own. */
static void check_column(const char *text, bool quoted)
{
    size_t n = strlen(text);

    if (text[0] != '{' || text[n - 1] != '}')
        abort();
    if (quoted && (text[1] != '"' || text[n - 2] != '"'))
        abort();
    for (size_t i = quoted ? 2 : 1; i < n - (quoted ? 2 : 1); i++)
        if (strchr("\",{}\\", text[i]))
            abort();
}

static void check_refusals(const struct pp_str *texts, int64_t at_ms, int64_t n)
{
    const struct counts counts = {.instance = texts[0],
                                  .stage = texts[1],
                                  .site_id = texts[2],
                                  .reason = texts[3],
                                  .minute_at_ms = at_ms,
                                  .n = n};
    const char *values[REFUSALS_COLUMNS];
    struct refusals refusals;

    refusals_init(&refusals);
    if (refusals_add(&refusals, &counts, at_ms)) {
        refusals_end(&refusals, values);
        for (size_t i = 0; i < REFUSALS_COLUMNS; i++)
            check_column(values[i],
                         i == REFUSALS_INSTANCE || i == REFUSALS_SITE ||
                             i == REFUSALS_STAGE || i == REFUSALS_REASON);
    }
    refusals_fini(&refusals);
}

static void check_buckets(const struct pp_str *texts, int64_t at_ms)
{
    const struct event event = {
        .account_id = texts[0], .site_id = texts[1], .received_at_ms = at_ms};
    struct buckets *buckets = buckets_new();

    if (buckets_add(buckets, &event)) {
        struct bucket one = buckets_at(buckets, 0);

        if (!pp_str_eq(one.account_id, texts[0]) ||
            !pp_str_eq(one.site_id, texts[1]) || one.at_ms > at_ms ||
            at_ms - one.at_ms >= BUCKET_MS)
            abort();
        for (size_t i = 0; i < one.site_id.n; i++)
            if (!one.site_id.p[i] || strchr("\",{}\\", one.site_id.p[i]))
                abort();
    }
    buckets_free(&buckets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str rest = {(const char *)data, size}, texts[TEXTS] = {{NULL, 0}};
    int64_t numbers[2];

    if (size < sizeof(numbers))
        return 0;
    memcpy(numbers, data, sizeof(numbers));
    rest = pp_str_sub(rest, sizeof(numbers), size);
    for (size_t i = 0; i < TEXTS; i++)
        if (!pp_str_split(&rest, '|', &texts[i]))
            break;
    check_refusals(texts, numbers[0], numbers[1]);
    check_buckets(texts, numbers[0]);
    return 0;
}
