/*
 * Puts made-up events onto the topic `events`, as an enricher would: for tests
 * and benchmarks of what comes behind. The same seed gives the same events.
 *
 *   events BROKERS PREFIX COUNT SEED [--bad EVERY] [--months] [--odd N]
 *          [--site ID] [--sites N] [--rate PER_SECOND] [--json TOPIC]
 *          [--account ID] [--received MS] [--views] [--hits]
 *
 *   --bad     every so many, an event has a pathname of 1,500 bytes
 *   --months  a quarter of them happened a month ago
 *   --odd     so many records, over all, are no events but noise
 *   --site    all of them are this site's; else 50 made-up ones
 *   --sites   so many made-up ones, each as likely as the others
 *   --rate    not faster than that
 *   --account that had the site at receipt; else the site's id
 *   --received  all of them then, by the collector's clock; else now
 *   --views   page views of people, and nothing else
 *   --hits    page views of people as a collector puts them onto `hits`, so
 *             that an enricher makes the events
 *   --json    to that topic instead, as rows of JSONEachRow with the columns
 *             of the table, for programs that read no Avro
 *
 * The n-th event has the id "SEED-n". Prints how many records were
 * acknowledged.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_producer.h"
#include "pp_registry.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "event.h"
#include "hit.h"

#define WAIT_MS  10000
#define FLUSH_MS 120000
#define MONTH_MS (INT64_C(31) * 86400000)

static struct {
    long bad, odd, rate, sites;
    int64_t received_ms;
    bool months, views, hits;
    const char *site, *account, *json;
} options;

static uint64_t dice; /* SplitMix64 */
static size_t acknowledged;

static uint64_t throw_dice(void)
{
    uint64_t x = dice += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Small numbers are likelier, as with pages and sites. */
static unsigned likely_small(unsigned below)
{
    double u = (double)(throw_dice() >> 11) / 9007199254740992.0;

    return (unsigned)(pow((double)below + 1, u)) - 1;
}

/* About log-normal, milliseconds. */
static int32_t some_ms(double middle)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (double)(throw_dice() >> 11) / 9007199254740992.0;
    return (int32_t)(middle * exp((sum - 2) * 1.2));
}

/* One of count made-up texts, that lives until the program ends. */
static struct pp_str text_of(const char *begin, unsigned count)
{
    static char *made[16][4096];
    static const char *begins[16];
    unsigned which = likely_small(count);
    size_t i = 0;

    while (begins[i] && begins[i] != begin)
        i++;
    begins[i] = begin;
    if (!made[i][which] && asprintf(&made[i][which], "%s%u", begin, which) < 0)
        abort();
    return pp_str_of(made[i][which]);
}

static void fill_measures(struct event *event)
{
    static const char *const vitals[] = {"LCP", "INP", "CLS", "FCP"};

    switch (throw_dice() % 10) {
    case 0:
    case 1:
        event->kind = EVENT_KIND_TIMING;
        event->has_ttfb_ms = event->has_dom_ms = event->has_load_ms = true;
        event->ttfb_ms = some_ms(150);
        event->dom_ms = event->ttfb_ms + some_ms(400);
        event->load_ms = event->dom_ms + some_ms(300);
        break;
    case 2:
    case 3:
    case 4:
        event->kind = EVENT_KIND_VITAL;
        event->name = pp_str_of(vitals[throw_dice() % PP_COUNT(vitals)]);
        event->has_value = true;
        event->value = (double)some_ms(900);
        break;
    default:
        event->kind = EVENT_KIND_PAGEVIEW;
        break;
    }
}

/* Valid until the next call. */
static struct pp_str some_site(void)
{
    static char id[32];

    if (options.site)
        return pp_str_of(options.site);
    if (!options.sites)
        return text_of("site", 50);
    snprintf(id, sizeof(id), "site%lu",
             (unsigned long)(throw_dice() % (uint64_t)options.sites));
    return pp_str_of(id);
}

static struct event some_event(struct pp_str id, struct pp_str long_path,
                               int64_t number)
{
    int64_t now_ms =
        options.received_ms ? options.received_ms : pp_wall_now().ms;
    struct event event = {
        .event_id = id,
        .site_id = some_site(),
        .received_at_ms = now_ms,
        .event_at_ms = now_ms - (int64_t)(throw_dice() % 3000),
        .hostname = text_of("www.shop.example-", 50),
        .pathname = text_of("/articles/a-page-with-a-name/", 3000),
        .referrer_host = text_of("www.referrer.example-", 300),
        .source = text_of("Source ", 60),
        .utm_source = text_of("newsletter-", 20),
        .browser = text_of("Browser ", 12),
        .browser_version = text_of("", 120),
        .os = text_of("System ", 8),
        .device = text_of("device", 3),
        .country = text_of("C", 9),
        .language = text_of("l", 9),
        .bot = throw_dice() % 10 == 0,
        .retention_days = 400,
        .has_visitor = true,
        .has_visit_id = true,
    };

    event.account_id =
        options.account ? pp_str_of(options.account) : event.site_id;
    event.visitor = (int64_t)(throw_dice() % 200000) * INT64_C(88172645463325);
    event.visit_id = event.visitor ^ INT64_C(0x5bd1e9955bd1e995);
    fill_measures(&event);
    if (options.views) {
        event.kind = EVENT_KIND_PAGEVIEW;
        event.bot = false;
    }
    if (options.months && throw_dice() % 4 == 0)
        event.event_at_ms -= MONTH_MS;
    if (options.bad && number % options.bad == options.bad - 1)
        event.pathname = long_path;
    return event;
}

