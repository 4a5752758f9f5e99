#include "seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define COMMANDS    1000 /* of one round trip */
#define NUMBER_ARGS 6

/* KEYS: site and id. ARGV: the record that it is in, how long to keep. */
static const char script[] =
    "local first = redis.call('GET', KEYS[1]) "
    "if first then return first == ARGV[1] and 1 or 0 end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
    "return 1";

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

/* The arena holds a whole batch: an allocation that fails is a bug. */
static void *alloc(struct pp_arena *arena, size_t bytes)
{
    void *room = pp_arena_alloc(arena, bytes);

    if (!room)
        abort();
    return room;
}

static struct pp_str key_of(const struct hit *hit, struct pp_arena *arena)
{
    size_t n = 6 + hit->site_id.n + hit->event_id.n;
    char *key = alloc(arena, n + 1);

    snprintf(key, n + 1, "seen:%.*s:%.*s", PP_ARG(hit->site_id),
             PP_ARG(hit->event_id));
    return (struct pp_str){key, n};
}

static struct pp_str origin_of(const struct pp_message *message, int64_t epoch,
                               struct pp_arena *arena)
{
    char *text = alloc(arena, 64);

    return (struct pp_str){
        text, (size_t)snprintf(text, 64, "%" PRId64 ":%d:%" PRId64, epoch,
                               message->partition, message->offset)};
}

struct question {
    struct pp_str sha, keep;
    int64_t epoch;
};

/* Up to COMMANDS items, in one round trip. */
static int run(struct pp_redis *redis, struct seen_item *items, size_t count,
               const struct question *question, struct pp_arena *arena,
               struct pp_err *err)
{
    struct pp_redis_command commands[COMMANDS];
    struct pp_redis_value values[COMMANDS];

    for (size_t i = 0; i < count; i++) {
        struct pp_str *a = alloc(arena, NUMBER_ARGS * sizeof(*a));

        a[0] = PP_LIT("EVALSHA");
        a[1] = question->sha;
        a[2] = PP_LIT("1");
        a[3] = key_of(items[i].hit, arena);
        a[4] = origin_of(items[i].message, question->epoch, arena);
        a[5] = question->keep;
        commands[i] = (struct pp_redis_command){a, NUMBER_ARGS};
    }
    if (pp_redis_run(redis, commands, count, values, arena, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (values[i].type != PP_REDIS_INT)
            return pp_err_set(err, PP_ERR_AGAIN, "redis: seen or not: %.*s",
                              PP_ARG(values[i].text));
        items[i].duplicate = values[i].integer == 0;
    }
    return 0;
}

int seen_ask(struct pp_redis *redis, struct seen_item *items, size_t count,
             int64_t epoch, int64_t keep_ms, struct pp_arena *arena,
             struct pp_err *err)
{
    char keep[24];
    struct question question = {.epoch = epoch};

    if (count == 0)
        return 0;
    question.keep = (struct pp_str){
        keep, (size_t)snprintf(keep, sizeof(keep), "%" PRId64, keep_ms)};
    if (load(redis, arena, &question.sha, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i += COMMANDS)
        if (run(redis, items + i, count - i < COMMANDS ? count - i : COMMANDS,
                &question, arena, err) < 0)
            return -1;
    return 0;
}
