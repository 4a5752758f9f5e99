#include "pp_clickhouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_httpc.h"
#include "pp_mem.h"

#define CONNECT_MS   3000
#define ANSWER_BYTES ((size_t)64 << 20)
#define URL_BYTES    ((size_t)64 << 10)

struct pp_clickhouse {
    struct pp_httpc *httpc;
    char *url, *database;
    char *user_header, *key_header;
    struct pp_buf address;
    int code;
    int64_t written; /* rows, as the last answer says; -1: it does not */
};

static char *joined(const char *a, const char *b)
{
    char *text = NULL;

    if (asprintf(&text, "%s%s", a, b ? b : "") < 0)
        abort();
    return text;
}

int pp_clickhouse_open(struct pp_clickhouse **ch_out,
                       const struct pp_clickhouse_access *access,
                       struct pp_err *err)
{
    static const struct pp_httpc_options options = {
        .connect_ms = CONNECT_MS, .answer_bytes = ANSWER_BYTES};
    struct pp_clickhouse *ch = pp_calloc(1, sizeof(*ch));

    *ch_out = ch;
    ch->url = pp_strdup(access->url);
    ch->database = pp_strdup(access->database);
    ch->user_header = joined("X-ClickHouse-User: ", access->user);
    ch->key_header = joined("X-ClickHouse-Key: ", access->password);
    pp_buf_init(&ch->address, URL_BYTES);
    if (pp_httpc_open(&ch->httpc, &options, err) < 0) {
        pp_clickhouse_close(ch_out);
        return -1;
    }
    return 0;
}

void pp_clickhouse_close(struct pp_clickhouse **ch)
{
    if (!*ch)
        return;
    pp_httpc_close(&(*ch)->httpc);
    pp_buf_fini(&(*ch)->address);
    free((*ch)->url);
    free((*ch)->database);
    free((*ch)->user_header);
    free((*ch)->key_header);
    free(*ch);
    *ch = NULL;
}

/* A parameter's value is read as a cell of TabSeparated is. */
static void add_parameter(struct pp_buf *url, struct pp_str value)
{
    static const char special[] = "\\\t\n\r", letters[] = "\\tnr";

    for (size_t i = 0; i < value.n; i++) {
        struct pp_str one = {value.p + i, 1};
        const char *at = strchr(special, value.p[i]);

        if (at)
            pp_buf_printf(url, "%%5C%c", letters[at - special]);
        else
            pp_httpc_escape(url, one);
    }
}

static void add_values(struct pp_buf *url,
                       const struct pp_clickhouse_value *parameter,
                       const struct pp_clickhouse_value *setting)
{
    for (; parameter && parameter->name; parameter++) {
        pp_buf_printf(url, "&param_%s=", parameter->name);
        add_parameter(url, pp_str_of(parameter->value));
    }
    for (; setting && setting->name; setting++) {
        pp_buf_printf(url, "&%s=", setting->name);
        pp_httpc_escape(url, pp_str_of(setting->value));
    }
}

/* The statement goes into the body, or into the URL where data is the body. */
static int address_make(struct pp_clickhouse *ch,
                        const struct pp_clickhouse_call *call,
                        struct pp_err *err)
{
    struct pp_buf *url = &ch->address;

    pp_buf_reset(url);
    pp_buf_printf(url, "%s/?wait_end_of_query=%d", ch->url, !call->take);
    if (!call->without_database) {
        pp_buf_add_text(url, "&database=");
        pp_httpc_escape(url, pp_str_of(ch->database));
    }
    add_values(url, call->parameters, call->settings);
    if (call->data.p) {
        pp_buf_add_text(url, "&query=");
        pp_httpc_escape(url, pp_str_of(call->sql));
    }
    pp_buf_add_byte(url, '\0');
    if (url->overflow)
        return pp_err_set(err, PP_ERR_INVALID,
                          "clickhouse: the parameters are too long");
    return 0;
}

