#include "pp_rollup_plan.h"

#include <string.h>

#include "pp_mem.h"

#define LAG_PARTS 20 /* of which one may be missing */

bool pp_rollup_state_set(struct pp_rollup_state *state, const char *what,
                         struct pp_rollup_sum sum)
{
    const struct {
        const char *what;
        struct pp_rollup_sum *to;
    } places[] = {
        {"events", &state->events}, {"people", &state->people},
        {"minute", &state->minute}, {"hour", &state->hour},
        {"day", &state->day},       {"entry", &state->entry},
        {"visits", &state->visits}, {"next", &state->next},
    };

    if (strcmp(what, "age") == 0) {
        state->age_s = sum.rows;
        return true;
    }
    for (size_t i = 0; i < PP_COUNT(places); i++) {
        if (strcmp(places[i].what, what) != 0)
            continue;
        *places[i].to = sum;
        return true;
    }
    return false;
}

static bool differ(struct pp_rollup_sum a, struct pp_rollup_sum b)
{
    return a.rows != b.rows || a.checksum != b.checksum;
}

static struct pp_rollup_sum plus(struct pp_rollup_sum a, struct pp_rollup_sum b)
{
    return (struct pp_rollup_sum){a.rows + b.rows, a.checksum + b.checksum};
}

/* There may be nothing to make of it and nothing to take away. */
static bool is_empty(const struct pp_rollup_state *state)
{
    return !state->people.rows && !state->visits.rows && !state->next.rows;
}

static void mark_visits(struct pp_rollup_state *states, size_t i, bool wide)
{
    size_t from = wide ? i - PP_ROLLUP_BEFORE : i;
    size_t to = wide ? i + PP_ROLLUP_AFTER : i;

    for (size_t j = from; j <= to; j++)
        if (!is_empty(&states[j]))
            states[j].anew[PP_ROLLUP_VISITS] = true;
}

/* Every event of people stands in one visit: of its day or the day before. */
static bool visits_differ(const struct pp_rollup_state *states, size_t i)
{
    return differ(states[i].people, plus(states[i].visits, states[i - 1].next));
}

bool pp_rollup_may_lag(const struct pp_rollup_state *state, int lag_s)
{
    uint64_t had = state->day.rows, has = state->events.rows;

    return has >= had && (has - had) * LAG_PARTS < had &&
           state->age_s < (uint64_t)lag_s;
}

size_t pp_rollup_plan(struct pp_rollup_state *states, size_t count,
                      size_t minutes_from, bool wide)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        memset(states[i].anew, 0, sizeof(states[i].anew));
    for (size_t i = PP_ROLLUP_BEFORE; i + PP_ROLLUP_AFTER < count; i++) {
        struct pp_rollup_state *one = &states[i];
        bool visits = visits_differ(states, i);

        if (one->may_lag)
            continue;
        if (visits)
            mark_visits(states, i, wide);
        one->anew[PP_ROLLUP_MINUTE] =
            i >= minutes_from && differ(one->events, one->minute);
        one->anew[PP_ROLLUP_HOUR] = differ(one->events, one->hour);
        one->anew[PP_ROLLUP_DAY] =
            differ(one->events, one->day) ||
            differ(one->entry, plus(one->visits, one->next));
        wrong += visits || one->anew[PP_ROLLUP_MINUTE] ||
                 one->anew[PP_ROLLUP_HOUR] || one->anew[PP_ROLLUP_DAY];
    }
    for (size_t i = 0; i < count; i++) /* the day reads the visits */
        states[i].anew[PP_ROLLUP_DAY] |= states[i].anew[PP_ROLLUP_VISITS];
    return wrong;
}
