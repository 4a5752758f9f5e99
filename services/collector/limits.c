#include "limits.h"

#include "pp_metrics.h"

#define BUCKETS 65536 /* 3 MiB */

static const char *const names[LIMIT_COUNT] = {
    [LIMIT_NETWORK] = "network", [LIMIT_HIT] = "hit",   [LIMIT_BATCH] = "batch",
    [LIMIT_PIXEL] = "pixel",     [LIMIT_SITE] = "site",
};

static struct pp_counter refusals[LIMIT_COUNT];
static struct pp_gauge evicted =
    PP_GAUGE("pawprint_collector_limit_evicted_buckets",
             "buckets in use that had to make place for others, since the "
             "start; far above 0: more networks than can be counted");

struct pp_gauge limits_shared =
    PP_GAUGE("pawprint_collector_limits_shared",
             "1: limits are counted together with the other collectors; 0: "
             "alone, as Redis is away");

void limits_metrics_add(void)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        refusals[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_collector_limited_total",
            "requests, and for site hits, that a limit refused",
            {"limit", names[i]});
        pp_metrics_add(&refusals[i].metric);
    }
    pp_metrics_add(&evicted.metric);
    pp_metrics_add(&limits_shared.metric);
}

int limits_init(struct limits *limits, const char *const texts[LIMIT_COUNT],
                struct pp_err *err)
{
    *limits = (struct limits){0};
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (pp_rate_parse(texts[i], &limits->rules[i], err) < 0)
            return -1;
    pp_limits_init(&limits->shared, BUCKETS);
    return 0;
}

void limits_fini(struct limits *limits)
{
    pp_limits_fini(&limits->shared);
}

/* The same network, or site, counts apart for each limit. */
static struct pp_rate_ask ask(const struct limits *limits, enum limit limit,
                              uint64_t subject)
{
    return (struct pp_rate_ask){&limits->rules[limit],
                                subject + (uint64_t)limit};
}

static int64_t take(struct limits *limits, const struct pp_rate_ask *asks,
                    const enum limit *kinds, size_t count, int64_t now_ns)
{
    size_t refused;
    int64_t wait_ns =
        pp_rate_take(limits->shared.rate, asks, count, now_ns, &refused);

    if (wait_ns > 0)
        pp_counter_add(&refusals[kinds[refused]], 1);
    pp_gauge_set(&evicted, (int64_t)pp_rate_evicted_count(limits->shared.rate));
    return wait_ns;
}

int64_t limits_take_request(struct limits *limits, enum limit endpoint,
                            struct pp_str network, int64_t now_ns)
{
    const enum limit kinds[] = {LIMIT_NETWORK, endpoint};
    struct pp_rate_ask asks[2];
    uint64_t subject;

    if (network.n == 0 || (limits->rules[LIMIT_NETWORK].count == 0 &&
                           limits->rules[endpoint].count == 0))
        return 0;
    subject = pp_limits_subject(&limits->shared, network);
    for (size_t i = 0; i < 2; i++)
        asks[i] = ask(limits, kinds[i], subject);
    return take(limits, asks, kinds, 2, now_ns);
}

int64_t limits_take_hit(struct limits *limits, struct pp_str site_id,
                        int64_t now_ns)
{
    const enum limit kind = LIMIT_SITE;
    struct pp_rate_ask one;

    if (limits->rules[LIMIT_SITE].count == 0)
        return 0;
    one = ask(limits, LIMIT_SITE, pp_limits_subject(&limits->shared, site_id));
    return take(limits, &one, &kind, 1, now_ns);
}
