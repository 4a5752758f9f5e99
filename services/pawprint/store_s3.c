#include "store_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_httpc.h"
#include "pp_mem.h"
#include "pp_retry.h"

#include "seal.h"

#define CONNECT_MS   5000
#define CALL_MS      600000
#define ANSWER_BYTES ((size_t)128 << 20)
#define URL_BYTES    ((size_t)8192)
#define TRIES        5
#define FIRST_MS     500
#define LONGEST_MS   10000
#define PAGES_MAX    1000

struct store_s3 {
    struct pp_httpc *httpc;
    struct pp_httpc_aws aws;
    char *scope, *access; /* owned; of aws */
    char *bucket;         /* its URL, without a slash at the end */
    char *host;           /* the header; libcurl 7.88 signs it without port */
    char *prefix;         /* empty, or with a slash at the end */
    struct pp_buf url;
};

static char *joined(const char *a, const char *b, const char *c)
{
    char *out = NULL;

    if (asprintf(&out, "%s%s%s", a, b, c) < 0)
        abort();
    return out;
}

/* s3://bucket/a/b, by the path: https://host/bucket/a/b/name. */
static int place(struct store_s3 *s3, const struct store_options *options,
                 struct pp_err *err)
{
    struct pp_str rest = pp_str_sub(pp_str_of(options->target), 5, SIZE_MAX);
    struct pp_str bucket = pp_str_sub(rest, 0, pp_str_find(rest, '/'));
    char *aws = joined("https://s3.", options->region, ".amazonaws.com");
    const char *url = options->url[0] ? options->url : aws;
    struct pp_str host;

    if (bucket.n == 0) {
        free(aws);
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_TARGET names no bucket");
    }
    if (asprintf(&s3->bucket, "%s/%.*s", url, PP_ARG(bucket)) < 0)
        abort();
    host = pp_str_of(strstr(url, "://") ? strstr(url, "://") + 3 : url);
    host.n = pp_str_find(host, '/');
    if (asprintf(&s3->host, "Host: %.*s", PP_ARG(host)) < 0)
        abort();
    rest = pp_str_sub(rest, bucket.n, rest.n);
    while (pp_str_starts(rest, PP_LIT("/")))
        rest = pp_str_sub(rest, 1, rest.n);
    while (pp_str_ends(rest, PP_LIT("/")))
        rest.n--;
    if (asprintf(&s3->prefix, "%.*s%s", PP_ARG(rest), rest.n ? "/" : "") < 0)
        abort();
    free(aws);
    return 0;
}

int store_s3_open(struct store_s3 **s3_out, const struct store_options *options,
                  struct pp_err *err)
{
    const struct pp_httpc_options http = {.connect_ms = CONNECT_MS,
                                          .answer_bytes = ANSWER_BYTES,
                                          .ca_file = options->ca_file};
    struct store_s3 *s3 = *s3_out = pp_calloc(1, sizeof(*s3));

    pp_buf_init(&s3->url, URL_BYTES);
    if (!options->key[0] || !options->secret[0])
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_S3_KEY and _SECRET are needed");
    s3->scope = joined("aws:amz:", options->region, ":s3");
    s3->access = joined(options->key, ":", options->secret);
    s3->aws = (struct pp_httpc_aws){s3->scope, s3->access};
    return place(s3, options, err) < 0 ? -1
                                       : pp_httpc_open(&s3->httpc, &http, err);
}

void store_s3_close(struct store_s3 **s3)
{
    if (!*s3)
        return;
    pp_httpc_close(&(*s3)->httpc);
    pp_buf_fini(&(*s3)->url);
    free((*s3)->scope);
    free((*s3)->access);
    free((*s3)->bucket);
    free((*s3)->host);
    free((*s3)->prefix);
    free(*s3);
    *s3 = NULL;
}

/* <Code>NoSuchKey</Code> and the like, as far as it is plain text. */
static struct pp_str tag_of(struct pp_str xml, const char *open)
{
    const char *at = xml.n ? memmem(xml.p, xml.n, open, strlen(open)) : NULL;
    struct pp_str rest;

    if (!at)
        return (struct pp_str){NULL, 0};
    rest = pp_str_sub(xml, (size_t)(at - xml.p) + strlen(open), xml.n);
    return pp_str_sub(rest, 0, pp_str_find(rest, '<'));
}

static int judge(const struct pp_httpc_answer *answer, const char *what,
                 struct pp_err *err)
{
    struct pp_str code = pp_str_cut_utf8(tag_of(answer->body, "<Code>"), 60);
    enum pp_err_kind kind = PP_ERR_AGAIN;

