#include "share.h"

#include <inttypes.h>
#include <stdio.h>

#define EACH_TIME 50
#define ARGUMENTS 9

/* KEYS[1]; version, has_enough_capacity, state, reject_until_ms, seconds. */
static const char script[] =
    "local old = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') "
    "if old >= tonumber(ARGV[1]) then return 0 end "
    "redis.call('HSET', KEYS[1], 'version', ARGV[1], 'has_enough_capacity', "
    "ARGV[2], 'state', ARGV[3], 'reject_until_ms', ARGV[4]) "
    "redis.call('EXPIRE', KEYS[1], ARGV[5]) return 1";

struct telling {
    char key[60], version[24], until[24], kept[24];
    struct pp_str arguments[ARGUMENTS];
};

static const char *state_word(const struct capacities_entry *entry)
{
    if (entry->closed)
        return "closed";
    return entry->blocked
               ? "blocked"
               : pp_capacity_state_name((enum pp_capacity_state)entry->state);
}

static void tell(struct telling *telling, const struct capacities_entry *entry,
                 int64_t now_ms)
{
    enum pp_capacity_verdict verdict =
        pp_capacity_judge((enum pp_capacity_state)entry->state, entry->blocked,
                          entry->closed, entry->reject_until_ms, now_ms);
    int64_t kept_s = SHARE_KEPT_S;

    if (verdict == PP_CAPACITY_EXHAUSTED &&
        (entry->reject_until_ms - now_ms) / 1000 + 1 < kept_s)
        kept_s = (entry->reject_until_ms - now_ms) / 1000 + 1;
    snprintf(telling->key, sizeof(telling->key), "capacity:%.*s",
             (int)entry->length, entry->account_id);
    snprintf(telling->version, sizeof(telling->version), "%" PRId64,
             entry->version);
    snprintf(telling->until, sizeof(telling->until), "%" PRId64,
             entry->reject_until_ms);
    snprintf(telling->kept, sizeof(telling->kept), "%" PRId64, kept_s);
    telling->arguments[0] = PP_LIT("EVAL");
    telling->arguments[1] = pp_str_of(script);
    telling->arguments[2] = PP_LIT("1");
    telling->arguments[3] = pp_str_of(telling->key);
    telling->arguments[4] = pp_str_of(telling->version);
    telling->arguments[5] =
        verdict == PP_CAPACITY_TAKE ? PP_LIT("1") : PP_LIT("0");
    telling->arguments[6] = pp_str_of(state_word(entry));
    telling->arguments[7] = pp_str_of(telling->until);
    telling->arguments[8] = pp_str_of(telling->kept);
}

int share_changes(struct capacities *capacities, struct pp_redis *redis,
                  struct pp_arena *arena, int64_t now_ms, struct pp_err *err)
{
    struct capacities_entry *changed[EACH_TIME];
    struct telling tellings[EACH_TIME];
    struct pp_redis_command commands[EACH_TIME];
    struct pp_redis_value values[EACH_TIME];
    size_t count = capacities_changes(capacities, changed, EACH_TIME);

    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        tell(&tellings[i], changed[i], now_ms);
        commands[i].arguments = tellings[i].arguments;
        commands[i].count = ARGUMENTS;
    }
    if (pp_redis_run(redis, commands, count, values, arena, err) < 0)
        return -1;
    capacities_mark(capacities, changed, count);
    for (size_t i = 0; i < count; i++)
        if (values[i].type == PP_REDIS_ERROR)
            return pp_err_set(err, PP_ERR_INVALID, "redis: %.*s",
                              PP_ARG(values[i].text));
    return 0;
}
