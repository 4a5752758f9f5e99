#include "pp_beat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pp_httpc.h"
#include "pp_mem.h"

#define URL_BYTES    ((size_t)4096)
#define ANSWER_BYTES ((size_t)16 << 10)
#define START_MS     3000
#define END_MS       10000
#define END_TRIES    3
#define CODE_MAX     255

enum kind { HEALTHCHECKS, CRONITOR, URL, KINDS };

static const char *const prefixes[KINDS] = {
    "healthchecks:", "cronitor:", "url:"};

void pp_beat_run_init(struct pp_beat_run *run)
{
    unsigned char r[16] = {0};
    char *at = run->id;

    *run = (struct pp_beat_run){0};
    if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
        return;
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40); /* RFC 9562: version 4 */
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(r); i++)
        at += snprintf(at, sizeof(run->id) - (size_t)(at - run->id), "%s%02x",
                       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", r[i]);
}

/* KINDS: none. */
static enum kind kind_of(const char *where, const char **base_out)
{
    for (int kind = 0; kind < KINDS; kind++) {
        size_t n = strlen(prefixes[kind]);

        *base_out = where + n;
        if (strncmp(where, prefixes[kind], n) == 0 &&
            (strncmp(*base_out, "https://", 8) == 0 ||
             strncmp(*base_out, "http://", 7) == 0))
            return (enum kind)kind;
    }
    return KINDS;
}

int pp_beat_check(const char *where, struct pp_err *err)
{
    const char *base;

    if (kind_of(where, &base) != KINDS)
        return 0;
    return pp_err_set(err, PP_ERR_INVALID,
                      "a beat goes to healthchecks:URL, cronitor:URL or "
                      "url:URL, with https:// or http://");
}

static void healthchecks_url(const char *base, enum pp_beat_event event,
                             const struct pp_beat_run *run, struct pp_buf *url)
{
    pp_buf_add_text(url, base);
    if (event == PP_BEAT_RUN)
        pp_buf_add_text(url, "/start");
    else if (event == PP_BEAT_FAIL && run->exit_code > 0 &&
             run->exit_code <= CODE_MAX)
        pp_buf_printf(url, "/%d", run->exit_code);
    else if (event == PP_BEAT_FAIL)
        pp_buf_add_text(url, "/fail");
    if (run->id[0])
        pp_buf_printf(url, "?rid=%s", run->id);
}

static void cronitor_url(const char *base, enum pp_beat_event event,
                         const struct pp_beat_run *run, struct pp_buf *url)
{
    static const char *const states[] = {
        [PP_BEAT_RUN] = "run",
        [PP_BEAT_DONE] = "complete",
        [PP_BEAT_FAIL] = "fail",
    };

    pp_buf_printf(url, "%s?state=%s&series=%s", base, states[event], run->id);
    if (event != PP_BEAT_RUN)
        pp_buf_printf(url,
                      "&status_code=%d&metric=duration:%" PRId64 ".%03" PRId64,
                      run->exit_code, run->took_ms / 1000, run->took_ms % 1000);
}

void pp_beat_url(const char *where, enum pp_beat_event event,
                 const struct pp_beat_run *run, struct pp_buf *url)
{
    const char *base;
    enum kind kind = kind_of(where, &base);

    if (kind == HEALTHCHECKS)
        healthchecks_url(base, event, run, url);
    else if (kind == CRONITOR)
        cronitor_url(base, event, run, url);
    else if (kind == URL && event == PP_BEAT_DONE)
        pp_buf_add_text(url, base);
    if (url->n)
        pp_buf_add_byte(url, '\0');
}

/* A start is told once; an end until it arrived. */
static int tell(struct pp_httpc *httpc, const char *url, bool is_start,
                struct pp_err *err)
{
    const struct pp_httpc_call call = {.method = "GET",
                                       .url = url,
                                       .timeout_ms =
                                           is_start ? START_MS : END_MS};
    struct pp_httpc_answer answer = {0};
    int result = -1;

    for (int i = 0; i < (is_start ? 1 : END_TRIES); i++) {
        *err = (struct pp_err){0};
        result = pp_httpc_run(httpc, &call, &answer, err);
        if (result == 0 && answer.status < 500)
            break;
        if (result < 0 && err->kind != PP_ERR_AGAIN)
            return -1;
    }
    if (result == 0 && (answer.status < 200 || answer.status > 299))
        return pp_err_set(err, PP_ERR_INVALID, "the beat was answered %d",
                          answer.status);
    return result;
}

int pp_beat(const char *where, enum pp_beat_event event,
            const struct pp_beat_run *run, struct pp_err *err)
{
    static const struct pp_httpc_options options = {
        .connect_ms = START_MS, .answer_bytes = ANSWER_BYTES};
    struct pp_httpc *httpc = NULL;
    struct pp_buf url;
    int result = 0;

    pp_buf_init(&url, URL_BYTES);
    pp_beat_url(where, event, run, &url);
    if (url.overflow)
        result = pp_err_set(err, PP_ERR_INVALID, "the URL is too long");
    else if (url.n)
        result = pp_httpc_open(&httpc, &options, err) < 0
                     ? -1
                     : tell(httpc, url.p, event == PP_BEAT_RUN, err);
    pp_httpc_close(&httpc);
    pp_buf_fini(&url);
    return result;
}
