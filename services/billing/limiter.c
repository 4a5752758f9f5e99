#include "limiter.h"

#include <pthread.h>
#include <stdlib.h>

#include "pp_limit_share.h"
#include "pp_mem.h"
#include "pp_time.h"

#define BUCKETS 16384

struct limiter {
    struct pp_rate_rules rules[LIMITER_KINDS];
    pthread_mutex_t lock; /* guards what follows */
    struct pp_limits limits;
    struct pp_limit_share *share; /* NULL without Redis */
};

static struct pp_gauge shared =
    PP_GAUGE("pawprint_billing_limits_shared",
             "1: limits are counted together with the other processes; 0: "
             "alone, as Redis is away");
static struct pp_counter refused[LIMITER_KINDS] = {
    [LIMITER_ACT] = PP_COUNTER_WITH("pawprint_billing_limited_total",
                                    "calls of customers that a limit refused",
                                    {"limit", "act"}),
    [LIMITER_READ] = PP_COUNTER_WITH("pawprint_billing_limited_total",
                                     "calls of customers that a limit refused",
                                     {"limit", "read"}),
};

void limiter_metrics_add(void)
{
    for (int i = 0; i < LIMITER_KINDS; i++)
        pp_metrics_add(&refused[i].metric);
    pp_metrics_add(&shared.metric);
}

int limiter_open(struct limiter **limiter_out, const char *redis,
                 const char *const rules[LIMITER_KINDS], struct pp_err *err)
{
    struct limiter *limiter = pp_calloc(1, sizeof(*limiter));

    *limiter_out = limiter;
    pthread_mutex_init(&limiter->lock, NULL);
    pp_limits_init(&limiter->limits, BUCKETS);
    for (int i = 0; i < LIMITER_KINDS; i++)
        if (pp_rate_parse(rules[i], &limiter->rules[i], err) < 0)
            return -1;
    if (!*redis)
        return 0;
    return pp_limit_share_open(&limiter->share, redis,
                               "billing:limit:", &limiter->limits, &shared,
                               err);
}

void limiter_close(struct limiter **limiter)
{
    if (!*limiter)
        return;
    pp_limit_share_close(&(*limiter)->share);
    pp_limits_fini(&(*limiter)->limits);
    pthread_mutex_destroy(&(*limiter)->lock);
    free(*limiter);
    *limiter = NULL;
}

int64_t limiter_take(struct limiter *limiter, enum limiter_kind kind,
                     struct pp_str who)
{
    struct pp_rate_ask ask = {.rules = &limiter->rules[kind]};
    size_t which;
    int64_t wait_ns;

    if (ask.rules->count == 0)
        return 0;
    pthread_mutex_lock(&limiter->lock);
    ask.subject = pp_limits_subject(&limiter->limits, who) + (uint64_t)kind;
    wait_ns =
        pp_rate_take(limiter->limits.rate, &ask, 1, pp_mono_now().ns, &which);
    pthread_mutex_unlock(&limiter->lock);
    if (wait_ns > 0)
        pp_counter_add(&refused[kind], 1);
    return wait_ns;
}

void limiter_turn(struct limiter *limiter)
{
    if (!limiter->share)
        return;
    pthread_mutex_lock(&limiter->lock);
    pp_limit_share_turn(limiter->share, pp_mono_now().ns);
    pthread_mutex_unlock(&limiter->lock);
}
