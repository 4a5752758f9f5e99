#include "share.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_aside.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_redis.h"
#include "pp_time.h"

#define EACH_TIME   50
#define ARGUMENTS   9
#define REDIS_MS    1000 /* only the thread waits */
#define ARENA_BYTES ((size_t)64 << 10)

/* KEYS[1]; version, has_enough_capacity, state, reject_until_ms, seconds. */
static const char script[] =
    "local old = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') "
    "if old >= tonumber(ARGV[1]) then return 0 end "
    "redis.call('HSET', KEYS[1], 'version', ARGV[1], 'has_enough_capacity', "
    "ARGV[2], 'state', ARGV[3], 'reject_until_ms', ARGV[4]) "
    "redis.call('EXPIRE', KEYS[1], ARGV[5]) return 1";

struct share {
    struct capacities *capacities;
    struct pp_aside *aside;
    struct pp_mono failed; /* when it last did, or long ago */

    /* The thread's while it tells. */
    struct pp_redis *redis;
    struct pp_arena arena;
    struct capacities_entry changed[EACH_TIME];
    size_t count;
    bool ok;
    struct pp_err err; /* also of what Redis refused: that is not told again */
};

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

static int tell_all(struct share *self, struct pp_err *err)
{
    struct telling tellings[EACH_TIME];
    struct pp_redis_command commands[EACH_TIME];
    struct pp_redis_value values[EACH_TIME];
    int64_t now_ms = pp_wall_now().ms;

    for (size_t i = 0; i < self->count; i++) {
        tell(&tellings[i], &self->changed[i], now_ms);
        commands[i].arguments = tellings[i].arguments;
        commands[i].count = ARGUMENTS;
    }
    pp_arena_reset(&self->arena);
    if (pp_redis_run(self->redis, commands, self->count, values, &self->arena,
                     err) < 0)
        return -1;
    for (size_t i = 0; i < self->count; i++)
        if (values[i].type == PP_REDIS_ERROR)
            pp_err_set(err, PP_ERR_INVALID, "redis: %.*s",
                       PP_ARG(values[i].text));
    return 0;
}

static void work(void *context)
{
    struct share *self = context;

    self->err = (struct pp_err){0};
    self->ok = tell_all(self, &self->err) == 0;
}

int share_open(struct share **share_out, const char *redis,
               struct capacities *capacities, struct pp_err *err)
{
    struct share *self = pp_calloc(1, sizeof(*self));

    *share_out = self;
    self->capacities = capacities;
    pp_arena_init(&self->arena, ARENA_BYTES);
    if (pp_redis_open(&self->redis, redis, REDIS_MS, err) < 0)
        return -1;
    return pp_aside_open(&self->aside, work, self, err);
}

void share_close(struct share **share)
{
    struct share *self = *share;

    if (!self)
        return;
    pp_aside_close(&self->aside);
    pp_redis_close(&self->redis);
    pp_arena_fini(&self->arena);
    free(self);
    *share = NULL;
}

static void take_result(struct share *self)
{
    if (!self->ok) {
        capacities_change_again(self->capacities, self->changed, self->count);
        self->failed = pp_mono_now();
    }
    if (self->err.kind == PP_ERR_INVALID)
        pp_warn("capacity.not_shared", "why=%s", self->err.msg);
}

void share_turn(struct share *self)
{
    if (pp_aside_ended(self->aside, 0))
        take_result(self);
    /* Sooner pp_redis tries nothing either. */
    if (pp_aside_is_under_way(self->aside) ||
        pp_mono_ms(self->failed, pp_mono_now()) < PP_REDIS_RETRY_MS)
        return;
    self->count =
        capacities_take_changes(self->capacities, self->changed, EACH_TIME);
    if (self->count > 0)
        pp_aside_begin(self->aside);
}
