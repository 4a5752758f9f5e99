/*
 * notifier - delivers messages to people: mail, Slack, webhooks, SMS.
 *
 *   reads   Postgres: notification, account, site
 *           HTTP on the public port: links of mails, mails that came back
 *   writes  Postgres: notification, delivery, suppression, opt_out
 *           a relay by SMTP, Slack, webhooks of customers, a gateway for SMS
 *
 * Each message goes out once: it is claimed under a lease, and what came of it
 * is written down in one transaction with what becomes of it. A second copy
 * there is only where a process was killed between the final dot and the
 * record of the relay's 250; it has the same Message-ID. One message at a
 * time; more at once is more processes. Beside it a thread serves the public
 * port (public.c).
 */
#include <string.h>
#include <unistd.h>

#include "pp_crash.h"
#include "pp_rate.h"
#include "pp_retry.h"
#include "pp_service.h"

#include "channels.h"
#include "deliver.h"
#include "links.h"
#include "public.h"

#define IDLE_MS        500
#define LOOK_MS        2000 /* between two looks at what waits */
#define PAUSE_MS       1000 /* of mail, when the relay is away; doubles */
#define PAUSE_MAX_MS   30000
#define LEASE_TIMEOUTS 3 /* a lease is that many times the longest attempt */

static struct {
    struct deliver_options deliver;
    struct ledger_options ledger;
    struct public_options public;
    const char *channels, *link_keys, *link_url;
    int tls;        /* enum smtp_tls */
    int sms_method; /* of sms_methods */
} cfg;

static const char *const sms_methods[] = {"POST", "GET"};

static const struct pp_setting settings[] = {
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.ledger.dsn, NULL,
              "how to reach Postgres, as libpq takes it"),
    PP_STR(
        "PAWPRINT_SMTP_URL", &cfg.deliver.smtp.url, "",
        "the relay, smtp://HOST:PORT or smtps://HOST; without it mails wait"),
    PP_STR("PAWPRINT_SMTP_USER", &cfg.deliver.smtp.user, "",
           "user for SMTP AUTH; empty: none"),
    PP_SECRET("PAWPRINT_SMTP_PASSWORD", &cfg.deliver.smtp.password, "",
              "its password; sent only where TLS is needed"),
    PP_CHOICE("PAWPRINT_SMTP_TLS", &cfg.tls, "need", "need may off",
              "STARTTLS; may: where it is offered"),
    PP_STR("PAWPRINT_MAIL_FROM", &cfg.deliver.from, "",
           "sender of mails, Name <address>"),
    PP_STR("PAWPRINT_MAIL_BOUNCES", &cfg.deliver.bounces, "",
           "where mails that come back go, bounces@example.com, by an address "
           "of each, bounces+ID@example.com; empty: to the sender"),
    PP_STR("PAWPRINT_STAFF_MAIL", &cfg.ledger.staff_mail, "",
           "where staff alerts without a target of their own go"),
    PP_SECRET("PAWPRINT_SLACK_URL", &cfg.deliver.slack_url, "",
              "Slack webhook of messages without a target of their own"),
    PP_SECRET("PAWPRINT_WEBHOOK_SECRET", &cfg.deliver.webhook_secret, "",
              "32 characters or more; each account's secret is made of it"),
    PP_SECRET("PAWPRINT_SMS_URL", &cfg.deliver.sms_url, "",
              "HTTP gateway for SMS; may say {{to}} and {{text}}"),
    PP_CHOICE("PAWPRINT_SMS_METHOD", &cfg.sms_method, "POST", "POST GET",
              "how the gateway is called"),
    PP_STR("PAWPRINT_SMS_TYPE", &cfg.deliver.sms_type, "application/json",
           "content type of the body; decides how values are escaped"),
    PP_STR("PAWPRINT_SMS_BODY", &cfg.deliver.sms_body,
           "{\"to\":\"{{to}}\",\"text\":\"{{text}}\"}",
           "what the gateway is sent, with {{to}} and {{text}}"),
    PP_SECRET("PAWPRINT_SMS_AUTHORIZATION", &cfg.deliver.sms_authorization, "",
              "value of its Authorization header; empty: none"),
    PP_STR("PAWPRINT_NOTIFIER_CHANNELS", &cfg.channels,
           "mail,slack,webhook,sms",
           "channels that this process serves, separated by commas"),
    PP_STR("PAWPRINT_NOTIFIER_ALLOW_NETWORKS", &cfg.deliver.allowed, "",
           "networks that webhooks may lead to besides the public internet, "
           "also without TLS"),
    PP_STR("PAWPRINT_NOTIFIER_CA_FILE", &cfg.deliver.ca_file, "",
           "authorities for SMTP and HTTPS; empty: the system's"),
    PP_INT_RANGE("PAWPRINT_NOTIFIER_TIMEOUT_MS", &cfg.deliver.timeout_ms,
                 "20000", 500, 120000, "longest time of one attempt"),
    {.name = "PAWPRINT_LINK_KEYS",
     .kind = PP_SETTING_SECRET,
     .to.text = &cfg.link_keys,
     .fallback = "",
     .wrong = pp_link_keys_wrong,
     .help = "keys of links in mails, 32 characters or more each, separated by "
             "commas: the first signs, all are believed"},
    PP_STR_CHECKED("PAWPRINT_LINK_URL", &cfg.link_url, "", links_url_wrong,
                   "where people reach the public port, by a proxy with TLS; "
                   "without it mails have no links and there is no such port"),
    PP_STR("PAWPRINT_NOTIFIER_ADDRESS", &cfg.public.address, "0.0.0.0",
           "IPv4 address of the public port"),
    PP_INT_RANGE("PAWPRINT_NOTIFIER_PORT", &cfg.public.port, "8082", 0, 65535,
                 "public port"),
    PP_INT_RANGE("PAWPRINT_TRUSTED_HOPS", &cfg.public.trusted_hops, "0", 0, 10,
                 "proxies of ours before the public port: so many parts of "
                 "X-Forwarded-For are believed"),
    PP_STR_CHECKED("PAWPRINT_LIMIT_LINKS", &cfg.public.limit, "60/m",
                   pp_rate_wrong,
                   "requests with one link, and of a client network (/24 or "
                   "/48) without a good one, like 5/m or 100/s, 5000/m; or "
                   "off"),
    PP_SECRET("PAWPRINT_BOUNCE_SECRET", &cfg.public.bounce_secret, "",
              "bearer token of POST /n/bounces, 32 characters or more; empty: "
              "nothing is taken there"),
    {0},
};

