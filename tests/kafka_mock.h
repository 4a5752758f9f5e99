#ifndef KAFKA_MOCK_H
#define KAFKA_MOCK_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "pp_kafka.h"

#include "test.h"

/* librdkafka's mock, for error codes that no real broker gives at will. */
static rd_kafka_t *mock_handle;
static rd_kafka_mock_cluster_t *cluster;
static struct pp_kafka_access access_to_mock = {.client_id = "test",
                                                .security = "plaintext"};

/* One broker, with that topic of one partition. */
static inline void mock_begin(const char *topic)
{
    mock_handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    cluster = rd_kafka_mock_cluster_new(mock_handle, 1);
    assert_non_null(cluster);
    rd_kafka_mock_topic_create(cluster, topic, 1, 1);
    access_to_mock.brokers = rd_kafka_mock_cluster_bootstraps(cluster);
}

static inline void mock_end(void)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(mock_handle);
}

#endif
