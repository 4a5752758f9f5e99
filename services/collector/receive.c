#include "receive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pp_address.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_registry.h"
#include "pp_time.h"

#include "answer.h"
#include "body.h"
#include "hit_query.h"
#include "origins.h"
#include "script.h"

#define USER_AGENT_BYTES 512
#define LANGUAGE_BYTES   35
#define SITE_BYTES       32
#define RECORD_BYTES     ((size_t)128 << 10)
#define ARENA_BYTES      ((size_t)8 << 20)

/* Who sends a request. The full address ends with it. */
struct client {
    struct pp_str address; /* points into the request */
    char network[PP_ADDRESS_BYTES];
    int64_t at_ns;   /* when it came, by the monotonic clock */
    int64_t wait_ns; /* a limit refuses the request for so long; or 0 */
};

/* A request whose hits are on their way to Kafka. */
struct waiting {
    struct receiver *receiver;
    struct pp_http_request *request;
    enum answer_form form;
    int64_t reject_until_ms; /* of its first hit that was refused for that */
    size_t on_their_way;
    size_t count;
    int64_t wait_ns; /* the longest of the limits that refused something */
    struct outcome {
        struct waiting *waiting; /* what a record's tag leads back to */
        enum result result;
        uint8_t site_n; /* 0: there is no such site */
        char site_id[SITE_BYTES];
    } outcomes[];
};

static struct pp_counter hits_by_result[RESULT_COUNT];
static struct pp_counter requests_by_result[RESULT_COUNT];
static struct pp_gauge waiting_requests =
    PP_GAUGE("pawprint_collector_waiting_requests",
             "requests whose hits are on their way to Kafka");
static struct pp_counter would_refuse =
    PP_COUNTER("pawprint_collector_would_refuse_hits_total",
               "hits that METERING=enforce would have refused");
static struct pp_counter capacity_unknown =
    PP_COUNTER("pawprint_collector_capacity_unknown_hits_total",
               "hits taken before their account's capacity was known");

void receive_metrics_add(void)
{
    for (size_t i = 0; i < RESULT_COUNT; i++) {
        const char *name = result_name((enum result)i);

        hits_by_result[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_collector_hits_total", "hits by what became of them",
            {"result", name});
        requests_by_result[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_collector_requests_total",
            "requests by what they were answered", {"result", name});
        pp_metrics_add(&hits_by_result[i].metric);
    }
    for (size_t i = 0; i < RESULT_COUNT; i++)
        pp_metrics_add(&requests_by_result[i].metric);
    pp_metrics_add(&waiting_requests.metric);
    pp_metrics_add(&would_refuse.metric);
    pp_metrics_add(&capacity_unknown.metric);
}

void receiver_init(struct receiver *self)
{
    pp_arena_init(&self->arena, ARENA_BYTES);
    pp_buf_init(&self->body, RECEIVE_BATCH_BYTES);
    pp_buf_init(&self->record, RECORD_BYTES);
    self->hits = pp_calloc(HIT_BATCH_MAX, sizeof(*self->hits));
    self->results = pp_calloc(HIT_BATCH_MAX, sizeof(*self->results));
    self->not_durable.ns = INT64_MIN / 2;
}

void receiver_fini(struct receiver *self)
{
    free(self->results);
    free(self->hits);
    pp_buf_fini(&self->record);
    pp_buf_fini(&self->body);
    pp_arena_fini(&self->arena);
}

/* --- answers -------------------------------------------------------------- */

static void reply(struct pp_http_request *request, enum answer_form form,
                  enum result result, int64_t wait_ns)
{
    pp_counter_add(&requests_by_result[result], 1);
    answer_send(request, form, result, NULL, 0, wait_ns);
}

/* Until an account whose capacity is exhausted is taken again. */
static int64_t capacity_wait_ns(const struct waiting *waiting)
{
    int64_t ms = waiting->reject_until_ms - pp_wall_now().ms;

    return ms > 0 ? ms * 1000000 : 0;
}

