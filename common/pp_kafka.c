#include "pp_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "pp_kafka_rd.h"
#include "pp_mem.h"

#define ADMIN_MS 10000

struct pp_kafka {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
};

int pp_kafka_err(struct pp_err *err, rd_kafka_resp_err_t code,
                 const char *doing)
{
    enum pp_err_kind kind = PP_ERR_AGAIN;

    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
        code == RD_KAFKA_RESP_ERR_INVALID_MSG)
        kind = PP_ERR_INVALID;
    else if (code == RD_KAFKA_RESP_ERR__FATAL ||
             code == RD_KAFKA_RESP_ERR__FENCED ||
             code == RD_KAFKA_RESP_ERR__INVALID_ARG ||
             code == RD_KAFKA_RESP_ERR__STATE)
        kind = PP_ERR_FATAL;
    return pp_err_set(err, kind, "kafka: %s: %s", doing,
                      rd_kafka_err2str(code));
}

int pp_kafka_error(struct pp_err *err, rd_kafka_error_t *error,
                   const char *doing)
{
    bool fatal = rd_kafka_error_is_fatal(error) ||
                 rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FENCED;

    pp_err_set(err, fatal ? PP_ERR_FATAL : PP_ERR_AGAIN, "kafka: %s: %s", doing,
               rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

int pp_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                 struct pp_err *err)
{
    char text[160];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) !=
        RD_KAFKA_CONF_OK)
        return pp_err_set(err, PP_ERR_FATAL, "kafka: %s", text);
    return 0;
}

/*
 * librdkafka would print to stderr. What matters comes back as an error of a
 * call, so its own lines are dropped.
 */
static void no_log(const rd_kafka_t *rk, int level, const char *facility,
                   const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

int pp_kafka_conf(rd_kafka_conf_t **conf_out,
                  const struct pp_kafka_access *access, struct pp_err *err)
{
    const struct pp_kafka_option options[] = {
        {"bootstrap.servers", access->brokers},
        {"client.id", access->client_id},
        {"security.protocol", access->security},
        {"ssl.ca.location", access->ca_file},
        {"sasl.mechanisms", access->mechanism},
        {"sasl.username", access->username},
        {"sasl.password", access->password},
        /* The defaults turn an outage of seconds into one of half a minute. */
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "500"},
        {"retry.backoff.ms", "10"},
        {"topic.metadata.refresh.interval.ms", "60000"},
        {"log.connection.close", "false"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, no_log);
    for (size_t i = 0; i < PP_COUNT(options); i++) {
        if (!options[i].value || !options[i].value[0])
            continue;
        if (pp_kafka_set(conf, options[i].name, options[i].value, err) < 0) {
            rd_kafka_conf_destroy(conf);
            return -1;
        }
    }
    *conf_out = conf;
    return 0;
}

int pp_kafka_open(struct pp_kafka **kafka_out,
                  const struct pp_kafka_access *access, struct pp_err *err)
{
    struct pp_kafka *kafka;
    rd_kafka_conf_t *conf;
    char text[160];

    if (pp_kafka_conf(&conf, access, err) < 0)
        return -1;
    kafka = pp_calloc(1, sizeof(*kafka));
    kafka->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!kafka->rk) {
        rd_kafka_conf_destroy(conf);
        free(kafka);
        return pp_err_set(err, PP_ERR_FATAL, "kafka: %s", text);
    }
    kafka->queue = rd_kafka_queue_new(kafka->rk);
    *kafka_out = kafka;
    return 0;
}

void pp_kafka_close(struct pp_kafka **kafka)
{
    if (!*kafka)
        return;
    rd_kafka_queue_destroy((*kafka)->queue);
    rd_kafka_destroy((*kafka)->rk);
    free(*kafka);
    *kafka = NULL;
}

/* What the brokers answered to the creation of one topic. */
static int creation_result(rd_kafka_event_t *event, const char *name,
                           struct pp_err *err)
{
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    size_t count;

    if (code)
        return pp_kafka_err(err, code, name);
    results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &count);
    code = rd_kafka_topic_result_error(results[0]);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return 0;
    if (code)
        return pp_err_set(err, PP_ERR_FATAL, "kafka: topic %s: %s", name,
                          rd_kafka_topic_result_error_string(results[0]));
    return 1;
}

int pp_kafka_topic_create(struct pp_kafka *kafka,
                          const struct pp_kafka_topic *topic,
                          struct pp_err *err)
{
    const struct pp_kafka_option *option = topic->options;
    rd_kafka_AdminOptions_t *limits;
    rd_kafka_NewTopic_t *wish;
    rd_kafka_event_t *event;
    char text[160];
    int result;

    wish = rd_kafka_NewTopic_new(topic->name, topic->partitions,
                                 topic->replicas, text, sizeof(text));
    if (!wish)
        return pp_err_set(err, PP_ERR_FATAL, "kafka: topic %s: %s", topic->name,
                          text);
    for (; option && option->name; option++)
        rd_kafka_NewTopic_set_config(wish, option->name, option->value);
    limits = rd_kafka_AdminOptions_new(kafka->rk, RD_KAFKA_ADMIN_OP_ANY);
    rd_kafka_AdminOptions_set_request_timeout(limits, ADMIN_MS, text,
                                              sizeof(text));
    rd_kafka_CreateTopics(kafka->rk, &wish, 1, limits, kafka->queue);
    event = rd_kafka_queue_poll(kafka->queue, ADMIN_MS + 1000);
    result = event ? creation_result(event, topic->name, err)
                   : pp_err_set(err, PP_ERR_AGAIN, "kafka: topic %s: no answer",
                                topic->name);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(limits);
    rd_kafka_NewTopic_destroy(wish);
    return result;
}

