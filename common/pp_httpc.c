#include "pp_httpc.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "pp_mem.h"

#define UPLOAD_BYTES (2L << 20) /* the default of 64 KiB costs half as much */

struct pp_httpc {
    CURL *curl;
    int connect_ms;
    char *ca_file;
    struct pp_buf body, headers;
    bool sent; /* the request of this call is on its way */
    bool (*allows)(void *context, const struct sockaddr *address);
    void *context;
    bool denied; /* an address of this call */
    const struct pp_httpc_call *call;
    bool given_up; /* by its take() */
    char text[CURL_ERROR_SIZE];
};

int pp_httpc_open(struct pp_httpc **httpc_out,
                  const struct pp_httpc_options *options, struct pp_err *err)
{
    struct pp_httpc *httpc;
    CURL *curl;

    *httpc_out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(curl = curl_easy_init()))
        return pp_err_set(err, PP_ERR_FATAL, "http: curl does not start");
    httpc = pp_calloc(1, sizeof(*httpc));
    httpc->curl = curl;
    httpc->connect_ms = options->connect_ms;
    if (options->ca_file && options->ca_file[0])
        httpc->ca_file = pp_strdup(options->ca_file);
    httpc->allows = options->allows;
    httpc->context = options->context;
    pp_buf_init(&httpc->body, options->answer_bytes);
    pp_buf_init(&httpc->headers, options->answer_bytes);
    *httpc_out = httpc;
    return 0;
}

void pp_httpc_close(struct pp_httpc **httpc)
{
    if (!*httpc)
        return;
    curl_easy_cleanup((*httpc)->curl);
    pp_buf_fini(&(*httpc)->body);
    pp_buf_fini(&(*httpc)->headers);
    free((*httpc)->ca_file);
    free(*httpc);
    *httpc = NULL;
}

/* Returning less than there was makes curl give up the transfer. */
static size_t receive(char *bytes, size_t size, size_t count, void *buf)
{
    pp_buf_add(buf, bytes, size * count);
    return ((struct pp_buf *)buf)->overflow ? 0 : size * count;
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *self)
{
    struct pp_httpc *httpc = self;
    const struct pp_httpc_call *call = httpc->call;
    long status = 0;

    curl_easy_getinfo(httpc->curl, CURLINFO_RESPONSE_CODE, &status);
    if (!call->take || status != 200)
        return receive(bytes, size, count, &httpc->body);
    httpc->given_up =
        !call->take(call->take_context, (struct pp_str){bytes, size * count});
    return httpc->given_up ? 0 : size * count;
}

/*
 * A kept connection may end before the answer comes. libcurl then sends the
 * request again by itself, though the server may have acted on it.
 */
static int send_once(void *self, char *remote_ip, char *local_ip,
                     int remote_port, int local_port)
{
    struct pp_httpc *httpc = self;
    bool again = httpc->sent;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    httpc->sent = true;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* The place of curl's own socket(), between resolving and connecting. */
static curl_socket_t open_socket(void *self, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct pp_httpc *httpc = self;

    (void)purpose;
    if (!httpc->allows(httpc->context, &address->addr)) {
        httpc->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

static void describe(struct pp_httpc *httpc, const struct pp_httpc_call *call,
                     struct curl_slist *headers)
{
    CURL *curl = httpc->curl;

    curl_easy_reset(curl); /* keeps the connections */
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, httpc->text);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)httpc->connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, httpc);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &httpc->headers);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, send_once);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, httpc);
    if (httpc->allows) {
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, httpc);
    }
    if (httpc->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, httpc->ca_file);
    if (call->body.p) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.p);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)call->body.n);
    }
    if (call->aws) {
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, call->aws->scope);
        curl_easy_setopt(curl, CURLOPT_USERPWD, call->aws->key_and_secret);
    }
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

/*
 * Without "Expect:" curl waits for a 100 Continue before a large body. But
 * libcurl 7.88 signs that line and does not send it.
 */
static struct curl_slist *headers_of(const struct pp_httpc_call *call)
{
    const char *const *headers = call->headers;
    struct curl_slist *list =
        curl_slist_append(NULL, call->aws ? "Accept: */*" : "Expect:");

    for (; list && headers && *headers; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);

        if (!longer)
            abort();
        list = longer;
    }
    return list;
}

int pp_httpc_run(struct pp_httpc *httpc, const struct pp_httpc_call *call,
                 struct pp_httpc_answer *answer_out, struct pp_err *err)
{
    struct curl_slist *headers = headers_of(call);
    long status = 0;
    CURLcode code;

    *answer_out = (struct pp_httpc_answer){0};
    pp_buf_reset(&httpc->body);
    pp_buf_reset(&httpc->headers);
    httpc->text[0] = '\0';
    httpc->sent = httpc->denied = httpc->given_up = false;
    httpc->call = call;
    describe(httpc, call, headers);
    code = curl_easy_perform(httpc->curl);
    curl_slist_free_all(headers);
    if (httpc->body.overflow || httpc->headers.overflow)
        return pp_err_set(err, PP_ERR_INVALID,
                          "http: the answer is larger than %zu bytes",
                          httpc->body.max);
    if (httpc->given_up)
        return pp_err_set(err, PP_ERR_DENIED, "http: the answer was given up");
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return pp_err_set(err, PP_ERR_FATAL, "http: not an http(s) URL");
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "http: the connection ended before the answer");
    if (code == CURLE_COULDNT_CONNECT && httpc->denied)
        return pp_err_set(err, PP_ERR_DENIED,
                          "http: the address that it leads to is not allowed");
    if (code)
        return pp_err_set(err, PP_ERR_AGAIN, "http: %s",
                          httpc->text[0] ? httpc->text
                                         : curl_easy_strerror(code));
    curl_easy_getinfo(httpc->curl, CURLINFO_RESPONSE_CODE, &status);
    *answer_out = (struct pp_httpc_answer){
        (int)status, pp_buf_str(&httpc->body), pp_buf_str(&httpc->headers)};
    return 0;
}

struct pp_str pp_httpc_header(const struct pp_httpc_answer *answer,
                              const char *name)
{
    struct pp_str rest = answer->headers, line, key;

    while (pp_str_split(&rest, '\n', &line))
        if (pp_str_find(line, ':') < line.n && pp_str_split(&line, ':', &key) &&
            pp_str_eq_nocase(key, pp_str_of(name)))
            return pp_str_trim(line);
    return (struct pp_str){NULL, 0};
}

void pp_httpc_escape(struct pp_buf *url, struct pp_str text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] && strchr(unreserved, text.p[i]))
            pp_buf_add_byte(url, (unsigned char)text.p[i]);
        else
            pp_buf_printf(url, "%%%02X", (unsigned char)text.p[i]);
    }
}
