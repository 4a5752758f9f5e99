#include "answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_buf.h"

#define BODY_BYTES     ((size_t)128 << 10)
#define RETRY_AFTER_S  5
#define RETRY_JITTER_S 10 /* so that not all come back at once */
#define SECOND_NS      INT64_C(1000000000)

/* GIF89a, one transparent pixel. */
static const char pixel[] = "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4"
                            "\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

static const char *allowed_methods(const struct pp_http_request *request)
{
    struct pp_str path = pp_http_path(request);

    return pp_str_eq(path, PP_LIT("/e")) || pp_str_eq(path, PP_LIT("/b"))
               ? "POST, OPTIONS"
               : "GET, OPTIONS";
}

static void body_make(struct pp_buf *body, enum answer_form form,
                      enum result result, const enum result *results,
                      size_t count)
{
    size_t accepted = 0;
    bool first = true;

    pp_buf_printf(body, "{\"result\":\"%s\"", result_name(result));
    for (size_t i = 0; i < count; i++)
        accepted += results[i] == RESULT_ACCEPTED;
    if (form == ANSWER_BATCH && count)
        pp_buf_printf(body, ",\"accepted\":%zu,\"refused\":[", accepted);
    for (size_t i = 0; form == ANSWER_BATCH && i < count; i++) {
        if (results[i] == RESULT_ACCEPTED)
            continue;
        pp_buf_printf(body, "%s{\"index\":%zu,\"reason\":\"%s\"}",
                      first ? "" : ",", i, result_name(results[i]));
        first = false;
    }
    pp_buf_add_text(body, form == ANSWER_BATCH && count ? "]}" : "}");
}

/* Whole seconds, rounded up. A server's trouble says no time of its own. */
static int64_t retry_after_s(int64_t wait_ns)
{
    if (wait_ns > 0)
        return (wait_ns + SECOND_NS - 1) / SECOND_NS;
    return RETRY_AFTER_S + random() % RETRY_JITTER_S;
}

void answer_send(struct pp_http_request *request, enum answer_form form,
                 enum result result, const enum result *results, size_t count,
                 int64_t wait_ns)
{
    unsigned status = result_status(result);
    struct pp_http_field fields[12] = {
        {"X-Pawprint-Result", result_name(result)},
        {"Access-Control-Allow-Origin", "*"},
        {"Access-Control-Expose-Headers", "X-Pawprint-Result, Retry-After"},
        {"Cache-Control", "no-store"},
        {"Content-Type",
         form == ANSWER_PIXEL ? "image/gif" : "application/json"},
    };
    struct pp_str text = {pixel, sizeof(pixel) - 1};
    char retry_after[24];
    struct pp_buf body;
    size_t n = 5;

    if (status == 503 || status == 402 || wait_ns > 0) {
        snprintf(retry_after, sizeof(retry_after), "%" PRId64,
                 retry_after_s(wait_ns));
        fields[n++] = (struct pp_http_field){"Retry-After", retry_after};
    }
    if (status == 405)
        fields[n++] = (struct pp_http_field){"Allow", allowed_methods(request)};
    if (result == RESULT_PREFLIGHT) {
        fields[4] = (struct pp_http_field){"Access-Control-Allow-Methods",
                                           allowed_methods(request)};
        fields[n++] = (struct pp_http_field){"Access-Control-Allow-Headers",
                                             "Content-Type, Content-Encoding"};
        fields[n++] = (struct pp_http_field){"Access-Control-Max-Age", "86400"};
    }
    pp_buf_init(&body, BODY_BYTES);
    if (form != ANSWER_PIXEL && result != RESULT_PREFLIGHT) {
        body_make(&body, form, result, results, count);
        text = pp_buf_str(&body);
    } else if (result == RESULT_PREFLIGHT) {
        text.n = 0;
    } else if (result == RESULT_ACCEPTED) {
        status = 200;
    }
    pp_http_reply(request, status, fields, text);
    pp_buf_fini(&body);
}
