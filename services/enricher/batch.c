#include "batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_counts.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "done.h"
#include "reject.h"
#include "seen.h"
#include "visits.h"

#define RECORD_BYTES ((size_t)2 << 20)
#define ARENA_BYTES  ((size_t)256 << 20)
#define DUPLICATE    "duplicate" /* no reject: its first copy is an event */

/* The closed list of reasons why a hit can never become an event. */
static const char *const reasons[] = {"unframed", "undecodable", "invalid_url"};

struct item {
    const struct pp_message *message;
    const char *reason; /* NULL: it became an event, unless: */
    bool duplicate;
    bool decoded; /* else hit is not to be believed */
    struct hit hit;
    struct event event;
};

struct batch {
    struct batch_topics topics;
    const struct pp_registry *registry; /* of the tables it was made with */
    char events_topic[200], rejects_topic[200], counts_topic[200];
    char events_epoch[24], counts_epoch[24];
    struct item *items;
    struct seen_item *seen;
    struct visits_item *visits;
    size_t count, visit_count, passed_over;
    struct done *done;
    bool knows_done;          /* for the partitions of: */
    unsigned generation;      /* of the consumer */
    struct pp_counts *counts; /* of what this batch does not accept */
    struct pp_arena arena;
    struct pp_buf record;
};

static struct pp_counter events_made =
    PP_COUNTER("pawprint_enricher_events_total", "hits that became an event");
static struct pp_counter rejects[PP_COUNT(reasons)];
static struct pp_counter schemas_unknown =
    PP_COUNTER("pawprint_enricher_schema_waits_total",
               "times that a partition waited for a program that knows its "
               "next hit's schema; alarm above 0");
static struct pp_counter duplicates =
    PP_COUNTER("pawprint_enricher_duplicates_total",
               "hits that were sent before under the same id");
static struct pp_counter done_before =
    PP_COUNTER("pawprint_enricher_done_before_total",
               "hits that Kafka handed out again though they were done");

void batch_metrics_add(void)
{
    pp_metrics_add(&done_before.metric);
    pp_metrics_add(&events_made.metric);
    pp_metrics_add(&schemas_unknown.metric);
    pp_metrics_add(&duplicates.metric);
    for (size_t i = 0; i < PP_COUNT(reasons); i++) {
        rejects[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_enricher_rejects_total",
            "hits that can never become an event", {"reason", reasons[i]});
        pp_metrics_add(&rejects[i].metric);
    }
}

struct batch *batch_new(size_t max_hits, const struct batch_topics *topics)
{
    struct batch *batch = pp_calloc(1, sizeof(*batch));

    batch->topics = *topics;
    snprintf(batch->events_topic, sizeof(batch->events_topic), "%sevents.v1",
             topics->prefix);
    snprintf(batch->rejects_topic, sizeof(batch->rejects_topic), "%srejects.v1",
             topics->prefix);
    snprintf(batch->events_epoch, sizeof(batch->events_epoch), "%" PRId64,
             topics->events_epoch);
    snprintf(batch->counts_topic, sizeof(batch->counts_topic), "%scounts.v1",
             topics->prefix);
    snprintf(batch->counts_epoch, sizeof(batch->counts_epoch), "%" PRId64,
             topics->counts_epoch);
    batch->items = pp_calloc(max_hits, sizeof(*batch->items));
    batch->seen = pp_calloc(max_hits, sizeof(*batch->seen));
    /* Never full: so many hits, and a tenth that it keeps back. */
    batch->counts = pp_counts_new("enricher", 2 * max_hits);
    batch->visits = pp_calloc(max_hits, sizeof(*batch->visits));
    batch->done = done_new(topics->hits_epoch, topics->events_epoch);
    pp_arena_init(&batch->arena, ARENA_BYTES);
    pp_buf_init(&batch->record, RECORD_BYTES);
    return batch;
}

void batch_free(struct batch **batch)
{
    if (!*batch)
        return;
    pp_buf_fini(&(*batch)->record);
    pp_arena_fini(&(*batch)->arena);
    pp_counts_free(&(*batch)->counts);
    done_free(&(*batch)->done);
    free((*batch)->visits);
    free((*batch)->seen);
    free((*batch)->items);
    free(*batch);
    *batch = NULL;
}

/* --- making --------------------------------------------------------------- */

