/*
 * What an operator may do to a topic, and what retention does by itself:
 *
 *   topics BROKERS delete TOPIC
 *   topics BROKERS drop TOPIC PARTITION OFFSET     all records before OFFSET
 *   topics BROKERS partitions TOPIC COUNT          so many from now on
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#define WAIT_MS 15000

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "topics: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_t *open_handle(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[200];
    rd_kafka_t *rk;

    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why,
                          sizeof(why)) != RD_KAFKA_CONF_OK)
        fail(brokers, why);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk)
        fail(brokers, why);
    return rk;
}

static void await(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);

    if (!event)
        fail(what, "no answer");
    if (rd_kafka_event_error(event))
        fail(what, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
}

static void delete_topic(rd_kafka_t *rk, rd_kafka_queue_t *queue,
                         const char *name)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);

    rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
    await(queue, name);
    rd_kafka_DeleteTopic_destroy(topic);
}

static void drop_records(rd_kafka_t *rk, rd_kafka_queue_t *queue, char **argv)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_DeleteRecords_t *records;

    rd_kafka_topic_partition_list_add(list, argv[3],
                                      (int32_t)strtol(argv[4], NULL, 10))
        ->offset = strtoll(argv[5], NULL, 10);
    records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
    await(queue, argv[3]);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
}

static void add_partitions(rd_kafka_t *rk, rd_kafka_queue_t *queue, char **argv)
{
    char why[200];
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(
        argv[3], strtoul(argv[4], NULL, 10), why, sizeof(why));

    if (!more)
        fail(argv[3], why);
    rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
    await(queue, argv[3]);
    rd_kafka_NewPartitions_destroy(more);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";
    rd_kafka_queue_t *queue;
    rd_kafka_t *rk;

    if (!(argc == 4 && strcmp(verb, "delete") == 0) &&
        !(argc == 5 && strcmp(verb, "partitions") == 0) &&
        !(argc == 6 && strcmp(verb, "drop") == 0)) {
        fprintf(stderr, "usage: topics BROKERS delete TOPIC | drop TOPIC "
                        "PARTITION OFFSET | partitions TOPIC COUNT\n");
        return 2;
    }
    rk = open_handle(argv[1]);
    queue = rd_kafka_queue_new(rk);
    if (argc == 4)
        delete_topic(rk, queue, argv[3]);
    else if (argc == 5)
        add_partitions(rk, queue, argv);
    else
        drop_records(rk, queue, argv);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return 0;
}
