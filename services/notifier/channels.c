#include "channels.h"

#include <string.h>

#include "pp_metrics.h"
#include "pp_str.h"

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

void channels_metrics_add(void)
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
}

const char *channel_name(enum channel channel)
{
    return names[channel];
}

/* CHANNELS: there is none of that name. */
static int find(struct pp_str name)
{
    int i = 0;

    while (i < CHANNELS && !pp_str_eq(name, pp_str_of(names[i])))
        i++;
    return i;
}

int channels_read(struct channels *channels_out, const char *wanted,
                  const bool has[CHANNELS], struct pp_err *err)
{
    struct pp_str rest = pp_str_of(wanted), part;

    *channels_out = (struct channels){0};
    while (pp_str_split(&rest, ',', &part)) {
        int channel = find(pp_str_trim(part));

        if (channel == CHANNELS)
            return pp_err_set(err, PP_ERR_FATAL,
                              "PAWPRINT_NOTIFIER_CHANNELS: no such channel: "
                              "%.*s",
                              PP_ARG(part));
        channels_out->wanted[channel] = true;
    }
    for (int i = 0; i < CHANNELS; i++) {
        channels_out->configured[i] = has[i];
        pp_gauge_set(&configured[i], has[i]);
    }
    return 0;
}

/* Slack may have a target of its own, which needs no setting. */
void channels_add(const struct channels *channels, bool mail_rests,
                  struct pp_buf *list)
{
    for (int i = 0; i < CHANNELS; i++) {
        bool has = channels->configured[i];

        if (!channels->wanted[i] || (i == CHANNEL_MAIL && mail_rests))
            continue;
        if (has || i == CHANNEL_SLACK)
            pp_buf_printf(list, ",%s", names[i]);
        if (has && i == CHANNEL_SLACK)
            pp_buf_printf(list, ",%s?", names[i]);
    }
    pp_buf_add_byte(list, '\0');
}

void channels_count(const char *channel, enum outcome outcome)
{
    int i = find(pp_str_of(channel));

    if (i < CHANNELS)
        pp_counter_add(&deliveries[i][outcome], 1);
}

void channels_show(enum channel channel, const struct ledger_waiting *now)
{
    pp_gauge_set(&waiting[channel], now->count);
    pp_gauge_set(&oldest[channel], now->oldest_s);
}
