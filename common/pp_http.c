#include "pp_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "pp_buf.h"
#include "pp_mem.h"
#include "pp_time.h"

#define BACKLOG       4096u
#define SCAN_EVERY_MS 1000
#define WATCHES_MAX   8
#define DISCARD_BYTES ((uint64_t)16 << 20)

/* One open socket, in the server's list: what its deadline is. */
struct connection {
    struct connection *next, **link;
    int fd;
    bool answering; /* read whole: no deadline of the reader any more */
    bool again;     /* has had a request: it may rest between two */
    bool late;      /* was cut off */
    struct pp_mono since;
    char peer[INET6_ADDRSTRLEN];
};

struct watch {
    int fd;
    void (*readable)(void *);
    void *context;
};

struct pp_http {
    struct MHD_Daemon *daemon;
    const struct pp_http_route *routes;
    void *context;
    struct pp_http_limits limits;
    int epoll_fd;
    int wake_fd;
    unsigned open_requests;
    struct connection *connections;
    struct pp_mono scanned;
    uint64_t cut_off_count;
    struct watch watches[WATCHES_MAX];
    int watch_count;
};

enum state { READING, HELD, ANSWERED };

struct pp_http_request {
    struct pp_http *http;
    struct MHD_Connection *mhd;
    struct connection *connection;
    enum state state;
    bool in_handler;
    bool too_large;
    struct pp_str method, path;
    struct pp_buf body;
    struct MHD_Response *response; /* ours until it is queued */
    unsigned status;
    unsigned refusal;
};

/* --- connections and their deadlines -------------------------------------- */

static void connection_peer(struct connection *connection,
                            const struct sockaddr *address)
{
    const void *bytes = NULL;

    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (bytes)
        inet_ntop(address->sa_family, bytes, connection->peer,
                  sizeof(connection->peer));
}

static void connection_open(struct pp_http *http, struct MHD_Connection *mhd,
                            void **slot)
{
    struct connection *connection = pp_calloc(1, sizeof(*connection));
    const union MHD_ConnectionInfo *info;

    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection->fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    connection_peer(connection, info->client_addr);
    connection->since = pp_mono_now();
    connection->next = http->connections;
    connection->link = &http->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    http->connections = connection;
    *slot = connection;
}

static void connection_close(void **slot)
{
    struct connection *connection = *slot;

    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    free(connection);
    *slot = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_open(cls, mhd, slot);
    else
        connection_close(slot);
}

/*
 * libmicrohttpd knows idleness, not slowness: one byte a second keeps a
 * connection for ever. The late answer is written past it, as it can't be
 * told to answer before the request is whole.
 */
static void cut_off_the_slow(struct pp_http *http)
{
    static const char late[] = "HTTP/1.1 408 Request Timeout\r\n"
                               "Connection: close\r\nContent-Length: 0\r\n"
                               "X-Pawprint-Result: timeout\r\n\r\n";
    struct pp_mono now = pp_mono_now();

    if (pp_mono_ms(http->scanned, now) < SCAN_EVERY_MS)
        return;
    http->scanned = now;
    for (struct connection *c = http->connections; c; c = c->next) {
        int64_t limit_ms = http->limits.request_ms;

        if (c->again)
            limit_ms += (int64_t)http->limits.idle_s * 1000;
        if (c->answering || c->late || pp_mono_ms(c->since, now) < limit_ms)
            continue;
        c->late = true;
        http->cut_off_count++;
        if (send(c->fd, late, sizeof(late) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) <
            0)
            errno = 0; /* it is about to be cut off anyway */
        shutdown(c->fd, SHUT_RDWR);
    }
}

uint64_t pp_http_cut_off_count(const struct pp_http *http)
{
    return http->cut_off_count;
}

/* --- requests ------------------------------------------------------------- */

static struct pp_http_request *request_new(struct pp_http *http,
                                           struct MHD_Connection *mhd,
                                           const char *url, const char *method)
{
    struct pp_http_request *request = pp_calloc(1, sizeof(*request));
    const union MHD_ConnectionInfo *info;

    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->http = http;
    request->mhd = mhd;
    request->connection = info->socket_context;
    request->method = pp_str_of(method);
    request->path = pp_str_of(url);
    pp_buf_init(&request->body, http->limits.body_bytes);
    http->open_requests++;
    return request;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct pp_http_request *request = *slot;
    struct pp_http *http = cls;

    (void)mhd;
    (void)code;
    if (!request)
        return;
    request->connection->answering = false;
    request->connection->again = true;
    request->connection->since = pp_mono_now();
    if (request->response)
        MHD_destroy_response(request->response);
    pp_buf_fini(&request->body);
    free(request);
    *slot = NULL;
    http->open_requests--;
}

