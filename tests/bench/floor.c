/*
 * The least that the parts of a service can cost on this machine: the same
 * requests, records and bytes through the same kernel and libraries, with
 * nothing of ours around them. `make bench` puts our services beside it.
 *
 *   floor http PORT                     answers 202 to whatever is posted
 *   floor produce BROKERS TOPIC COUNT BYTES
 *   floor consume BROKERS TOPIC COUNT
 *   floor copy BROKERS FROM TO COUNT    in transactions of 2,000
 *
 * Each ends by printing "COUNT MICROSECONDS": how much was done, and the CPU
 * time of the process for it. http is ended by SIGTERM.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <librdkafka/rdkafka.h>

#define REQUEST_BYTES 131072
#define FILES_MAX     4096
#define EVENTS_MAX    256
#define BATCH         2000
#define WAIT_MS       30000

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(1);
}

static int64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- HTTP ----------------------------------------------------------------- */

struct connection {
    size_t have;
    char bytes[REQUEST_BYTES];
};

static struct connection *connections[FILES_MAX];

/* Bytes of the first whole request, or 0. */
static size_t request_bytes(const struct connection *c)
{
    const char *end = memmem(c->bytes, c->have, "\r\n\r\n", 4), *length;
    size_t bytes;

    if (!end)
        return 0;
    bytes = (size_t)(end - c->bytes) + 4;
    length = memmem(c->bytes, bytes, "Content-Length: ", 16);
    if (length)
        bytes += strtoul(length + 16, NULL, 10);
    return bytes <= c->have ? bytes : 0;
}

/* Answers what is there; false when the peer has gone. */
static bool serve(int fd, int64_t *count)
{
    static const char answer[] =
        "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
        "Content-Length: 21\r\n\r\n{\"result\":\"accepted\"}";
    struct connection *c = connections[fd];
    ssize_t got =
        recv(fd, c->bytes + c->have, sizeof(c->bytes) - c->have, MSG_DONTWAIT);
    size_t bytes;

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    c->have += (size_t)got;
    while ((bytes = request_bytes(c)) > 0) {
        c->have -= bytes;
        memmove(c->bytes, c->bytes + bytes, c->have);
        if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
            return false;
        ++*count;
    }
    return true;
}

static void http(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN};
    int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    int one = 1;
    int64_t count = 0;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, FILES_MAX) < 0)
        fail("listen", strerror(errno));
    event.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (!stop) {
        int n = epoll_wait(epoll, events, EVENTS_MAX, 100);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener) {
                fd = accept(listener, NULL, NULL);
                if (fd < 0 || fd >= FILES_MAX)
                    continue;
                if (!connections[fd])
                    connections[fd] = malloc(sizeof(struct connection));
                connections[fd]->have = 0;
                event.data.fd = fd;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            } else if (!serve(fd, &count)) {
                close(fd);
            }
        }
    }
    printf("%" PRId64 " %" PRId64 "\n", count, cpu_us());
}

/* --- Kafka ---------------------------------------------------------------- */

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers,
                          const char *const *options)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[200];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
    for (; options[0]; options += 2)
        if (rd_kafka_conf_set(conf, options[0], options[1], why, sizeof(why)) !=
            RD_KAFKA_CONF_OK)
            fail(options[0], why);
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        fail(brokers, why);
    return rk;
}

static rd_kafka_t *producer(const char *brokers, const char *transactional_id)
{
    const char *const options[] = {"enable.idempotence",
                                   "true",
                                   "linger.ms",
                                   "5",
                                   "compression.codec",
                                   "lz4",
                                   transactional_id ? "transactional.id" : NULL,
                                   transactional_id,
                                   NULL};

    return client(RD_KAFKA_PRODUCER, brokers, options);
}

