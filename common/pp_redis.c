#include "pp_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "pp_mem.h"
#include "pp_time.h"

#define ARGUMENTS_MAX 32

struct pp_redis {
    char *host;
    int port;
    char *user, *password, *db; /* NULL where the url has none */
    int timeout_ms;
    redisContext *context; /* NULL while there is none */
    struct pp_mono tried;
};

static char *text_of(struct pp_str text)
{
    return text.p ? pp_strndup(text.p, text.n) : NULL;
}

/* What stands before the separator, which is taken off *rest; or nothing. */
static struct pp_str before(struct pp_str *rest, char separator)
{
    size_t at = pp_str_find(*rest, separator);
    struct pp_str part = {NULL, 0};

    if (at < rest->n)
        pp_str_split(rest, separator, &part);
    return part;
}

static int url_parse(struct pp_redis *redis, struct pp_str rest,
                     struct pp_err *err)
{
    static const char wrong[] = "redis: the address has to be "
                                "redis://[user:password@]host:port[/db]";
    struct pp_str user, credentials, host, port;
    int64_t number;

    if (pp_str_starts(rest, PP_LIT("rediss://")))
        return pp_err_set(err, PP_ERR_FATAL,
                          "redis: TLS (rediss://) needs hiredis 1.0 or newer "
                          "(Debian 13)");
    if (!pp_str_starts(rest, PP_LIT("redis://")))
        return pp_err_set(err, PP_ERR_FATAL, "%s", wrong);
    rest = pp_str_sub(rest, 8, rest.n);
    credentials = before(&rest, '@');
    user = before(&credentials, ':');
    host = before(&rest, ':');
    pp_str_split(&rest, '/', &port);
    if (host.n == 0 || !pp_str_int64(port, &number) || number < 1 ||
        number > 65535)
        return pp_err_set(err, PP_ERR_FATAL, "%s", wrong);
    redis->host = text_of(host);
    redis->port = (int)number;
    redis->user = user.n ? text_of(user) : NULL;
    redis->password = credentials.n ? text_of(credentials) : NULL;
    redis->db = rest.n ? text_of(rest) : NULL;
    return 0;
}

int pp_redis_open(struct pp_redis **redis_out, const char *url, int timeout_ms,
                  struct pp_err *err)
{
    struct pp_redis *redis = pp_calloc(1, sizeof(*redis));

    *redis_out = redis;
    redis->timeout_ms = timeout_ms;
    redis->tried.ns = -(int64_t)PP_REDIS_RETRY_MS * 1000000;
    if (url_parse(redis, pp_str_of(url), err) < 0) {
        pp_redis_close(redis_out);
        return -1;
    }
    return 0;
}

static void disconnect(struct pp_redis *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
}

void pp_redis_close(struct pp_redis **redis)
{
    if (!*redis)
        return;
    disconnect(*redis);
    free((*redis)->host);
    free((*redis)->user);
    free((*redis)->password);
    free((*redis)->db);
    free(*redis);
    *redis = NULL;
}

/* A command of the handshake; its answer has to be no error. */
static int greet(struct pp_redis *redis, int count, const char **words,
                 struct pp_err *err)
{
    redisReply *reply = redisCommandArgv(redis->context, count, words, NULL);
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;

    if (!ok)
        pp_err_set(err, PP_ERR_AGAIN, "redis: %s: %s", words[0],
                   reply ? reply->str : redis->context->errstr);
    if (reply)
        freeReplyObject(reply);
    return ok ? 0 : -1;
}

static int handshake(struct pp_redis *redis, struct pp_err *err)
{
    const char *auth[] = {"AUTH", redis->user, redis->password};
    const char *auth_default[] = {"AUTH", redis->password};
    const char *select[] = {"SELECT", redis->db};

    if (redis->user && redis->password && greet(redis, 3, auth, err) < 0)
        return -1;
    if (!redis->user && redis->password &&
        greet(redis, 2, auth_default, err) < 0)
        return -1;
    return redis->db ? greet(redis, 2, select, err) : 0;
}