    if (answer->status >= 200 && answer->status < 300)
        return 0;
    if (answer->status == 404)
        kind = PP_ERR_INVALID;
    else if (answer->status >= 300 && answer->status < 500 &&
             answer->status != 408 && answer->status != 429)
        kind = PP_ERR_DENIED;
    return pp_err_set(err, kind, "S3 answers %d %.*s to %s", answer->status,
                      PP_ARG(code), what);
}

/* Everything here may be done twice; the answer is the last one's. */
static int call_s3(struct store_s3 *s3, const char *method, struct pp_str body,
                   const char *what, struct pp_httpc_answer *answer,
                   struct pp_err *err)
{
    char sha[SEAL_SHA_BYTES], header[100];
    const char *headers[] = {s3->host, header,
                             "Content-Type: application/octet-stream", NULL};
    const struct pp_httpc_call call = {.method = method,
                                       .url = s3->url.p,
                                       .headers = headers,
                                       .body = body,
                                       .timeout_ms = CALL_MS,
                                       .aws = &s3->aws};
    struct pp_retry retry;
    int result = -1;

    seal_sha256(body, sha);
    snprintf(header, sizeof(header), "x-amz-content-sha256: %s", sha);
    pp_retry_init(&retry, FIRST_MS, LONGEST_MS, (uint64_t)getpid());
    for (int i = 0; i < TRIES && result < 0; i++) {
        if (i > 0)
            usleep((useconds_t)pp_retry_wait_ms(&retry) * 1000);
        *err = (struct pp_err){0};
        result = pp_httpc_run(s3->httpc, &call, answer, err);
        if (result == 0)
            result = judge(answer, what, err);
        if (result < 0 && err->kind != PP_ERR_AGAIN)
            break;
    }
    return result;
}

static int object_url(struct store_s3 *s3, const char *name, struct pp_err *err)
{
    pp_buf_reset(&s3->url);
    pp_buf_printf(&s3->url, "%s/%s%s", s3->bucket, s3->prefix, name);
    pp_buf_add_byte(&s3->url, '\0');
    return s3->url.overflow
               ? pp_err_set(err, PP_ERR_FATAL, "S3's address is too long")
               : 0;
}

int store_s3_put(struct store_s3 *s3, const char *name, struct pp_str bytes,
                 struct pp_err *err)
{
    struct pp_httpc_answer answer;

    if (object_url(s3, name, err) < 0)
        return -1;
    return call_s3(s3, "PUT", bytes, name, &answer, err);
}

int store_s3_get(struct store_s3 *s3, const char *name, struct pp_buf *out,
                 struct pp_err *err)
{
    struct pp_httpc_answer answer;

    if (object_url(s3, name, err) < 0 ||
        call_s3(s3, "GET", (struct pp_str){NULL, 0}, name, &answer, err) < 0)
        return -1;
    pp_buf_add_str(out, answer.body);
    return 0;
}

/* Parameters in the order of their names: so they are signed. */
static void list_url(struct store_s3 *s3, const char *folder,
                     struct pp_str from)
{
    pp_buf_reset(&s3->url);
    pp_buf_printf(&s3->url, "%s?", s3->bucket);
    if (from.n) {
        pp_buf_add_text(&s3->url, "continuation-token=");
        pp_httpc_escape(&s3->url, from);
        pp_buf_add_byte(&s3->url, '&');
    }
    pp_buf_add_text(&s3->url, "list-type=2&prefix=");
    pp_httpc_escape(&s3->url, pp_str_of(s3->prefix));
    pp_httpc_escape(&s3->url, pp_str_of(folder));
    pp_httpc_escape(&s3->url, PP_LIT("/"));
    pp_buf_add_byte(&s3->url, '\0');
}

static void add_keys(struct store_s3 *s3, const char *folder, struct pp_str xml,
                     struct pp_buf *out)
{
    size_t skip = strlen(s3->prefix) + strlen(folder) + 1;
    struct pp_str key;

    while ((key = tag_of(xml, "<Key>")).p) {
        if (key.n > skip)
            pp_buf_printf(out, "%.*s\n", PP_ARG(pp_str_sub(key, skip, key.n)));
        xml = pp_str_sub(xml, (size_t)(key.p - xml.p), xml.n);
    }
}

int store_s3_list(struct store_s3 *s3, const char *folder, struct pp_buf *out,
                  struct pp_err *err)
{
    char from[1024] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        struct pp_httpc_answer answer;

        list_url(s3, folder, pp_str_of(from));
        if (call_s3(s3, "GET", (struct pp_str){NULL, 0}, folder, &answer, err) <
            0)
            return -1;
        add_keys(s3, folder, answer.body, out);
        snprintf(from, sizeof(from), "%.*s",
                 PP_ARG(tag_of(answer.body, "<NextContinuationToken>")));
        if (!from[0])
            break;
    }
    return 0;
}