static rd_kafka_t *consumer(const char *brokers, const char *topic)
{
    static const char *const options[] = {"group.id",
                                          "floor",
                                          "auto.offset.reset",
                                          "earliest",
                                          "enable.auto.commit",
                                          "false",
                                          "isolation.level",
                                          "read_committed",
                                          NULL};
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, brokers, options);

    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(rk);
    if (rd_kafka_subscribe(rk, topics))
        fail("subscribe", topic);
    rd_kafka_topic_partition_list_destroy(topics);
    return rk;
}

static void send_one(rd_kafka_t *rk, const char *topic, const void *key,
                     size_t key_bytes, const void *value, size_t bytes)
{
    rd_kafka_resp_err_t err;

    do {
        err = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, key_bytes),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, bytes),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        rd_kafka_poll(rk, err ? 10 : 0);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (err)
        fail(topic, rd_kafka_err2str(err));
}

static void produce(const char *brokers, const char *topic, int64_t count,
                    size_t bytes)
{
    rd_kafka_t *rk = producer(brokers, NULL);
    char *value = malloc(bytes);

    for (size_t i = 0; i < bytes; i++) /* packs about as well as records do */
        value[i] = (char)(i % 7 ? (int)('a' + i % 23) : rand());
    for (int64_t i = 0; i < count; i++)
        send_one(rk, topic, &i, sizeof(i), value, bytes);
    if (rd_kafka_flush(rk, WAIT_MS))
        fail(topic, "was not flushed");
    printf("%" PRId64 " %" PRId64 "\n", count, cpu_us());
    rd_kafka_destroy(rk);
}

static void consume(const char *brokers, const char *topic, int64_t count)
{
    rd_kafka_t *rk = consumer(brokers, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_message_t *messages[BATCH];
    int64_t seen = 0;

    while (seen < count) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH);

        for (ssize_t i = 0; i < n; i++) {
            seen += !messages[i]->err;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    printf("%" PRId64 " %" PRId64 "\n", seen, cpu_us());
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static void check(rd_kafka_error_t *error)
{
    if (error)
        fail("transaction", rd_kafka_error_string(error));
}

static void commit(rd_kafka_t *to, rd_kafka_t *from)
{
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *group =
        rd_kafka_consumer_group_metadata(from);

    rd_kafka_assignment(from, &offsets);
    rd_kafka_position(from, offsets);
    check(rd_kafka_send_offsets_to_transaction(to, offsets, group, WAIT_MS));
    check(rd_kafka_commit_transaction(to, WAIT_MS));
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_consumer_group_metadata_destroy(group);
}

static void copy(const char *brokers, const char *from, const char *to,
                 int64_t count)
{
    rd_kafka_t *in = consumer(brokers, from), *out = producer(brokers, "floor");
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in);
    rd_kafka_message_t *messages[BATCH];
    int64_t seen = 0;

    check(rd_kafka_init_transactions(out, WAIT_MS));
    while (seen < count) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 50, messages, BATCH);

        if (n <= 0)
            continue;
        check(rd_kafka_begin_transaction(out));
        for (ssize_t i = 0; i < n; i++) {
            if (!messages[i]->err) {
                send_one(out, to, messages[i]->key, messages[i]->key_len,
                         messages[i]->payload, messages[i]->len);
                seen++;
            }
            rd_kafka_message_destroy(messages[i]);
        }
        commit(out, in);
    }
    printf("%" PRId64 " %" PRId64 "\n", seen, cpu_us());
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(in);
    rd_kafka_destroy(in);
    rd_kafka_destroy(out);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    signal(SIGTERM, on_signal);
    if (argc == 3 && strcmp(what, "http") == 0)
        http(atoi(argv[2]));
    else if (argc == 6 && strcmp(what, "produce") == 0)
        produce(argv[2], argv[3], atoll(argv[4]), (size_t)atoll(argv[5]));
    else if (argc == 5 && strcmp(what, "consume") == 0)
        consume(argv[2], argv[3], atoll(argv[4]));
    else if (argc == 6 && strcmp(what, "copy") == 0)
        copy(argv[2], argv[3], argv[4], atoll(argv[5]));
    else
        fail("usage", "floor http|produce|consume|copy ...");
    return 0;
}
