#include "salts.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pp_time.h"

#define KEEP_S      "172800" /* 48 hours from its making, then it is gone */
#define ASK_EACH_MS 1000

/* Yesterday's is only asked for: a new one would be of no use to anybody. */
static int ask(struct visitor_salt *salt, int64_t day, bool make,
               struct pp_redis *redis, struct pp_arena *arena,
               struct pp_err *err)
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
    if (pp_redis_run(redis, make ? both : &both[1], make ? 2 : 1, values, arena,
                     err) < 0)
        return -1;
    if (got->type != PP_REDIS_TEXT || got->text.n != VISITOR_SALT_BYTES)
        return pp_err_set(err, PP_ERR_AGAIN, "redis: no salt for the day");
    memcpy(salt->bytes, got->text.p, VISITOR_SALT_BYTES);
    salt->day = day;
    salt->known = true;
    return 0;
}

int salts_refresh(struct salts *salts, struct pp_redis *redis,
                  struct pp_arena *arena, int64_t now_ms, struct pp_err *err)
{
    int64_t day = pp_wall_day((struct pp_wall){now_ms});
    struct pp_err ignored;

    if (salts->today.known && salts->today.day != day) {
        /* Midnight: today's becomes yesterday's, an older one is forgotten. */
        salts->yesterday = salts->today;
        salts->today = (struct visitor_salt){0};
        salts->tried_ms = 0;
    }
    if (salts->yesterday.known && salts->yesterday.day != day - 1)
        salts->yesterday = (struct visitor_salt){0};
    if (salts->today.known || now_ms - salts->tried_ms < ASK_EACH_MS)
        return 0;
    salts->tried_ms = now_ms;
    if (ask(&salts->today, day, true, redis, arena, err) < 0)
        return -1;
    if (!salts->yesterday.known) /* there may be none: the first day */
        (void)ask(&salts->yesterday, day - 1, false, redis, arena, &ignored);
    return 0;
}
