#include "topic_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pp_time.h"

#define POLL_MS     200
#define SILENT_MS   30000 /* then Kafka is away */
#define EACH_POLL   10000
#define FETCH_BYTES ((size_t)32 << 20)
#define PROGRESS_MS 500

int topic_kept(struct cli *cli, const char *name, struct topic_range *out,
               struct pp_err *err)
{
    char topic[200];

    snprintf(topic, sizeof(topic), "%s%s", cli->prefix, name);
    if (pp_kafka_partitions(cli->kafka, topic, &out->partitions, err) < 0)
        return -1;
    if (out->partitions == 0 || out->partitions > SCAN_PARTITIONS)
        return pp_err_set(err, PP_ERR_FATAL,
                          "there is no topic %s: `pawprint topics` makes it",
                          topic);
    for (int i = 0; i < out->partitions; i++)
        if (pp_kafka_offsets(cli->kafka, topic, i, &out->first[i], &out->end[i],
                             err) < 0)
            return -1;
    return 0;
}

struct progress {
    const char *name;
    struct pp_mono said;
    uint64_t records;
};

static void say_progress(struct progress *progress, bool last)
{
    if (!isatty(STDERR_FILENO) ||
        (!last && pp_mono_ms(progress->said, pp_mono_now()) < PROGRESS_MS))
        return;
    progress->said = pp_mono_now();
    fprintf(stderr, "\r%s: %" PRIu64 " records read%s", progress->name,
            progress->records, last ? "\n" : "");
}

/* Behind the last record stand the marks of transactions: not read, passed. */
static bool is_done(const struct pp_consumer *consumer,
                    const struct topic_range *range)
{
    for (int i = 0; i < range->partitions; i++)
        if (range->first[i] < range->end[i] &&
            pp_consumer_next(consumer, i) < range->end[i])
            return false;
    return true;
}

static int take_all(const struct pp_messages *messages,
                    const struct topic_range *range, topic_take *take,
                    void *context, struct pp_err *err)
{
    for (size_t i = 0; i < messages->count; i++) {
        const struct pp_message *one = &messages->list[i];

        if (one->offset >= range->first[one->partition] &&
            one->offset < range->end[one->partition] &&
            take(context, one, err) < 0)
            return -1;
    }
    return 0;
}

int topic_scan(struct cli *cli, const char *name,
               const struct topic_range *range, topic_take *take, void *context,
               struct pp_err *err)
{
    char topic[200];
    const struct pp_consumer_options options = {.topic = topic,
                                                .partitions = range->partitions,
                                                .from = range->first,
                                                .batch_count = EACH_POLL,
                                                .fetch_bytes = FETCH_BYTES};
    struct progress progress = {name, pp_mono_now(), 0};
    struct pp_mono heard = pp_mono_now();
    struct pp_consumer *consumer;
    struct pp_messages messages;
    int result = 0;

    snprintf(topic, sizeof(topic), "%s%s", cli->prefix, name);
    if (pp_consumer_open(&consumer, &cli->kafka_access, &options, err) < 0)
        return -1;
    while (result == 0 && !is_done(consumer, range)) {
        result = pp_consumer_poll(consumer, &messages, POLL_MS, err);
        if (result < 0)
            break;
        result = take_all(&messages, range, take, context, err);
        progress.records += messages.count;
        say_progress(&progress, false);
        if (messages.count > 0)
            heard = pp_mono_now();
        else if (pp_mono_ms(heard, pp_mono_now()) > SILENT_MS)
            result = pp_err_set(err, PP_ERR_AGAIN,
                                "%s could not be read to its end", topic);
    }
    if (progress.records > EACH_POLL)
        say_progress(&progress, true);
    pp_consumer_close(&consumer);
    return result;
}
