#include "pp_topics.h"

#include <stdio.h>

#include "pp_time.h"

#define POLL_MS 100

/* The newest value of a key wins, as in every compacted topic. */
bool pp_topics_take(const struct pp_messages *messages, const char *name,
                    int64_t *epoch_out)
{
    struct pp_str prefix = PP_LIT("epoch/"), wanted = pp_str_of(name);
    bool found = false;

    for (size_t i = 0; i < messages->count; i++) {
        struct pp_str key = messages->list[i].key;

        if (pp_str_starts(key, prefix) &&
            pp_str_eq(pp_str_sub(key, prefix.n, key.n), wanted) &&
            pp_str_int64(messages->list[i].value, epoch_out))
            found = true;
    }
    return found;
}

int pp_topics_epoch(const struct pp_kafka_access *access, const char *prefix,
                    const char *name, int wait_ms, int64_t *epoch_out,
                    struct pp_err *err)
{
    char topic[200];
    struct pp_consumer_options options = {
        .topic = topic, .batch_count = 100, .fetch_bytes = (size_t)1 << 20};
    struct pp_mono start = pp_mono_now();
    struct pp_consumer *consumer;
    struct pp_messages messages;
    int result = 0;

    *epoch_out = 0;
    snprintf(topic, sizeof(topic), "%sschemas.v1", prefix);
    if (pp_consumer_open(&consumer, access, &options, err) < 0)
        return -1;
    while (result == 0 && !pp_consumer_caught_up(consumer) &&
           pp_mono_ms(start, pp_mono_now()) < wait_ms) {
        result = pp_consumer_poll(consumer, &messages, POLL_MS, err);
        if (result == 0)
            (void)pp_topics_take(&messages, name, epoch_out);
    }
    if (result == 0 && *epoch_out == 0)
        result = pp_err_set(err, PP_ERR_AGAIN,
                            "kafka: the epoch of %s%s is not known: `pawprint "
                            "topics` makes it",
                            prefix, name);
    pp_consumer_close(&consumer);
    return result;
}
