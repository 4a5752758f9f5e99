#include "batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pp_mem.h"

#define RECORD_BYTES ((size_t)256 << 20)
#define MS_A_DAY     INT64_C(86400000)
#define PARTITIONS   1024

struct row {
    struct row_identity identity;
    size_t at; /* of key, then value, then the site's id, in records */
    uint32_t key_n, value_n, site_n;
    int32_t month; /* with retention: the table's partition */
    uint16_t retention_days;
};

/* Stored; still to go; never to go. */
enum { STORED, OPEN, DENIED, REJECTED };

struct batch {
    struct native *block, *part; /* all rows, and those of one group */
    struct pp_buf records;
    struct row *rows;
    unsigned char *open; /* a byte a row */
    uint32_t *group;
    size_t count, capacity;
    int64_t day; /* the last one asked, and its month */
    int32_t month;
    int64_t last[PARTITIONS]; /* offset of the newest row, or -1 */
};

struct batch *batch_new(void)
{
    struct batch *batch = pp_calloc(1, sizeof(*batch));

    batch->block = row_block_new();
    batch->part = row_block_new();
    pp_buf_init(&batch->records, RECORD_BYTES);
    batch->day = INT64_MIN;
    memset(batch->last, -1, sizeof(batch->last));
    return batch;
}

void batch_free(struct batch **batch)
{
    if (!*batch)
        return;
    native_free(&(*batch)->block);
    native_free(&(*batch)->part);
    pp_buf_fini(&(*batch)->records);
    free((*batch)->rows);
    free((*batch)->open);
    free((*batch)->group);
    free(*batch);
    *batch = NULL;
}

void batch_reset(struct batch *batch)
{
    native_reset(batch->block);
    native_reset(batch->part);
    pp_buf_reset(&batch->records);
    batch->count = 0;
    memset(batch->last, -1, sizeof(batch->last));
}

/* As toYYYYMM(event_at) in the table's PARTITION BY. */
static int32_t month_of(struct batch *batch, int64_t at_ms)
{
    int64_t day = at_ms / MS_A_DAY - (at_ms % MS_A_DAY < 0);
    time_t second = day * (MS_A_DAY / 1000);
    struct tm date;

    if (day != batch->day) {
        gmtime_r(&second, &date);
        batch->day = day;
        batch->month = (date.tm_year + 1900) * 100 + date.tm_mon + 1;
    }
    return batch->month;
}

static void grow(struct batch *batch)
{
    batch->capacity = batch->capacity ? batch->capacity * 2 : 4096;
    batch->rows =
        pp_realloc(batch->rows, batch->capacity * sizeof(*batch->rows));
    batch->open = pp_realloc(batch->open, batch->capacity);
    batch->group =
        pp_realloc(batch->group, batch->capacity * sizeof(*batch->group));
}

void batch_put(struct batch *batch, const struct event *event,
               const struct row_identity *identity, struct pp_str key,
               struct pp_str value)
{
    if (batch->count == batch->capacity)
        grow(batch);
    row_put(batch->block, event, identity);
    batch->open[batch->count] = OPEN;
    batch->rows[batch->count++] = (struct row){
        .identity = *identity,
        .at = batch->records.n,
        .key_n = (uint32_t)key.n,
        .value_n = (uint32_t)value.n,
        .site_n = (uint32_t)event->site_id.n,
        .month = month_of(batch, event->event_at_ms),
        .retention_days = row_retention_days(event),
    };
    batch->last[identity->partition] = identity->offset;
    pp_buf_add_str(&batch->records, key);
    pp_buf_add_str(&batch->records, value);
    pp_buf_add_str(&batch->records, event->site_id);
}

size_t batch_rows(const struct batch *batch)
{
    return batch->count;
}

size_t batch_bytes(const struct batch *batch)
{
    return native_bytes(batch->block) + batch->records.n;
}

int64_t batch_last(const struct batch *batch, int32_t partition)
{
    for (size_t i = batch->count; i-- > 0 && batch->last[partition] >= 0;)
        if (batch->rows[i].identity.partition == partition &&
            batch->open[i] <= OPEN)
            return batch->rows[i].identity.offset;
    return -1;
}

/* --- what is still to be stored --------------------------------------------
 */

int batch_stored_order(const void *a, const void *b)
{
    const struct batch_stored *left = a, *right = b;

    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Those rows of the batch that stand in a list are in this state now. */
static void mark_listed(struct batch *batch, const struct batch_stored *list,
                        size_t count, unsigned char state)
{
    for (size_t i = 0; i < batch->count && count > 0; i++) {
        const struct row_identity *identity = &batch->rows[i].identity;
        const struct batch_stored wanted = {identity->partition,
                                            identity->offset};

        if (bsearch(&wanted, list, count, sizeof(*list), batch_stored_order))
            batch->open[i] = state;
    }
}

size_t batch_skip(struct batch *batch, const struct batch_stored *list,
                  size_t count)
{
    size_t twice = 0;

    for (size_t i = 1; i < count; i++)
        twice += batch_stored_order(&list[i - 1], &list[i]) == 0;
    mark_listed(batch, list, count, STORED);
    return twice;
}

void batch_skip_rejected(struct batch *batch, const struct batch_stored *list,
                         size_t count)
{
    mark_listed(batch, list, count, REJECTED);
}

void batch_reject(struct batch *batch, uint32_t row)
{
    batch->open[row] = REJECTED;
}

size_t batch_deny(struct batch *batch,
                  bool (*is_denied)(void *context, struct pp_str site_id),
                  void *context)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct row *row = &batch->rows[i];
        const struct pp_str site_id = {batch->records.p + row->at + row->key_n +
                                           row->value_n,
                                       row->site_n};

        if (batch->open[i] != OPEN || !is_denied(context, site_id))
            continue;
        batch->open[i] = DENIED;
        count++;
    }
    return count;
}

struct batch_group batch_next(struct batch *batch)
{
    struct batch_group group = {batch->group, 0};
    const struct row *first = NULL;

    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->open[i] != OPEN)
            continue;
        if (!first)
            first = &batch->rows[i];
        if (batch->rows[i].month == first->month &&
            batch->rows[i].retention_days == first->retention_days)
            batch->group[group.count++] = i;
    }
    return group;
}

struct native *batch_block(struct batch *batch, struct batch_group group)
{
    unsigned char *keep;

    if (group.count == batch->count)
        return batch->block;
    keep = pp_calloc(batch->count, 1);
    for (size_t i = 0; i < group.count; i++)
        keep[group.rows[i]] = 1;
    native_reset(batch->part);
    native_add_rows(batch->part, batch->block, keep);
    free(keep);
    return batch->part;
}

void batch_done(struct batch *batch, struct batch_group group)
{
    for (size_t i = 0; i < group.count; i++)
        batch->open[group.rows[i]] = STORED;
}

struct batch_record batch_record(const struct batch *batch, uint32_t row)
{
    const struct row *one = &batch->rows[row];
    const char *p = batch->records.p + one->at;

    return (struct batch_record){
        one->identity, {p, one->key_n}, {p + one->key_n, one->value_n}};
}
