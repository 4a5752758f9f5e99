#include "visits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#include "print.h"

#define KEEP_MS     "3600000" /* twice the idle time, in Redis's own clock */
#define COMMANDS    1000      /* of one round trip */
#define NUMBER_ARGS 9

/*
 * KEYS: today's and yesterday's visitor, who has another hash from midnight on.
 * ARGV: event time, idle time, id of a visit that would begin now, how long to
 * keep. An event far before the last one is a late one, and has a visit of its
 * own.
 */
static const char script[] =
    "local at, idle = tonumber(ARGV[1]), tonumber(ARGV[2]) "
    "local v = redis.call('GET', KEYS[1]) "
    "if not v and KEYS[2] ~= '' then v = redis.call('GET', KEYS[2]) end "
    "if v then "
    "  local id, last = string.match(v, '^(%S+) (%S+)$') "
    "  last = tonumber(last) "
    "  if at <= last - idle then return ARGV[3] end "
    "  if at < last + idle then "
    "    if at > last then last = at end "
    "    redis.call('SET', KEYS[1], id .. ' ' .. string.format('%.0f', last),"
    "      'PX', ARGV[4]) "
    "    return id "
    "  end "
    "end "
    "redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1], 'PX', ARGV[4]) "
    "return ARGV[3]";

int64_t visits_id(struct pp_str site_id, int64_t visitor, int64_t started_ms)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    uint64_t parts[2] = {(uint64_t)visitor, (uint64_t)started_ms};

    for (size_t i = 0; i < site_id.n; i++)
        hash = (hash ^ (unsigned char)site_id.p[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < PP_COUNT(parts); i++) {
        /* SplitMix64's finisher: every bit of a part moves every other. */
        hash = (hash ^ parts[i]) + UINT64_C(0x9e3779b97f4a7c15);
        hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
        hash ^= hash >> 31;
    }
    return (int64_t)hash;
}

/* EVALSHA's arguments for one event. */
static void arguments_of(const struct visits_item *item, struct pp_str sha,
                         struct pp_arena *arena,
                         struct pp_str arguments[NUMBER_ARGS])
{
    const struct hit *hit = item->hit;
    int64_t at = item->event->event_at_ms;

    arguments[0] = PP_LIT("EVALSHA");
    arguments[1] = sha;
    arguments[2] = PP_LIT("2");
    arguments[3] = print(arena, "visit:%.*s:%016" PRIx64, PP_ARG(hit->site_id),
                         (uint64_t)hit->visitor);
    arguments[4] =
        hit->has_visitor_previous
            ? print(arena, "visit:%.*s:%016" PRIx64, PP_ARG(hit->site_id),
                    (uint64_t)hit->visitor_previous)
            : PP_LIT("");
    arguments[5] = print(arena, "%" PRId64, at);
    arguments[6] = print(arena, "%" PRId64, VISITS_IDLE_MS);
    arguments[7] =
        print(arena, "%" PRId64, visits_id(hit->site_id, hit->visitor, at));
    arguments[8] = PP_LIT(KEEP_MS);
}

/* Redis forgets scripts when it restarts: it is told again for every batch. */
static int load(struct pp_redis *redis, struct pp_arena *arena,
                struct pp_str *sha_out, struct pp_err *err)
{
    const struct pp_str arguments[] = {PP_LIT("SCRIPT"), PP_LIT("LOAD"),
                                       pp_str_of(script)};
    struct pp_redis_value value;

    if (pp_redis_do(redis, arguments, 3, &value, arena, err) < 0)
        return -1;
    *sha_out = value.text;
    return 0;
}

static int take_answers(struct visits_item **items,
                        const struct pp_redis_value *values, size_t count,
                        struct pp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct event *event = items[i]->event;

        if (values[i].type != PP_REDIS_TEXT ||
            !pp_str_int64(values[i].text, &event->visit_id))
            return pp_err_set(err, PP_ERR_AGAIN, "redis: no visit: %.*s",
                              PP_ARG(values[i].text));
        event->has_visit_id = true;
    }
    return 0;
}

/* Up to COMMANDS events that have a visitor, in one round trip. */
static int run(struct pp_redis *redis, struct visits_item **items, size_t count,
               struct pp_str sha, struct pp_arena *arena, struct pp_err *err)
{
    struct pp_redis_command commands[COMMANDS];
    struct pp_redis_value values[COMMANDS];

    for (size_t i = 0; i < count; i++) {
        struct pp_str *arguments =
            pp_arena_alloc(arena, NUMBER_ARGS * sizeof(*arguments));

        if (!arguments)
            abort();
        arguments_of(items[i], sha, arena, arguments);
        commands[i] = (struct pp_redis_command){arguments, NUMBER_ARGS};
    }
    if (pp_redis_run(redis, commands, count, values, arena, err) < 0)
        return -1;
    return take_answers(items, values, count, err);
}

int visits_assign(struct pp_redis *redis, struct visits_item *items,
                  size_t count, struct pp_arena *arena, struct pp_err *err)
{
    struct visits_item *some[COMMANDS];
    struct pp_str sha;
    size_t n = 0;

    if (count == 0)
        return 0;
    if (load(redis, arena, &sha, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (items[i].hit->has_visitor)
            some[n++] = &items[i];
        if (n == 0 || (n < COMMANDS && i + 1 < count))
            continue;
        if (run(redis, some, n, sha, arena, err) < 0)
            return -1;
        n = 0;
    }
    return 0;
}
