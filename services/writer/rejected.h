#ifndef REJECTED_H
#define REJECTED_H

#include "pp_consumer.h"
#include "pp_registry.h"

#include "batch.h"

/*
 * What writers have rejected: these records are settled, though ClickHouse has
 * no row of them. Asked after a doubt, since the cause may be mended by then
 * and the record may have gone back as a new one.
 */
struct rejected_query {
    const struct pp_kafka_access *access;
    const struct pp_registry *registry;
    const char *rejects_topic, *events_topic;
    int64_t epoch; /* of the topic of events */
    int wait_ms;
};

/*
 * All that `rejects` keeps of them, in the order of partition and offset, some
 * perhaps more than once; without those that were written with a schema that
 * is not known here. The caller frees it. PP_ERR_AGAIN: the topic was not
 * read to its end in time.
 */
int rejected_read(const struct rejected_query *query,
                  struct batch_stored **list_out, size_t *count_out,
                  struct pp_err *err);

#endif
