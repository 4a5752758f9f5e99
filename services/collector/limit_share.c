#include "limit_share.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "pp_aside.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_redis.h"
#include "pp_time.h"

#define EACH_NS INT64_C(10000000) /* between two exchanges */
#define AFRESH_NS                                                              \
    INT64_C(1000000000)  /* after one that failed, or for a key                \
                          */
#define REDIS_MS    1000 /* only the thread waits */
#define SHARES      256
#define KEY_KEEP_S  "172800"
#define ARENA_BYTES ((size_t)1 << 20)

/*
 * KEYS: a bucket. ARGV: what was taken, how long ago that began, the most that
 * a bucket lacks; microseconds, as is the answer: what it lacks now. The clock
 * is Redis's, the one that all share.
 */
static const char script[] =
    "local time = redis.call('TIME') "
    "local now = time[1] * 1000000 + time[2] "
    "local full = tonumber(redis.call('GET', KEYS[1]) or 0) "
    "full = math.max(full, now - ARGV[2]) + ARGV[1] "
    "local level = math.min(full - now, tonumber(ARGV[3])) "
    "if level <= 0 then return 0 end "
    "redis.call('SET', KEYS[1], string.format('%.0f', now + level), 'PX', "
    "  math.ceil(level / 1000)) "
    "return level";

struct limit_share {
    struct limits *limits;
    bool key_is_shared; /* until then there is nothing to say to others */
    int64_t key_day;    /* of the key that limits has */
    int64_t next_ns;    /* no exchange before it */
    struct pp_aside *aside;

    /* The thread's while an exchange is under way. */
    struct pp_redis *redis;
    struct pp_arena arena;
    struct pp_rate_share shares[SHARES];
    size_t count;
    unsigned char key[LIMITS_KEY_BYTES];
    int64_t day;
    bool ok;
    struct pp_err err;
};

static struct pp_gauge shared =
    PP_GAUGE("pawprint_collector_limits_shared",
             "1: limits are counted together with the other collectors; 0: "
             "alone, as Redis is away");

void limit_share_metrics_add(void)
{
    pp_metrics_add(&shared.metric);
}

/* --- the thread: one exchange with Redis ---------------------------------- */

