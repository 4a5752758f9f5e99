/*
 * notifier - delivers messages to people: mail, Slack, webhooks, SMS.
 *
 *   reads   Postgres: notification, account, site
 *   writes  Postgres: notification, delivery, suppression
 *           a relay by SMTP, Slack, webhooks of customers, a gateway for SMS
 *
 * Each message goes out once: it is claimed under a lease, and what came of it
 * is written down in one transaction with what becomes of it. A second copy
 * there is only where a process was killed between the final dot and the
 * record of the relay's 250; it has the same Message-ID. One message at a
 * time; more at once is more processes.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pp_crash.h"
#include "pp_mem.h"
#include "pp_retry.h"
#include "pp_service.h"

#include "deliver.h"

#define IDLE_MS        500
#define LOOK_MS        2000 /* between two looks at what waits */
#define PAUSE_MS       1000 /* of mail, when the relay is away; doubles */
#define PAUSE_MAX_MS   30000
#define LEASE_TIMEOUTS 3 /* a lease is that many times the longest attempt */

static struct {
    struct deliver_options deliver;
    struct ledger_options ledger;
    const char *channels, *tls;
} cfg;

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
    PP_STR("PAWPRINT_SMTP_TLS", &cfg.tls, "need",
           "STARTTLS: need, may (where it is offered) or off"),
    PP_STR("PAWPRINT_MAIL_FROM", &cfg.deliver.from, "",
           "sender of mails, Name <address>"),
    PP_STR("PAWPRINT_STAFF_MAIL", &cfg.ledger.staff_mail, "",
           "where staff alerts without a target of their own go"),
    PP_SECRET("PAWPRINT_SLACK_URL", &cfg.deliver.slack_url, "",
              "Slack webhook of messages without a target of their own"),
    PP_SECRET("PAWPRINT_WEBHOOK_SECRET", &cfg.deliver.webhook_secret, "",
              "32 characters or more; each account's secret is made of it"),
    PP_SECRET("PAWPRINT_SMS_URL", &cfg.deliver.sms_url, "",
              "HTTP gateway for SMS; may say {{to}} and {{text}}"),
    PP_STR("PAWPRINT_SMS_METHOD", &cfg.deliver.sms_method, "POST",
           "how the gateway is called, POST or GET"),
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
    {0},
};

enum { MAIL, SLACK, WEBHOOK, SMS, CHANNELS };
static const char *const names[CHANNELS] = {"mail", "slack", "webhook", "sms"};

#define DELIVERY(channel_, outcome_)                                           \
    PP_COUNTER_WITH("pawprint_notifier_deliveries_total",                      \
                    "attempts to deliver, by what came of them",               \
                    {"channel", channel_}, {"outcome", outcome_})
#define DELIVERIES(channel_)                                                   \
    {                                                                          \
        [OUTCOME_SENT] = DELIVERY(channel_, "sent"),                           \
        [OUTCOME_AGAIN] = DELIVERY(channel_, "again"),                         \
        [OUTCOME_AWAY] = DELIVERY(channel_, "away"),                           \
        [OUTCOME_DOUBTFUL] = DELIVERY(channel_, "doubtful"),                   \
        [OUTCOME_FAILED] = DELIVERY(channel_, "failed"),                       \
        [OUTCOME_SUPPRESSED] = DELIVERY(channel_, "suppressed"),               \
    }
#define OUTCOMES (OUTCOME_SUPPRESSED + 1)
static struct pp_counter deliveries[CHANNELS][OUTCOMES] = {
    DELIVERIES("mail"),
    DELIVERIES("slack"),
    DELIVERIES("webhook"),
    DELIVERIES("sms"),
};

#define PER_CHANNEL(name_, help_)                                              \
    {                                                                          \
        PP_GAUGE_WITH(name_, help_, {"channel", "mail"}),                      \
            PP_GAUGE_WITH(name_, help_, {"channel", "slack"}),                 \
            PP_GAUGE_WITH(name_, help_, {"channel", "webhook"}),               \
            PP_GAUGE_WITH(name_, help_, {"channel", "sms"}),                   \
    }
static struct pp_gauge waiting[CHANNELS] = PER_CHANNEL(
    "pawprint_notifier_waiting", "messages that are not delivered yet");
static struct pp_gauge oldest[CHANNELS] =
    PER_CHANNEL("pawprint_notifier_oldest_seconds",
                "age of the oldest message that is not delivered yet");
static struct pp_gauge configured[CHANNELS] = PER_CHANNEL(
    "pawprint_notifier_configured", "1 where the settings say how to deliver");
static struct pp_gauge away = PP_GAUGE("pawprint_notifier_relay_away",
                                       "1 while the mail relay can't be used");
static struct pp_counter lost =
    PP_COUNTER("pawprint_notifier_lost_total",
               "attempts that ended after another process had taken over");

struct notifier {
    struct ledger *ledger;
    struct deliver *deliver;
    struct pp_retry retry;
    struct pp_mono mail_from; /* not before that; only while it is away */
    struct pp_mono looked_at;
};

static bool wants(const char *channel)
{
    struct pp_str rest = pp_str_of(cfg.channels), part;

    while (pp_str_split(&rest, ',', &part))
        if (pp_str_eq(pp_str_trim(part), pp_str_of(channel)))
            return true;
    return false;
}

