#include "pp_producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pp_consumer_rd.h"
#include "pp_kafka_rd.h"
#include "pp_mem.h"

struct pp_producer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *main_queue;
    int fd;
    bool transactional;
    pp_delivered *delivered;
    void *context;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message,
                        void *opaque)
{
    struct pp_producer *producer = opaque;
    struct pp_err err = {0};

    (void)rk;
    if (!producer->delivered)
        return;
    if (message->err)
        pp_kafka_err(&err, message->err, "deliver");
    producer->delivered(producer->context, message->_private,
                        message->err ? &err : NULL);
}

static int options_set(rd_kafka_conf_t *conf,
                       const struct pp_producer_options *options,
                       struct pp_err *err)
{
    char linger[16], timeout[16], kbytes[24];
    const struct pp_kafka_option rows[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", "lz4"},
        {"partitioner", "murmur2_random"}, /* as Java's clients choose */
        {"linger.ms", linger},
        {"message.timeout.ms", timeout},
        {"queue.buffering.max.kbytes", kbytes},
        {"queue.buffering.max.messages", "1000000"},
        {"transactional.id", options->transactional_id},
    };

    snprintf(linger, sizeof(linger), "%d", options->linger_ms);
    snprintf(timeout, sizeof(timeout), "%d", options->timeout_ms);
    snprintf(kbytes, sizeof(kbytes), "%zu", options->queue_bytes / 1024 + 1);
    for (size_t i = 0; i < PP_COUNT(rows); i++)
        if (rows[i].value &&
            pp_kafka_set(conf, rows[i].name, rows[i].value, err) < 0)
            return -1;
    if (options->transactional_id)
        return pp_kafka_set(conf, "transaction.timeout.ms", timeout, err);
    return 0;
}

/* Reports wake whoever waits for fd. */
static int wake_by_fd(struct pp_producer *producer, struct pp_err *err)
{
    static const uint64_t one = 1;

    producer->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (producer->fd < 0)
        return pp_err_sys(err, PP_ERR_FATAL, "eventfd");
    producer->main_queue = rd_kafka_queue_get_main(producer->rk);
    rd_kafka_queue_io_event_enable(producer->main_queue, producer->fd, &one,
                                   sizeof(one));
    return 0;
}

/*
 * Asking for anything makes it connect; else the first record would, and wait
 * a second for it. The answer is not waited for.
 */
static void connect_now(rd_kafka_t *rk)
{
    const struct rd_kafka_metadata *metadata;

    if (rd_kafka_metadata(rk, 0, NULL, &metadata, 1) == 0)
        rd_kafka_metadata_destroy(metadata);
}

int pp_producer_open(struct pp_producer **producer_out,
                     const struct pp_kafka_access *access,
                     const struct pp_producer_options *options,
                     struct pp_err *err)
{
    struct pp_producer *producer = pp_calloc(1, sizeof(*producer));
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_error_t *error;
    char text[160];

    *producer_out = producer;
    producer->fd = -1;
    producer->transactional = options->transactional_id;
    producer->delivered = options->delivered;
    producer->context = options->context;
    if (pp_kafka_conf(&conf, access, err) < 0 ||
        options_set(conf, options, err) < 0)
        goto failed;
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!producer->rk) {
        pp_err_set(err, PP_ERR_FATAL, "kafka: %s", text);
        goto failed;
    }
    conf = NULL; /* the handle's now */
    if (wake_by_fd(producer, err) < 0)
        goto failed;
    connect_now(producer->rk);
    if (options->transactional_id) {
        error = rd_kafka_init_transactions(producer->rk, options->timeout_ms);
        if (error) {
            pp_kafka_error(err, error, "init transactions");
            goto failed;
        }
    }
    return 0;

failed:
    if (conf)
        rd_kafka_conf_destroy(conf);
    pp_producer_close(producer_out);
    return -1;
}

