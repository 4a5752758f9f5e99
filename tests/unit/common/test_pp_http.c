#include "pp_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pp_time.h"

#include "test.h"

#define MAX_HELD 1024

struct server {
    struct pp_http *http;
    struct pp_http_request *held[MAX_HELD];
    size_t held_count;
};

static void echo(struct pp_http_request *request, void *context)
{
    struct pp_http_field fields[] = {{"X-Seen", "yes"}, {0}};

    (void)context;
    pp_http_reply(request, 200, fields, pp_http_body(request));
}

static void query(struct pp_http_request *request, void *context)
{
    (void)context;
    pp_http_reply(request, 200, NULL, pp_http_query(request, "q"));
}

static void below(struct pp_http_request *request, void *context)
{
    (void)context;
    pp_http_reply(request, 200, NULL, pp_http_path(request));
}

static void hold(struct pp_http_request *request, void *context)
{
    struct server *server = context;

    pp_http_hold(request);
    server->held[server->held_count++] = request;
}

static const struct pp_http_route routes[] = {
    {"POST", "/echo", echo},
    {"GET", "/query", query},
    {"GET", "/hold", hold},
    {"GET", "/below/*", below},
    {0},
};

static const struct pp_http_limits limits = {
    .body_bytes = 1000,
    .header_bytes = 8192,
    .connections = 2000,
    .idle_s = 5,
    .request_ms = 1200,
};

static void server_open(struct server *server)
{
    struct pp_err err = {0};

    memset(server, 0, sizeof(*server));
    if (pp_http_open(&server->http, "127.0.0.1", 0, routes, server, &limits,
                     &err) < 0)
        fail_msg("%s", err.msg);
}

static int client_open(const struct server *server)
{
    struct sockaddr_in where = {
        .sin_family = AF_INET,
        .sin_port = htons(pp_http_port(server->http)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&where, sizeof(where)), 0);
    return fd;
}

static void client_send(int fd, struct pp_str text)
{
    assert_int_equal(send(fd, text.p, text.n, MSG_NOSIGNAL), text.n);
}

/* Turns the loop until the client has an answer; its text, NUL-terminated. */
static const char *client_answer(struct server *server, int fd, int wait_ms)
{
    static char answer[8192];
    struct pp_mono start = pp_mono_now();

    while (pp_mono_ms(start, pp_mono_now()) < wait_ms) {
        ssize_t n;

        n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
        if (n >= 0) {
            answer[n] = '\0';
            return answer;
        }
        assert_int_equal(errno, EAGAIN);
        pp_http_turn(server->http, 5);
    }
    fail_msg("no answer within %d ms", wait_ms);
    return NULL;
}

static void assert_answer(const char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 ||
        strncmp(answer + 9, status, strlen(status)) != 0)
        fail_msg("not %s: %s", status, answer);
}

static const char *ask(struct server *server, const char *text)
{
    int fd = client_open(server);
    const char *answer;

    client_send(fd, pp_str_of(text));
    answer = client_answer(server, fd, 3000);
    close(fd);
    return answer;
}

static void a_request_gets_the_answer_of_its_route(void **state)
{
    static const struct {
        const char *when, *request, *status, *body;
    } cases[] = {
        {"a body is sent",
         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
         "HTTP/1.1 200 ", "\r\n\r\nhello"},
        {"a query is encoded",
         "GET /query?q=a%20b%2Fc&z=1 HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 200 ", "\r\n\r\na b/c"},
        {"the path is unknown", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 404 ", "\r\n\r\n"},
        {"the method is another", "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 405 ", "\r\n\r\n"},
        {"the path is below one", "GET /below/a/b HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 200 ", "\r\n\r\n/below/a/b"},
        {"nothing is below it", "GET /below/ HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 404 ", "\r\n\r\n"},
        {"it only begins alike", "GET /belowx HTTP/1.1\r\nHost: x\r\n\r\n",
         "HTTP/1.1 404 ", "\r\n\r\n"},
        {"the method is another below",
         "POST /below/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 405 ", "\r\n\r\n"},
        {"a huge body is announced",
         "POST /echo HTTP/1.1\r\nHost: x\r\n"
         "Content-Length: 99999999\r\n\r\n",
         "HTTP/1.1 413 ", "\r\n\r\n"},
        {"too large a body waits to be asked for",
         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n"
         "Expect: 100-continue\r\n\r\n",
         "HTTP/1.1 413 ", "\r\n\r\n"},
    };
    struct server server;

    (void)state;
    server_open(&server);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        const char *answer = ask(&server, cases[i].request);
        size_t n = strlen(answer), m = strlen(cases[i].body);

        if (strncmp(answer, cases[i].status, strlen(cases[i].status)) != 0 ||
            n < m || strcmp(answer + n - m, cases[i].body) != 0)
            fail_msg("when %s: %s", cases[i].when, answer);
    }
    pp_http_close(&server.http);
}