static struct pp_gauge away = PP_GAUGE("pawprint_notifier_relay_away",
                                       "1 while the mail relay can't be used");
static struct pp_counter lost =
    PP_COUNTER("pawprint_notifier_lost_total",
               "attempts that ended after another process had taken over");

struct notifier {
    struct channels channels;
    struct links links;
    struct public *public; /* NULL: off */
    struct ledger *ledger;
    struct deliver *deliver;
    struct pp_retry retry;
    struct pp_mono mail_from; /* not before that; only while it is away */
    struct pp_mono looked_at;
};

/* What the settings are when they are put together. */
static int read_settings(struct notifier *self, struct pp_err *err)
{
    const bool configured[CHANNELS] = {
        [CHANNEL_MAIL] = cfg.deliver.smtp.url[0],
        [CHANNEL_SLACK] = cfg.deliver.slack_url[0],
        [CHANNEL_WEBHOOK] = cfg.deliver.webhook_secret[0],
        [CHANNEL_SMS] = cfg.deliver.sms_url[0],
    };

    cfg.deliver.sms_method = sms_methods[cfg.sms_method];
    cfg.deliver.smtp.tls = (enum smtp_tls)cfg.tls;
    cfg.deliver.smtp.timeout_ms = cfg.deliver.timeout_ms;
    cfg.deliver.smtp.ca_file = cfg.deliver.ca_file;
    cfg.deliver.links = &self->links;
    cfg.ledger.lease_ms = LEASE_TIMEOUTS * cfg.deliver.timeout_ms;
    cfg.public.links = &self->links;
    cfg.public.dsn = cfg.ledger.dsn;
    if (links_read(&self->links, cfg.link_keys, cfg.link_url, err) < 0)
        return -1;
    return channels_read(&self->channels, cfg.channels, configured, err);
}

static int open_all(struct notifier *self, struct pp_err *err)
{
    pp_retry_init(&self->retry, PAUSE_MS, PAUSE_MAX_MS, (uint64_t)getpid());
    if (read_settings(self, err) < 0 ||
        deliver_open(&self->deliver, &cfg.deliver, err) < 0 ||
        ledger_open(&self->ledger, &cfg.ledger, err) < 0)
        return -1;
    return public_open(&self->public, &cfg.public, err);
}

static int claim(struct notifier *self, struct ledger_message *message,
                 struct pp_err *err)
{
    bool mail_rests = pp_mono_ms(self->mail_from, pp_mono_now()) < 0;
    struct pp_buf list;
    int got;

