#include "rejected.h"

#include <inttypes.h>
#include <stdlib.h>

#include "pp_log.h"
#include "pp_mem.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "reject.h"

#define POLL_MS     50
#define EACH_POLL   1000
#define FETCH_BYTES ((size_t)16 << 20)

struct list {
    struct batch_stored *rows;
    size_t count, capacity;
};

static void list_add(struct list *list, int32_t partition, int64_t offset)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->rows =
            pp_realloc(list->rows, list->capacity * sizeof(*list->rows));
    }
    list->rows[list->count++] = (struct batch_stored){partition, offset};
}

/* Of this epoch only: of another one the offset is another record's. */
static bool is_ours(const struct rejected_query *query,
                    const struct pp_message *message,
                    const struct reject *reject)
{
    int64_t epoch;

    return pp_str_eq(reject->stage, PP_LIT("writer")) &&
           pp_str_eq(reject->topic, pp_str_of(query->events_topic)) &&
           pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
           epoch == query->epoch;
}

/* One that can't be read, here or anywhere, must not stop the writer. */
static void take(const struct rejected_query *query,
                 const struct pp_message *message, struct list *list)
{
    struct pp_str body = message->value;
    struct reject reject;
    struct pp_err err = {0};
    uint64_t schema;

    if (pp_registry_get(query->registry, &body, &schema, &err) < 0 ||
        reject_decode(schema, body, &reject, &err) < 0)
        pp_warn("reject.unreadable", "offset=%" PRId64 " why=%s",
                message->offset, err.msg);
    else if (is_ours(query, message, &reject))
        list_add(list, reject.partition, reject.offset);
}

static int read_all(const struct rejected_query *query,
                    struct pp_consumer *consumer, struct list *list,
                    struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    struct pp_messages messages;

    while (!pp_consumer_caught_up(consumer)) {
        if (pp_consumer_poll(consumer, &messages, POLL_MS, err) < 0)
            return -1;
        for (size_t i = 0; i < messages.count; i++)
            take(query, &messages.list[i], list);
        if (pp_mono_ms(start, pp_mono_now()) > query->wait_ms)
            return pp_err_set(err, PP_ERR_AGAIN,
                              "kafka: %s is not read to its end",
                              query->rejects_topic);
    }
    return 0;
}

int rejected_read(const struct rejected_query *query,
                  struct batch_stored **list_out, size_t *count_out,
                  struct pp_err *err)
{
    const struct pp_consumer_options options = {
        .topic = query->rejects_topic,
        .batch_count = EACH_POLL,
        .fetch_bytes = FETCH_BYTES,
    };
    struct pp_consumer *consumer;
    struct list list = {0};
    int result;

    if (pp_consumer_open(&consumer, query->access, &options, err) < 0)
        return -1;
    result = read_all(query, consumer, &list, err);
    pp_consumer_close(&consumer);
    if (result < 0) {
        free(list.rows);
        return -1;
    }
    if (list.count)
        qsort(list.rows, list.count, sizeof(*list.rows), batch_stored_order);
    *list_out = list.rows;
    *count_out = list.count;
    return 0;
}
