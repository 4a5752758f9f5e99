#include "known.h"

#include <inttypes.h>
#include <stdio.h>

#include "pp_log.h"
#include "pp_metrics.h"
#include "pp_topics.h"

#define EACH_POLL   1000
#define FETCH_BYTES ((size_t)16 << 20)

/* A hit of an unknown capacity is taken; but that of a refused account should
 * not be, only because a collector starts. */
#define CAPACITY_WAIT_MS 3000

static struct pp_gauge sites_known =
    PP_GAUGE("pawprint_collector_sites", "sites in memory");
static struct pp_gauge capacities_in_memory = PP_GAUGE(
    "pawprint_collector_capacities", "accounts whose capacity is in memory");

void known_metrics_add(void)
{
    pp_metrics_add(&sites_known.metric);
    pp_metrics_add(&capacities_in_memory.metric);
}

static int open_topic(struct pp_consumer **consumer,
                      const struct pp_kafka_access *kafka, const char *prefix,
                      const char *name, struct pp_err *err)
{
    char topic[200];
    const struct pp_consumer_options options = {
        .topic = topic,
        .batch_count = EACH_POLL,
        .fetch_bytes = FETCH_BYTES,
    };

    snprintf(topic, sizeof(topic), "%s%s", prefix, name);
    return pp_consumer_open(consumer, kafka, &options, err);
}

int known_open(struct known *self, const struct pp_kafka_access *kafka,
               const char *topic_prefix, const struct pp_registry *registry,
               struct pp_err *err)
{
    self->registry = registry;
    self->sites = pp_sites_new();
    self->capacities = capacities_new();
    if (open_topic(&self->sites_topic, kafka, topic_prefix, "sites.v1", err) <
        0)
        return -1;
    if (open_topic(&self->capacity_topic, kafka, topic_prefix, "capacity.v1",
                   err) < 0)
        return -1;
    return open_topic(&self->schemas_topic, kafka, topic_prefix, "schemas.v1",
                      err);
}

void known_close(struct known *self)
{
    pp_consumer_close(&self->schemas_topic);
    pp_consumer_close(&self->capacity_topic);
    pp_consumer_close(&self->sites_topic);
    capacities_free(&self->capacities);
    pp_sites_free(&self->sites);
}

static void sites_wait(void *context)
{
    struct known *self = context;
    struct pp_err err = {0};

    if (pp_sites_read(self->sites, self->sites_topic, self->registry, 0, &err) <
        0)
        self->trouble = err;
    pp_gauge_set(&sites_known, (int64_t)pp_sites_count(self->sites));
}

static void capacity_wait(void *context)
{
    struct known *self = context;
    struct pp_err err = {0};

    if (capacities_read(self->capacities, self->capacity_topic, self->registry,
                        &err) < 0)
        self->trouble = err;
    pp_gauge_set(&capacities_in_memory,
                 (int64_t)capacities_count(self->capacities));
}

/* Without its epoch a hit could not be told from another. */
static void schemas_wait(void *context)
{
    struct known *self = context;
    struct pp_messages messages;
    struct pp_err err = {0};
    int64_t epoch;

    do {
        if (pp_consumer_poll(self->schemas_topic, &messages, 0, &err) < 0) {
            self->trouble = err;
            return;
        }
        if (pp_topics_take(&messages, "hits.v1", &epoch))
            snprintf(self->epoch, sizeof(self->epoch), "%" PRId64, epoch);
        if (pp_topics_take(&messages, "counts.v1", &epoch))
            snprintf(self->counts_epoch, sizeof(self->counts_epoch), "%" PRId64,
                     epoch);
    } while (messages.count > 0);
}

int known_watch(struct known *self, struct pp_http *http, struct pp_err *err)
{
    if (pp_http_watch(http, pp_consumer_fd(self->sites_topic), sites_wait, self,
                      err) < 0)
        return -1;
    if (pp_http_watch(http, pp_consumer_fd(self->capacity_topic), capacity_wait,
                      self, err) < 0)
        return -1;
    return pp_http_watch(http, pp_consumer_fd(self->schemas_topic),
                         schemas_wait, self, err);
}

static void judge(struct known *self)
{
    if (!self->capacities_known &&
        pp_consumer_caught_up(self->capacity_topic)) {
        self->capacities_known = true;
        capacities_begin_changes(self->capacities);
        pp_info("capacity.known", "accounts=%zu",
                capacities_count(self->capacities));
    }
    if (self->ready || !self->epoch[0] ||
        !pp_consumer_caught_up(self->sites_topic))
        return;
    if (self->waits_since.ns == 0)
        self->waits_since = pp_mono_now();
    if (!self->capacities_known &&
        pp_mono_ms(self->waits_since, pp_mono_now()) < CAPACITY_WAIT_MS)
        return;
    if (!self->capacities_known)
        pp_error("capacity.unknown", "everything is taken until it is read");
    self->ready = true;
    pp_info("sites.known", "count=%zu", pp_sites_count(self->sites));
}

int known_read(struct known *self, struct pp_err *err)
{
    struct pp_err trouble;

    sites_wait(self);
    capacity_wait(self);
    schemas_wait(self);
    trouble = self->trouble;
    self->trouble = (struct pp_err){0};
    if (trouble.kind == PP_ERR_FATAL) {
        *err = trouble;
        return -1;
    }
    if (trouble.kind != PP_ERR_NONE)
        pp_warn("kafka.trouble", "why=%s", trouble.msg);
    judge(self);
    return 0;
}
