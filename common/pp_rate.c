/*
 * GCRA over a table of sets. A subject's bucket is in one of the WAYS places
 * of its set; looking is one read of a few cache lines, and the memory is what
 * it was at start.
 */
#include "pp_rate.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_str.h"

#define WAYS       ((size_t)8)
#define SECOND_NS  INT64_C(1000000000)
#define LISTED_MAX 8192u /* buckets that wait to be told, at once */

struct bucket {
    uint64_t id;        /* subject and rule; 0: this place is free */
    int64_t full_at_ns; /* now or earlier: it is full */
    int64_t unsent_ns;  /* taken, and not yet told */
    int64_t since_ns;   /* when that began */
    const struct pp_rate_rule *rule;
    bool listed; /* the place's, whatever bucket is in it */
};

struct pp_rate {
    size_t set_mask;
    struct bucket *buckets;
    uint64_t evicted;
    uint32_t listed[LISTED_MAX]; /* a ring of places */
    unsigned listed_first, listed_count;
};

/* --- rules ---------------------------------------------------------------- */

static int64_t unit_ns(struct pp_str unit)
{
    static const struct {
        struct pp_str name;
        int64_t seconds;
    } units[] = {{{"s", 1}, 1},
                 {{"m", 1}, 60},
                 {{"h", 1}, 3600},
                 {{"d", 1}, INT64_C(86400)}};

    for (size_t i = 0; i < PP_COUNT(units); i++)
        if (pp_str_eq(unit, units[i].name))
            return units[i].seconds * SECOND_NS;
    return 0;
}

static bool rule_parse(struct pp_str text, struct pp_rate_rule *rule_out)
{
    struct pp_str number;

    if (!pp_str_split(&text, '/', &number) ||
        !pp_str_int64(number, &rule_out->count))
        return false;
    rule_out->period_ns = unit_ns(text);
    return rule_out->period_ns > 0 && rule_out->count > 0 &&
           rule_out->count <= rule_out->period_ns / 1000;
}

/* The next word, which ends at a blank or comma; false at the end. */
static bool next_word(const char **text, struct pp_str *word_out)
{
    static const char between[] = " ,";

    *text += strspn(*text, between);
    *word_out = (struct pp_str){*text, strcspn(*text, between)};
    *text += word_out->n;
    return word_out->n > 0;
}

const char *pp_rate_wrong(const char *text)
{
    struct pp_rate_rules rules;
    struct pp_err err = {0};

    return pp_rate_parse(text, &rules, &err) < 0
               ? "has to be 'off' or up to four rules like 5/m or 100/s, 5000/m"
               : NULL;
}

int pp_rate_parse(const char *text, struct pp_rate_rules *rules_out,
                  struct pp_err *err)
{
    struct pp_str word;

    rules_out->count = 0;
    if (strcmp(text, "off") == 0)
        return 0;
    while (next_word(&text, &word)) {
        if (rules_out->count == PP_RATE_RULES_MAX ||
            !rule_parse(word, &rules_out->list[rules_out->count]))
            return pp_err_set(err, PP_ERR_INVALID, "'%.*s' is no rule like 5/m",
                              PP_ARG(word));
        rules_out->count++;
    }
    if (rules_out->count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no rule");
    return 0;
}

/* --- buckets -------------------------------------------------------------- */

struct pp_rate *pp_rate_new(size_t count)
{
    struct pp_rate *rate = pp_calloc(1, sizeof(*rate));
    size_t sets = 1;

    while (sets * WAYS < count)
        sets *= 2;
    rate->set_mask = sets - 1;
    rate->buckets = pp_calloc(sets * WAYS, sizeof(*rate->buckets));
    return rate;
}

void pp_rate_free(struct pp_rate **rate)
{
    if (!*rate)
        return;
    free((*rate)->buckets);
    free(*rate);
    *rate = NULL;
}

uint64_t pp_rate_evicted_count(const struct pp_rate *rate)
{
    return rate->evicted;
}

/* Each rule of a subject has a bucket of its own. */
static uint64_t id_of(uint64_t subject, const struct pp_rate_rule *rule)
{
    uint64_t id =
        subject ^ (uint64_t)rule->period_ns ^ (uint64_t)rule->count << 44;

    id *= UINT64_C(0x9e3779b97f4a7c15); /* every bit moves the upper ones */
    id ^= id >> 32;
    return id ? id : 1;
}

static struct bucket *set_of(const struct pp_rate *rate, uint64_t id)
{
    return &rate->buckets[(id & rate->set_mask) * WAYS];
}

static struct bucket *find(const struct pp_rate *rate, uint64_t id)
{
    struct bucket *set = set_of(rate, id);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].id == id)
            return &set[i];
    return NULL;
}

/* The place that is lost least with: a free one, else the fullest bucket's. */
static struct bucket *claim(struct pp_rate *rate, uint64_t id,
                            const struct pp_rate_rule *rule, int64_t now_ns)
{
    struct bucket *set = set_of(rate, id), *best = set;

    for (size_t i = 1; i < WAYS; i++)
        if (set[i].full_at_ns < best->full_at_ns)
            best = &set[i];
    rate->evicted += best->full_at_ns > now_ns;
    *best = (struct bucket){
        .id = id,
        .full_at_ns = now_ns,
        .rule = rule,
        .listed = best->listed,
    };
    return best;
}