void pp_producer_close(struct pp_producer **producer)
{
    struct pp_producer *self = *producer;

    if (!self)
        return;
    self->delivered = NULL; /* whoever listened may be gone */
    if (self->main_queue)
        rd_kafka_queue_destroy(self->main_queue);
    if (self->rk) {
        rd_kafka_purge(self->rk, RD_KAFKA_PURGE_F_QUEUE |
                                     RD_KAFKA_PURGE_F_INFLIGHT |
                                     RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(self->rk);
    }
    if (self->fd >= 0)
        close(self->fd);
    free(self);
    *producer = NULL;
}

static rd_kafka_headers_t *headers_of(const struct pp_kafka_header *header)
{
    rd_kafka_headers_t *headers;

    if (!header || !header->name)
        return NULL;
    headers = rd_kafka_headers_new(4);
    for (; header->name; header++)
        rd_kafka_header_add(headers, header->name, -1, header->value.p,
                            (ssize_t)header->value.n);
    return headers;
}

/*
 * A transaction that failed may be begun again, by this producer or, where
 * abort fails, by the next one.
 */
static int transaction_failed(struct pp_err *err, rd_kafka_error_t *error,
                              const char *doing)
{
    bool fenced = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__FENCED;

    pp_err_set(err, fenced ? PP_ERR_DENIED : PP_ERR_AGAIN, "kafka: %s: %s",
               doing, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

/* While its transaction has failed a producer sends nothing: abort says why. */
static int send_failed(struct pp_err *err, rd_kafka_resp_err_t code,
                       bool in_transaction)
{
    if (in_transaction &&
        (code == RD_KAFKA_RESP_ERR__STATE || code == RD_KAFKA_RESP_ERR__FATAL ||
         code == RD_KAFKA_RESP_ERR__FENCED))
        return pp_err_set(err, PP_ERR_AGAIN, "kafka: send: %s",
                          rd_kafka_err2str(code));
    return pp_kafka_err(err, code, "send");
}

int pp_producer_send(struct pp_producer *producer,
                     const struct pp_record *record, struct pp_err *err)
{
    rd_kafka_headers_t *headers = headers_of(record->headers);
    rd_kafka_vu_t parts[7];
    rd_kafka_error_t *error;
    size_t count = 0;
    union {
        const char *from;
        char *to;
    } value = {record->value.p}, key = {record->key.p};

    parts[count].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[count++].u.cstr = record->topic;
    parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[count].u.mem.ptr = value.to;
    parts[count++].u.mem.size = record->value.n;
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count].u.mem.ptr = key.to;
    parts[count++].u.mem.size = record->key.n;
    parts[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
    parts[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[count++].u.ptr = record->tag;
    if (headers) {
        parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        parts[count++].u.headers = headers;
    }
    error = rd_kafka_produceva(producer->rk, parts, count);
    if (!error)
        return 0;
    if (headers) /* still ours after a failure */
        rd_kafka_headers_destroy(headers);
    send_failed(err, rd_kafka_error_code(error), producer->transactional);
    rd_kafka_error_destroy(error);
    return -1;
}

int pp_producer_fd(const struct pp_producer *producer)
{
    return producer->fd;
}

void pp_producer_poll(struct pp_producer *producer, int wait_ms)
{
    eventfd_t woken;

    (void)eventfd_read(producer->fd, &woken);
    rd_kafka_poll(producer->rk, wait_ms);
}

int pp_producer_flush(struct pp_producer *producer, int wait_ms,
                      struct pp_err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(producer->rk, wait_ms);

    return code ? pp_kafka_err(err, code, "flush") : 0;
}

int pp_producer_begin(struct pp_producer *producer, struct pp_err *err)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(producer->rk);

    return error ? transaction_failed(err, error, "begin transaction") : 0;
}

int pp_producer_commit(struct pp_producer *producer,
                       struct pp_consumer *consumer, int wait_ms,
                       struct pp_err *err)
{
    rd_kafka_consumer_group_metadata_t *group = pp_consumer_group(consumer);
    rd_kafka_topic_partition_list_t *offsets = pp_consumer_offsets(consumer);
    rd_kafka_error_t *error = NULL;

    if (offsets->cnt > 0)
        error = rd_kafka_send_offsets_to_transaction(producer->rk, offsets,
                                                     group, wait_ms);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_consumer_group_metadata_destroy(group);
    if (error)
        return transaction_failed(err, error, "send offsets to transaction");
    error = rd_kafka_commit_transaction(producer->rk, wait_ms);
    if (error)
        return transaction_failed(err, error, "commit transaction");
    pp_consumer_committed(consumer);
    return 0;
}

int pp_producer_abort(struct pp_producer *producer, int wait_ms,
                      struct pp_err *err)
{
    rd_kafka_error_t *error = rd_kafka_abort_transaction(producer->rk, wait_ms);

    return error ? transaction_failed(err, error, "abort transaction") : 0;
}
