/* Where Postgres is away, the staff's URL is told. */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jobs_watch.h"
#include "test.h"

#define WAIT_MS 10000
#define CALM_MS 3000 /* more than one turn */

/* Any free port of this machine. */
static int listen_somewhere(int *port_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port_out = ntohs(address.sin_port);
    return fd;
}

/* Reads one request and answers it; false when none comes in time. */
static bool take_call(int listener, int wait_ms, char *text, size_t size)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    size_t n = 0;
    int fd;

    if (poll(&ready, 1, wait_ms) != 1)
        return false;
    fd = accept(listener, NULL, NULL);
    while (n + 1 < size) {
        ssize_t got = read(fd, text + n, size - 1 - n);

        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        if (strstr(text, "\r\n\r\n") && strchr(text, '}'))
            break;
    }
    assert_int_equal(write(fd, answer, sizeof(answer) - 1), sizeof(answer) - 1);
    close(fd);
    return true;
}

static void the_url_is_told_once_that_postgres_is_away(void **state)
{
    struct jobs_watch_options options = {
        .postgres = "postgresql://nobody@127.0.0.1:1/none",
        .every_s = 1,
        .away_s = 1};
    struct pp_err err = {0};
    struct jobs_watch *watch;
    char url[64], text[4096] = "";
    int port, listener = listen_somewhere(&port);

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook", port);
    options.url = url;
    assert_int_equal(jobs_watch_open(&watch, &options, &err), 0);
    assert_true(take_call(listener, WAIT_MS, text, sizeof(text)));
    assert_non_null(strstr(text, "POST /hook HTTP/1.1"));
    assert_non_null(strstr(text, "can't reach Postgres"));
    assert_false(take_call(listener, CALM_MS, text, sizeof(text)));
    jobs_watch_close(&watch);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_is_told_once_that_postgres_is_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