static void a_body_that_grows_too_large_is_refused(void **state)
{
    struct server server;
    char request[2000];
    size_t n;

    (void)state;
    server_open(&server);
    n = (size_t)snprintf(request, sizeof(request),
                         "POST /echo HTTP/1.1\r\nHost: x\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
    memset(request + n, 'x', 1001);
    memcpy(request + n + 1001, "\r\n0\r\n\r\n", 8);
    assert_answer(ask(&server, request), "413");
    pp_http_close(&server.http);
}

/*
 * The stall of libmicrohttpd's own loop: an exact multiple of 128 connections
 * that all become ready at once, over and over.
 */
static void no_number_of_synchronised_connections_stalls(void **state)
{
    static const size_t counts[] = {1, 127, 128, 256, 384, 512};

    (void)state;
    for (size_t c = 0; c < PP_COUNT(counts); c++) {
        size_t count = counts[c];
        struct server server;
        int fds[512];

        server_open(&server);
        for (size_t i = 0; i < count; i++)
            fds[i] = client_open(&server);
        for (int round = 0; round < 5; round++) {
            struct pp_mono start = pp_mono_now();

            for (size_t i = 0; i < count; i++)
                client_send(fds[i],
                            PP_LIT("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
            while (server.held_count < count &&
                   pp_mono_ms(start, pp_mono_now()) < 1000)
                pp_http_turn(server.http, 100);
            if (server.held_count != count)
                fail_msg("%zu of %zu requests arrived in round %d",
                         server.held_count, count, round);
            assert_int_equal(pp_http_open_requests(server.http), count);
            while (server.held_count)
                pp_http_reply(server.held[--server.held_count], 202, NULL,
                              PP_LIT("done"));
            for (size_t i = 0; i < count; i++)
                assert_answer(client_answer(&server, fds[i], 1000), "202");
        }
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        pp_http_close(&server.http);
    }
}

static void a_slow_client_is_cut_off_with_408(void **state)
{
    struct pp_mono start = pp_mono_now();
    struct server server;
    int fd;

    (void)state;
    server_open(&server);
    fd = client_open(&server);
    client_send(fd, PP_LIT("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Le"));
    assert_answer(client_answer(&server, fd, 4000), "408");
    assert_true(pp_mono_ms(start, pp_mono_now()) >= limits.request_ms);
    close(fd);
    pp_http_close(&server.http);
}

static void an_address_that_is_taken_is_an_error_in_words(void **state)
{
    struct pp_http *http = NULL;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(
        pp_http_open(&http, "somewhere", 0, routes, NULL, &limits, &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_string_equal(err.msg, "'somewhere' is no IPv4 address");
    assert_null(http);
}

static void nobody_new_is_let_in_after_stop_accepting(void **state)
{
    struct sockaddr_in where = {.sin_family = AF_INET};
    struct server server;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    server_open(&server);
    where.sin_port = htons(pp_http_port(server.http));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pp_http_stop_accepting(server.http);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&where, sizeof(where)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    pp_http_close(&server.http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_the_answer_of_its_route),
        cmocka_unit_test(a_body_that_grows_too_large_is_refused),
        cmocka_unit_test(no_number_of_synchronised_connections_stalls),
        cmocka_unit_test(a_slow_client_is_cut_off_with_408),
        cmocka_unit_test(an_address_that_is_taken_is_an_error_in_words),
        cmocka_unit_test(nobody_new_is_let_in_after_stop_accepting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