static int check_epoch(const struct batch *batch,
                       const struct pp_message *message, struct pp_err *err)
{
    int64_t epoch = 0;

    if (pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
        epoch == batch->topics.hits_epoch)
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "%s: a record of epoch %" PRId64 ", expected %" PRId64
                      ": the topic was made anew; `pawprint topics` knows",
                      message->topic, epoch, batch->topics.hits_epoch);
}

static struct enrich_agent agent_of(const struct batch_tables *tables,
                                    const struct hit *hit,
                                    struct pp_arena *arena)
{
    struct ua_result result;

    ua_parse(tables->ua, hit->user_agent, arena, &result);
    return (struct enrich_agent){
        .browser = result.browser,
        .browser_version = result.browser_version,
        .os = result.os,
        .device = result.device,
        .bot = result.bot,
    };
}

/* One message: an event, or a reason. -1 when it is neither, for now: only a
 * newer program can read it. */
static int make_item(struct batch *batch, struct item *item,
                     const struct batch_tables *tables, struct pp_err *err)
{
    const struct enrich_tables pure = {tables->geo, tables->referrers};
    struct pp_str body = item->message->value;
    struct enrich_agent agent;
    uint64_t schema;

    item->reason = NULL;
    item->duplicate = item->decoded = false;
    item->hit = (struct hit){0};
    if (pp_registry_get(tables->registry, &body, &schema, err) < 0) {
        if (err->kind != PP_ERR_INVALID)
            return -1;
        item->reason = "unframed";
        return 0;
    }
    if (hit_decode(schema, body, &item->hit, err) < 0) {
        if (err->kind != PP_ERR_INVALID)
            return -1;
        item->reason = "undecodable";
        return 0;
    }
    item->decoded = true;
    agent = agent_of(tables, &item->hit, &batch->arena);
    if (enrich(&item->hit, &pure, &agent, &batch->arena, &item->event,
               &item->reason, err) < 0)
        return err->kind == PP_ERR_INVALID ? 0 : -1;
    return 0;
}

static int wait_for_schema(struct pp_consumer *hits,
                           const struct pp_message *message, struct pp_err *err)
{
    pp_counter_add(&schemas_unknown, 1);
    pp_error("schema.unknown", "partition=%d offset=%" PRId64 " why=%s",
             message->partition, message->offset, err->msg);
    return pp_consumer_stay(hits, message, err);
}

/* Its offset is committed again with the batch, so that it is for good. */
static void pass_over(struct batch *batch, const struct pp_message *message)
{
    if (batch->passed_over++ == 0)
        pp_warn("hits.done_before", "partition=%d offset=%" PRId64,
                message->partition, message->offset);
}

static int add(struct batch *batch, struct pp_consumer *hits,
               const struct pp_message *message,
               const struct batch_tables *tables, struct pp_err *err)
{
    struct item *item = &batch->items[batch->count];

    item->message = message;
    if (check_epoch(batch, message, err) < 0)
        return -1;
    if (done_has(batch->done, message)) {
        pass_over(batch, message);
        return 0;
    }
    if (make_item(batch, item, tables, err) == 0) {
        batch->count++;
        return 0;
    }
    return err->kind == PP_ERR_AGAIN ? wait_for_schema(hits, message, err) : -1;
}

bool batch_has_any(const struct batch *batch)
{
    return batch->count > 0 || batch->passed_over > 0;
}

/* Those that would become an event are asked for; rejects may come again. */
static int find_duplicates(struct batch *batch, struct pp_redis *redis,
                           struct pp_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++)
        if (!batch->items[i].reason)
            batch->seen[count++] = (struct seen_item){
                &batch->items[i].hit, batch->items[i].message, false};
    if (batch->topics.seen_ms > 0 &&
        seen_ask(redis, batch->seen, count, batch->topics.hits_epoch,
                 batch->topics.seen_ms, &batch->arena, err) < 0)
        return -1;
    count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->items[i].reason)
            batch->items[i].duplicate = batch->seen[count++].duplicate;
    return 0;
}

/* By the time of receipt; of what could not be read, by Kafka's. */
static void count_item(struct batch *batch, const struct item *item)
{
    const char *reason = item->duplicate ? DUPLICATE : item->reason;

    if (reason && item->decoded)
        pp_counts_add(batch->counts, item->hit.site_id,
                      item->hit.received_at_ms, reason, 1);
    else if (reason)
        pp_counts_add(batch->counts, PP_LIT(""), item->message->timestamp_ms,
                      reason, 1);
}

