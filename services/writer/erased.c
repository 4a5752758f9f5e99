#include "erased.h"

#include <stdio.h>
#include <stdlib.h>

#include "pp_log.h"
#include "pp_mem.h"
#include "pp_sites.h"
#include "pp_time.h"

#define POLL_MS     50
#define EACH_POLL   1000
#define FETCH_BYTES ((size_t)16 << 20)

struct erased {
    struct pp_sites *sites;
    struct pp_consumer *topic;
    const struct pp_registry *registry; /* the caller's */
};

static int read_to_the_end(struct erased *self, int wait_ms, struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();

    while (!pp_consumer_caught_up(self->topic)) {
        if (pp_sites_read(self->sites, self->topic, self->registry, POLL_MS,
                          err) < 0)
            return -1;
        if (pp_mono_ms(start, pp_mono_now()) > wait_ms)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "kafka: the sites are not read to their end");
    }
    return 0;
}

int erased_open(struct erased **erased_out,
                const struct pp_kafka_access *access, const char *prefix,
                const struct pp_registry *registry, int wait_ms,
                struct pp_err *err)
{
    struct erased *self = pp_calloc(1, sizeof(*self));
    char topic[200];
    const struct pp_consumer_options options = {
        .topic = topic,
        .batch_count = EACH_POLL,
        .fetch_bytes = FETCH_BYTES,
    };

    snprintf(topic, sizeof(topic), "%ssites.v1", prefix);
    *erased_out = self;
    self->sites = pp_sites_new();
    self->registry = registry;
    if (pp_consumer_open(&self->topic, access, &options, err) < 0 ||
        read_to_the_end(self, wait_ms, err) < 0) {
        erased_close(erased_out);
        return -1;
    }
    pp_info("sites.known", "count=%zu erased=%zu", pp_sites_count(self->sites),
            pp_sites_erased_count(self->sites));
    return 0;
}

void erased_close(struct erased **erased)
{
    if (!*erased)
        return;
    pp_consumer_close(&(*erased)->topic);
    pp_sites_free(&(*erased)->sites);
    free(*erased);
    *erased = NULL;
}

struct look {
    const struct pp_sites *sites;
    bool unread; /* a row's site may be erased, or not */
};

static bool is_erased(void *context, struct pp_str site_id)
{
    struct look *look = context;
    const struct pp_site *site = pp_sites_find(look->sites, site_id);

    if (!site)
        return false;
    if (site->unread && site->state != PP_SITE_ERASED)
        look->unread = true;
    return site->state == PP_SITE_ERASED;
}

int erased_deny(struct erased *erased, struct batch *batch, size_t *denied_out,
                struct pp_err *err)
{
    struct look look = {erased->sites, false};

    *denied_out = 0;
    if (pp_sites_read(erased->sites, erased->topic, erased->registry, 0, err) <
        0)
        return -1;
    if (pp_sites_erased_count(erased->sites) +
            pp_sites_unread_count(erased->sites) >
        0)
        *denied_out = batch_deny(batch, is_erased, &look);
    if (look.unread)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "a site is written with a schema that only a newer "
                          "program, or a registry, knows");
    return 0;
}
