#include "intake.h"

#include <inttypes.h>

#include "pp_log.h"
#include "pp_metrics.h"
#include "pp_time.h"
#include "pp_topics.h"

static struct pp_counter schemas_unknown =
    PP_COUNTER("pawprint_writer_schema_waits_total",
               "times that a partition waited for a program that knows its "
               "next record's schema; alarm above 0");

void intake_metrics(void)
{
    pp_metrics_add(&schemas_unknown.metric);
}

static int check_epoch(const struct delivery *self,
                       const struct pp_message *message, struct pp_err *err)
{
    int64_t epoch = 0;

    if (pp_str_int64(pp_message_header(message, PP_TOPICS_HEADER), &epoch) &&
        epoch == self->epoch)
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "%s: a record of epoch %" PRId64 ", expected %" PRId64,
                      message->topic, epoch, self->epoch);
}

/*
 * A topic's epoch only rises: where the last record of a partition has the
 * right one, so have those before it.
 */
static int check_epochs(const struct delivery *self,
                        const struct pp_messages *events, struct pp_err *err)
{
    bool seen[LEDGER_PARTITIONS] = {false};

    for (size_t i = events->count; i-- > 0;) {
        int32_t partition = events->list[i].partition;

        if (!seen[partition] && check_epoch(self, &events->list[i], err) < 0)
            return -1;
        seen[partition] = true;
    }
    return 0;
}

static int reject(struct delivery *self, const struct pp_message *message,
                  const char *reason, struct pp_err *err)
{
    const struct batch_record record = {
        {self->epoch, message->partition, message->offset},
        message->key,
        message->value,
    };

    return deliver_reject(self, &record, reason, err);
}

/* A newer program wrote it: its partition waits, the others go on. */
static int wait_for_schema(struct delivery *self,
                           const struct pp_message *message, struct pp_err *err)
{
    pp_counter_add(&schemas_unknown, 1);
    pp_error("schema.unknown", "partition=%d offset=%lld why=%s",
             message->partition, (long long)message->offset, err->msg);
    return pp_consumer_stay(self->events, message, err);
}

static int take_message(struct delivery *self, const struct pp_message *message,
                        struct pp_err *err)
{
    const struct row_identity identity = {self->epoch, message->partition,
                                          message->offset};
    struct pp_str body = message->value;
    const char *reason = "unframed";
    struct event event;
    uint64_t schema;
    int result;

    result = pp_registry_get(self->registry, &body, &schema, err);
    if (result == 0) {
        reason = "undecodable";
        result = event_decode(schema, body, &event, err);
    }
    if (result < 0)
        return err->kind == PP_ERR_INVALID ? reject(self, message, reason, err)
               : err->kind == PP_ERR_AGAIN ? wait_for_schema(self, message, err)
                                           : -1;
    if (batch_rows(self->filling) == 0)
        self->filling_since_ms = pp_wall_now().ms;
    batch_put(self->filling, &event, &identity, message->key, message->value);
    return 0;
}

int intake(struct delivery *self, const struct pp_messages *events,
           struct pp_err *err)
{
    if (check_epochs(self, events, err) < 0)
        return -1;
    for (size_t i = 0; i < events->count; i++)
        if (!pp_consumer_stays(self->events, events->list[i].partition) &&
            take_message(self, &events->list[i], err) < 0)
            return -1;
    *err = (struct pp_err){0};
    return 0;
}