static int64_t interval_ns(const struct pp_rate_rule *rule)
{
    return rule->period_ns / rule->count;
}

static int64_t later(int64_t a_ns, int64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

static int64_t wait_for(const struct pp_rate *rate, uint64_t subject,
                        const struct pp_rate_rule *rule, int64_t now_ns)
{
    const struct bucket *bucket = find(rate, id_of(subject, rule));
    int64_t full_at_ns;

    if (!bucket)
        return 0;
    full_at_ns = later(bucket->full_at_ns, now_ns) + interval_ns(rule);
    return later(full_at_ns - now_ns - rule->period_ns, 0);
}

/* Where the list is full, it is tried again when the bucket is next used. */
static void list(struct pp_rate *rate, struct bucket *bucket)
{
    if (bucket->listed || rate->listed_count == LISTED_MAX)
        return;
    bucket->listed = true;
    rate->listed[(rate->listed_first + rate->listed_count++) % LISTED_MAX] =
        (uint32_t)(bucket - rate->buckets);
}

static void take_one(struct pp_rate *rate, uint64_t subject,
                     const struct pp_rate_rule *rule, int64_t now_ns)
{
    uint64_t id = id_of(subject, rule);
    struct bucket *bucket = find(rate, id);

    if (!bucket)
        bucket = claim(rate, id, rule, now_ns);
    if (bucket->unsent_ns == 0)
        bucket->since_ns = now_ns;
    bucket->full_at_ns = later(bucket->full_at_ns, now_ns) + interval_ns(rule);
    bucket->unsent_ns += interval_ns(rule);
    if (bucket->unsent_ns >= rule->period_ns / PP_RATE_QUANTUM)
        list(rate, bucket);
}

int64_t pp_rate_take(struct pp_rate *rate, const struct pp_rate_ask *asks,
                     size_t count, int64_t now_ns, size_t *refused_out)
{
    int64_t longest_ns = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < asks[i].rules->count; j++) {
            int64_t wait_ns = wait_for(rate, asks[i].subject,
                                       &asks[i].rules->list[j], now_ns);

            if (wait_ns > longest_ns) {
                longest_ns = wait_ns;
                *refused_out = i;
            }
        }
    for (size_t i = 0; longest_ns == 0 && i < count; i++)
        for (size_t j = 0; j < asks[i].rules->count; j++)
            take_one(rate, asks[i].subject, &asks[i].rules->list[j], now_ns);
    return longest_ns;
}

/* --- counting together ---------------------------------------------------- */

bool pp_rate_has_unshared(const struct pp_rate *rate)
{
    return rate->listed_count > 0;
}

/*
 * A debt is paid back by waiting, but no longer than this: after an absence
 * of what is between the processes, their sum would be many periods.
 */
static int64_t most_ns(const struct pp_rate_rule *rule)
{
    return rule->period_ns + later(rule->period_ns / 4, 4 * interval_ns(rule));
}

/* What has been untold for a whole period is partly filled again. */
static void share_make(const struct bucket *bucket, int64_t now_ns,
                       struct pp_rate_share *share)
{
    int64_t level_ns = later(bucket->full_at_ns - now_ns, 0);
    bool is_old = now_ns - bucket->since_ns > bucket->rule->period_ns;

    *share = (struct pp_rate_share){
        .bucket = bucket->id,
        .most_us = most_ns(bucket->rule) / 1000,
        .amount_ns = bucket->unsent_ns,
        .since_ns = bucket->since_ns,
    };
    if (is_old && share->amount_ns > level_ns)
        share->amount_ns = level_ns;
    share->amount_us = share->amount_ns / 1000;
    share->age_us = is_old ? 0 : (now_ns - bucket->since_ns) / 1000;
}

size_t pp_rate_unshared(struct pp_rate *rate, struct pp_rate_share *shares,
                        size_t max, int64_t now_ns)
{
    size_t count = 0;

    while (count < max && rate->listed_count > 0) {
        struct bucket *bucket =
            &rate->buckets[rate->listed[rate->listed_first]];

        rate->listed_first = (rate->listed_first + 1) % LISTED_MAX;
        rate->listed_count--;
        bucket->listed = false;
        if (bucket->unsent_ns == 0) /* another has this place since */
            continue;
        share_make(bucket, now_ns, &shares[count]);
        bucket->unsent_ns = 0;
        count += shares[count].amount_us > 0;
    }
    return count;
}

void pp_rate_shared(struct pp_rate *rate, const struct pp_rate_share *shares,
                    size_t count, int64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        struct bucket *bucket = find(rate, shares[i].bucket);
        int64_t level_ns = shares[i].level_us * 1000;

        if (!bucket)
            continue;
        if (level_ns > most_ns(bucket->rule))
            level_ns = most_ns(bucket->rule);
        /* Never earlier: those that keep it may have lost it. */
        bucket->full_at_ns =
            later(bucket->full_at_ns, now_ns + level_ns + bucket->unsent_ns);
    }
}

void pp_rate_not_shared(struct pp_rate *rate,
                        const struct pp_rate_share *shares, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bucket *bucket = find(rate, shares[i].bucket);

        if (!bucket)
            continue;
        bucket->unsent_ns += shares[i].amount_ns;
        bucket->since_ns = shares[i].since_ns;
        list(rate, bucket);
    }
}
