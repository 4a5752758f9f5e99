#ifndef PP_HTTPC_H
#define PP_HTTPC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Calls HTTP with a deadline.
 *
 * One handle keeps its connections open between calls and belongs to one
 * thread. A call sends its request at most once, also where a kept connection
 * turns out to be dead. No redirect is followed. An answer of any status is no
 * error: the caller knows what a 500 means. PP_ERR_AGAIN: no whole answer came
 * in time, and whether the other side acted on the call is not known.
 * PP_ERR_INVALID: the answer is larger than the limit. PP_ERR_FATAL: the URL is
 * wrong. PP_ERR_DENIED: where it leads is not allowed.
 */
struct pp_httpc;

struct pp_httpc_options {
    int connect_ms;
    size_t answer_bytes; /* the largest body and, apart, headers taken */
    const char *ca_file; /* NULL or empty: the system's authorities */
    /*
     * NULL, or asked about each address before it is connected to: it is the
     * very address that names were resolved to, so that no second answer of a
     * name server counts. false: PP_ERR_DENIED, unless another one is allowed.
     */
    bool (*allows)(void *context, const struct sockaddr *address);
    void *context;
};

int pp_httpc_open(struct pp_httpc **httpc_out,
                  const struct pp_httpc_options *options, struct pp_err *err);
void pp_httpc_close(struct pp_httpc **httpc);

struct pp_httpc_call {
    const char *method; /* GET, POST, ... */
    const char *url;
    const char *const *headers; /* "Name: value", ends with NULL; or NULL */
    struct pp_str body;         /* sent when p is not NULL */
    int timeout_ms;             /* for the whole call */
    /*
     * NULL, or takes the body of an answer with status 200 piece by piece,
     * however large it is; the answer has none then. false gives the call up,
     * as PP_ERR_DENIED.
     */
    bool (*take)(void *context, struct pp_str bytes);
    void *take_context;
    /* NULL, or whose signature of AWS's version 4 the request gets. */
    const struct pp_httpc_aws *aws;
};

struct pp_httpc_aws {
    const char *scope; /* "aws:amz:eu-central-1:s3" */
    const char *key_and_secret;
};

/* Valid until the next call of the same handle. */
struct pp_httpc_answer {
    int status;
    struct pp_str body;
    struct pp_str headers; /* as received, line by line */
};

int pp_httpc_run(struct pp_httpc *httpc, const struct pp_httpc_call *call,
                 struct pp_httpc_answer *answer_out, struct pp_err *err);

/* A header of an answer by its name in any case; p is NULL when not there. */
struct pp_str pp_httpc_header(const struct pp_httpc_answer *answer,
                              const char *name);

/* Adds text to a URL, percent-encoded (RFC 3986's unreserved stay). */
void pp_httpc_escape(struct pp_buf *url, struct pp_str text);

#endif
