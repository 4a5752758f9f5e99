#ifndef PP_REDIS_H
#define PP_REDIS_H

#include "pp_arena.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * A cache that may be away without hurting.
 *
 * One handle is one connection, of the thread that uses it. While Redis is
 * away every call fails at once with PP_ERR_AGAIN, and a new connection is
 * tried at most once in RETRY_MS: nobody waits for a server that is not
 * there. PP_ERR_INVALID: Redis refused this command.
 */
struct pp_redis;

#define PP_REDIS_RETRY_MS 1000

/*
 * url: redis://[user:password@]host:port[/db], or rediss:// for TLS, which
 * needs hiredis 1.0 or newer and is PP_ERR_FATAL with an older one. timeout_ms
 * bounds the connection and every call. Does not connect yet.
 */
int pp_redis_open(struct pp_redis **redis_out, const char *url, int timeout_ms,
                  struct pp_err *err);
void pp_redis_close(struct pp_redis **redis);

/* One value of an answer; an array's elements are in list. */
struct pp_redis_value {
    enum {
        PP_REDIS_NULL,
        PP_REDIS_TEXT,
        PP_REDIS_INT,
        PP_REDIS_LIST,
        PP_REDIS_ERROR, /* text says why */
    } type;
    struct pp_str text;
    long long integer;
    struct pp_redis_value *list;
    size_t count;
};

/* A command with its arguments, which may be any bytes. */
struct pp_redis_command {
    const struct pp_str *arguments;
    int count;
};

/*
 * Sends all commands in one go and takes their answers, in order, into
 * values_out, which has room for count; what they hold lives in arena. An
 * answer that is an error is a value of that type. On -1 none of the answers
 * counts, and any of the commands may have run.
 */
int pp_redis_run(struct pp_redis *redis,
                 const struct pp_redis_command *commands, size_t count,
                 struct pp_redis_value *values_out, struct pp_arena *arena,
                 struct pp_err *err);

/* One command, of PP_COUNT arguments; an error answer is PP_ERR_INVALID. */
int pp_redis_do(struct pp_redis *redis, const struct pp_str *arguments,
                int count, struct pp_redis_value *value_out,
                struct pp_arena *arena, struct pp_err *err);

#endif
