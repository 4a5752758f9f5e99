/*
 * collector - takes hits in.
 *
 *   reads   HTTP on the public port     docs/api/collector.md
 *           pawprint.sites.v1           schemas/site.avsc
 *           pawprint.capacity.v1        schemas/capacity.avsc
 *   writes  pawprint.hits.v1            schemas/hit.avsc
 *           Redis: capacity:ACCOUNT     for those that ask from outside
 *           pawprint.counts.v1          schemas/counts.avsc
 *
 * 202 is said only when every in-sync replica of Kafka has the hit. Requests
 * wait for that suspended and hold no thread: one loop serves the port, reads
 * the sites and takes the delivery reports. More throughput is more processes
 * on the same port. What a request becomes is in receive.c; the parts that
 * decide do no I/O.
 */
#include <stdio.h>

#include <sodium.h>

#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"

#include "capacity.h"
#include "counts.h"
#include "known.h"
#include "limit_share.h"
#include "receive.h"
#include "refused.h"
#include "script.h"
#include "share.h"
#include "site.h"

#define TURN_MS        100
#define STOP_MS        15000
#define NOT_DURABLE_MS 5000 /* /readyz stays 503 after a failed delivery */
#define QUEUE_BYTES    ((size_t)64 << 20)
#define HEADER_BYTES   ((size_t)16 << 10)

static struct {
    struct pp_kafka_access kafka;
    const char *prefix;
    const char *redis;
    const char *registry;
    const char *address;
    int port;
    int connections;
    int idle_s;
    int request_ms;
    int ack_ms;
    int linger_ms;
    int drain_ms;
    int trusted_hops;
    const char *limits[LIMIT_COUNT];
    int metering;
} cfg = {.kafka.client_id = "collector"};

#define LIMIT(name, limit, fallback, help)                                     \
    PP_STR_CHECKED(name, &cfg.limits[limit], fallback, pp_rate_wrong,          \
                   help ", like 5/m or 100/s, 5000/m; or off")

static const struct pp_setting settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_SECRET("PAWPRINT_REDIS_URL", &cfg.redis, NULL,
              "redis://host:port of the Redis that keeps the salts and counts "
              "for the limits"),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_STR("PAWPRINT_COLLECTOR_ADDRESS", &cfg.address, "0.0.0.0",
           "IPv4 address of the public port"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_PORT", &cfg.port, "8080", 0, 65535,
                 "public port"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_CONNECTIONS", &cfg.connections, "10000", 1,
                 100000, "connections open at once"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_IDLE_S", &cfg.idle_s, "60", 1, 3600,
                 "a silent connection is closed after so many seconds"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_REQUEST_MS", &cfg.request_ms, "10000", 100,
                 600000, "a request not read whole by then gets 408"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_ACK_MS", &cfg.ack_ms, "10000", 100, 600000,
                 "a hit that Kafka has not by then gets 503"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_LINGER_MS", &cfg.linger_ms, "5", 0, 1000,
                 "longest wait for a fuller request to Kafka"),
    PP_INT_RANGE("PAWPRINT_COLLECTOR_DRAIN_MS", &cfg.drain_ms, "0", 0, 600000,
                 "how long to go on serving after SIGTERM, for balancers"),
    PP_INT_RANGE("PAWPRINT_TRUSTED_HOPS", &cfg.trusted_hops, "0", 0, 10,
                 "proxies of ours before the collector: so many parts of "
                 "X-Forwarded-For are believed"),
    LIMIT("PAWPRINT_LIMIT_NETWORK", LIMIT_NETWORK, "5000/m",
          "requests of a client network (/24 or /48)"),
    LIMIT("PAWPRINT_LIMIT_HIT", LIMIT_HIT, "off", "of those, POST /e"),
    LIMIT("PAWPRINT_LIMIT_BATCH", LIMIT_BATCH, "off", "of those, POST /b"),
    LIMIT("PAWPRINT_LIMIT_PIXEL", LIMIT_PIXEL, "off", "of those, GET /p.gif"),
    LIMIT("PAWPRINT_LIMIT_SITE", LIMIT_SITE, "off", "hits of a site"),
    PP_CHOICE("METERING", &cfg.metering, "enforce", "enforce observe off",
              "hits of an account whose capacity is exhausted: refused; taken "
              "and counted; taken"),
    {0},
};

struct collector {
    struct pp_http *http;
    struct known known;
    struct pp_registry *registry;
    struct salts salts;
    struct limits limits;
    struct limit_share *limit_share;
    struct share *share;
    struct receiver receiver;
    struct refused refused;
    char topic[200];
};

static void reports_wait(void *context)
{
    struct collector *self = context;

    pp_producer_poll(self->receiver.producer, 0);
}

/* Without their numbers nothing can be read or written: waits for them. */
static int learn_schemas(struct collector *self, struct pp_err *err)
{
    char sites[200], capacity[200], counts[200];

    snprintf(sites, sizeof(sites), "%ssites.v1", cfg.prefix);
    snprintf(capacity, sizeof(capacity), "%scapacity.v1", cfg.prefix);
    snprintf(counts, sizeof(counts), "%scounts.v1", cfg.prefix);
    while (pp_registry_learn(self->registry, self->topic, hit_schema,
                             HIT_FINGERPRINT, err) < 0 ||
           pp_registry_learn(self->registry, sites, site_schema,
                             SITE_FINGERPRINT, err) < 0 ||
           pp_registry_learn(self->registry, capacity, capacity_schema,
                             CAPACITY_FINGERPRINT, err) < 0 ||
           pp_registry_learn(self->registry, counts, counts_schema,
                             COUNTS_FINGERPRINT, err) < 0) {
        if (err->kind != PP_ERR_AGAIN || !pp_service_running())
            return -1;
        pp_service_backoff(err);
    }
    return 0;
}

