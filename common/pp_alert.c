#include "pp_alert.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

/* A rule that fires is calm only this much beyond its threshold. */
#define BACK 0.1

static const struct pp_alert_defaults kinds[] = {
    [PP_ALERT_USAGE] = {"usage", "percent used of the events in the plan", 80,
                        3600, 0},
    [PP_ALERT_SPIKE] = {"spike", "page views and events of people", 3, 3600,
                        100},
    [PP_ALERT_DROP] = {"drop", "page views and events of people", 30, 3600, 50},
    [PP_ALERT_NO_DATA] = {"no_data", "page views and events of people", 1, 3600,
                          0},
    /* Where Google's Core Web Vitals end to be good. [web.dev/vitals] */
    [PP_ALERT_LCP] = {"lcp", "LCP in ms, 75th percentile", 2500, 3600, 50},
    [PP_ALERT_INP] = {"inp", "INP in ms, 75th percentile", 200, 3600, 50},
    [PP_ALERT_CLS] = {"cls", "CLS, 75th percentile", 0.1, 3600, 50},
    [PP_ALERT_TTFB] = {"ttfb", "TTFB in ms, 75th percentile", 800, 3600, 50},
};

bool pp_alert_kind_of(const char *name, enum pp_alert_kind *kind_out)
{
    for (size_t i = 0; i < PP_COUNT(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *kind_out = (enum pp_alert_kind)i;
            return true;
        }
    return false;
}

const struct pp_alert_defaults *pp_alert_defaults(enum pp_alert_kind kind)
{
    return &kinds[kind];
}

bool pp_alert_is_vital(enum pp_alert_kind kind)
{
    return kind >= PP_ALERT_LCP;
}

static bool is_of_weeks(enum pp_alert_kind kind)
{
    return kind == PP_ALERT_SPIKE || kind == PP_ALERT_DROP;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The median of the weeks there are. */
static double usual(const struct pp_alert_facts *facts)
{
    int64_t sorted[PP_ALERT_WEEKS];
    int n = facts->week_count;

    memcpy(sorted, facts->weeks, sizeof(sorted));
    qsort(sorted, (size_t)n, sizeof(*sorted), by_size);
    return ((double)sorted[(n - 1) / 2] + (double)sorted[n / 2]) / 2;
}

/* Above, until it is clearly below. */
static enum pp_alert_answer above(double value, double limit, bool firing)
{
    return value >= (firing ? limit * (1 - BACK) : limit) ? PP_ALERT_HOLDS
                                                          : PP_ALERT_CALM;
}

static enum pp_alert_answer compare(const struct pp_alert_rule *rule,
                                    const struct pp_alert_facts *facts,
                                    bool firing, double *limit)
{
    switch (rule->kind) {
    case PP_ALERT_USAGE:
        return facts->limit < 0 ? PP_ALERT_CALM
                                : above(facts->value, *limit, firing);
    case PP_ALERT_SPIKE:
        if (facts->week_count == 0)
            return PP_ALERT_UNKNOWN;
        *limit *= usual(facts);
        if (*limit < (double)rule->least)
            *limit = (double)rule->least;
        return above(facts->value, *limit, firing);
    case PP_ALERT_DROP:
        if (facts->week_count == 0)
            return PP_ALERT_UNKNOWN;
        *limit *= usual(facts) / 100;
        if (usual(facts) < (double)rule->least)
            return PP_ALERT_CALM;
        return facts->value <= *limit * (firing ? 1 + BACK : 1) ? PP_ALERT_HOLDS
                                                                : PP_ALERT_CALM;
    case PP_ALERT_NO_DATA:
        return facts->value < 1 ? PP_ALERT_HOLDS : PP_ALERT_CALM;
    case PP_ALERT_LCP:
    case PP_ALERT_INP:
    case PP_ALERT_CLS:
    case PP_ALERT_TTFB:
        return facts->samples < rule->least || facts->samples == 0
                   ? PP_ALERT_UNKNOWN
                   : above(facts->value, *limit, firing);
    }
    return PP_ALERT_UNKNOWN;
}

static void move(struct pp_alert *alert, enum pp_alert_answer answer,
                 int64_t now_ms)
{
    if (answer == PP_ALERT_HOLDS) {
        if (!alert->firing && !alert->told)
            alert->since_ms = now_ms;
        alert->firing = true;
        alert->calm = 0;
    } else if (answer == PP_ALERT_CALM && alert->firing &&
               ++alert->calm >= PP_ALERT_CALM_COUNT) {
        alert->firing = false;
        alert->calm = 0;
        alert->resolved_ms = now_ms;
    }
}

/* What the customer was told last differs from what is, or is old. */
static enum pp_alert_message message_of(const struct pp_alert_rule *rule,
                                        const struct pp_alert *alert,
                                        int64_t now_ms)
{
    if (!alert->firing)
        return alert->told ? PP_ALERT_RESOLVED : PP_ALERT_NOTHING;
    if (!alert->told)
        return PP_ALERT_FIRED;
    /* Not while it looks as though it were over. */
    return rule->repeat_ms > 0 && alert->calm == 0 &&
                   now_ms - alert->sent_ms >= rule->repeat_ms
               ? PP_ALERT_FIRED
               : PP_ALERT_NOTHING;
}

struct pp_alert_decision pp_alert_decide(const struct pp_alert_rule *rule,
                                         const struct pp_alert *before,
                                         const struct pp_alert_facts *facts)
{
    struct pp_alert_decision is = {.next = *before};
    struct pp_alert *next = &is.next;

    is.limit = rule->threshold;
    is.usual = -1;
    if (facts->is_over) {
        next->firing = next->told = false;
        next->calm = 0;
        return is;
    }
    if (facts->is_known && facts->week_count > 0 && is_of_weeks(rule->kind))
        is.usual = usual(facts);
    if (facts->is_known)
        is.answer = compare(rule, facts, before->firing, &is.limit);
    move(next, is.answer, facts->now_ms);
    /* What can't be measured now is not repeated. */
    if (facts->is_silent || is.answer == PP_ALERT_UNKNOWN)
        return is;
    is.message = message_of(rule, next, facts->now_ms);
    if (is.message == PP_ALERT_NOTHING)
        return is;
    if (is.message == PP_ALERT_FIRED && !next->told) {
        next->episode++;
        next->messages = 0;
    }
    next->told = is.message == PP_ALERT_FIRED;
    next->messages++;
    next->sent_ms = facts->now_ms;
    return is;
}