/* --- as JSON -------------------------------------------------------------- */

static void add_text(struct pp_buf *buf, const char *name, struct pp_str text)
{
    pp_buf_printf(buf, ",\"%s\":", name);
    pp_json_add_str(buf, text);
}

static void add_time(struct pp_buf *buf, const char *name, int64_t at_ms)
{
    time_t second = at_ms / 1000;
    struct tm date;
    char text[32];

    gmtime_r(&second, &date);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &date);
    pp_buf_printf(buf, ",\"%s\":\"%s.%03d\"", name, text, (int)(at_ms % 1000));
}

static void add_number(struct pp_buf *buf, const char *name, bool has,
                       int64_t number)
{
    if (has)
        pp_buf_printf(buf, ",\"%s\":%" PRId64, name, number);
}

static void add_measures(struct pp_buf *buf, const struct event *event)
{
    if (event->has_value)
        pp_buf_printf(buf, ",\"value\":%g", event->value);
    add_number(buf, "ttfb_ms", event->has_ttfb_ms, event->ttfb_ms);
    add_number(buf, "dom_ms", event->has_dom_ms, event->dom_ms);
    add_number(buf, "load_ms", event->has_load_ms, event->load_ms);
}

/* A row of the table `events`, without what only the writer knows. */
static void json_encode(const struct event *event, struct pp_buf *buf)
{
    static const char *const kinds[] = {
        [EVENT_KIND_PAGEVIEW] = "pageview",
        [EVENT_KIND_CUSTOM] = "custom",
        [EVENT_KIND_TIMING] = "timing",
        [EVENT_KIND_VITAL] = "vital",
    };

    pp_buf_printf(buf, "{\"kind\":\"%s\"", kinds[event->kind]);
    add_text(buf, "site_id", event->site_id);
    add_time(buf, "event_at", event->event_at_ms);
    add_text(buf, "event_id", event->event_id);
    add_text(buf, "account_id", event->account_id);
    add_time(buf, "received_at", event->received_at_ms);
    add_text(buf, "name", event->name);
    add_number(buf, "visitor", event->has_visitor, event->visitor);
    add_number(buf, "visit_id", event->has_visit_id, event->visit_id);
    add_text(buf, "hostname", event->hostname);
    add_text(buf, "pathname", event->pathname);
    add_text(buf, "referrer_host", event->referrer_host);
    add_text(buf, "source", event->source);
    add_text(buf, "utm_source", event->utm_source);
    add_text(buf, "utm_medium", event->utm_medium);
    add_text(buf, "utm_campaign", event->utm_campaign);
    add_text(buf, "browser", event->browser);
    add_text(buf, "browser_version", event->browser_version);
    add_text(buf, "os", event->os);
    add_text(buf, "device", event->device);
    add_text(buf, "country", event->country);
    add_text(buf, "language", event->language);
    add_number(buf, "bot", true, event->bot);
    add_measures(buf, event);
    add_number(buf, "retention_days", true, event->retention_days);
    pp_buf_add_text(buf, "}");
}

/* --- as hits ---------------------------------------------------------------
 */

/* What a collector would have received, for the event to become of it. */
static struct hit hit_of(const struct event *event)
{
    return (struct hit){
        .event_id = event->event_id,
        .site_id = event->site_id,
        .account_id = event->account_id,
        .received_at_ms = event->received_at_ms,
        .kind = HIT_KIND_PAGEVIEW,
        .url = PP_LIT("https://www.shop.example/"),
        .user_agent = PP_LIT("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
                             "Gecko/20100101 Firefox/128.0"),
        .has_visitor = true,
        .visitor = event->visitor,
        .retention_days = event->retention_days,
    };
}

/* --- sending -------------------------------------------------------------- */

static void encode(const struct event *event, struct pp_buf *buf)
{
    pp_buf_reset(buf);
    if (options.json) {
        json_encode(event, buf);
        return;
    }
    if (options.hits) {
        struct hit hit = hit_of(event);

        pp_registry_put(NULL, HIT_FINGERPRINT, buf);
        hit_encode(&hit, buf);
        return;
    }
    pp_registry_put(NULL, EVENT_FINGERPRINT, buf);
    event_encode(event, buf);
}

static void on_delivered(void *context, void *of_record,
                         const struct pp_err *err)
{
    (void)context;
    (void)of_record;
    if (!err)
        acknowledged++;
}

static void keep_to_rate(struct pp_mono start, long sent)
{
    struct timespec little = {0, 1000000};

    while (options.rate && sent > (long)(pp_mono_ms(start, pp_mono_now()) *
                                         options.rate / 1000))
        nanosleep(&little, NULL);
}

