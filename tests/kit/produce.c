/*
 * Puts what nobody should have put there onto a topic: stdin is the value of
 * one record, with the epoch that readers ask for.
 *
 *   produce BROKERS PREFIX TOPIC <value      TOPIC without the prefix
 */
#include <inttypes.h>
#include <stdio.h>

#include "pp_producer.h"
#include "pp_topics.h"

#define WAIT_MS 10000

static int produce(const struct pp_kafka_access *kafka, const char *prefix,
                   const char *name, struct pp_str value, struct pp_err *err)
{
    static const struct pp_producer_options options = {
        .timeout_ms = WAIT_MS, .queue_bytes = (size_t)1 << 20};
    char topic[200], epoch[24];
    struct pp_kafka_header headers[] = {{PP_TOPICS_HEADER, {epoch, 0}}, {0}};
    struct pp_producer *producer = NULL;
    int64_t number;
    int result;

    if (pp_topics_epoch(kafka, prefix, name, WAIT_MS, &number, err) < 0)
        return -1;
    snprintf(topic, sizeof(topic), "%s%s", prefix, name);
    headers[0].value.n =
        (size_t)snprintf(epoch, sizeof(epoch), "%" PRId64, number);
    result = pp_producer_open(&producer, kafka, &options, err);
    if (result == 0)
        result = pp_producer_send(producer,
                                  &(struct pp_record){.topic = topic,
                                                      .key = PP_LIT("test"),
                                                      .value = value,
                                                      .headers = headers},
                                  err);
    if (result == 0)
        result = pp_producer_flush(producer, WAIT_MS, err);
    pp_producer_close(&producer);
    return result;
}

int main(int argc, char **argv)
{
    struct pp_kafka_access kafka = {.client_id = "produce",
                                    .security = "plaintext"};
    struct pp_err err = {0};
    char value[65536];
    size_t n = fread(value, 1, sizeof(value), stdin);

    if (argc != 4) {
        fprintf(stderr, "usage: produce BROKERS PREFIX TOPIC <value\n");
        return 2;
    }
    kafka.brokers = argv[1];
    if (produce(&kafka, argv[2], argv[3], (struct pp_str){value, n}, &err) <
        0) {
        fprintf(stderr, "produce: %s\n", err.msg);
        return 1;
    }
    return 0;
}
