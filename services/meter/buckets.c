#include "buckets.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

/* Years 2000 to 2100: whatever lies outside is nobody's clock. */
#define FIRST_MS INT64_C(946684800000)
#define LAST_MS  INT64_C(4102444800000)

/* A bucket as it is kept: its two ids stand in the texts, one behind the
 * other. */
struct entry {
    int64_t at_ms, n;
    uint32_t text;
    uint32_t hash;
    uint8_t account_n, site_n;
    uint8_t kind;
    bool bot;
};

struct buckets {
    struct entry *entries;
    size_t count, room;
    char *texts;
    size_t texts_n, texts_room;
    uint32_t *slots; /* 0: free; else an entry's number plus 1 */
    size_t slot_count;
};

static void slots_make(struct buckets *buckets, size_t count)
{
    free(buckets->slots);
    buckets->slots = pp_calloc(count, sizeof(*buckets->slots));
    buckets->slot_count = count;
}

struct buckets *buckets_new(void)
{
    struct buckets *buckets = pp_calloc(1, sizeof(*buckets));

    slots_make(buckets, 1024);
    return buckets;
}

void buckets_free(struct buckets **buckets)
{
    if (!*buckets)
        return;
    free((*buckets)->slots);
    free((*buckets)->texts);
    free((*buckets)->entries);
    free(*buckets);
    *buckets = NULL;
}

bool bucket_id_is_plain(struct pp_str id)
{
    if (id.n == 0 || id.n > BUCKET_ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static uint64_t mix(uint64_t hash, struct pp_str text)
{
    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* FNV-1a over the ids, then SplitMix64's finisher over all of it. */
static uint32_t hash_of(const struct bucket *key)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), key->account_id);

    hash = mix(hash * 31, key->site_id);
    hash ^= (uint64_t)key->at_ms * 8 + (uint64_t)key->kind * 2 + key->bot;
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(hash >> 32);
}

static bool is_it(const struct buckets *buckets, const struct entry *entry,
                  const struct bucket *key, uint32_t hash)
{
    const char *text = buckets->texts + entry->text;

    return entry->hash == hash && entry->at_ms == key->at_ms &&
           entry->kind == (uint8_t)key->kind && entry->bot == key->bot &&
           entry->account_n == key->account_id.n &&
           entry->site_n == key->site_id.n &&
           memcmp(text, key->account_id.p, key->account_id.n) == 0 &&
           memcmp(text + entry->account_n, key->site_id.p, key->site_id.n) == 0;
}

/* The slot of the bucket, or the free one where it belongs. */
static uint32_t *slot_of(const struct buckets *buckets,
                         const struct bucket *key, uint32_t hash)
{
    size_t i = hash & (buckets->slot_count - 1);

    while (buckets->slots[i] &&
           !is_it(buckets, &buckets->entries[buckets->slots[i] - 1], key, hash))
        i = (i + 1) & (buckets->slot_count - 1);
    return &buckets->slots[i];
}

static void slots_double(struct buckets *buckets)
{
    slots_make(buckets, buckets->slot_count * 2);
    for (size_t e = 0; e < buckets->count; e++) {
        size_t i = buckets->entries[e].hash & (buckets->slot_count - 1);

        while (buckets->slots[i])
            i = (i + 1) & (buckets->slot_count - 1);
        buckets->slots[i] = (uint32_t)e + 1;
    }
}

static uint32_t text_add(struct buckets *buckets, const struct bucket *key)
{
    size_t n = key->account_id.n + key->site_id.n, at = buckets->texts_n;

    if (at + n > buckets->texts_room) {
        buckets->texts_room = (at + n) * 2;
        buckets->texts = pp_realloc(buckets->texts, buckets->texts_room);
    }
    memcpy(buckets->texts + at, key->account_id.p, key->account_id.n);
    memcpy(buckets->texts + at + key->account_id.n, key->site_id.p,
           key->site_id.n);
    buckets->texts_n += n;
    return (uint32_t)at;
}

static struct entry *entry_add(struct buckets *buckets,
                               const struct bucket *key, uint32_t hash)
{
    struct entry *entry;

    if (buckets->count == buckets->room) {
        buckets->room = buckets->room ? buckets->room * 2 : 1024;
        buckets->entries =
            pp_realloc(buckets->entries, buckets->room * sizeof(*entry));
    }
    entry = &buckets->entries[buckets->count++];
    *entry = (struct entry){
        .at_ms = key->at_ms,
        .text = text_add(buckets, key),
        .hash = hash,
        .account_n = (uint8_t)key->account_id.n,
        .site_n = (uint8_t)key->site_id.n,
        .kind = (uint8_t)key->kind,
        .bot = key->bot,
    };
    return entry;
}

bool buckets_add(struct buckets *buckets, const struct event *event)
{
    const struct bucket key = {
        .account_id = event->account_id,
        .site_id = event->site_id,
        .at_ms = event->received_at_ms - event->received_at_ms % BUCKET_MS,
        .kind = event->kind,
        .bot = event->bot,
    };
    uint32_t hash, *slot;

    if (event->received_at_ms < FIRST_MS || event->received_at_ms >= LAST_MS ||
        !bucket_id_is_plain(key.account_id) || !bucket_id_is_plain(key.site_id))
        return false;
    hash = hash_of(&key);
    slot = slot_of(buckets, &key, hash);
    if (*slot) {
        buckets->entries[*slot - 1].n++;
        return true;
    }
    entry_add(buckets, &key, hash)->n = 1;
    *slot = (uint32_t)buckets->count;
    if (buckets->count * 2 > buckets->slot_count)
        slots_double(buckets);
    return true;
}

size_t buckets_count(const struct buckets *buckets)
{
    return buckets->count;
}

struct bucket buckets_at(const struct buckets *buckets, size_t i)
{
    const struct entry *entry = &buckets->entries[i];
    const char *text = buckets->texts + entry->text;

    return (struct bucket){
        .account_id = {text, entry->account_n},
        .site_id = {text + entry->account_n, entry->site_n},
        .at_ms = entry->at_ms,
        .kind = (enum event_kind)entry->kind,
        .bot = entry->bot,
        .n = entry->n,
    };
}

void buckets_reset(struct buckets *buckets)
{
    buckets->count = buckets->texts_n = 0;
    memset(buckets->slots, 0, buckets->slot_count * sizeof(*buckets->slots));
}