static int send_one(struct pp_producer *producer, struct pp_record *record,
                    struct pp_buf *buf, struct pp_err *err)
{
    record->value = pp_buf_str(buf);
    while (pp_producer_send(producer, record, err) < 0) {
        if (err->kind != PP_ERR_AGAIN)
            return -1;
        pp_producer_poll(producer, 10); /* the queue is full */
    }
    return 0;
}

static int send_all(struct pp_producer *producer, struct pp_record *record,
                    long count, const char *seed, struct pp_err *err)
{
    char id[64], key[32], *path = pp_malloc(1501);
    struct pp_mono start = pp_mono_now();
    struct pp_buf buf;

    memset(path, 'x', 1500);
    path[0] = '/';
    pp_buf_init(&buf, 65536);
    record->key.p = key;
    for (long i = 0; i < count; i++) {
        struct pp_str name = {
            id, (size_t)snprintf(id, sizeof(id), "%s-%ld", seed, i)};
        struct event event = some_event(name, (struct pp_str){path, 1500}, i);

        record->key.n = (size_t)snprintf(key, sizeof(key), "%" PRIx64,
                                         (uint64_t)event.visitor);
        encode(&event, &buf);
        if (send_one(producer, record, &buf, err) < 0)
            return -1;
        if (options.odd && i % (count / options.odd + 1) == 0) {
            pp_buf_reset(&buf);
            pp_buf_add_text(&buf, "noise");
            if (send_one(producer, record, &buf, err) < 0)
                return -1;
        }
        keep_to_rate(start, i);
    }
    pp_buf_fini(&buf);
    free(path);
    return pp_producer_flush(producer, FLUSH_MS, err);
}

static int run(const struct pp_kafka_access *kafka, char **argv,
               struct pp_err *err)
{
    static const struct pp_producer_options producing = {
        .linger_ms = 5,
        .timeout_ms = 60000,
        .queue_bytes = (size_t)64 << 20,
        .delivered = on_delivered,
    };
    const char *name = options.hits ? "hits.v1" : "events.v1";
    char topic[200], epoch[24];
    struct pp_kafka_header headers[] = {{PP_TOPICS_HEADER, {epoch, 0}}, {0}};
    struct pp_record record = {.topic = topic, .headers = headers};
    struct pp_producer *producer = NULL;
    int64_t number = 0;
    int result;

    if (!options.json &&
        pp_topics_epoch(kafka, argv[2], name, WAIT_MS, &number, err) < 0)
        return -1;
    if (options.json)
        snprintf(topic, sizeof(topic), "%s", options.json);
    else
        snprintf(topic, sizeof(topic), "%s%s", argv[2], name);
    headers[0].value.n =
        (size_t)snprintf(epoch, sizeof(epoch), "%" PRId64, number);
    for (const char *c = argv[4]; *c; c++)
        dice = dice * 31 + (unsigned char)*c;
    result = pp_producer_open(&producer, kafka, &producing, err);
    if (result == 0)
        result = send_all(producer, &record, strtol(argv[3], NULL, 10), argv[4],
                          err);
    pp_producer_close(&producer);
    return result;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 5; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--months") == 0)
            options.months = true;
        else if (strcmp(argv[i], "--views") == 0)
            options.views = true;
        else if (strcmp(argv[i], "--hits") == 0)
            options.hits = true;
        else if (strcmp(argv[i], "--account") == 0 && ++i)
            options.account = next;
        else if (strcmp(argv[i], "--received") == 0 && ++i)
            options.received_ms = strtol(next, NULL, 10);
        else if (strcmp(argv[i], "--bad") == 0 && ++i)
            options.bad = strtol(next, NULL, 10);
        else if (strcmp(argv[i], "--odd") == 0 && ++i)
            options.odd = strtol(next, NULL, 10);
        else if (strcmp(argv[i], "--rate") == 0 && ++i)
            options.rate = strtol(next, NULL, 10);
        else if (strcmp(argv[i], "--sites") == 0 && ++i)
            options.sites = strtol(next, NULL, 10);
        else if (strcmp(argv[i], "--site") == 0 && ++i)
            options.site = next;
        else if (strcmp(argv[i], "--json") == 0 && ++i)
            options.json = next;
        else
            return false;
    }
    return argc >= 5;
}

int main(int argc, char **argv)
{
    struct pp_kafka_access kafka = {.client_id = "events",
                                    .security = "plaintext"};
    struct pp_err err = {0};

    if (!read_options(argc, argv)) {
        fprintf(stderr,
                "usage: events BROKERS PREFIX COUNT SEED [--bad EVERY] "
                "[--months] [--odd N] [--site ID] [--sites N] "
                "[--rate N] [--json TOPIC] [--account ID] [--received MS] "
                "[--views] [--hits]\n");
        return 2;
    }
    kafka.brokers = argv[1];
    if (run(&kafka, argv, &err) < 0) {
        fprintf(stderr, "events: %s\n", err.msg);
        return 1;
    }
    printf("%zu\n", acknowledged);
    return 0;
}
