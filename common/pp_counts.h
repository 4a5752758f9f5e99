#ifndef PP_COUNTS_H
#define PP_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_producer.h"
#include "pp_registry.h"

/*
 * Hits that were not accepted, counted by site, minute and reason, and told to
 * the topic `counts` now and then. What was not delivered is told again under
 * the same number, so that whoever adds up counts it once. What a process had
 * not told when it was killed is lost. One thread.
 */
struct pp_counts;

/*
 * stage names the service and is borrowed for good. Of more than max sites,
 * minutes and reasons at once the further ones are counted without their site,
 * and at last not at all.
 */
struct pp_counts *pp_counts_new(const char *stage, size_t max);
void pp_counts_free(struct pp_counts **counts);

/*
 * Counts n hits that were received at at_ms. site_id is empty where it is not
 * known to be one of ours; reason is borrowed for good.
 */
void pp_counts_add(struct pp_counts *counts, struct pp_str site_id,
                   int64_t at_ms, const char *reason, int64_t n);

/* Nothing is counted or waits for its delivery. */
bool pp_counts_is_empty(const struct pp_counts *counts);

/* Hits that were not counted at all for want of room, since the start. */
int64_t pp_counts_lost(const struct pp_counts *counts);

struct pp_counts_way {
    const char *topic;
    const char *epoch; /* of the topic, in text */
    const struct pp_registry *registry;
};

/*
 * Sends what was counted once all that was sent before is delivered; until
 * then, what was not. Its producer reports to pp_counts_delivered(), or is
 * transactional: then pp_counts_forget() follows.
 */
int pp_counts_send(struct pp_counts *counts, struct pp_producer *producer,
                   const struct pp_counts_way *way, struct pp_err *err);

/* A pp_delivered; the context is the counts. */
void pp_counts_delivered(void *context, void *record, const struct pp_err *err);

/* All of it: its transaction has ended, either way. */
void pp_counts_forget(struct pp_counts *counts);

#endif
