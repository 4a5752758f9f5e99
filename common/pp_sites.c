#include "pp_sites.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pp_avro.h"
#include "pp_log.h"
#include "pp_mem.h"

#include "site.h"

#define FIRST_CAPACITY ((size_t)1024) /* a power of two */

/* Open addressing; entries own one block each, which holds their texts. */
struct pp_sites {
    struct pp_site **slots;
    size_t capacity;
    size_t count, erased_count, unread_count;
};

static uint64_t hash_of(struct pp_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

struct pp_sites *pp_sites_new(void)
{
    struct pp_sites *sites = pp_calloc(1, sizeof(*sites));

    sites->capacity = FIRST_CAPACITY;
    sites->slots = pp_calloc(sites->capacity, sizeof(struct pp_site *));
    return sites;
}

void pp_sites_free(struct pp_sites **sites)
{
    if (!*sites)
        return;
    for (size_t i = 0; i < (*sites)->capacity; i++)
        free((*sites)->slots[i]);
    free((*sites)->slots);
    free(*sites);
    *sites = NULL;
}

/* Where the site is, or where it would go. */
static struct pp_site **slot_of(const struct pp_sites *sites,
                                struct pp_str site_id)
{
    size_t at = (size_t)hash_of(site_id) & (sites->capacity - 1);

    while (sites->slots[at] && !pp_str_eq(sites->slots[at]->site_id, site_id))
        at = (at + 1) & (sites->capacity - 1);
    return &sites->slots[at];
}

static void grow(struct pp_sites *sites)
{
    struct pp_site **old = sites->slots;
    size_t old_capacity = sites->capacity;

    sites->capacity *= 2;
    sites->slots = pp_calloc(sites->capacity, sizeof(struct pp_site *));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i])
            *slot_of(sites, old[i]->site_id) = old[i];
    free(old);
}

static enum pp_site_state state_of(enum site_status status)
{
    switch (status) {
    case SITE_STATUS_ACTIVE:
        return PP_SITE_ACTIVE;
    case SITE_STATUS_PAUSED:
        return PP_SITE_PAUSED;
    case SITE_STATUS_ERASED:
        return PP_SITE_ERASED;
    case SITE_STATUS_DELETED:
        break;
    }
    return PP_SITE_DELETED;
}

static struct pp_str copy_to(char **to, struct pp_str text)
{
    struct pp_str copy = {*to, text.n};

    if (text.n)
        memcpy(*to, text.p, text.n);
    *to += text.n;
    return copy;
}

static struct pp_site *entry_new(const struct site *site)
{
    struct pp_site *entry = pp_malloc(sizeof(*entry) + site->site_id.n +
                                      site->account_id.n + site->origins.n);
    char *texts = (char *)(entry + 1);

    entry->state = state_of(site->status);
    entry->unread = false;
    entry->version = site->version;
    entry->retention_days = site->retention_days;
    entry->site_id = copy_to(&texts, site->site_id);
    entry->account_id = copy_to(&texts, site->account_id);
    entry->origins = copy_to(&texts, site->origins);
    return entry;
}

/* The table is kept at most half full. */
static struct pp_site **slot_for(struct pp_sites *sites, struct pp_str site_id)
{
    struct pp_site **slot = slot_of(sites, site_id);

    if (*slot)
        return slot;
    if (sites->count * 2 >= sites->capacity) {
        grow(sites);
        slot = slot_of(sites, site_id);
    }
    sites->count++;
    return slot;
}

static bool may_replace(const struct pp_site *old, const struct site *site)
{
    return !old ||
           (old->state != PP_SITE_ERASED && old->version < site->version);
}

static void mark_unread(struct pp_sites *sites, struct pp_site *site,
                        bool unread)
{
    if (!site || site->unread == unread)
        return;
    site->unread = unread;
    if (unread)
        sites->unread_count++;
    else
        sites->unread_count--;
}

int pp_sites_apply(struct pp_sites *sites, const struct pp_registry *registry,
                   struct pp_str record, struct pp_err *err)
{
    uint64_t schema;
    struct pp_site **slot;
    struct site site;

    if (pp_registry_get(registry, &record, &schema, err) < 0 ||
        site_decode(schema, record, &site, err) < 0)
        return -1;
    slot = slot_for(sites, site.site_id);
    mark_unread(sites, *slot, false);
    if (!may_replace(*slot, &site))
        return 0;
    free(*slot);
    *slot = entry_new(&site);
    sites->erased_count += (*slot)->state == PP_SITE_ERASED;
    return 0;
}

/* Only its key is known. */
static void take_unread(struct pp_sites *sites, struct pp_str site_id)
{
    const struct site unknown = {.site_id = site_id,
                                 .version = INT64_MIN,
                                 .status = SITE_STATUS_DELETED};
    struct pp_site **slot = slot_for(sites, site_id);

    if (!*slot)
        *slot = entry_new(&unknown);
    mark_unread(sites, *slot, true);
}

/* One that can't be read must not keep the others away. */
static void take(struct pp_sites *sites, const struct pp_message *message,
                 const struct pp_registry *registry)
{
    struct pp_err err = {0};

    if (!message->value.p ||
        pp_sites_apply(sites, registry, message->value, &err) == 0)
        return;
    if (err.kind == PP_ERR_AGAIN)
        take_unread(sites, message->key);
    pp_error("site.unreadable", "offset=%" PRId64 " why=%s", message->offset,
             err.msg);
}

int pp_sites_read(struct pp_sites *sites, struct pp_consumer *consumer,
                  const struct pp_registry *registry, int wait_ms,
                  struct pp_err *err)
{
    struct pp_messages messages;

    do {
        if (pp_consumer_poll(consumer, &messages, wait_ms, err) < 0)
            return -1;
        for (size_t i = 0; i < messages.count; i++)
            take(sites, &messages.list[i], registry);
        wait_ms = 0;
    } while (messages.count > 0);
    return 0;
}

const struct pp_site *pp_sites_find(const struct pp_sites *sites,
                                    struct pp_str site_id)
{
    return *slot_of(sites, site_id);
}

size_t pp_sites_count(const struct pp_sites *sites)
{
    return sites->count;
}

size_t pp_sites_erased_count(const struct pp_sites *sites)
{
    return sites->erased_count;
}

size_t pp_sites_unread_count(const struct pp_sites *sites)
{
    return sites->unread_count;
}
