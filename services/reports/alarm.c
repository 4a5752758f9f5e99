#include "alarm.h"

#include "pp_mem.h"

#define HOUR_MS  INT64_C(3600000)
#define STALL_MS INT64_C(60000) /* after its lease another has had time */

const char *alarm_name(enum alarm_kind kind)
{
    static const char *const names[ALARM_KINDS] = {
        "late",  "long",    "stalled", "failed",     "short",
        "often", "backlog", "empty",   "undelivered"};

    return names[kind];
}

const char *alarm_words(enum alarm_kind kind)
{
    static const char *const words[ALARM_KINDS] = {
        "has not begun in time",          "takes too long",
        "has stopped getting on",         "fails",
        "ends sooner than it can",        "runs too often",
        "has work that waits for long",   "finds less to do than there can be",
        "makes reports that don't arrive"};

    return words[kind];
}

const char *alarm_unit(enum alarm_kind kind)
{
    static const char *const units[ALARM_KINDS] = {
        [ALARM_FAILED] = "times",
        [ALARM_OFTEN] = "times",
        [ALARM_EMPTY] = "items",
        [ALARM_UNDELIVERED] = "percent",
    };

    return units[kind] ? units[kind] : "milliseconds";
}

/* How long it is since then; below 0: never. */
static int64_t age(int64_t at_ms, int64_t now_ms)
{
    return at_ms ? now_ms - at_ms : -1;
}

static bool is_over(int64_t value, int64_t limit)
{
    return limit > 0 && value > limit;
}

bool alarm_holds(enum alarm_kind kind, const struct alarm_limits *limits,
                 const struct alarm_facts *facts, int64_t *value_out,
                 int64_t *limit_out)
{
    int64_t value = 0, limit = 0;
    bool holds = false;

    switch (kind) {
    case ALARM_LATE:
        value = age(facts->waits_since_ms, facts->now_ms);
        limit = limits->start_ms;
        holds = !facts->is_paused && is_over(value, limit);
        break;
    case ALARM_LONG:
        value = age(facts->runs_since_ms, facts->now_ms);
        limit = limits->run_ms;
        holds = is_over(value, limit);
        break;
    case ALARM_STALLED:
        value = age(facts->lease_until_ms, facts->now_ms);
        limit = STALL_MS;
        holds = is_over(value, limit);
        break;
    case ALARM_FAILED:
        value = facts->failures;
        limit = 1;
        holds = facts->dead_at_ms > facts->done_at_ms || value > limit;
        break;
    case ALARM_SHORT:
        value = facts->last_took_ms;
        limit = limits->run_least_ms;
        holds = value >= 0 && value < limit;
        break;
    case ALARM_OFTEN:
        value = facts->runs_last_hour;
        limit = limits->runs_an_hour;
        holds = is_over(value, limit);
        break;
    case ALARM_BACKLOG:
        value = age(facts->open_since_ms, facts->now_ms);
        limit = limits->backlog_ms;
        holds = !facts->is_paused && is_over(value, limit);
        break;
    case ALARM_EMPTY:
        value = facts->last_items;
        limit = limits->items_least;
        holds = value >= 0 && value < limit;
        break;
    case ALARM_UNDELIVERED:
        limit = limits->delivered_percent;
        value = facts->reports_due
                    ? 100 * facts->reports_delivered / facts->reports_due
                    : 100;
        holds = 100 * facts->reports_delivered < limit * facts->reports_due;
        break;
    case ALARM_KINDS:
        break;
    }
    *value_out = value;
    *limit_out = limit;
    return holds;
}

enum alarm_message alarm_step(struct alarm *alarm, bool holds, int64_t now_ms)
{
    static const int64_t nags_ms[] = {HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS};
    size_t nag = (size_t)(alarm->messages - 1);

    if (alarm->since_ms == 0) {
        if (!holds)
            return ALARM_NOTHING;
        alarm->since_ms = now_ms;
        alarm->episode++;
        alarm->messages = 1;
        return ALARM_FIRED;
    }
    if (!holds) {
        alarm->since_ms = 0;
        alarm->messages = 0;
        return ALARM_CLEARED;
    }
    if (nag >= PP_COUNT(nags_ms) || now_ms - alarm->since_ms < nags_ms[nag])
        return ALARM_NOTHING;
    /* After a long absence one reminder, not all that were missed. */
    while (nag < PP_COUNT(nags_ms) && now_ms - alarm->since_ms >= nags_ms[nag])
        nag++;
    alarm->messages = (int)nag + 1;
    return ALARM_NAG;
}
