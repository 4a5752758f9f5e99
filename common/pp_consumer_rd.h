#ifndef PP_CONSUMER_RD_H
#define PP_CONSUMER_RD_H

/* What a transaction of pp_producer needs of a consumer. */

#include <librdkafka/rdkafka.h>

#include "pp_consumer.h"

/* The caller destroys both. The offsets are those handed out up to now. */
rd_kafka_consumer_group_metadata_t *pp_consumer_group(struct pp_consumer *c);
rd_kafka_topic_partition_list_t *pp_consumer_offsets(struct pp_consumer *c);

/* They were committed in a transaction. */
void pp_consumer_committed(struct pp_consumer *c);

#endif
