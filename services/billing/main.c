/*
 * billing - takes Stripe's webhooks, and keeps each account's plan as Stripe
 * has it.
 *
 *   reads   HTTP: webhooks of Stripe, calls of customers (web.h)
 *           Stripe's API: what is so
 *           Redis: how often customers call
 *   writes  Postgres: stripe_event, billing_profile, and what follows for an
 *           account's capacity, messages and outbox
 *
 * An event is written down before it is answered, and done afterwards: it only
 * has us ask Stripe what is so, and that is applied, whole, in one transaction.
 * So events may come twice, late, in any order or, for an hour, not at all.
 * What can't be known leaves the plan as it is, and tells people.
 */
#include <sodium.h>
#include <stdio.h>

#include "pp_capacity_pg.h"
#include "pp_crash.h"
#include "pp_rate.h"
#include "pp_registry.h"
#include "pp_service.h"
#include "pp_time.h"

#include "capacity.h"
#include "desk.h"
#include "sweep.h"
#include "web.h"
#include "webhook.h"
#include "worker.h"

#define TURN_MS      200
#define STOP_MS      15000
#define HEADER_BYTES 32768
#define CONNECTIONS  1000
#define IDLE_S       60
#define REQUEST_MS   10000

enum { MODE_TEST, MODE_LIVE };

static struct {
    bool on;
    int mode;
    struct stripe_options stripe;
    struct checkout_options checkout;
    const char *postgres, *prefix, *registry, *plans;
    const char *address;
    int port, clerks;
    struct webhook_options webhook;
    struct web_options web;
    struct workers_options workers;
    struct sweep_options sweep;
} cfg;

/* What is needed only where billing is on. */
static const char *key_wrong(const char *key)
{
    return cfg.on ? stripe_key_wrong(key, cfg.mode == MODE_LIVE) : NULL;
}

static const char *secrets_wrong(const char *path)
{
    return cfg.on ? secret_file_wrong(path) : NULL;
}

static const struct pp_setting settings[] = {
    PP_BOOL("PAWPRINT_BILLING", &cfg.on, "on",
            "off: no webhooks, no calls, nobody pays; plans are what staff "
            "says"),
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.postgres, NULL,
              "how to reach Postgres, as libpq takes it"),
    PP_PLANS_SETTING(&cfg.plans),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_CHOICE("PAWPRINT_STRIPE_MODE", &cfg.mode, "test", "test live",
              "which of Stripe's modes this installation is of"),
    {.name = "PAWPRINT_STRIPE_KEY",
     .kind = PP_SETTING_SECRET,
     .to.text = &cfg.stripe.key,
     .fallback = "",
     .wrong = key_wrong,
     .help = "secret or restricted key of Stripe's API"},
    PP_STR_CHECKED("PAWPRINT_STRIPE_SECRETS", &cfg.webhook.secrets_path, "",
                   secrets_wrong,
                   "file with the webhook's secrets, LABEL SECRET "
                   "[NOT-AFTER] a line; may change at any time"),
    PP_INT_RANGE("PAWPRINT_STRIPE_TOLERANCE_SECONDS", &cfg.webhook.tolerance_s,
                 "300", 1, SIGNATURE_TOLERANCE_MAX,
                 "how far the time of a signature may be from ours"),
    STRIPE_SETTINGS(&cfg.stripe),
    CHECKOUT_SETTINGS(&cfg.checkout),
    PP_STR("PAWPRINT_BILLING_ADDRESS", &cfg.address, "0.0.0.0",
           "IPv4 address of the public port"),
    PP_INT_RANGE("PAWPRINT_BILLING_PORT", &cfg.port, "8081", 0, 65535,
                 "public port"),
    PP_INT_RANGE("PAWPRINT_BILLING_CLERKS", &cfg.clerks, "4", 1, 64,
                 "calls of customers that are served at once"),
    PP_STR_CHECKED("PAWPRINT_BILLING_URL", &cfg.web.url,
                   "https://billing.example", pp_config_url_wrong,
                   "address of the billing pages, as customers see it; Stripe "
                   "sends them back there"),
    PP_SECRET("PAWPRINT_REDIS_URL", &cfg.web.redis, "",
              "redis://host:port of the Redis that counts for the limits; "
              "empty: each process counts alone"),
    PP_STR_CHECKED("PAWPRINT_LIMIT_BILLING", &cfg.web.rules[LIMITER_ACT], "5/m",
                   pp_rate_wrong,
                   "calls of a token or session that lead to Stripe, like 5/m "
                   "or 100/s, 5000/m; or off"),
    PP_STR_CHECKED("PAWPRINT_LIMIT_BILLING_READ", &cfg.web.rules[LIMITER_READ],
                   "120/m", pp_rate_wrong,
                   "calls of a token or session that only look, like 5/m or "
                   "100/s, 5000/m; or off"),
    PP_INT_RANGE("PAWPRINT_BILLING_WORKERS", &cfg.workers.threads, "2", 1, 64,
                 "events that are worked on at once"),
    PP_INT_RANGE("PAWPRINT_BILLING_AWAY_MS", &cfg.workers.away_ms, "300000",
                 500, 3600000, "longest pause while Stripe is away"),
    SWEEP_SETTINGS(&cfg.sweep),
    {0},
};

/* Rows of pages and calls are DESK_HANDLER()s: see desk.h. */
static const struct pp_http_route routes[] = {
    {"POST", "/webhooks/stripe", webhook_http},
    WEB_ROUTES,
    {NULL, "*", web_refuse_http},
    {0},
};
static const struct pp_http_route no_routes[] = {{0}};