static void refuse(struct pp_http_request *request, unsigned status)
{
    const struct pp_http_route *row = request->http->routes;

    request->refusal = status;
    for (; row->path; row++) {
        if (strcmp(row->path, "*") != 0)
            continue;
        row->handler(request, request->http->context);
        return;
    }
    pp_http_reply(request, status, NULL, (struct pp_str){NULL, 0});
}

static bool leads(const struct pp_http_route *row, struct pp_str path)
{
    struct pp_str pattern = pp_str_of(row->path);

    if (!pp_str_ends(pattern, PP_LIT("/*")))
        return pp_str_eq(path, pattern);
    pattern.n--;
    return path.n > pattern.n && pp_str_starts(path, pattern);
}

static void route(struct pp_http_request *request)
{
    const struct pp_http_route *row = request->http->routes;
    bool path_is_known = false;

    for (; row->path; row++) {
        if (!leads(row, request->path))
            continue;
        path_is_known = true;
        if (pp_str_eq(request->method, pp_str_of(row->method))) {
            row->handler(request, request->http->context);
            return;
        }
    }
    refuse(request, path_is_known ? 405 : 404);
}

static enum MHD_Result queue_answer(struct pp_http_request *request)
{
    enum MHD_Result result =
        MHD_queue_response(request->mhd, request->status, request->response);

    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

/* The request is there whole: let its handler answer or hold it. */
static enum MHD_Result dispatch(struct pp_http_request *request)
{
    request->connection->answering = true;
    request->in_handler = true;
    if (request->too_large)
        refuse(request, 413);
    else
        route(request);
    request->in_handler = false;
    assert(request->state != READING); /* answered or held, one of them */
    if (request->state == ANSWERED)
        return queue_answer(request);
    MHD_suspend_connection(request->mhd);
    return MHD_YES;
}

/* What the sender announces; 0 where it says nothing. */
static uint64_t announced_bytes(const struct pp_http_request *request)
{
    struct pp_str length = pp_http_header(request, "Content-Length");
    int64_t bytes = 0;

    if (length.p && (!pp_str_int64(length, &bytes) || bytes < 0))
        return UINT64_MAX;
    return (uint64_t)bytes;
}

/*
 * A sender that is answered while it still sends may never see the answer:
 * the closing end resets the connection. So what is somewhat too large is read
 * and thrown away first; but not what is huge, nor what waits to be asked for.
 */
static bool refuse_at_once(struct pp_http_request *request)
{
    uint64_t bytes = announced_bytes(request);

    request->too_large = bytes > request->http->limits.body_bytes;
    return request->too_large &&
           (bytes > request->http->limits.body_bytes + DISCARD_BYTES ||
            pp_http_header(request, "Expect").p);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *data_bytes, void **slot)
{
    struct pp_http_request *request = *slot;

    (void)version;
    if (!request) { /* its headers are there */
        *slot = request = request_new(cls, mhd, url, method);
        return refuse_at_once(request) ? dispatch(request) : MHD_YES;
    }
    if (*data_bytes) {
        if (!request->too_large)
            pp_buf_add(&request->body, data, *data_bytes);
        request->too_large = request->too_large || request->body.overflow;
        *data_bytes = 0;
        return MHD_YES;
    }
    if (request->state == ANSWERED) /* it was held, and is awake again */
        return request->response ? queue_answer(request) : MHD_YES;
    return dispatch(request);
}

struct pp_str pp_http_method(const struct pp_http_request *request)
{
    return request->method;
}

struct pp_str pp_http_path(const struct pp_http_request *request)
{
    return request->path;
}

struct pp_str pp_http_body(const struct pp_http_request *request)
{
    return pp_buf_str(&request->body);
}

struct pp_str pp_http_header(const struct pp_http_request *request,
                             const char *name)
{
    return pp_str_of(
        MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name));
}

struct pp_str pp_http_query(const struct pp_http_request *request,
                            const char *name)
{
    const char *value = NULL;
    size_t count = 0;

    if (MHD_lookup_connection_value_n(request->mhd, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, &count) != MHD_YES)
        return (struct pp_str){NULL, 0};
    return (struct pp_str){value ? value : "", count};
}

unsigned pp_http_refusal(const struct pp_http_request *request)
{
    return request->refusal;
}

struct pp_str pp_http_peer(const struct pp_http_request *request)
{
    return pp_str_of(request->connection->peer);
}

void pp_http_hold(struct pp_http_request *request)
{
    assert(request->state == READING && request->in_handler);
    request->state = HELD;
}

void pp_http_reply(struct pp_http_request *request, unsigned status,
                   const struct pp_http_field *fields, struct pp_str body)
{
    struct MHD_Response *response;
    void *copied_not_kept;

    assert(request->state != ANSWERED);
    memcpy(&copied_not_kept, &body.p, sizeof(copied_not_kept));
    response = MHD_create_response_from_buffer(body.n, copied_not_kept,
                                               MHD_RESPMEM_MUST_COPY);
    if (!response)
        abort();
    for (; fields && fields->name; fields++)
        if (MHD_add_response_header(response, fields->name, fields->value) !=
            MHD_YES)
            abort(); /* a header with a line end: our bug */
    request->response = response;
    request->status = status;
    request->state = ANSWERED;
    if (!request->in_handler)
        MHD_resume_connection(request->mhd);
}