int pp_kafka_partitions(struct pp_kafka *kafka, const char *topic,
                        int *partitions_out, struct pp_err *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->rk, topic, NULL);
    rd_kafka_resp_err_t code;

    if (!handle)
        return pp_kafka_err(err, rd_kafka_last_error(), topic);
    code = rd_kafka_metadata(kafka->rk, 0, handle, &metadata, ADMIN_MS);
    rd_kafka_topic_destroy(handle);
    if (code)
        return pp_kafka_err(err, code, topic);
    *partitions_out = 0;
    if (metadata->topic_cnt == 1 && metadata->topics[0].err == 0)
        *partitions_out = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

int pp_kafka_offsets(struct pp_kafka *kafka, const char *topic, int partition,
                     int64_t *low_out, int64_t *high_out, struct pp_err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        kafka->rk, topic, partition, low_out, high_out, ADMIN_MS);

    return code ? pp_kafka_err(err, code, topic) : 0;
}

/* The one partition's offset out of what the brokers answered. */
static int committed_result(rd_kafka_event_t *event, int64_t *offset_out,
                            struct pp_err *err)
{
    const rd_kafka_group_result_t **groups;
    const rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    size_t count;

    if (code)
        return pp_kafka_err(err, code, "group offsets");
    groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    if (rd_kafka_group_result_error(groups[0]))
        return pp_kafka_err(
            err, rd_kafka_error_code(rd_kafka_group_result_error(groups[0])),
            "group offsets");
    list = rd_kafka_group_result_partitions(groups[0]);
    *offset_out = list->cnt == 1 && list->elems[0].offset >= 0
                      ? list->elems[0].offset
                      : 0;
    return 0;
}

int pp_kafka_committed(struct pp_kafka *kafka, const char *group,
                       const char *topic, int partition, int64_t *offset_out,
                       struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_ListConsumerGroupOffsets_t *wish;
    rd_kafka_event_t *event;
    int result;

    rd_kafka_topic_partition_list_add(list, topic, partition);
    wish = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_ListConsumerGroupOffsets(kafka->rk, &wish, 1, NULL, kafka->queue);
    event = rd_kafka_queue_poll(kafka->queue, ADMIN_MS + 1000);
    result = event ? committed_result(event, offset_out, err)
                   : pp_err_set(err, PP_ERR_AGAIN, "kafka: no answer");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(wish);
    return result;
}

/* Kafka takes such a commit only while nobody is a member. */
static int commit_error(struct pp_err *err, rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
        code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP ||
        code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
        code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
        code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return pp_err_set(err, PP_ERR_DENIED, "kafka: the group has members");
    return pp_kafka_err(err, code, "commit for a group");
}

static int commit_result(rd_kafka_event_t *event, struct pp_err *err)
{
    const rd_kafka_group_result_t **groups;
    const rd_kafka_topic_partition_list_t *list;
    const rd_kafka_error_t *error;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    size_t count;

    if (code)
        return commit_error(err, code);
    groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    error = rd_kafka_group_result_error(groups[0]);
    if (error)
        return commit_error(err, rd_kafka_error_code(error));
    list = rd_kafka_group_result_partitions(groups[0]);
    for (int i = 0; list && i < list->cnt; i++)
        if (list->elems[i].err)
            return commit_error(err, list->elems[i].err);
    return 0;
}

int pp_kafka_commit_for(struct pp_kafka *kafka, const char *group,
                        const char *topic, const int64_t *offsets, int count,
                        struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(count);
    rd_kafka_AlterConsumerGroupOffsets_t *wish;
    rd_kafka_event_t *event;
    int result;

    for (int i = 0; i < count; i++)
        if (offsets[i] >= 0)
            rd_kafka_topic_partition_list_add(list, topic, i)->offset =
                offsets[i];
    if (list->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(list);
        return 0;
    }
    wish = rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AlterConsumerGroupOffsets(kafka->rk, &wish, 1, NULL, kafka->queue);
    event = rd_kafka_queue_poll(kafka->queue, ADMIN_MS + 1000);
    result = event ? commit_result(event, err)
                   : pp_err_set(err, PP_ERR_AGAIN, "kafka: no answer");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AlterConsumerGroupOffsets_destroy(wish);
    return result;
}

int pp_kafka_offset_at(struct pp_kafka *kafka, const char *topic, int partition,
                       int64_t at_ms, int64_t *offset_out, struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = at_ms;
    code = rd_kafka_offsets_for_times(kafka->rk, list, ADMIN_MS);
    if (!code)
        code = list->elems[0].err;
    *offset_out = list->elems[0].offset >= 0 ? list->elems[0].offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return code ? pp_kafka_err(err, code, topic) : 0;
}
