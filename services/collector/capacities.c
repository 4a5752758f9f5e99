#include "capacities.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pp_log.h"
#include "pp_mem.h"

#include "capacity.h"

#define FIRST_ROOM ((size_t)1024) /* a power of two */

/* Open addressing, at most half full. */
struct capacities {
    struct capacities_entry *entries;
    size_t room;
    size_t count;
    size_t changed_count;
    bool counts_changes;
};

static uint64_t hash_of(struct pp_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

struct capacities *capacities_new(void)
{
    struct capacities *capacities = pp_calloc(1, sizeof(*capacities));

    capacities->room = FIRST_ROOM;
    capacities->entries = pp_calloc(FIRST_ROOM, sizeof(*capacities->entries));
    return capacities;
}

void capacities_free(struct capacities **capacities)
{
    if (!*capacities)
        return;
    free((*capacities)->entries);
    free(*capacities);
    *capacities = NULL;
}

static struct pp_str id_of(const struct capacities_entry *entry)
{
    return (struct pp_str){entry->account_id, entry->length};
}

/* Where the account is, or where it would go. */
static struct capacities_entry *find(const struct capacities *capacities,
                                     struct pp_str account_id)
{
    size_t at = (size_t)hash_of(account_id) & (capacities->room - 1);

    while (capacities->entries[at].length &&
           !pp_str_eq(id_of(&capacities->entries[at]), account_id))
        at = (at + 1) & (capacities->room - 1);
    return &capacities->entries[at];
}

static void grow(struct capacities *capacities)
{
    struct capacities_entry *old = capacities->entries;
    size_t old_room = capacities->room;

    capacities->room *= 2;
    capacities->entries = pp_calloc(capacities->room, sizeof(*old));
    for (size_t i = 0; i < old_room; i++)
        if (old[i].length)
            *find(capacities, id_of(&old[i])) = old[i];
    free(old);
}

static struct capacities_entry *entry_for(struct capacities *capacities,
                                          struct pp_str account_id)
{
    struct capacities_entry *entry = find(capacities, account_id);

    if (entry->length)
        return entry;
    if (capacities->count * 2 >= capacities->room) {
        grow(capacities);
        entry = find(capacities, account_id);
    }
    capacities->count++;
    *entry = (struct capacities_entry){.length = (unsigned char)account_id.n,
                                       .version = INT64_MIN};
    memcpy(entry->account_id, account_id.p, account_id.n);
    return entry;
}

static void change(struct capacities *capacities,
                   struct capacities_entry *entry)
{
    capacities->changed_count += !entry->changed;
    entry->changed = true;
}

int capacities_apply(struct capacities *capacities,
                     const struct pp_registry *registry, struct pp_str record,
                     struct pp_err *err)
{
    struct capacities_entry *entry;
    struct capacity capacity;
    uint64_t schema;

    if (pp_registry_get(registry, &record, &schema, err) < 0 ||
        capacity_decode(schema, record, &capacity, err) < 0)
        return -1;
    if (capacity.account_id.n == 0 ||
        capacity.account_id.n > CAPACITIES_ID_BYTES)
        return pp_err_set(err, PP_ERR_INVALID, "capacity: no account's id");
    entry = entry_for(capacities, capacity.account_id);
    if (capacity.version <= entry->version)
        return 0;
    entry->version = capacity.version;
    entry->state = (unsigned char)capacity.state;
    entry->blocked = capacity.blocked;
    entry->closed = capacity.closed;
    entry->reject_until_ms = capacity.reject_until_ms;
    if (capacities->counts_changes)
        change(capacities, entry);
    return 0;
}

/* Only a newer program can read what is newest: nobody is refused for what is
 * older. */
static void take_unread(struct capacities *capacities, struct pp_str account_id)
{
    struct capacities_entry *entry;

    if (account_id.n == 0 || account_id.n > CAPACITIES_ID_BYTES)
        return;
    entry = entry_for(capacities, account_id);
    entry->state = PP_CAPACITY_OK;
}

/* One that can't be read must not keep the others away. */
static void take(struct capacities *capacities,
                 const struct pp_message *message,
                 const struct pp_registry *registry)
{
    struct pp_err err = {0};

    /* A tombstone: a destroyed account has no site that takes hits. */
    if (!message->value.p ||
        capacities_apply(capacities, registry, message->value, &err) == 0)
        return;
    if (err.kind == PP_ERR_AGAIN)
        take_unread(capacities, message->key);
    pp_error("capacity.unreadable", "offset=%" PRId64 " why=%s",
             message->offset, err.msg);
}

int capacities_read(struct capacities *capacities, struct pp_consumer *consumer,
                    const struct pp_registry *registry, struct pp_err *err)
{
    struct pp_messages messages;

    do {
        if (pp_consumer_poll(consumer, &messages, 0, err) < 0)
            return -1;
        for (size_t i = 0; i < messages.count; i++)
            take(capacities, &messages.list[i], registry);
    } while (messages.count > 0);
    return 0;
}

enum pp_capacity_verdict capacities_judge(const struct capacities *capacities,
                                          struct pp_str account_id,
                                          int64_t now_ms, int64_t *until_out)
{
    const struct capacities_entry *entry = find(capacities, account_id);

    *until_out = entry->reject_until_ms;
    return pp_capacity_judge((enum pp_capacity_state)entry->state,
                             entry->blocked, entry->closed,
                             entry->reject_until_ms, now_ms);
}

bool capacities_has(const struct capacities *capacities,
                    struct pp_str account_id)
{
    return find(capacities, account_id)->length != 0;
}

size_t capacities_count(const struct capacities *capacities)
{
    return capacities->count;
}

void capacities_begin_changes(struct capacities *capacities)
{
    capacities->counts_changes = true;
}

size_t capacities_take_changes(struct capacities *capacities,
                               struct capacities_entry *entries_out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; count < max && capacities->changed_count > 0; i++) {
        struct capacities_entry *entry = &capacities->entries[i];

        if (!entry->changed)
            continue;
        entry->changed = false;
        capacities->changed_count--;
        entries_out[count++] = *entry;
    }
    return count;
}

void capacities_change_again(struct capacities *capacities,
                             const struct capacities_entry *entries,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        change(capacities, find(capacities, id_of(&entries[i])));
}
