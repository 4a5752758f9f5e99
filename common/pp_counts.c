#include "pp_counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pp_mem.h"
#include "pp_topics.h"

#include "counts.h"

#define SITE_BYTES   64
#define RECORD_BYTES ((size_t)4096)
#define MINUTE_MS    INT64_C(60000)

enum state { WAITS, ON_ITS_WAY, DELIVERED };

struct entry {
    char site_id[SITE_BYTES];
    uint8_t site_n;
    uint8_t state;
    uint32_t hash;
    int64_t minute_at_ms;
    const char *reason;
    int64_t n;
    int64_t sequence;
};

struct table {
    struct entry *entries;
    size_t count;
};

struct pp_counts {
    const char *stage;
    char instance[17];
    int64_t sequence; /* of the last record */
    size_t max;
    struct table open; /* is counted in */
    struct table told; /* was sent, and is not all delivered */
    size_t undelivered;
    uint32_t *slots; /* of open: 0: free; else an entry's number plus 1 */
    size_t slot_count;
    int64_t lost;
    struct pp_buf record;
};

static void instance_make(char instance[static 17])
{
    unsigned char random[8];

    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        abort();
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(instance + 2 * i, 3, "%02x", random[i]);
}

struct pp_counts *pp_counts_new(const char *stage, size_t max)
{
    struct pp_counts *counts = pp_calloc(1, sizeof(*counts));

    counts->stage = stage;
    counts->max = max;
    instance_make(counts->instance);
    counts->open.entries = pp_calloc(max, sizeof(struct entry));
    counts->told.entries = pp_calloc(max, sizeof(struct entry));
    for (counts->slot_count = 16; counts->slot_count < 2 * max;)
        counts->slot_count *= 2;
    counts->slots = pp_calloc(counts->slot_count, sizeof(*counts->slots));
    pp_buf_init(&counts->record, RECORD_BYTES);
    return counts;
}

void pp_counts_free(struct pp_counts **counts)
{
    if (!*counts)
        return;
    pp_buf_fini(&(*counts)->record);
    free((*counts)->slots);
    free((*counts)->told.entries);
    free((*counts)->open.entries);
    free(*counts);
    *counts = NULL;
}

/* --- counting --------------------------------------------------------------
 */

/* A reason is one text of a closed list, so that its place tells it. */
static uint32_t hash_of(struct pp_str site_id, int64_t minute_at_ms,
                        const char *reason)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < site_id.n; i++)
        hash = (hash ^ (unsigned char)site_id.p[i]) * UINT64_C(0x100000001b3);
    hash ^= (uint64_t)minute_at_ms ^ (uint64_t)(uintptr_t)reason << 20;
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(hash ^ hash >> 31);
}

/* The entry's slot, or the free one where it belongs. */
static uint32_t *slot_of(const struct pp_counts *counts, struct pp_str site_id,
                         int64_t minute_at_ms, const char *reason,
                         uint32_t hash)
{
    size_t i = hash & (counts->slot_count - 1);

    for (; counts->slots[i]; i = (i + 1) & (counts->slot_count - 1)) {
        const struct entry *entry = &counts->open.entries[counts->slots[i] - 1];

        if (entry->hash == hash && entry->minute_at_ms == minute_at_ms &&
            entry->reason == reason && entry->site_n == site_id.n &&
            (site_id.n == 0 ||
             memcmp(entry->site_id, site_id.p, site_id.n) == 0))
            break;
    }
    return &counts->slots[i];
}

