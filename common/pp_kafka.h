#ifndef PP_KAFKA_H
#define PP_KAFKA_H

#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * How to reach Kafka, and what a program does to its topics from outside.
 * Producing and consuming are in pp_producer.h and pp_consumer.h.
 *
 * librdkafka's threads stay behind these three: a handle belongs to the
 * thread that opened it. Errors say what the caller can do: PP_ERR_AGAIN, the
 * brokers are away or busy; PP_ERR_FATAL, the handle is of no use any more,
 * or a setting is wrong.
 */
struct pp_kafka_access {
    const char *brokers;   /* host:port, comma-separated */
    const char *client_id; /* in the brokers' logs and metrics */
    const char *security;  /* plaintext, ssl, sasl_plaintext, sasl_ssl */
    const char *ca_file;   /* NULL or empty: the system's */
    const char *mechanism; /* of SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 */
    const char *username;
    const char *password;
};

/* The rows of a service's settings table that fill in a pp_kafka_access. */
#define PP_KAFKA_SETTINGS(access)                                              \
    PP_STR("PAWPRINT_KAFKA_BROKERS", &(access)->brokers, NULL,                 \
           "host:port of the Kafka brokers, comma-separated"),                 \
        PP_STR("PAWPRINT_KAFKA_SECURITY", &(access)->security, "plaintext",    \
               "plaintext, ssl, sasl_plaintext or sasl_ssl"),                  \
        PP_STR("PAWPRINT_KAFKA_CA_FILE", &(access)->ca_file, "",               \
               "PEM file of the authority that signed the brokers' keys"),     \
        PP_STR("PAWPRINT_KAFKA_SASL_MECHANISM", &(access)->mechanism, "",      \
               "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),                       \
        PP_STR("PAWPRINT_KAFKA_USERNAME", &(access)->username, "",             \
               "SASL user"),                                                   \
        PP_SECRET("PAWPRINT_KAFKA_PASSWORD", &(access)->password, "",          \
                  "SASL password")

/* A header of a record. Values are bytes. */
struct pp_kafka_header {
    const char *name;
    struct pp_str value;
};

/* One topic as it should be; options end with {0}. */
struct pp_kafka_option {
    const char *name;
    const char *value;
};

struct pp_kafka_topic {
    const char *name;
    int partitions;
    int replicas;
    const struct pp_kafka_option *options;
};

struct pp_kafka;

int pp_kafka_open(struct pp_kafka **kafka_out,
                  const struct pp_kafka_access *access, struct pp_err *err);
void pp_kafka_close(struct pp_kafka **kafka);

/*
 * Creates a topic. Returns 1 when it made it, 0 when it was there before (its
 * partitions and options are left as they are), -1 on error.
 */
int pp_kafka_topic_create(struct pp_kafka *kafka,
                          const struct pp_kafka_topic *topic,
                          struct pp_err *err);

/* Number of partitions; 0 when there is no such topic. */
int pp_kafka_partitions(struct pp_kafka *kafka, const char *topic,
                        int *partitions_out, struct pp_err *err);

/* First offset that is kept, and the one that the next record gets. */
int pp_kafka_offsets(struct pp_kafka *kafka, const char *topic, int partition,
                     int64_t *low_out, int64_t *high_out, struct pp_err *err);

/* The offset that a group committed for a partition; 0 when it never did. */
int pp_kafka_committed(struct pp_kafka *kafka, const char *group,
                       const char *topic, int partition, int64_t *offset_out,
                       struct pp_err *err);

/*
 * Sets the offsets that a group committed for partitions 0 to count - 1, with
 * no note beside them; one below 0 is left as it is. PP_ERR_DENIED: the group
 * has members, who would not hear of it.
 */
int pp_kafka_commit_for(struct pp_kafka *kafka, const char *group,
                        const char *topic, const int64_t *offsets, int count,
                        struct pp_err *err);

/* The first record that is not older than at_ms; -1 when there is none. */
int pp_kafka_offset_at(struct pp_kafka *kafka, const char *topic, int partition,
                       int64_t at_ms, int64_t *offset_out, struct pp_err *err);

#endif