static int connected(struct pp_redis *redis, struct pp_err *err)
{
    struct timeval limit = {redis->timeout_ms / 1000,
                            redis->timeout_ms % 1000 * 1000};
    struct pp_mono now = pp_mono_now();

    if (redis->context && !redis->context->err)
        return 0;
    disconnect(redis);
    if (pp_mono_ms(redis->tried, now) < PP_REDIS_RETRY_MS)
        return pp_err_set(err, PP_ERR_AGAIN, "redis: is away");
    redis->tried = now;
    redis->context = redisConnectWithTimeout(redis->host, redis->port, limit);
    if (!redis->context || redis->context->err) {
        pp_err_set(err, PP_ERR_AGAIN, "redis: %s",
                   redis->context ? redis->context->errstr : "no memory");
        disconnect(redis);
        return -1;
    }
    redisSetTimeout(redis->context, limit);
    if (handshake(redis, err) < 0) {
        disconnect(redis);
        return -1;
    }
    return 0;
}

/* Copies an answer into the arena; false when it is larger than that. */
static bool value_copy(const redisReply *reply, struct pp_redis_value *value,
                       struct pp_arena *arena)
{
    char *text;

    *value = (struct pp_redis_value){0};
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        value->type = PP_REDIS_INT;
        value->integer = reply->integer;
        return true;
    case REDIS_REPLY_ARRAY:
        value->type = PP_REDIS_LIST;
        value->count = reply->elements;
        value->list =
            pp_arena_alloc(arena, reply->elements * sizeof(*value->list));
        if (!value->list)
            return false;
        for (size_t i = 0; i < value->count; i++)
            if (!value_copy(reply->element[i], &value->list[i], arena))
                return false;
        return true;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        value->type =
            reply->type == REDIS_REPLY_ERROR ? PP_REDIS_ERROR : PP_REDIS_TEXT;
        text = pp_arena_text(arena,
                             (struct pp_str){reply->str, (size_t)reply->len});
        value->text = (struct pp_str){text, (size_t)reply->len};
        return text != NULL;
    default:
        value->type = PP_REDIS_NULL;
        return true;
    }
}

static int lost(struct pp_redis *redis, struct pp_err *err)
{
    pp_err_set(err, PP_ERR_AGAIN, "redis: %s", redis->context->errstr);
    disconnect(redis);
    return -1;
}

static int answer_take(struct pp_redis *redis, struct pp_redis_value *value,
                       struct pp_arena *arena, struct pp_err *err)
{
    void *reply = NULL;
    bool fits;

    if (redisGetReply(redis->context, &reply) != REDIS_OK || !reply)
        return lost(redis, err);
    fits = value_copy(reply, value, arena);
    freeReplyObject(reply);
    if (fits)
        return 0;
    disconnect(redis); /* with the answers that are still to come */
    return pp_err_set(err, PP_ERR_INVALID, "redis: the answer is too large");
}

int pp_redis_run(struct pp_redis *redis,
                 const struct pp_redis_command *commands, size_t count,
                 struct pp_redis_value *values_out, struct pp_arena *arena,
                 struct pp_err *err)
{
    const char *words[ARGUMENTS_MAX];
    size_t lengths[ARGUMENTS_MAX];

    if (connected(redis, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (commands[i].count > ARGUMENTS_MAX)
            return pp_err_set(err, PP_ERR_FATAL, "redis: too many arguments");
        for (int j = 0; j < commands[i].count; j++) {
            words[j] = commands[i].arguments[j].p;
            lengths[j] = commands[i].arguments[j].n;
        }
        if (redisAppendCommandArgv(redis->context, commands[i].count, words,
                                   lengths) != REDIS_OK)
            return lost(redis, err);
    }
    for (size_t i = 0; i < count; i++)
        if (answer_take(redis, &values_out[i], arena, err) < 0)
            return -1;
    return 0;
}

int pp_redis_do(struct pp_redis *redis, const struct pp_str *arguments,
                int count, struct pp_redis_value *value_out,
                struct pp_arena *arena, struct pp_err *err)
{
    struct pp_redis_command command = {arguments, count};

    if (pp_redis_run(redis, &command, 1, value_out, arena, err) < 0)
        return -1;
    if (value_out->type == PP_REDIS_ERROR)
        return pp_err_set(err, PP_ERR_INVALID, "redis: %.*s",
                          PP_ARG(value_out->text));
    return 0;
}