static int assign_visits(struct batch *batch, struct pp_redis *redis,
                         struct pp_err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];

        if (!item->reason && !item->duplicate)
            batch->visits[batch->visit_count++] =
                (struct visits_item){&item->hit, &item->event};
    }
    return visits_assign(redis, batch->visits, batch->visit_count,
                         &batch->arena, err);
}

/* Partitions that came were done by another process up to now. */
static int learn_done(struct batch *batch, const struct pp_consumer *hits,
                      struct pp_redis *redis, struct pp_err *err)
{
    unsigned generation = pp_consumer_generation(hits);

    if (batch->knows_done && batch->generation == generation)
        return 0;
    if (done_read(batch->done, redis, &batch->arena, err) < 0)
        return -1;
    batch->knows_done = true;
    batch->generation = generation;
    return 0;
}

int batch_make(struct batch *batch, struct pp_consumer *hits,
               const struct pp_messages *messages,
               const struct batch_tables *tables, struct pp_redis *redis,
               struct pp_err *err)
{
    batch->registry = tables->registry;
    pp_arena_reset(&batch->arena);
    batch->count = batch->visit_count = batch->passed_over = 0;
    if (learn_done(batch, hits, redis, err) < 0)
        return -1;
    for (size_t i = 0; i < messages->count; i++)
        if (!pp_consumer_stays(hits, messages->list[i].partition) &&
            add(batch, hits, &messages->list[i], tables, err) < 0)
            return -1;
    *err = (struct pp_err){0}; /* what made a reject or waits is no failure */
    if (find_duplicates(batch, redis, err) < 0)
        return -1;
    pp_counts_forget(batch->counts);
    for (size_t i = 0; i < batch->count; i++)
        count_item(batch, &batch->items[i]);
    return assign_visits(batch, redis, err);
}

/* --- sending -------------------------------------------------------------- */

static void encode_event(struct batch *batch, const struct item *item)
{
    pp_registry_put(batch->registry, EVENT_FINGERPRINT, &batch->record);
    event_encode(&item->event, &batch->record);
}

static void encode_reject(struct batch *batch, const struct item *item)
{
    const struct reject reject = {
        .stage = PP_LIT("enricher"),
        .reason = pp_str_of(item->reason),
        .site_id = item->hit.site_id,
        .rejected_at_ms = pp_wall_now().ms,
        .topic = pp_str_of(item->message->topic),
        .partition = item->message->partition,
        .offset = item->message->offset,
        .original = item->message->value,
    };

    pp_registry_put(batch->registry, REJECT_FINGERPRINT, &batch->record);
    reject_encode(&reject, &batch->record);
}

static int send_item(struct batch *batch, const struct item *item,
                     struct pp_producer *producer, struct pp_err *err)
{
    const struct pp_kafka_header headers[] = {
        {PP_TOPICS_HEADER, pp_str_of(batch->events_epoch)}, {0}};
    struct pp_record record = {
        .topic = item->reason ? batch->rejects_topic : batch->events_topic,
        .key = item->message->key,
        .headers = headers,
    };

    pp_buf_reset(&batch->record);
    if (item->reason)
        encode_reject(batch, item);
    else
        encode_event(batch, item);
    if (batch->record.overflow)
        return pp_err_set(err, PP_ERR_FATAL, "an event is larger than %zu",
                          RECORD_BYTES);
    record.value = pp_buf_str(&batch->record);
    return pp_producer_send(producer, &record, err);
}

int batch_send(struct batch *batch, struct pp_producer *producer,
               struct pp_err *err)
{
    const struct pp_counts_way way = {batch->counts_topic, batch->counts_epoch,
                                      batch->registry};

    for (size_t i = 0; i < batch->count; i++)
        if (!batch->items[i].duplicate &&
            send_item(batch, &batch->items[i], producer, err) < 0)
            return -1;
    return pp_counts_send(batch->counts, producer, &way, err);
}

static void count_all(const struct batch *batch)
{
    pp_counter_add(&done_before, batch->passed_over);
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->items[i].reason) {
            pp_counter_add(
                batch->items[i].duplicate ? &duplicates : &events_made, 1);
            continue;
        }
        for (size_t j = 0; j < PP_COUNT(reasons); j++)
            if (strcmp(batch->items[i].reason, reasons[j]) == 0)
                pp_counter_add(&rejects[j], 1);
    }
}

void batch_finish(struct batch *batch, struct pp_redis *redis)
{
    for (size_t i = 0; i < batch->count; i++)
        done_note(batch->done, batch->items[i].message);
    done_write(batch->done, redis, &batch->arena);
    count_all(batch);
}
