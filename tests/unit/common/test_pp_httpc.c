/*
 * What a call of HTTP promises whatever the other side does: above all that
 * it is made once.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pp_httpc.h"
#include "pp_mem.h"

#include "test.h"

#define BODY_BYTES ((size_t)300000)

/* Answers the first request of a connection, and hangs up on the next ones. */
static struct {
    int fd, port;
    pthread_t thread;
    atomic_int requests; /* that came with their whole body */
    atomic_bool stop;
} server;

static size_t length_of(const char *head)
{
    const char *at = strstr(head, "Content-Length: ");

    return at ? strtoul(at + 16, NULL, 10) : 0;
}

static bool read_request(int fd)
{
    static char bytes[BODY_BYTES + 65536];
    size_t have = 0, want = 0;

    while (want == 0 || have < want) {
        ssize_t n = read(fd, bytes + have, sizeof(bytes) - 1 - have);
        char *end;

        if (n <= 0)
            return false;
        have += (size_t)n;
        bytes[have] = '\0';
        end = strstr(bytes, "\r\n\r\n");
        if (want == 0 && end)
            want = (size_t)(end + 4 - bytes) + length_of(bytes);
    }
    atomic_fetch_add(&server.requests, 1);
    return true;
}

static void *serve(void *nothing)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                                 "ok";

    (void)nothing;
    while (!atomic_load(&server.stop)) {
        int fd = accept(server.fd, NULL, NULL);

        if (fd < 0)
            break;
        if (read_request(fd) &&
            write(fd, answer, sizeof(answer) - 1) == sizeof(answer) - 1)
            (void)read_request(fd);
        close(fd);
    }
    return NULL;
}

static int begin(void **state)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(where);

    (void)state;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&where, size), 0);
    assert_int_equal(listen(server.fd, 16), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&where, &size),
                     0);
    server.port = ntohs(where.sin_port);
    atomic_store(&server.requests, 0);
    atomic_store(&server.stop, false);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int end(void **state)
{
    (void)state;
    atomic_store(&server.stop, true);
    shutdown(server.fd, SHUT_RDWR);
    close(server.fd);
    return pthread_join(server.thread, NULL);
}

/*
 * A kept connection that ends without an answer: the server may have done
 * what it was told. libcurl would send the request again by itself.
 */
static void a_call_without_an_answer_is_not_made_again(void **state)
{
    static const struct pp_httpc_options options = {.connect_ms = 1000,
                                                    .answer_bytes = 1000};
    static const struct {
        const char *when;
        size_t bytes;
    } cases[] = {
        {"the body is large", BODY_BYTES},
        {"the body is small", 10},
        {"the body is empty", 0},
    };
    char *body = pp_calloc(1, BODY_BYTES);
    char url[80];

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const struct pp_httpc_call call = {.method = "POST",
                                           .url = url,
                                           .body = {body, cases[i].bytes},
                                           .timeout_ms = 5000};
        int before = atomic_load(&server.requests);
        struct pp_httpc_answer answer;
        struct pp_err err = {0};
        struct pp_httpc *httpc;

        assert_int_equal(pp_httpc_open(&httpc, &options, &err), 0);
        if (pp_httpc_run(httpc, &call, &answer, &err) < 0)
            fail_msg("when %s: %s", cases[i].when, err.msg);
        if (pp_httpc_run(httpc, &call, &answer, &err) == 0)
            fail_msg("when %s it was made again", cases[i].when);
        assert_int_equal(err.kind, PP_ERR_AGAIN);
        if (atomic_load(&server.requests) != before + 2)
            fail_msg("when %s it was made again", cases[i].when);
        pp_httpc_close(&httpc);
    }
    free(body);
}

/* Remembers the last address it was asked about. */
static bool refuse(void *context, const struct sockaddr *address)
{
    struct sockaddr_in in;

    memcpy(&in, address, sizeof(in));
    if (address->sa_family == AF_INET)
        *(uint32_t *)context = ntohl(in.sin_addr.s_addr);
    return false;
}

static void an_address_that_is_not_allowed_is_never_connected_to(void **state)
{
    uint32_t asked = 0;
    const struct pp_httpc_options options = {
        .connect_ms = 1000,
        .answer_bytes = 1000,
        .allows = refuse,
        .context = &asked,
    };
    int before = atomic_load(&server.requests);
    struct pp_httpc_answer answer;
    struct pp_err err = {0};
    struct pp_httpc *httpc;
    char url[80];

    (void)state;
    snprintf(url, sizeof(url), "http://localhost:%d/", server.port);
    assert_int_equal(pp_httpc_open(&httpc, &options, &err), 0);
    assert_int_equal(
        pp_httpc_run(httpc,
                     &(const struct pp_httpc_call){
                         .method = "GET", .url = url, .timeout_ms = 5000},
                     &answer, &err),
        -1);
    assert_int_equal(err.kind, PP_ERR_DENIED);
    assert_int_equal(asked, INADDR_LOOPBACK); /* what the name leads to */
    assert_int_equal(atomic_load(&server.requests), before);
    pp_httpc_close(&httpc);
}

int main(void)
{
    const struct CMUnitTest httpc[] = {
        cmocka_unit_test_setup_teardown(
            a_call_without_an_answer_is_not_made_again, begin, end),
        cmocka_unit_test_setup_teardown(
            an_address_that_is_not_allowed_is_never_connected_to, begin, end),
    };

    return cmocka_run_group_tests(httpc, NULL, NULL);
}