/* --- the server ----------------------------------------------------------- */

static int watch_epoll(struct pp_http *http, int fd, uint64_t which,
                       struct pp_err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = which};

    if (epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return pp_err_sys(err, PP_ERR_FATAL, "epoll_ctl");
    return 0;
}

static int daemon_start(struct pp_http *http, const char *address,
                        uint16_t port, struct pp_err *err)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, address, &where.sin_addr) != 1)
        return pp_err_set(err, PP_ERR_FATAL, "'%s' is no IPv4 address",
                          address);
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, port, NULL, NULL, on_request,
        http, MHD_OPTION_SOCK_ADDR, &where, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, http->limits.header_bytes,
        MHD_OPTION_CONNECTION_LIMIT, http->limits.connections,
        MHD_OPTION_CONNECTION_TIMEOUT, http->limits.idle_s,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, BACKLOG,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (!http->daemon)
        return pp_err_sys(err, PP_ERR_FATAL, "cannot listen on %s:%u", address,
                          (unsigned)port);
    return 0;
}

int pp_http_open(struct pp_http **http_out, const char *address, uint16_t port,
                 const struct pp_http_route *routes, void *context,
                 const struct pp_http_limits *limits, struct pp_err *err)
{
    struct pp_http *http = pp_calloc(1, sizeof(*http));
    const union MHD_DaemonInfo *info;

    *http_out = http;
    http->routes = routes;
    http->context = context;
    http->limits = *limits;
    http->scanned = pp_mono_now();
    http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    http->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (http->epoll_fd < 0 || http->wake_fd < 0) {
        pp_err_sys(err, PP_ERR_FATAL, "epoll");
        goto failed;
    }
    if (daemon_start(http, address, port, err) < 0)
        goto failed;
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (watch_epoll(http, info->epoll_fd, WATCHES_MAX, err) < 0 ||
        watch_epoll(http, http->wake_fd, WATCHES_MAX + 1, err) < 0)
        goto failed;
    return 0;

failed:
    pp_http_close(http_out);
    return -1;
}

void pp_http_close(struct pp_http **http)
{
    if (!*http)
        return;
    if ((*http)->daemon)
        MHD_stop_daemon((*http)->daemon);
    if ((*http)->epoll_fd >= 0)
        close((*http)->epoll_fd);
    if ((*http)->wake_fd >= 0)
        close((*http)->wake_fd);
    free(*http);
    *http = NULL;
}

uint16_t pp_http_port(const struct pp_http *http)
{
    return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

int pp_http_watch(struct pp_http *http, int fd, void (*readable)(void *),
                  void *context, struct pp_err *err)
{
    assert(http->watch_count < WATCHES_MAX);
    http->watches[http->watch_count] = (struct watch){fd, readable, context};
    return watch_epoll(http, fd, (uint64_t)http->watch_count++, err);
}

/* How long may be waited: what libmicrohttpd has to do by itself counts too. */
static int wait_of(struct pp_http *http, int wait_ms)
{
    MHD_UNSIGNED_LONG_LONG own_ms;

    if (wait_ms < 0 || wait_ms > SCAN_EVERY_MS)
        wait_ms = SCAN_EVERY_MS;
    if (MHD_get_timeout(http->daemon, &own_ms) == MHD_YES &&
        own_ms < (MHD_UNSIGNED_LONG_LONG)wait_ms)
        return (int)own_ms;
    return wait_ms;
}

void pp_http_turn(struct pp_http *http, int wait_ms)
{
    struct epoll_event events[WATCHES_MAX + 2];
    int count = epoll_wait(http->epoll_fd, events, PP_COUNT(events),
                           wait_of(http, wait_ms));

    for (int i = 0; i < count; i++) {
        uint64_t which = events[i].data.u64;

        if (which < WATCHES_MAX)
            http->watches[which].readable(http->watches[which].context);
        else if (which == WATCHES_MAX + 1) {
            eventfd_t woken;

            (void)eventfd_read(http->wake_fd, &woken);
        }
    }
    MHD_run(http->daemon);
    cut_off_the_slow(http);
}

void pp_http_wake(struct pp_http *http)
{
    (void)eventfd_write(http->wake_fd, 1);
}

void pp_http_stop_accepting(struct pp_http *http)
{
    MHD_socket listener = MHD_quiesce_daemon(http->daemon);

    if (listener != MHD_INVALID_SOCKET)
        close(listener);
}

unsigned pp_http_open_requests(const struct pp_http *http)
{
    return http->open_requests;
}