    pp_buf_init(&list, 256);
    channels_add(&self->channels, mail_rests, &list);
    got = ledger_claim(self->ledger, list.p, message, err);
    pp_buf_fini(&list);
    return got;
}

/* While the relay is away only now and then one mail asks whether it is back.
 */
static void note_relay(struct notifier *self, const char *channel,
                       struct ledger_end *end)
{
    if (strcmp(channel, channel_name(CHANNEL_MAIL)) != 0)
        return;
    pp_gauge_set(&away, end->outcome == OUTCOME_AWAY);
    if (end->outcome != OUTCOME_AWAY) {
        pp_retry_worked(&self->retry);
        return;
    }
    end->wait_ms = pp_retry_wait_ms(&self->retry);
    self->mail_from = pp_mono_now();
    self->mail_from.ns += end->wait_ms * 1000000;
    pp_warn("relay.away", "code=%d wait_ms=%lld", end->code,
            (long long)end->wait_ms);
}

/*
 * What the relay has taken is kept in mind until Postgres knows it, or until
 * the process is told to stop: a second copy would be the price.
 */
static int finish(struct notifier *self, const struct ledger_message *message,
                  const struct ledger_end *end, struct pp_err *err)
{
    bool taken_over = false;

    while (ledger_finish(self->ledger, message, end, &taken_over, err) < 0) {
        if (err->kind != PP_ERR_AGAIN || !pp_service_running())
            return -1;
        pp_service_not_ready();
        pp_service_backoff(err);
    }
    if (taken_over) {
        pp_counter_add(&lost, 1);
        pp_warn("message.taken_over", "id=%s", message->id);
    }
    pp_crash_point("notifier.recorded");
    return 0;
}

static int one_message(struct notifier *self,
                       const struct ledger_message *message, struct pp_err *err)
{
    struct pp_mono until = pp_mono_now();
    struct ledger_end end;

    /* One timeout short of the lease's end. */
    until.ns +=
        (int64_t)(LEASE_TIMEOUTS - 1) * cfg.deliver.timeout_ms * 1000000;
    pp_crash_point("notifier.claimed");
    if (deliver_once(self->deliver, self->ledger, message, until, &end, err) <
        0)
        return -1;
    note_relay(self, message->channel, &end);
    channels_count(message->channel, end.outcome);
    pp_info("message.tried",
            "id=%s kind=%s channel=%s outcome=%s code=%d took_ms=%lld",
            message->id, message->kind, message->channel,
            outcome_name(end.outcome), end.code, (long long)end.took_ms);
    return finish(self, message, &end, err);
}

static int look(struct notifier *self, struct pp_err *err)
{
    if (self->looked_at.ns &&
        pp_mono_ms(self->looked_at, pp_mono_now()) < LOOK_MS)
        return 0;
    if (ledger_give_up(self->ledger, err) < 0)
        return -1;
    for (int i = 0; i < CHANNELS; i++) {
        struct ledger_waiting now;

        if (ledger_waiting(self->ledger, channel_name((enum channel)i), &now,
                           err) < 0)
            return -1;
        channels_show((enum channel)i, &now);
    }
    self->looked_at = pp_mono_now();
    return 0;
}

static int one_turn(struct notifier *self, struct pp_err *err)
{
    struct ledger_message message;
    int got;

    if (look(self, err) < 0)
        return -1;
    got = claim(self, &message, err);
    if (got > 0)
        return one_message(self, &message, err);
    return got < 0 ? -1 : ledger_wait(self->ledger, IDLE_MS, err);
}

static void close_all(struct notifier *self)
{
    public_close(&self->public);
    deliver_close(&self->deliver);
    ledger_close(&self->ledger);
}

static void add_metrics(void)
{
    channels_metrics_add();
    public_metrics_add();
    pp_metrics_add(&away.metric);
    pp_metrics_add(&lost.metric);
}

/* Nothing of open_all() waits for anybody: what fails is a setting. */
static int run(struct notifier *self, struct pp_err *err)
{
    if (open_all(self, err) < 0)
        return pp_service_misconfigured(err);
    while (pp_service_running()) {
        if (one_turn(self, err) == 0) {
            pp_service_ready();
            continue;
        }
        pp_service_not_ready();
        if (err->kind != PP_ERR_AGAIN)
            break;
        pp_service_backoff(err);
    }
    return pp_service_exit(err);
}

int main(int argc, char **argv)
{
    struct notifier self = {0};
    struct pp_err err = {0};
    int code;

    add_metrics();
    pp_service_init("notifier", settings, argc, argv);
    code = run(&self, &err);
    close_all(&self);
    return code;
}