/* What was sent is no hit, or not one that can be read now. */
static void refuse_whole(struct receiver *self, struct pp_http_request *request,
                         enum answer_form form, enum result result,
                         int64_t wait_ns)
{
    refused_add(self->refused, (struct pp_str){NULL, 0}, result);
    reply(request, form, result, wait_ns);
}

static void count_outcome(const struct outcome *outcome)
{
    pp_counter_add(&hits_by_result[outcome->result], 1);
    if (outcome->result != RESULT_ACCEPTED)
        refused_add(outcome->waiting->receiver->refused,
                    (struct pp_str){outcome->site_id, outcome->site_n},
                    outcome->result);
}

/* All hits of a request are settled: one answer for all of them. */
static void settle(struct waiting *waiting)
{
    enum result results[HIT_BATCH_MAX], overall = RESULT_ACCEPTED;
    bool any = false;

    for (size_t i = 0; i < waiting->count; i++) {
        results[i] = waiting->outcomes[i].result;
        any = any || results[i] == RESULT_ACCEPTED;
        count_outcome(&waiting->outcomes[i]);
    }
    if (!any)
        overall = results[0];
    pp_counter_add(&requests_by_result[overall], 1);
    answer_send(waiting->request, waiting->form, overall, results,
                waiting->count,
                overall == RESULT_CAPACITY_EXHAUSTED ? capacity_wait_ns(waiting)
                                                     : waiting->wait_ns);
    waiting->receiver->waiting--;
    pp_gauge_set(&waiting_requests, waiting->receiver->waiting);
    free(waiting);
}

void receive_delivered(void *context, void *record, const struct pp_err *err)
{
    struct outcome *outcome = record;
    struct receiver *self = context;

    if (err) {
        outcome->result = RESULT_NOT_DURABLE;
        self->not_durable = pp_mono_now();
    }
    if (--outcome->waiting->on_their_way == 0)
        settle(outcome->waiting);
}

void receive_count_timeouts(struct receiver *self, uint64_t count)
{
    pp_counter_add(&requests_by_result[RESULT_TIMEOUT], count - self->timeouts);
    self->timeouts = count;
}

/* --- who sends ------------------------------------------------------------ */

/* Before the sites are known all is refused anyway, and nothing counted. */
static void client_of(struct receiver *self,
                      const struct pp_http_request *request,
                      enum limit endpoint, struct client *client_out)
{
    client_out->address =
        pp_address_client(pp_http_header(request, "X-Forwarded-For"),
                          pp_http_peer(request), self->trusted_hops);
    pp_address_prefix(client_out->address, client_out->network);
    client_out->at_ns = pp_mono_now().ns;
    client_out->wait_ns = 0;
    if (self->known->ready)
        client_out->wait_ns = limits_take_request(
            self->limits, endpoint, pp_str_of(client_out->network),
            client_out->at_ns);
}

/* --- from a hit to its record --------------------------------------------- */

/* A header's text where it is UTF-8, cut; else nothing of it. */
static struct pp_str header_text(const struct pp_http_request *request,
                                 const char *name, size_t max)
{
    struct pp_str text = pp_str_cut_utf8(pp_http_header(request, name), max);

    return pp_str_is_utf8(text) ? text : (struct pp_str){NULL, 0};
}

static struct pp_str language(const struct pp_http_request *request)
{
    struct pp_str text =
        header_text(request, "Accept-Language", LANGUAGE_BYTES);
    size_t n = 0;

    while (n < text.n && text.p[n] != ',' && text.p[n] != ';')
        n++;
    return pp_str_trim(pp_str_sub(text, 0, n));
}

/* A random id for a hit whose sender made none: 128 bits in hex. */
static struct pp_str id_make(struct pp_arena *arena)
{
    unsigned char random[16];
    char *text = pp_arena_alloc(arena, 33);