static struct pp_str print(struct pp_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct pp_str print(struct pp_arena *arena, const char *fmt, ...)
{
    char text[64];
    va_list args;
    char *copy;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    copy = pp_arena_text(arena, pp_str_of(text));
    if (!copy)
        abort(); /* the arena holds a whole exchange */
    return pp_str_of(copy);
}

/* The arguments of a command, in the arena; the last word has no pointer. */
static struct pp_redis_command command_of(struct pp_arena *arena,
                                          const struct pp_str *words)
{
    struct pp_str *copy;
    int n = 0;

    while (words[n].p)
        n++;
    copy = pp_arena_alloc(arena, (size_t)n * sizeof(*copy));
    if (!copy)
        abort();
    memcpy(copy, words, (size_t)n * sizeof(*copy));
    return (struct pp_redis_command){copy, n};
}

/* Redis forgets scripts when it restarts: it is told again each time. */
static size_t commands_make(struct limit_share *self,
                            struct pp_redis_command *commands)
{
    struct pp_arena *arena = &self->arena;
    struct pp_str name = print(arena, "limit:key:%" PRId64, self->day);
    const struct pp_str set[] = {PP_LIT("SET"),
                                 name,
                                 {(const char *)self->key, sizeof(self->key)},
                                 PP_LIT("NX"),
                                 PP_LIT("EX"),
                                 PP_LIT(KEY_KEEP_S),
                                 {0}};
    const struct pp_str get[] = {PP_LIT("GET"), name, {0}};
    size_t n = 0;

    commands[n++] = command_of(arena, set);
    commands[n++] = command_of(arena, get);
    for (size_t i = 0; i < self->count; i++) {
        const struct pp_rate_share *share = &self->shares[i];
        const struct pp_str take[] = {
            PP_LIT("EVAL"),
            pp_str_of(script),
            PP_LIT("1"),
            print(arena, "limit:%016" PRIx64, share->bucket),
            print(arena, "%" PRId64, share->amount_us),
            print(arena, "%" PRId64, share->age_us),
            print(arena, "%" PRId64, share->most_us),
            {0}};

        commands[n++] = command_of(arena, take);
    }
    return n;
}

static int take_answers(struct limit_share *self,
                        const struct pp_redis_value *values, struct pp_err *err)
{
    const struct pp_redis_value *key = &values[1];

    if (key->type != PP_REDIS_TEXT || key->text.n != sizeof(self->key))
        return pp_err_set(err, PP_ERR_AGAIN, "redis: no key for the day");
    for (size_t i = 0; i < self->count; i++) {
        const struct pp_redis_value *level = &values[2 + i];

        if (level->type != PP_REDIS_INT)
            return pp_err_set(err, PP_ERR_AGAIN, "redis: no level: %.*s",
                              PP_ARG(level->text));
        self->shares[i].level_us = level->integer;
    }
    memcpy(self->key, key->text.p, sizeof(self->key));
    return 0;
}

static int exchange(struct limit_share *self, struct pp_err *err)
{
    struct pp_redis_command commands[SHARES + 2];
    struct pp_redis_value values[SHARES + 2];
    size_t n;

    pp_arena_reset(&self->arena);
    n = commands_make(self, commands);
    if (pp_redis_run(self->redis, commands, n, values, &self->arena, err) < 0)
        return -1;
    return take_answers(self, values, err);
}

static void work(void *context)
{
    struct limit_share *self = context;

    self->err = (struct pp_err){0};
    self->ok = exchange(self, &self->err) == 0;
}

int limit_share_open(struct limit_share **share_out, const char *redis,
                     struct limits *limits, struct pp_err *err)
{
    struct limit_share *self = pp_calloc(1, sizeof(*self));

    *share_out = self;
    self->limits = limits;
    self->key_day = pp_wall_day(pp_wall_now());
    pp_arena_init(&self->arena, ARENA_BYTES);
    if (pp_redis_open(&self->redis, redis, REDIS_MS, err) < 0)
        return -1;
    return pp_aside_open(&self->aside, work, self, err);
}

void limit_share_close(struct limit_share **share)
{
    struct limit_share *self = *share;

    if (!self)
        return;
    pp_aside_close(&self->aside);
    pp_redis_close(&self->redis);
    pp_arena_fini(&self->arena);
    free(self);
    *share = NULL;
}

/* --- the loop's side ------------------------------------------------------ */

/* Under another key all buckets begin anew: at the start and at midnight. */
static void take_key(struct limit_share *self)
{
    if (!self->key_is_shared)
        pp_info("limits.shared", "day=%" PRId64, self->day);
    self->key_is_shared = true;
    self->key_day = self->day;
    memcpy(self->limits->key, self->key, sizeof(self->key));
}

static void take_result(struct limit_share *self, int64_t now_ns)
{
    struct pp_rate *rate = self->limits->rate;

    pp_gauge_set(&shared, self->ok);
    if (self->ok) {
        take_key(self);
        pp_rate_shared(rate, self->shares, self->count, now_ns);
        return;
    }
    pp_rate_not_shared(rate, self->shares, self->count);
    if (self->key_is_shared)
        pp_warn("limits.alone", "why=%s", self->err.msg);
    self->key_is_shared = false;
    self->next_ns = now_ns + AFRESH_NS;
}

/* A new day has a new key; one that was lost is given again. */
static void begin(struct limit_share *self, int64_t now_ns)
{
    int64_t day = pp_wall_day(pp_wall_now());

    self->count = 0;
    if (self->key_is_shared && self->key_day == day)
        self->count =
            pp_rate_unshared(self->limits->rate, self->shares, SHARES, now_ns);
    if (self->key_day == day)
        memcpy(self->key, self->limits->key, sizeof(self->key));
    else
        randombytes_buf(self->key, sizeof(self->key));
    self->day = day;
    self->next_ns = now_ns + EACH_NS;
    pp_aside_begin(self->aside);
}

void limit_share_turn(struct limit_share *self, int64_t now_ns)
{
    if (pp_aside_ended(self->aside, 0))
        take_result(self, now_ns);
    if (!pp_aside_is_under_way(self->aside) && now_ns >= self->next_ns &&
        (!self->key_is_shared || pp_rate_has_unshared(self->limits->rate)))
        begin(self, now_ns);
}

int limit_share_wait_ms(const struct limit_share *self, int most_ms)
{
    bool waits =
        pp_aside_is_under_way(self->aside) ||
        (self->key_is_shared && pp_rate_has_unshared(self->limits->rate));

    return waits && most_ms > EACH_NS / 1000000 ? (int)(EACH_NS / 1000000)
                                                : most_ms;
}
