#ifndef PP_HTTP_H
#define PP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * Serves HTTP within limits on size and time.
 *
 * One server is one listening socket and one loop, turned by the thread that
 * calls pp_http_turn(); everything here belongs to that thread, but for
 * pp_http_wake(). A request may be answered at once or later: a held one
 * costs no thread. More throughput is more processes on the same port
 * (SO_REUSEPORT).
 *
 * libmicrohttpd's own epoll thread sleeps on unread requests when a wake-up
 * brings an exact multiple of 128 events, so it never gets a thread here: we
 * wait on its epoll descriptor and call MHD_run(), which waits for nothing.
 */
struct pp_http;
struct pp_http_request;

struct pp_http_limits {
    size_t body_bytes;    /* a larger body is answered 413 */
    size_t header_bytes;  /* request line and headers; larger is answered 431 */
    unsigned connections; /* open at once; more wait in the backlog */
    unsigned idle_s;      /* a silent connection is closed after this */
    int64_t request_ms;   /* a request not read by then is cut off */
};

/*
 * Called when a request is there whole. It answers with pp_http_reply() before
 * it returns, or calls pp_http_hold() and answers later, exactly once.
 */
typedef void pp_http_handler(struct pp_http_request *request, void *context);

/*
 * Rows end with {0}. A path is matched whole, or, where it ends with "/" and
 * "*", by what stands before the "*", with something behind it; 404 and 405
 * come by themselves, to the handler of "*" where there is one.
 */
struct pp_http_route {
    const char *method;
    const char *path;
    pp_http_handler *handler;
};

/*
 * Listens on address:port; port 0 takes a free one. routes, and context, which
 * every handler gets, have to outlive the server. PP_ERR_FATAL when the
 * address can't be had.
 */
int pp_http_open(struct pp_http **http_out, const char *address, uint16_t port,
                 const struct pp_http_route *routes, void *context,
                 const struct pp_http_limits *limits, struct pp_err *err);

/* Cuts off what is still open. Held requests have to be answered before. */
void pp_http_close(struct pp_http **http);

uint16_t pp_http_port(const struct pp_http *http);

/* Waits up to wait_ms for something to do, and does all of it. */
void pp_http_turn(struct pp_http *http, int wait_ms);

/* Ends the wait of a turn, now or the next one. From any thread or signal. */
void pp_http_wake(struct pp_http *http);

/*
 * Calls back from pp_http_turn() when fd can be read. Not taken over; unwatch
 * by closing it after pp_http_close().
 */
int pp_http_watch(struct pp_http *http, int fd, void (*readable)(void *),
                  void *context, struct pp_err *err);

/* Closes the listening socket: nobody new is let in, the others go on. */
void pp_http_stop_accepting(struct pp_http *http);

/* Requests that were begun and not yet answered in full. */
unsigned pp_http_open_requests(const struct pp_http *http);

/* Requests that did not come whole in time, since the start. */
uint64_t pp_http_cut_off_count(const struct pp_http *http);

/* What was asked. All of it is valid until the request is answered. */
struct pp_str pp_http_method(const struct pp_http_request *request);
struct pp_str pp_http_path(const struct pp_http_request *request);
struct pp_str pp_http_body(const struct pp_http_request *request);

/* A header by its name in any case, or a query value decoded; p is NULL when
 * there is none. */
struct pp_str pp_http_header(const struct pp_http_request *request,
                             const char *name);
struct pp_str pp_http_query(const struct pp_http_request *request,
                            const char *name);

/* The status that the handler of "*" is asked to answer with. */
unsigned pp_http_refusal(const struct pp_http_request *request);

/* The peer's address in text, without port. */
struct pp_str pp_http_peer(const struct pp_http_request *request);

void pp_http_hold(struct pp_http_request *request);

struct pp_http_field {
    const char *name;
    const char *value;
};

/*
 * Answers. fields end with {0} and may be NULL; they and body are copied. The
 * request is gone afterwards.
 */
void pp_http_reply(struct pp_http_request *request, unsigned status,
                   const struct pp_http_field *fields, struct pp_str body);

#endif