/* What the caller can do about ClickHouse's error codes. */
static enum pp_err_kind kind_of(int code, int status)
{
    switch (code) {
    case 6:
    case 26:
    case 27:
    case 33:
    case 38:
    case 41:
    case 72:
    case 117:
    case 321:
    case 349:
    case 469:
        return PP_ERR_INVALID; /* the data does not fit */
    case 16:
    case 36:
    case 43:
    case 44:
    case 46:
    case 47:
    case 57:
    case 60:
    case 62:
    case 81:
    case 115:
    case 192:
    case 193:
    case 194:
    case 497:
    case 516:
    case 53:
    case 20:
    case 42:
    case 456:
    case 457:
        return PP_ERR_FATAL; /* statement, layout or access */
    case 0:
        return status >= 400 && status < 500 && status != 408 && status != 429
                   ? PP_ERR_FATAL
                   : PP_ERR_AGAIN;
    default:
        return PP_ERR_AGAIN;
    }
}

/*
 * "Code: 60. DB::Exception: ..." or "Code: 60, e.displayText() = ...": servers
 * before 2019 have no header for it, and a header may be lost with an answer.
 */
static int code_in(struct pp_str text)
{
    struct pp_str begin = PP_LIT("Code: ");
    int64_t number = 0;
    size_t n = begin.n;

    if (!pp_str_starts(text, begin))
        return 0;
    while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    return pp_str_int64(pp_str_sub(text, begin.n, n - begin.n), &number)
               ? (int)number
               : 0;
}

/* X-ClickHouse-Summary: {...,"written_rows":"42",...} */
static int64_t written_in(struct pp_str summary)
{
    static const char name[] = "\"written_rows\":\"";
    const char *at =
        summary.n ? memmem(summary.p, summary.n, name, sizeof(name) - 1) : NULL;
    struct pp_str number;
    int64_t rows;

    if (!at)
        return -1;
    number = pp_str_sub(summary, (size_t)(at - summary.p) + sizeof(name) - 1,
                        summary.n);
    number = pp_str_sub(number, 0, pp_str_find(number, '"'));
    return pp_str_int64(number, &rows) ? rows : -1;
}

static int judge(struct pp_clickhouse *ch, const struct pp_httpc_answer *answer,
                 struct pp_err *err)
{
    struct pp_str code = pp_httpc_header(answer, "X-ClickHouse-Exception-Code");
    struct pp_str text = answer->body;
    int64_t number = 0;

    ch->written = written_in(pp_httpc_header(answer, "X-ClickHouse-Summary"));
    if (answer->status == 200 && !code.p)
        return 0;
    if (code.p && pp_str_int64(code, &number))
        ch->code = (int)number;
    else
        ch->code = code_in(text);
    text = pp_str_sub(text, 0, pp_str_find(text, '\n'));
    text = pp_str_cut_utf8(text, 200);
    return pp_err_set(err, kind_of(ch->code, answer->status),
                      "clickhouse: %.*s", PP_ARG(text));
}

int pp_clickhouse_run(struct pp_clickhouse *ch,
                      const struct pp_clickhouse_call *call,
                      struct pp_str *answer_out, struct pp_err *err)
{
    const char *headers[] = {ch->user_header, ch->key_header,
                             "Content-Type: application/octet-stream", NULL};
    struct pp_httpc_call http = {
        .method = "POST",
        .headers = headers,
        .body = call->data.p ? call->data : pp_str_of(call->sql),
        .timeout_ms = call->timeout_ms,
        .take = call->take,
        .take_context = call->take_context,
    };
    struct pp_httpc_answer answer;

    ch->code = 0;
    *answer_out = (struct pp_str){NULL, 0};
    if (address_make(ch, call, err) < 0)
        return -1;
    http.url = ch->address.p;
    if (pp_httpc_run(ch->httpc, &http, &answer, err) < 0 ||
        judge(ch, &answer, err) < 0)
        return -1;
    *answer_out = answer.body;
    return 0;
}

int pp_clickhouse_code(const struct pp_clickhouse *ch)
{
    return ch->code;
}

int64_t pp_clickhouse_written(const struct pp_clickhouse *ch)
{
    return ch->written;
}

const char *pp_clickhouse_database(const struct pp_clickhouse *ch)
{
    return ch->database;
}
