#include "sites.h"

#include <stdlib.h>
#include <string.h>

#include "pp_avro.h"
#include "pp_mem.h"

#include "site.h"

#define FIRST_CAPACITY ((size_t)1024) /* a power of two */

/* Open addressing; entries own one block each, which holds their texts. */
struct sites {
    struct site_entry **slots;
    size_t capacity;
    size_t count;
};

static uint64_t hash_of(struct pp_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

struct sites *sites_new(void)
{
    struct sites *sites = pp_calloc(1, sizeof(*sites));

    sites->capacity = FIRST_CAPACITY;
    sites->slots = pp_calloc(sites->capacity, sizeof(struct site_entry *));
    return sites;
}

void sites_free(struct sites **sites)
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
static struct site_entry **slot_of(const struct sites *sites,
                                   struct pp_str site_id)
{
    size_t at = (size_t)hash_of(site_id) & (sites->capacity - 1);

    while (sites->slots[at] && !pp_str_eq(sites->slots[at]->site_id, site_id))
        at = (at + 1) & (sites->capacity - 1);
    return &sites->slots[at];
}

static void grow(struct sites *sites)
{
    struct site_entry **old = sites->slots;
    size_t old_capacity = sites->capacity;

    sites->capacity *= 2;
    sites->slots = pp_calloc(sites->capacity, sizeof(struct site_entry *));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i])
            *slot_of(sites, old[i]->site_id) = old[i];
    free(old);
}

static enum site_state state_of(enum site_status status)
{
    switch (status) {
    case SITE_STATUS_ACTIVE:
        return SITE_ACTIVE;
    case SITE_STATUS_PAUSED:
        return SITE_PAUSED;
    case SITE_STATUS_DELETED:
    case SITE_STATUS_ERASED:
        break;
    }
    return SITE_UNKNOWN;
}

static struct pp_str copy_to(char **to, struct pp_str text)
{
    struct pp_str copy = {*to, text.n};

    if (text.n)
        memcpy(*to, text.p, text.n);
    *to += text.n;
    return copy;
}

static struct site_entry *entry_new(const struct site *site)
{
    struct site_entry *entry = pp_malloc(sizeof(*entry) + site->site_id.n +
                                         site->account_id.n + site->origins.n);
    char *texts = (char *)(entry + 1);

    entry->state = state_of(site->status);
    entry->version = site->version;
    entry->retention_days = site->retention_days;
    entry->site_id = copy_to(&texts, site->site_id);
    entry->account_id = copy_to(&texts, site->account_id);
    entry->origins = copy_to(&texts, site->origins);
    return entry;
}

int sites_apply(struct sites *sites, const struct pp_registry *registry,
                struct pp_str record, struct pp_err *err)
{
    uint64_t schema;
    struct site_entry **slot;
    struct site site;

    if (pp_registry_get(registry, &record, &schema, err) < 0 ||
        site_decode(schema, record, &site, err) < 0)
        return -1;
    slot = slot_of(sites, site.site_id);
    if (*slot && (*slot)->version >= site.version)
        return 0;
    if (*slot) {
        free(*slot);
        *slot = entry_new(&site);
        return 0;
    }
    if (sites->count * 2 >= sites->capacity) {
        grow(sites);
        slot = slot_of(sites, site.site_id);
    }
    *slot = entry_new(&site);
    sites->count++;
    return 0;
}

const struct site_entry *sites_find(const struct sites *sites,
                                    struct pp_str site_id)
{
    return *slot_of(sites, site_id);
}

size_t sites_count(const struct sites *sites)
{
    return sites->count;
}

bool sites_allow(const struct site_entry *site, struct pp_str hostname)
{
    struct pp_str rest = site->origins, origin;

    if (pp_str_trim(rest).n == 0)
        return true;
    while (pp_str_split(&rest, ' ', &origin)) {
        if (origin.n == 0)
            continue;
        if (pp_str_eq_nocase(origin, hostname))
            return true;
        if (pp_str_starts(origin, PP_LIT("*.")) && hostname.n >= origin.n &&
            pp_str_eq_nocase(
                pp_str_sub(origin, 1, origin.n),
                pp_str_sub(hostname, hostname.n - origin.n + 1, origin.n)))
            return true;
    }
    return false;
}