    if (!text || getrandom(random, sizeof(random), 0) != sizeof(random))
        abort();
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    return (struct pp_str){text, 32};
}

/* What only the collector knows of a hit. */
static void complete(struct receiver *self,
                     const struct pp_http_request *request,
                     const struct client *client, const struct pp_site *site,
                     struct hit *hit)
{
    hit->account_id = site->account_id;
    hit->retention_days = site->retention_days;
    hit->received_at_ms = pp_wall_now().ms;
    hit->user_agent = header_text(request, "User-Agent", USER_AGENT_BYTES);
    hit->language = language(request);
    hit->address_prefix = pp_str_of(client->network);
    if (!hit->event_id.n)
        hit->event_id = id_make(&self->arena);
    hit->has_visitor = self->salts->today.known;
    if (hit->has_visitor)
        hit->visitor = visitor_hash(&self->salts->today, hit->site_id,
                                    client->address, hit->user_agent);
    hit->has_visitor_previous = self->salts->yesterday.known;
    if (hit->has_visitor_previous)
        hit->visitor_previous =
            visitor_hash(&self->salts->yesterday, hit->site_id, client->address,
                         hit->user_agent);
}

/* Hits of one visitor stay in order: they have one key. */
static struct pp_str key_of(const struct hit *hit, char *key, size_t size)
{
    int n = hit->has_visitor
                ? snprintf(key, size, "%.*s:%016" PRIx64, PP_ARG(hit->site_id),
                           (uint64_t)hit->visitor)
                : snprintf(key, size, "%.*s", PP_ARG(hit->event_id));

    return (struct pp_str){key, (size_t)n};
}

static enum result send_hit(struct receiver *self, const struct hit *hit,
                            struct outcome *outcome)
{
    const struct pp_kafka_header headers[] = {
        {"epoch", pp_str_of(self->known->epoch)}, {0}};
    char key[128];
    struct pp_record record = {
        .topic = self->topic,
        .key = key_of(hit, key, sizeof(key)),
        .headers = headers,
        .tag = outcome,
    };
    struct pp_err err = {0};

    pp_buf_reset(&self->record);
    pp_registry_put(self->registry, HIT_FINGERPRINT, &self->record);
    hit_encode(hit, &self->record);
    if (self->record.overflow)
        return RESULT_TOO_LARGE;
    record.value = pp_buf_str(&self->record);
    if (pp_producer_send(self->producer, &record, &err) < 0)
        return err.kind == PP_ERR_INVALID ? RESULT_TOO_LARGE
                                          : RESULT_NOT_DURABLE;
    outcome->waiting->on_their_way++;
    return RESULT_ACCEPTED;
}

/* Both the page and, where the browser says it, the origin have to be ours. */
static bool origin_is_allowed(const struct pp_http_request *request,
                              const struct pp_site *site, const struct hit *hit)
{
    struct pp_str origin = pp_http_header(request, "Origin");

    if (!origins_allow(site, hit_hostname(hit->url)))
        return false;
    return !origin.n || pp_str_eq(origin, PP_LIT("null")) ||
           origins_allow(site, hit_hostname(origin));
}

/* Whether a hit more of its site is too many; then the answer says how long. */
static bool site_is_limited(struct receiver *self, const struct client *client,
                            const struct hit *hit, struct waiting *waiting)
{
    int64_t wait_ns =
        limits_take_hit(self->limits, hit->site_id, client->at_ns);

    if (wait_ns > waiting->wait_ns)
        waiting->wait_ns = wait_ns;
    return wait_ns > 0;
}

/* From memory: no hit waits for anybody to say whether it may be taken. */
static enum result check_capacity(struct receiver *self,
                                  const struct pp_site *site,
                                  struct outcome *outcome)
{
    int64_t until_ms;

