#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pp_beat.h"
#include "pp_mem.h"

#include "test.h"

static void each_protocol_has_its_own_address_for_each_event(void **state)
{
    static const struct {
        const char *where;
        enum pp_beat_event event;
        int exit_code;
        const char *url;
    } cases[] = {
        {"healthchecks:https://h.example/u", PP_BEAT_RUN, 0,
         "https://h.example/u/start?rid=i"},
        {"healthchecks:https://h.example/u", PP_BEAT_DONE, 0,
         "https://h.example/u?rid=i"},
        {"healthchecks:https://h.example/u", PP_BEAT_FAIL, 7,
         "https://h.example/u/7?rid=i"},
        {"healthchecks:https://h.example/u", PP_BEAT_FAIL, 0,
         "https://h.example/u/fail?rid=i"},
        {"cronitor:https://c.example/p/k/m", PP_BEAT_RUN, 0,
         "https://c.example/p/k/m?state=run&series=i"},
        {"cronitor:https://c.example/p/k/m", PP_BEAT_DONE, 0,
         "https://c.example/p/k/m?state=complete&series=i&status_code=0&"
         "metric=duration:2.005"},
        {"cronitor:https://c.example/p/k/m", PP_BEAT_FAIL, 7,
         "https://c.example/p/k/m?state=fail&series=i&status_code=7&"
         "metric=duration:2.005"},
        {"url:https://u.example/x", PP_BEAT_DONE, 0, "https://u.example/x"},
        {"url:https://u.example/x", PP_BEAT_RUN, 0, ""},
        {"url:https://u.example/x", PP_BEAT_FAIL, 1, ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_beat_run run = {
            .id = "i", .exit_code = cases[i].exit_code, .took_ms = 2005};
        struct pp_buf url;

        pp_buf_init(&url, 4096);
        pp_beat_url(cases[i].where, cases[i].event, &run, &url);
        assert_string_equal(url.n ? url.p : "", cases[i].url);
        pp_buf_fini(&url);
    }
}

static void an_address_of_no_protocol_is_refused(void **state)
{
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_beat_check("url:https://u.example/", &err), 0);
    assert_int_equal(pp_beat_check("https://u.example/", &err), -1);
    assert_int_equal(pp_beat_check("cronitor:KEY", &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
}

static void each_run_has_an_id_of_its_own(void **state)
{
    struct pp_beat_run first, second;

    (void)state;
    pp_beat_run_init(&first);
    pp_beat_run_init(&second);
    assert_int_equal(strlen(first.id), 36);
    assert_string_not_equal(first.id, second.id);
}

/* --- a watcher that answers ------------------------------------------------
 */

struct fake {
    int listener, calls;
    const char *const *answers; /* one for each call */
    int count;
};

static void *serve(void *context)
{
    struct fake *fake = context;

    while (fake->calls < fake->count) {
        char request[2048];
        int fd = accept(fake->listener, NULL, NULL);
        ssize_t got = fd < 0 ? 0 : read(fd, request, sizeof(request));

        if (fd < 0)
            return NULL;
        if (got > 0)
            dprintf(fd,
                    "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: "
                    "close\r\n\r\n",
                    fake->answers[fake->calls++]);
        close(fd);
    }
    return NULL;
}

static int beat_at(const char *const *answers, int count,
                   enum pp_beat_event event, struct pp_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct fake fake = {.answers = answers, .count = count};
    struct pp_beat_run run;
    pthread_t thread;
    char where[80];
    int result;

    fake.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fake.listener, 4), 0);
    assert_int_equal(
        getsockname(fake.listener, (struct sockaddr *)&address, &size), 0);
    pthread_create(&thread, NULL, serve, &fake);
    snprintf(where, sizeof(where), "healthchecks:http://127.0.0.1:%d/u",
             ntohs(address.sin_port));
    pp_beat_run_init(&run);
    result = pp_beat(where, event, &run, err);
    pthread_join(thread, NULL);
    close(fake.listener);
    assert_int_equal(fake.calls, count);
    return result;
}

static void an_end_is_told_again_where_the_watcher_is_ill(void **state)
{
    static const char *const ill_once[] = {"503 No", "200 OK"};
    static const char *const unknown[] = {"404 No"};
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(beat_at(ill_once, 2, PP_BEAT_DONE, &err), 0);
    assert_int_equal(beat_at(ill_once, 1, PP_BEAT_RUN, &err), -1);
    assert_int_equal(beat_at(unknown, 1, PP_BEAT_DONE, &err), -1);
    assert_non_null(strstr(err.msg, "404"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_protocol_has_its_own_address_for_each_event),
        cmocka_unit_test(an_address_of_no_protocol_is_refused),
        cmocka_unit_test(each_run_has_an_id_of_its_own),
        cmocka_unit_test(an_end_is_told_again_where_the_watcher_is_ill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
