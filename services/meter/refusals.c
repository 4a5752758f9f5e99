#include "refusals.h"

#include <inttypes.h>

#include "buckets.h"

#define COLUMN_BYTES ((size_t)4 << 20)
#define HOUR_MS      INT64_C(3600000)
#define FIRST_MS     INT64_C(946684800000)  /* 2000 */
#define LAST_MS      INT64_C(4102444800000) /* 2100 */

void refusals_init(struct refusals *refusals)
{
    *refusals = (struct refusals){.count = 0};
    for (size_t i = 0; i < REFUSALS_COLUMNS; i++)
        pp_buf_init(&refusals->columns[i], COLUMN_BYTES);
}

void refusals_fini(struct refusals *refusals)
{
    for (size_t i = 0; i < REFUSALS_COLUMNS; i++)
        pp_buf_fini(&refusals->columns[i]);
}

static bool is_time(int64_t ms)
{
    return ms >= FIRST_MS && ms < LAST_MS;
}

/* An empty text needs its quotes in an array. */
static void add_text(struct refusals *refusals, size_t column,
                     struct pp_str text)
{
    pp_buf_printf(&refusals->columns[column], "%c\"%.*s\"",
                  refusals->count ? ',' : '{', PP_ARG(text));
}

static void add_number(struct refusals *refusals, size_t column, int64_t number)
{
    pp_buf_printf(&refusals->columns[column], "%c%" PRId64,
                  refusals->count ? ',' : '{', number);
}

bool refusals_add(struct refusals *refusals, const struct counts *counts,
                  int64_t told_at_ms)
{
    if (!bucket_id_is_plain(counts->instance) ||
        !bucket_id_is_plain(counts->stage) ||
        !bucket_id_is_plain(counts->reason) || counts->n <= 0 ||
        (counts->site_id.n && !bucket_id_is_plain(counts->site_id)) ||
        !is_time(counts->minute_at_ms) || !is_time(told_at_ms))
        return false;
    add_text(refusals, REFUSALS_INSTANCE, counts->instance);
    add_number(refusals, REFUSALS_SEQUENCE, counts->sequence);
    add_number(refusals, REFUSALS_TOLD, told_at_ms / 1000);
    add_text(refusals, REFUSALS_SITE, counts->site_id);
    add_number(refusals, REFUSALS_HOUR,
               (counts->minute_at_ms - counts->minute_at_ms % HOUR_MS) / 1000);
    add_text(refusals, REFUSALS_STAGE, counts->stage);
    add_text(refusals, REFUSALS_REASON, counts->reason);
    add_number(refusals, REFUSALS_N, counts->n);
    refusals->count++;
    return true;
}

void refusals_end(struct refusals *refusals,
                  const char *values[static REFUSALS_COLUMNS])
{
    for (size_t i = 0; i < REFUSALS_COLUMNS; i++) {
        if (!refusals->ended) {
            pp_buf_add_text(&refusals->columns[i],
                            refusals->count ? "}" : "{}");
            pp_buf_add_byte(&refusals->columns[i], '\0');
        }
        values[i] = refusals->columns[i].p;
    }
    refusals->ended = true;
}

void refusals_reset(struct refusals *refusals)
{
    for (size_t i = 0; i < REFUSALS_COLUMNS; i++)
        pp_buf_reset(&refusals->columns[i]);
    refusals->count = 0;
    refusals->ended = false;
}