struct billing {
    struct pp_registry *registry;
    struct pp_plans *plans;
    struct pp_http *http;
    struct webhook *webhook;
    struct desk *desk;
    struct web *web;
    struct workers *workers;
    struct sweep *sweep;
    struct billing_routes routes;
};

static void add_metrics(void)
{
    webhook_metrics_add();
    stripe_metrics_add();
    web_metrics_add();
    workers_metrics_add();
    sweep_metrics_add();
}

/* --- open ----------------------------------------------------------------- */

/* Capacity that changes is put into the outbox in the registry's framing. */
static int learn_schema(struct billing *self, struct pp_err *err)
{
    char topic[200];

    snprintf(topic, sizeof(topic), "%scapacity.v1", cfg.prefix);
    while (pp_registry_learn(self->registry, topic, capacity_schema,
                             CAPACITY_FINGERPRINT, err) < 0) {
        if (err->kind != PP_ERR_AGAIN || !pp_service_running())
            return -1;
        pp_service_backoff(err);
    }
    return 0;
}

static int open_http(struct billing *self, struct pp_err *err)
{
    const struct pp_http_limits limits = {
        .body_bytes = WEBHOOK_BODY_BYTES,
        .header_bytes = HEADER_BYTES,
        .connections = CONNECTIONS,
        .idle_s = IDLE_S,
        .request_ms = REQUEST_MS,
    };

    return pp_http_open(&self->http, cfg.address, (uint16_t)cfg.port,
                        cfg.on ? routes : no_routes, &self->routes, &limits,
                        err);
}

/* What all of them get. */
static void share_settings(struct billing *self)
{
    bool is_live = cfg.mode == MODE_LIVE;

    cfg.webhook.postgres = cfg.workers.postgres = cfg.sweep.postgres =
        cfg.postgres;
    cfg.webhook.is_live = cfg.workers.is_live = cfg.sweep.is_live = is_live;
    cfg.workers.stripe = cfg.sweep.stripe = &cfg.stripe;
    cfg.workers.plans = cfg.sweep.plans = self->plans;
}

static int open_billing(struct billing *self, struct pp_err *err)
{
    struct desk_options desk = {
        .threads = cfg.clerks,
        .postgres = cfg.postgres,
        .stripe = &cfg.stripe,
        .checkout = &cfg.checkout,
        .plans = self->plans,
    };

    share_settings(self);
    pp_capacity_setup(self->plans, self->registry);
    pp_crash_point("start"); /* reads its setting, before there are threads */
    cfg.web.stripe = &cfg.stripe;
    if (webhook_open(&self->webhook, &cfg.webhook, err) < 0 ||
        web_open(&self->web, &cfg.web, err) < 0)
        return -1;
    desk.context = self->web;
    if (desk_open(&self->desk, &desk, err) < 0 ||
        workers_open(&self->workers, &cfg.workers, err) < 0 ||
        sweep_open(&self->sweep, &cfg.sweep, err) < 0)
        return -1;
    self->routes = (struct billing_routes){
        .http = self->http, .desk = self->desk, .webhook = self->webhook};
    return 0;
}

static int open_all(struct billing *self, struct pp_err *err)
{
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    if (pp_plans_open(&self->plans, cfg.plans, err) < 0 ||
        pp_registry_open(&self->registry, cfg.registry, err) < 0 ||
        open_http(self, err) < 0)
        return -1;
    if (!cfg.on)
        return 0;
    if (learn_schema(self, err) < 0)
        return -1;
    return open_billing(self, err);
}

/* --- a turn --------------------------------------------------------------- */

static void one_turn(struct billing *self, int wait_ms)
{
    pp_http_turn(self->http, wait_ms);
    if (!cfg.on)
        return;
    webhook_turn(self->webhook);
    desk_turn(self->desk);
    web_turn(self->web);
}

static void judge_readiness(struct billing *self)
{
    if (!cfg.on || webhook_is_ready(self->webhook))
        pp_service_ready();
    else
        pp_service_not_ready();
}

/* Told to stop: nobody new is let in, who is there gets his answer. */
static void drain(struct billing *self)
{
    struct pp_mono start = pp_mono_now();

    pp_service_not_ready();
    pp_http_stop_accepting(self->http);
    while (pp_http_open_requests(self->http) > 0 &&
           pp_mono_ms(start, pp_mono_now()) < STOP_MS)
        one_turn(self, 10);
}

static void close_all(struct billing *self)
{
    workers_close(&self->workers);
    sweep_close(&self->sweep);
    desk_close(&self->desk);
    if (self->webhook)
        webhook_turn(self->webhook);
    pp_http_close(&self->http);
    webhook_close(&self->webhook);
    web_close(&self->web);
    pp_plans_close(&self->plans);
    pp_registry_close(&self->registry);
}

int main(int argc, char **argv)
{
    static struct billing self;
    struct pp_err err = {0};

    add_metrics();
    pp_service_init("billing", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        pp_info("billing.listening", "port=%u billing=%s",
                (unsigned)pp_http_port(self.http), cfg.on ? "on" : "off");
        while (pp_service_running()) {
            one_turn(&self, TURN_MS);
            judge_readiness(&self);
        }
        drain(&self);
    }
    close_all(&self);
    return pp_service_exit(&err);
}