static int open_kafka(struct collector *self, struct pp_err *err)
{
    const struct pp_producer_options producing = {
        .linger_ms = cfg.linger_ms,
        .timeout_ms = cfg.ack_ms,
        .queue_bytes = QUEUE_BYTES,
        .delivered = receive_delivered,
        .context = &self->receiver,
    };

    if (pp_producer_open(&self->receiver.producer, &cfg.kafka, &producing,
                         err) < 0 ||
        refused_open(&self->refused, &cfg.kafka, cfg.prefix, self->registry,
                     err) < 0)
        return -1;
    if (known_open(&self->known, &cfg.kafka, cfg.prefix, self->registry, err) <
        0)
        return -1;
    return share_open(&self->share, cfg.redis, self->known.capacities, err);
}

static int open_http(struct collector *self, struct pp_err *err)
{
    const struct pp_http_limits limits = {
        .body_bytes = RECEIVE_BATCH_BYTES,
        .header_bytes = HEADER_BYTES,
        .connections = (unsigned)cfg.connections,
        .idle_s = (unsigned)cfg.idle_s,
        .request_ms = cfg.request_ms,
    };

    if (pp_http_open(&self->http, cfg.address, (uint16_t)cfg.port,
                     receive_routes, &self->receiver, &limits, err) < 0)
        return -1;
    if (pp_http_watch(self->http, pp_producer_fd(self->receiver.producer),
                      reports_wait, self, err) < 0)
        return -1;
    return known_watch(&self->known, self->http, err);
}

static int open_all(struct collector *self, struct pp_err *err)
{
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    snprintf(self->topic, sizeof(self->topic), "%shits.v1", cfg.prefix);
    receiver_init(&self->receiver);
    self->receiver.known = &self->known;
    self->receiver.salts = &self->salts;
    self->receiver.limits = &self->limits;
    self->receiver.refused = &self->refused;
    self->receiver.topic = self->topic;
    self->receiver.trusted_hops = cfg.trusted_hops;
    self->receiver.metering = cfg.metering;
    if (limits_init(&self->limits, cfg.limits, err) < 0 ||
        limit_share_open(&self->limit_share, cfg.redis, &self->limits, err) <
            0 ||
        salts_open(&self->salts, cfg.redis, err) < 0 ||
        pp_registry_open(&self->registry, cfg.registry, err) < 0 ||
        learn_schemas(self, err) < 0 || open_kafka(self, err) < 0)
        return -1;
    self->receiver.registry = self->registry;
    return open_http(self, err);
}

static void judge_readiness(const struct collector *self)
{
    bool durable =
        pp_mono_ms(self->receiver.not_durable, pp_mono_now()) > NOT_DURABLE_MS;

    if (self->known.ready && self->salts.tried && durable)
        pp_service_ready();
    else
        pp_service_not_ready();
}

/* It never waits for a server: requests are answered whoever is away. */
static int one_turn(struct collector *self, struct pp_err *err)
{
    pp_http_turn(self->http, limit_share_wait_ms(self->limit_share, TURN_MS));
    reports_wait(self);
    limit_share_turn(self->limit_share, pp_mono_now().ns);
    receive_count_timeouts(&self->receiver, pp_http_cut_off_count(self->http));
    salts_turn(&self->salts, pp_wall_now().ms);
    if (known_read(&self->known, err) < 0)
        return -1;
    share_turn(self->share);
    refused_tell(&self->refused, self->known.counts_epoch);
    judge_readiness(self);
    return 0;
}

/* Told to stop: serve on for the drain, then answer what is being read. */
static void drain(struct collector *self)
{
    struct pp_mono start = pp_mono_now();
    struct pp_err err = {0};

    pp_service_not_ready();
    while (pp_mono_ms(start, pp_mono_now()) < cfg.drain_ms)
        (void)one_turn(self, &err);
    pp_http_stop_accepting(self->http);
    start = pp_mono_now();
    while (pp_http_open_requests(self->http) > 0 &&
           pp_mono_ms(start, pp_mono_now()) < STOP_MS) {
        pp_http_turn(self->http, 10);
        reports_wait(self);
    }
    pp_info("collector.drained", "unanswered=%u",
            pp_http_open_requests(self->http));
}

static void close_all(struct collector *self)
{
    pp_http_close(&self->http);
    limit_share_close(&self->limit_share);
    limits_fini(&self->limits);
    refused_close(&self->refused, self->known.counts_epoch);
    share_close(&self->share);
    known_close(&self->known);
    pp_producer_close(&self->receiver.producer);
    salts_close(&self->salts);
    pp_registry_close(&self->registry);
    receiver_fini(&self->receiver);
}

int main(int argc, char **argv)
{
    static struct collector self;
    struct pp_err err = {0};

    receive_metrics_add();
    script_metrics_add();
    known_metrics_add();
    limits_metrics_add();
    limit_share_metrics_add();
    refused_metrics_add();
    pp_service_init("collector", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        pp_info("collector.listening", "port=%u",
                (unsigned)pp_http_port(self.http));
        while (pp_service_running() && one_turn(&self, &err) == 0)
            continue;
        if (err.kind == PP_ERR_NONE)
            drain(&self);
    }
    close_all(&self);
    return pp_service_exit(&err);
}