    switch (capacities_judge(self->known->capacities, site->account_id,
                             pp_wall_now().ms, &until_ms)) {
    case PP_CAPACITY_CLOSED:
        return RESULT_UNKNOWN_SITE;
    case PP_CAPACITY_BLOCKED:
        return RESULT_ACCOUNT_BLOCKED;
    case PP_CAPACITY_EXHAUSTED:
        if (self->metering == METERING_OBSERVE)
            pp_counter_add(&would_refuse, 1);
        if (self->metering != METERING_ENFORCE)
            break;
        if (!outcome->waiting->reject_until_ms)
            outcome->waiting->reject_until_ms = until_ms;
        return RESULT_CAPACITY_EXHAUSTED;
    case PP_CAPACITY_TAKE:
        break;
    }
    if (!self->known->capacities_known &&
        !capacities_has(self->known->capacities, site->account_id))
        pp_counter_add(&capacity_unknown, 1);
    return RESULT_ACCEPTED;
}

static enum result take_hit(struct receiver *self,
                            const struct pp_http_request *request,
                            const struct client *client, struct hit *hit,
                            struct outcome *outcome)
{
    const struct pp_site *site =
        pp_sites_find(self->known->sites, hit->site_id);
    enum result result;

    if (site && site->site_id.n <= SITE_BYTES) {
        outcome->site_n = (uint8_t)site->site_id.n;
        memcpy(outcome->site_id, site->site_id.p, site->site_id.n);
    }
    if (!site || site->state != PP_SITE_ACTIVE)
        return RESULT_UNKNOWN_SITE;
    if (!origin_is_allowed(request, site, hit))
        return RESULT_FOREIGN_ORIGIN;
    result = check_capacity(self, site, outcome);
    if (result != RESULT_ACCEPTED)
        return result;
    if (site_is_limited(self, client, hit, outcome->waiting))
        return RESULT_RATE_LIMITED;
    complete(self, request, client, site, hit);
    return send_hit(self, hit, outcome);
}

/* Sends what is good of the first count hits, and waits for Kafka. */
static void take_all(struct receiver *self, struct pp_http_request *request,
                     const struct client *client, enum answer_form form,
                     size_t count)
{
    struct waiting *waiting =
        pp_malloc(sizeof(*waiting) + count * sizeof(waiting->outcomes[0]));

    *waiting = (struct waiting){.receiver = self,
                                .request = request,
                                .form = form,
                                .count = count,
                                .wait_ns = client->wait_ns,
                                .on_their_way = 1}; /* this function */
    self->waiting++;
    pp_gauge_set(&waiting_requests, self->waiting);
    for (size_t i = 0; i < count; i++) {
        struct outcome *outcome = &waiting->outcomes[i];

        *outcome =
            (struct outcome){.waiting = waiting, .result = self->results[i]};
        if (client->wait_ns > 0)
            outcome->result = RESULT_RATE_LIMITED;
        else if (outcome->result == RESULT_ACCEPTED)
            outcome->result =
                take_hit(self, request, client, &self->hits[i], outcome);
    }
    /* No report can come before we poll: what is left is Kafka's. */
    if (--waiting->on_their_way == 0)
        settle(waiting);
    else
        pp_http_hold(request);
}

/* --- the calls ------------------------------------------------------------ */

static bool media_type_is_ours(const struct pp_http_request *request)
{
    struct pp_str type = pp_http_header(request, "Content-Type");

    type = pp_str_trim(pp_str_sub(type, 0, pp_str_find(type, ';')));
    return !type.n || pp_str_eq_nocase(type, PP_LIT("application/json")) ||
           pp_str_eq_nocase(type, PP_LIT("text/plain"));
}

