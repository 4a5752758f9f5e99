#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_topics.h"

#define EPOCH_WAIT_MS 3000

static struct pp_counter records_gone = PP_COUNTER(
    "pawprint_meter_records_gone_total",
    "records that Kafka dropped before they were counted; alarm above 0");

void stream_metrics_add(void)
{
    pp_metrics_add(&records_gone.metric);
}

int stream_open(struct stream *stream, const struct stream_options *options,
                struct pp_err *err)
{
    const struct pp_consumer_options consuming = {
        .topic = stream->topic,
        .group = options->group,
        .instance_id = options->instance_id,
        .batch_count = options->batch_count,
        .fetch_bytes = options->fetch_bytes,
    };

    stream->name = options->name;
    stream->start_over = true;
    snprintf(stream->topic, sizeof(stream->topic), "%s%s", options->prefix,
             options->name);
    if (pp_topics_epoch(options->kafka, options->prefix, options->name,
                        EPOCH_WAIT_MS, &stream->epoch, err) < 0)
        return -1;
    return pp_consumer_open(&stream->consumer, options->kafka, &consuming, err);
}

void stream_close(struct stream *stream)
{
    pp_consumer_close(&stream->consumer);
}

/* --- where to go on --------------------------------------------------------
 */

/* The topic has fewer records than were counted: it is not that topic. */
static int check_bounds(const struct stream *stream, int32_t partition,
                        int64_t next, int64_t first, int64_t end,
                        struct pp_err *err)
{
    if (next > end)
        return pp_err_set(err, PP_ERR_FATAL,
                          "%s: partition %d is counted to %" PRId64
                          " and ends at %" PRId64
                          ": it was made anew or has lost records",
                          stream->topic, partition, next, end);
    if (next < first) {
        pp_counter_add(&records_gone, (uint64_t)(first - next));
        pp_error("records.gone",
                 "topic=%s partition=%d counted_to=%lld kept_from=%lld",
                 stream->topic, partition, (long long)next, (long long)first);
    }
    return 0;
}

static int go_on(struct stream *stream, struct pp_pg *pg, int32_t partition,
                 struct pp_err *err)
{
    const struct ledger_topic topic = {stream->name, stream->epoch, NULL, 0};
    int64_t first, end, next;

    if (pp_consumer_bounds(stream->consumer, partition, &first, &end, err) <
            0 ||
        ledger_next(pg, &topic, partition, first, &next, err) < 0 ||
        check_bounds(stream, partition, next, first, end, err) < 0 ||
        pp_consumer_seek(stream->consumer, partition,
                         next < first ? first : next, err) < 0)
        return -1;
    stream->since[partition] = next;
    return 0;
}

static int go_on_all(struct stream *stream, struct pp_pg *pg,
                     struct pp_err *err)
{
    unsigned generation = pp_consumer_generation(stream->consumer);
    struct pp_marks marks;
    int result;

    for (size_t i = 0; i < LEDGER_PARTITIONS; i++)
        stream->since[i] = -1;
    stream->start_over = true;
    result = pp_consumer_marks(stream->consumer, &marks, err);
    for (size_t i = 0; result == 0 && i < marks.count; i++)
        result = go_on(stream, pg, marks.list[i].partition, err);
    if (result == 0) {
        stream->generation = generation;
        stream->start_over = false;
        pp_info("partitions.taken", "topic=%s count=%zu", stream->topic,
                marks.count);
    }
    pp_marks_fini(&marks);
    return result;
}

/* --- reading ---------------------------------------------------------------
 */

static int check_epoch(const struct stream *stream,
                       const struct pp_message *message, struct pp_err *err)
{
    int64_t epoch = 0;

    if (pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
        epoch == stream->epoch)
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "%s: a record of epoch %" PRId64 ", expected %" PRId64
                      ": the topic was made anew; `pawprint topics` knows",
                      message->topic, epoch, stream->epoch);
}

/*
 * A topic's epoch only rises: where the last record of a partition has the
 * right one, so have those before it.
 */
static int check_epochs(const struct stream *stream,
                        const struct pp_messages *messages, struct pp_err *err)
{
    bool seen[LEDGER_PARTITIONS] = {false};

    for (size_t i = messages->count; i-- > 0;) {
        int32_t partition = messages->list[i].partition;

        if (!seen[partition] &&
            check_epoch(stream, &messages->list[i], err) < 0)
            return -1;
        seen[partition] = true;
    }
    return 0;
}

int stream_poll(struct stream *stream, struct pp_pg *pg, int wait_ms,
                struct pp_messages *out, bool *anew_out, struct pp_err *err)
{
    *anew_out = false;
    if (pp_consumer_poll(stream->consumer, out, wait_ms, err) < 0)
        return -1;
    if (stream->start_over ||
        stream->generation != pp_consumer_generation(stream->consumer)) {
        *anew_out = true;
        out->count = 0; /* from where the group was, not Postgres */
        return go_on_all(stream, pg, err);
    }
    return check_epochs(stream, out, err);
}

/* --- progress --------------------------------------------------------------
 */

bool stream_is_current(const struct stream *stream)
{
    return !stream->start_over &&
           stream->generation == pp_consumer_generation(stream->consumer);
}

struct ledger_topic stream_progress(struct stream *stream)
{
    struct ledger_topic topic = {stream->name, stream->epoch, stream->ranges,
                                 0};

    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        int64_t next;

        if (stream->since[i] < 0)
            continue;
        next = pp_consumer_next(stream->consumer, i);
        if (next > stream->since[i])
            stream->ranges[topic.count++] =
                (struct ledger_range){i, stream->since[i], next};
    }
    return topic;
}

void stream_written(struct stream *stream, const struct ledger_topic *topic)
{
    struct pp_mark marks[LEDGER_PARTITIONS];
    struct pp_err err = {0};

    for (size_t i = 0; i < topic->count; i++) {
        const struct ledger_range *range = &topic->ranges[i];

        stream->since[range->partition] = range->until;
        marks[i] = (struct pp_mark){range->partition, range->until, {NULL, 0}};
    }
    if (pp_consumer_mark(stream->consumer, marks, topic->count, &err) < 0)
        pp_debug("group.untold", "topic=%s why=%s", stream->topic, err.msg);
}

int64_t stream_lag(const struct stream *stream)
{
    int64_t lag = 0, first, end;

    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        if (stream->since[i] < 0)
            continue;
        pp_consumer_kept(stream->consumer, i, &first, &end);
        if (end > stream->since[i])
            lag += end - stream->since[i];
    }
    return lag;
}
