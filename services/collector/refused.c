#include "refused.h"

#include <stdio.h>

#include "pp_log.h"
#include "pp_metrics.h"

#define EACH_MS     5000
#define COUNTS_MAX  10000 /* sites, minutes and reasons at once */
#define TIMEOUT_MS  30000
#define QUEUE_BYTES ((size_t)4 << 20)
#define STOP_MS     2000

static struct pp_gauge uncounted =
    PP_GAUGE("pawprint_collector_uncounted_hits",
             "refused hits that no count tells of, since the start");

void refused_metrics_add(void)
{
    pp_metrics_add(&uncounted.metric);
}

int refused_open(struct refused *self, const struct pp_kafka_access *kafka,
                 const char *topic_prefix, const struct pp_registry *registry,
                 struct pp_err *err)
{
    struct pp_producer_options producing = {
        .linger_ms = 50,
        .timeout_ms = TIMEOUT_MS,
        .queue_bytes = QUEUE_BYTES,
        .delivered = pp_counts_delivered,
    };

    snprintf(self->topic, sizeof(self->topic), "%scounts.v1", topic_prefix);
    self->registry = registry;
    self->counts = pp_counts_new("collector", COUNTS_MAX);
    self->told = pp_mono_now();
    producing.context = self->counts;
    return pp_producer_open(&self->producer, kafka, &producing, err);
}

void refused_add(struct refused *self, struct pp_str site_id,
                 enum result result)
{
    pp_counts_add(self->counts, site_id, pp_wall_now().ms, result_name(result),
                  1);
}

static void tell(struct refused *self, const char *epoch)
{
    const struct pp_counts_way way = {self->topic, epoch, self->registry};
    struct pp_err err = {0};

    if (pp_counts_send(self->counts, self->producer, &way, &err) < 0)
        pp_debug("counts.wait", "why=%s", err.msg); /* they are told later */
    pp_gauge_set(&uncounted, pp_counts_lost(self->counts));
}

void refused_tell(struct refused *self, const char *epoch)
{
    struct pp_mono now = pp_mono_now();

    pp_producer_poll(self->producer, 0);
    if (pp_mono_ms(self->told, now) < EACH_MS || !epoch[0])
        return;
    self->told = now;
    if (!pp_counts_is_empty(self->counts))
        tell(self, epoch);
}

void refused_close(struct refused *self, const char *epoch)
{
    struct pp_mono start = pp_mono_now();

    while (self->producer && epoch[0] && !pp_counts_is_empty(self->counts) &&
           pp_mono_ms(start, pp_mono_now()) < STOP_MS) {
        tell(self, epoch);
        pp_producer_poll(self->producer, 50);
    }
    pp_producer_close(&self->producer);
    pp_counts_free(&self->counts);
}