/* The body as text, or why not. */
static enum result body_of(struct receiver *self,
                           const struct pp_http_request *request,
                           size_t max_bytes, struct pp_str *body_out)
{
    if (!self->known->ready)
        return RESULT_NOT_READY;
    if (!media_type_is_ours(request))
        return RESULT_UNSUPPORTED_MEDIA_TYPE;
    self->body.max = max_bytes;
    pp_arena_reset(&self->arena);
    switch (body_unpack(pp_http_header(request, "Content-Encoding"),
                        pp_http_body(request), &self->body, body_out)) {
    case BODY_OK:
        return RESULT_ACCEPTED;
    case BODY_UNSUPPORTED:
        return RESULT_UNSUPPORTED_ENCODING;
    case BODY_MALFORMED:
        return RESULT_MALFORMED;
    case BODY_TOO_LARGE:
        break;
    }
    return RESULT_TOO_LARGE;
}

/*
 * Of a request that a limit refuses what is small is read all the same: its
 * hits are counted as refused.
 */
static void reply_unread(struct receiver *self, struct pp_http_request *request,
                         const struct client *client, enum answer_form form,
                         enum result result)
{
    if (client->wait_ns > 0)
        result = RESULT_RATE_LIMITED;
    refuse_whole(self, request, form, result, client->wait_ns);
}

static void post_hit(struct pp_http_request *request, void *context)
{
    struct receiver *self = context;
    struct client client;
    struct pp_str body;
    enum result result;

    client_of(self, request, LIMIT_HIT, &client);
    result = body_of(self, request, RECEIVE_HIT_BYTES, &body);
    if (result != RESULT_ACCEPTED) {
        reply_unread(self, request, &client, ANSWER_JSON, result);
        return;
    }
    self->results[0] = hit_read_one(body, &self->arena, &self->hits[0]);
    take_all(self, request, &client, ANSWER_JSON, 1);
}

static void post_batch(struct pp_http_request *request, void *context)
{
    struct receiver *self = context;
    struct client client;
    struct pp_str body;
    size_t count = 0;
    enum result result;

    client_of(self, request, LIMIT_BATCH, &client);
    result = body_of(
        self, request,
        client.wait_ns > 0 ? RECEIVE_HIT_BYTES : RECEIVE_BATCH_BYTES, &body);
    if (result == RESULT_ACCEPTED)
        result = hit_read_batch(body, &self->arena, self->hits, self->results,
                                &count);
    if (result != RESULT_ACCEPTED)
        reply_unread(self, request, &client, ANSWER_BATCH, result);
    else
        take_all(self, request, &client, ANSWER_BATCH, count);
}

static struct pp_str query_value(const void *request, const char *name)
{
    return pp_http_query(request, name);
}

static void get_pixel(struct pp_http_request *request, void *context)
{
    struct receiver *self = context;
    struct client client;

    if (!self->known->ready) {
        refuse_whole(self, request, ANSWER_PIXEL, RESULT_NOT_READY, 0);
        return;
    }
    client_of(self, request, LIMIT_PIXEL, &client);
    pp_arena_reset(&self->arena);
    self->results[0] = hit_read_query(query_value, request, &self->hits[0]);
    take_all(self, request, &client, ANSWER_PIXEL, 1);
}

/* OPTIONS of any path, and what no other row takes. */
static void refuse(struct pp_http_request *request, void *context)
{
    enum result result = RESULT_NOT_FOUND;

    (void)context;
    if (pp_http_refusal(request) == 413)
        result = RESULT_TOO_LARGE;
    else if (pp_http_refusal(request) == 405)
        result = pp_str_eq(pp_http_method(request), PP_LIT("OPTIONS"))
                     ? RESULT_PREFLIGHT
                     : RESULT_METHOD_NOT_ALLOWED;
    reply(request, ANSWER_JSON, result, 0);
}

const struct pp_http_route receive_routes[] = {
    {"POST", "/e", post_hit},
    {"POST", "/b", post_batch},
    {"GET", "/p.gif", get_pixel},
    {"GET", "/s.js", script_get},
    {"HEAD", "/s.js", script_get},
    {NULL, "*", refuse},
    {0},
};