static int read_channels(struct pp_err *err)
{
    struct pp_str rest = pp_str_of(cfg.channels), part;
    const bool has[CHANNELS] = {
        [MAIL] = cfg.deliver.smtp.url[0],
        [SLACK] = cfg.deliver.slack_url[0],
        [WEBHOOK] = cfg.deliver.webhook_secret[0],
        [SMS] = cfg.deliver.sms_url[0],
    };

    while (pp_str_split(&rest, ',', &part)) {
        size_t i = 0;

        while (i < CHANNELS &&
               !pp_str_eq(pp_str_trim(part), pp_str_of(names[i])))
            i++;
        if (i == CHANNELS)
            return pp_err_set(err, PP_ERR_FATAL, "no such channel: %.*s",
                              PP_ARG(part));
    }
    for (int i = 0; i < CHANNELS; i++)
        pp_gauge_set(&configured[i], has[i]);
    return 0;
}

static int read_tls(struct pp_err *err)
{
    static const char *const words[] = {
        [SMTP_TLS_NEED] = "need",
        [SMTP_TLS_MAY] = "may",
        [SMTP_TLS_OFF] = "off",
    };

    for (size_t i = 0; i < PP_COUNT(words); i++) {
        if (strcmp(words[i], cfg.tls) == 0) {
            cfg.deliver.smtp.tls = (enum smtp_tls)i;
            return 0;
        }
    }
    return pp_err_set(err, PP_ERR_FATAL,
                      "PAWPRINT_SMTP_TLS is need, may or off");
}

static int open_all(struct notifier *self, struct pp_err *err)
{
    if (read_channels(err) < 0 || read_tls(err) < 0)
        return -1;
    cfg.deliver.smtp.timeout_ms = cfg.deliver.timeout_ms;
    cfg.deliver.smtp.ca_file = cfg.deliver.ca_file;
    cfg.ledger.lease_ms = LEASE_TIMEOUTS * cfg.deliver.timeout_ms;
    pp_retry_init(&self->retry, PAUSE_MS, PAUSE_MAX_MS, (uint64_t)getpid());
    if (deliver_open(&self->deliver, &cfg.deliver, err) < 0)
        return -1;
    return ledger_open(&self->ledger, &cfg.ledger, err);
}

/* What can be served now, as ledger_claim() wants it. */
static void list_channels(const struct notifier *self, struct pp_buf *list)
{
    bool mail = pp_mono_ms(self->mail_from, pp_mono_now()) >= 0;

    for (int i = 0; i < CHANNELS; i++) {
        bool has = atomic_load(&configured[i].value);

        if (!wants(names[i]) || (i == MAIL && !mail))
            continue;
        if (has || i == SLACK)
            pp_buf_printf(list, ",%s", names[i]);
        if (has && i == SLACK)
            pp_buf_printf(list, ",%s?", names[i]);
    }
    pp_buf_add_byte(list, '\0');
}

static int claim(struct notifier *self, struct ledger_message *message,
                 struct pp_err *err)
{
    struct pp_buf list;
    int got;

    pp_buf_init(&list, 256);
    list_channels(self, &list);
    got = ledger_claim(self->ledger, list.p, message, err);
    pp_buf_fini(&list);
    return got;
}

/* While the relay is away only now and then one mail asks whether it is back.
 */
static void note_relay(struct notifier *self, const char *channel,
                       struct ledger_end *end)
{
    if (strcmp(channel, names[MAIL]) != 0)
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

static void count(const char *channel, enum outcome outcome)
{
    for (int i = 0; i < CHANNELS; i++)
        if (strcmp(names[i], channel) == 0)
            pp_counter_add(&deliveries[i][outcome], 1);
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
    count(message->channel, end.outcome);
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
    for (int i = 0; i < CHANNELS; i++) {
        struct ledger_waiting now;

        if (ledger_waiting(self->ledger, names[i], &now, err) < 0)
            return -1;
        pp_gauge_set(&waiting[i], now.count);
        pp_gauge_set(&oldest[i], now.oldest_s);
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
    deliver_close(&self->deliver);
    ledger_close(&self->ledger);
}

static void add_metrics(void)
{
    for (int i = 0; i < CHANNELS; i++)
        for (int k = 0; k < OUTCOMES; k++)
            pp_metrics_add(&deliveries[i][k].metric);
    for (int i = 0; i < CHANNELS; i++)
        pp_metrics_add(&waiting[i].metric);
    for (int i = 0; i < CHANNELS; i++)
        pp_metrics_add(&oldest[i].metric);
    for (int i = 0; i < CHANNELS; i++)
        pp_metrics_add(&configured[i].metric);
    pp_metrics_add(&away.metric);
    pp_metrics_add(&lost.metric);
}

int main(int argc, char **argv)
{
    struct notifier self = {0};
    struct pp_err err = {0};

    add_metrics();
    pp_service_init("notifier", settings, argc, argv);
    if (open_all(&self, &err) == 0) {
        while (pp_service_running()) {
            if (one_turn(&self, &err) == 0) {
                pp_service_ready();
                continue;
            }
            pp_service_not_ready();
            if (err.kind != PP_ERR_AGAIN)
                break;
            pp_service_backoff(&err);
        }
    }
    close_all(&self);
    return pp_service_exit(&err);
}
