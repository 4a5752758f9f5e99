/*
 * Delivers prepared HTTP requests and says how long the answers took.
 *
 *   deliver PORT FILE LINKS RATE
 *
 * To 127.0.0.1, on LINKS connections. FILE has requests one after the other,
 * each behind a line with its bytes' number. RATE 0: a connection has the next
 * one as soon as it has its answer. Else they are due RATE a second, whatever
 * became of those before, and the time of each counts from when it was due: one
 * that has to wait for a free connection is late, and says so.
 *
 * Prints one line: how many, how many of them were not answered 200, then
 * microseconds: of the whole, of half of them, of 99 in 100, of the slowest,
 * and of our own CPU time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "pp_mem.h"
#include "pp_time.h"

#define LINKS_MAX    1024
#define ANSWER_BYTES 8192
#define AWAY_NS      INT64_C(30000000000) /* an answer that never comes */

struct request {
    const char *bytes; /* in the file that was read */
    size_t count;
};

static struct {
    struct request *list;
    size_t count, sent, answered, refused;
    int64_t *took_us; /* of those answered */
} requests;

struct link {
    int fd;
    bool busy;
    int64_t due_ns;
    size_t have;
    char answer[ANSWER_BYTES];
};

static struct {
    struct link *list[LINKS_MAX];
    size_t count, next; /* in turn, so that none is idle for long */
    int epoll;
} links;

static int64_t start_ns, step_ns;

static void fail(const char *what)
{
    fprintf(stderr, "deliver: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    return pp_mono_now().ns;
}

/* --- requests ------------------------------------------------------------- */

static char *read_all(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    char *all;

    if (!file || fseek(file, 0, SEEK_END) < 0)
        fail(path);
    *bytes = (size_t)ftell(file);
    rewind(file);
    all = pp_malloc(*bytes + 1);
    if (fread(all, 1, *bytes, file) != *bytes)
        fail(path);
    all[*bytes] = '\0';
    fclose(file);
    return all;
}

static void read_requests(const char *path)
{
    size_t bytes, room = 0;
    char *at = read_all(path, &bytes), *end = at + bytes;

    while (at < end) {
        size_t count = strtoul(at, &at, 10);

        if (requests.count == room) {
            room = room ? 2 * room : 1024;
            requests.list =
                pp_realloc(requests.list, room * sizeof(*requests.list));
        }
        requests.list[requests.count++] = (struct request){++at, count};
        at += count;
    }
    requests.took_us = pp_calloc(requests.count + 1, sizeof(int64_t));
}

/* --- connections ---------------------------------------------------------- */

static void open_link(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct link *link = pp_calloc(1, sizeof(*link));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
    int one = 1;

    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(link->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        fail("connect");
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(links.epoll, EPOLL_CTL_ADD, link->fd, &event) < 0)
        fail("epoll_ctl");
    links.list[links.count++] = link;
}

static struct link *free_link(void)
{
    for (size_t i = 0; i < links.count; i++) {
        struct link *link = links.list[(links.next + i) % links.count];

        if (!link->busy) {
            links.next = (links.next + i + 1) % links.count;
            return link;
        }
    }
    return NULL;
}

/* A request is smaller than a socket's buffer, so this does not wait. */
static void post(struct link *link, int64_t due_ns)
{
    const struct request *request = &requests.list[requests.sent++];
    size_t done = 0;

    link->busy = true;
    link->due_ns = due_ns;
    link->have = 0;
    while (done < request->count) {
        ssize_t n = send(link->fd, request->bytes + done, request->count - done,
                         MSG_NOSIGNAL);

        if (n < 0)
            fail("send");
        done += (size_t)n;
    }
}

/* --- answers -------------------------------------------------------------- */

/* Answers have to say their length. */
static bool is_whole(const struct link *link)
{
    const char *end = memmem(link->answer, link->have, "\r\n\r\n", 4), *field;

    if (!end)
        return false;
    field = strcasestr(link->answer, "\r\nContent-Length:");
    return field && field < end &&
           (size_t)(end + 4 - link->answer) + strtoul(field + 17, NULL, 10) <=
               link->have;
}

static void take(struct link *link)
{
    ssize_t n = recv(link->fd, link->answer + link->have,
                     sizeof(link->answer) - 1 - link->have, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail(n < 0 ? "recv" : "a connection was closed");
    link->have += (size_t)n;
    link->answer[link->have] = '\0';
    if (!is_whole(link))
        return;
    requests.took_us[requests.answered++] = (now_ns() - link->due_ns) / 1000;
    requests.refused += strncmp(link->answer, "HTTP/1.1 200 ", 13) != 0;
    link->busy = false;
}

/* --- the run -------------------------------------------------------------- */

/* Posts what is due; returns when to look again at the latest. */
static int64_t post_due(void)
{
    struct link *link;

    while (requests.sent < requests.count) {
        int64_t now = now_ns();
        int64_t due =
            step_ns ? start_ns + (int64_t)requests.sent * step_ns : now;

        if (due > now)
            return due;
        link = free_link();
        if (!link)
            break;
        post(link, due);
    }
    return now_ns() + AWAY_NS;
}

static void wait_until(int64_t at_ns)
{
    struct epoll_event events[LINKS_MAX];
    int64_t rest = at_ns - now_ns();
    struct timespec wait = {0};
    int count;

    if (rest > 0)
        wait = (struct timespec){rest / 1000000000, rest % 1000000000};
    count = epoll_pwait2(links.epoll, events, LINKS_MAX, &wait, NULL);
    if (count < 0)
        fail("epoll_pwait2");
    if (count == 0 && rest >= AWAY_NS / 2) {
        errno = ETIMEDOUT;
        fail("no answer");
    }
    for (int i = 0; i < count; i++)
        take(events[i].data.ptr);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void print(int64_t wall_us, int64_t spent_us)
{
    const int64_t *took = requests.took_us;
    size_t n = requests.count;

    qsort(requests.took_us, n, sizeof(*took), by_size);
    printf("%zu %zu %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
           "\n",
           n, requests.refused, wall_us, took[n / 2], took[n * 99 / 100],
           took[n - 1], spent_us);
}

int main(int argc, char **argv)
{
    size_t wanted;
    int64_t spent;

    if (argc != 5) {
        fprintf(stderr, "usage: deliver PORT FILE LINKS RATE\n");
        return 2;
    }
    read_requests(argv[2]);
    wanted = strtoul(argv[3], NULL, 10);
    links.epoll = epoll_create1(EPOLL_CLOEXEC);
    while (links.count < wanted && links.count < LINKS_MAX)
        open_link((uint16_t)strtoul(argv[1], NULL, 10));
    if (strtoul(argv[4], NULL, 10) > 0)
        step_ns = 1000000000 / (int64_t)strtoul(argv[4], NULL, 10);
    if (requests.count == 0 || links.count == 0)
        return 2;
    spent = cpu_us();
    start_ns = now_ns();
    while (requests.answered < requests.count)
        wait_until(post_due());
    print((now_ns() - start_ns) / 1000, cpu_us() - spent);
    return 0;
}