/* False when there is no room for a new one. */
static bool add(struct pp_counts *counts, struct pp_str site_id, int64_t at_ms,
                const char *reason, int64_t n)
{
    int64_t minute_at_ms = at_ms - at_ms % MINUTE_MS;
    uint32_t hash = hash_of(site_id, minute_at_ms, reason);
    uint32_t *slot = slot_of(counts, site_id, minute_at_ms, reason, hash);
    struct entry *entry;

    if (*slot) {
        counts->open.entries[*slot - 1].n += n;
        return true;
    }
    if (counts->open.count == counts->max)
        return false;
    entry = &counts->open.entries[counts->open.count++];
    *entry = (struct entry){.site_n = (uint8_t)site_id.n,
                            .hash = hash,
                            .minute_at_ms = minute_at_ms,
                            .reason = reason,
                            .n = n};
    if (site_id.n)
        memcpy(entry->site_id, site_id.p, site_id.n);
    *slot = (uint32_t)counts->open.count;
    return true;
}

void pp_counts_add(struct pp_counts *counts, struct pp_str site_id,
                   int64_t at_ms, const char *reason, int64_t n)
{
    /* The last tenth is for those without a site. */
    bool is_full = counts->open.count >= counts->max - counts->max / 10;

    if (site_id.n > SITE_BYTES || is_full)
        site_id = (struct pp_str){NULL, 0};
    if (!add(counts, site_id, at_ms, reason, n))
        counts->lost += n;
}

bool pp_counts_is_empty(const struct pp_counts *counts)
{
    return counts->open.count == 0 && counts->undelivered == 0;
}

int64_t pp_counts_lost(const struct pp_counts *counts)
{
    return counts->lost;
}

/* --- telling ---------------------------------------------------------------
 */

static int send_entry(struct pp_counts *counts, struct entry *entry,
                      struct pp_producer *producer,
                      const struct pp_counts_way *way, struct pp_err *err)
{
    const struct counts row = {
        .instance = pp_str_of(counts->instance),
        .sequence = entry->sequence,
        .stage = pp_str_of(counts->stage),
        .site_id = {entry->site_id, entry->site_n},
        .minute_at_ms = entry->minute_at_ms,
        .reason = pp_str_of(entry->reason),
        .n = entry->n,
    };
    const struct pp_kafka_header headers[] = {
        {PP_TOPICS_HEADER, pp_str_of(way->epoch)}, {0}};
    struct pp_record record = {.topic = way->topic,
                               .key = row.site_id,
                               .headers = headers,
                               .tag = entry};

    pp_buf_reset(&counts->record);
    pp_registry_put(way->registry, COUNTS_FINGERPRINT, &counts->record);
    counts_encode(&row, &counts->record);
    record.value = pp_buf_str(&counts->record);
    if (pp_producer_send(producer, &record, err) < 0)
        return -1;
    entry->state = ON_ITS_WAY;
    return 0;
}

/* What is counted becomes what is told; then counting begins anew. */
static void turn_over(struct pp_counts *counts)
{
    struct table empty = counts->told;

    empty.count = 0;
    counts->told = counts->open;
    counts->open = empty;
    counts->undelivered = counts->told.count;
    memset(counts->slots, 0, counts->slot_count * sizeof(*counts->slots));
    for (size_t i = 0; i < counts->told.count; i++)
        counts->told.entries[i].sequence = ++counts->sequence;
}

int pp_counts_send(struct pp_counts *counts, struct pp_producer *producer,
                   const struct pp_counts_way *way, struct pp_err *err)
{
    if (counts->undelivered == 0)
        turn_over(counts);
    for (size_t i = 0; i < counts->told.count; i++)
        if (counts->told.entries[i].state == WAITS &&
            send_entry(counts, &counts->told.entries[i], producer, way, err) <
                0)
            return -1;
    return 0;
}

void pp_counts_delivered(void *context, void *record, const struct pp_err *err)
{
    struct pp_counts *counts = context;
    struct entry *entry = record;

    entry->state = err ? WAITS : DELIVERED;
    if (!err)
        counts->undelivered--;
}

void pp_counts_forget(struct pp_counts *counts)
{
    counts->told.count = counts->undelivered = 0;
    counts->open.count = 0;
    memset(counts->slots, 0, counts->slot_count * sizeof(*counts->slots));
}
