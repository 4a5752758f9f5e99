#include "salts.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pp_aside.h"
#include "pp_log.h"
#include "pp_time.h"

#define KEEP_S      "172800" /* 48 hours from its making, then it is gone */
#define ASK_EACH_MS 1000
#define REDIS_MS    1000 /* only the thread waits */
#define ARENA_BYTES 4096

/* Yesterday's is only asked for: a new one would be of no use to anybody. */
static int ask(struct salts *salts, struct visitor_salt *salt, int64_t day,
               bool make, struct pp_err *err)
{
    unsigned char fresh[VISITOR_SALT_BYTES];
    char key[40];
    struct pp_str name = {
        key, (size_t)snprintf(key, sizeof(key), "salt:%lld", (long long)day)};
    const struct pp_str set[] = {
        PP_LIT("SET"), name,         {(const char *)fresh, sizeof(fresh)},
        PP_LIT("NX"),  PP_LIT("EX"), PP_LIT(KEEP_S)};
    const struct pp_str get[] = {PP_LIT("GET"), name};
    const struct pp_redis_command both[] = {{set, 6}, {get, 2}};
    struct pp_redis_value values[2];
    const struct pp_redis_value *got = &values[make];

    if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
        return pp_err_sys(err, PP_ERR_FATAL, "getrandom");
    pp_arena_reset(&salts->arena);
    if (pp_redis_run(salts->redis, make ? both : &both[1], make ? 2 : 1, values,
                     &salts->arena, err) < 0)
        return -1;
    if (got->type != PP_REDIS_TEXT || got->text.n != VISITOR_SALT_BYTES)
        return pp_err_set(err, PP_ERR_AGAIN, "redis: no salt for the day");
    memcpy(salt->bytes, got->text.p, VISITOR_SALT_BYTES);
    salt->day = day;
    salt->known = true;
    return 0;
}

/* There may be none of yesterday: the first day. */
static void work(void *context)
{
    struct salts *salts = context;
    struct pp_err ignored;

    salts->err = (struct pp_err){0};
    salts->answer_today = salts->answer_yesterday = (struct visitor_salt){0};
    if (ask(salts, &salts->answer_today, salts->day, true, &salts->err) == 0)
        (void)ask(salts, &salts->answer_yesterday, salts->day - 1, false,
                  &ignored);
}

int salts_open(struct salts *salts, const char *redis, struct pp_err *err)
{
    *salts = (struct salts){0};
    pp_arena_init(&salts->arena, ARENA_BYTES);
    if (pp_redis_open(&salts->redis, redis, REDIS_MS, err) < 0)
        return -1;
    return pp_aside_open(&salts->aside, work, salts, err);
}

void salts_close(struct salts *salts)
{
    pp_aside_close(&salts->aside);
    pp_redis_close(&salts->redis);
    pp_arena_fini(&salts->arena);
}

/* Midnight: today's becomes yesterday's, an older one is forgotten. */
static void turn_pages(struct salts *salts, int64_t day)
{
    if (salts->today.known && salts->today.day != day) {
        salts->yesterday = salts->today;
        salts->today = (struct visitor_salt){0};
        salts->tried_ms = 0;
    }
    if (salts->yesterday.known && salts->yesterday.day != day - 1)
        salts->yesterday = (struct visitor_salt){0};
}

/* The day may have ended while it was asked for. */
static void take_answer(struct salts *salts, int64_t day)
{
    salts->tried = true;
    if (salts->err.kind)
        pp_warn("salt.missing", "why=%s", salts->err.msg);
    if (salts->day != day)
        return;
    salts->today = salts->answer_today;
    if (!salts->yesterday.known)
        salts->yesterday = salts->answer_yesterday;
}

void salts_turn(struct salts *salts, int64_t now_ms)
{
    int64_t day = pp_wall_day((struct pp_wall){now_ms});

    turn_pages(salts, day);
    if (pp_aside_ended(salts->aside, 0))
        take_answer(salts, day);
    if (salts->today.known || pp_aside_is_under_way(salts->aside) ||
        now_ms - salts->tried_ms < ASK_EACH_MS)
        return;
    salts->tried_ms = now_ms;
    salts->day = day;
    pp_aside_begin(salts->aside);
}
