#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_log.h"

#include "test.h"

#define HEAD_BYTES (sizeof("{\"at\":\"2026-11-24T03:45:23.123Z\",") - 1)
#define THREADS    4
#define LINES      100

static int ends[2]; /* the log's pipe: we read from 0, the log writes to 1 */
static char line[2 * PP_LOG_LINE_BYTES];

/* What was written since the last call, NUL-terminated, and its length. */
static size_t written(void)
{
    ssize_t n = read(ends[0], line, sizeof(line) - 1);

    assert_true(n > 0);
    line[n] = '\0';
    return (size_t)n;
}

/* The pairs behind the event's name, without the closing brace. */
static const char *pairs(void)
{
    size_t n = written();
    char *start = strstr(line, "\"event\":\"x\"");

    assert_non_null(start);
    assert_string_equal(line + n - 2, "}\n");
    line[n - 2] = '\0';
    return start + strlen("\"event\":\"x\"");
}

#define EXPECT(expected, ...)                                                  \
    do {                                                                       \
        pp_info("x", __VA_ARGS__);                                             \
        assert_string_equal(pairs(), expected);                                \
    } while (0)

static void an_event_is_one_line_of_json(void **state)
{
    size_t n = 512;

    (void)state;
    pp_info("batch.sent", "events=%zu took_ms=%d", n, 38);
    (void)written();
    assert_memory_equal(line, "{\"at\":\"2", 8);
    assert_memory_equal(line + HEAD_BYTES - 3, "Z\",", 3);
    assert_string_equal(line + HEAD_BYTES,
                        "\"level\":\"info\",\"service\":\"enricher\","
                        "\"event\":\"batch.sent\",\"events\":512,"
                        "\"took_ms\":38}\n");
}

static void numbers_stand_without_quotes(void **state)
{
    (void)state;
    EXPECT(",\"a\":-1,\"b\":2,\"c\":3", "a=%d b=%i c=%u", -1, 2, 3u);
    EXPECT(",\"a\":-4,\"b\":5", "a=%ld b=%lu", -4L, 5UL);
    EXPECT(",\"a\":-9223372036854775807,\"b\":18446744073709551615",
           "a=%lld b=%llu", -9223372036854775807LL, 18446744073709551615ULL);
    EXPECT(",\"a\":6,\"b\":-7,\"c\":-8", "a=%zu b=%zd c=%jd", (size_t)6,
           (ssize_t)-7, (intmax_t)-8);
    EXPECT(",\"a\":0.500000,\"b\":1e+20,\"c\":0.33", "a=%f b=%g c=%.2f", 0.5,
           1e20, 1.0 / 3);
}

static void a_number_that_is_not_finite_is_null(void **state)
{
    (void)state;
    EXPECT(",\"a\":null,\"b\":null,\"c\":1", "a=%f b=%g c=%d", (double)NAN,
           (double)-INFINITY, 1);
}

static void other_values_are_strings(void **state)
{
    const char *volatile none = NULL; /* gcc warns of a NULL it sees */

    (void)state;
    EXPECT(",\"a\":\"hits\",\"b\":\"ev\"", "a=%s b=%.*s", "hits", 2, "events");
    EXPECT(",\"a\":\"ff\",\"b\":\"y\"", "a=%x b=%c", 255u, 'y');
    EXPECT(",\"a\":\"kafka:9092\",\"b\":\"7%\"", "a=%s:%d b=%d%%", "kafka",
           9092, 7);
    EXPECT(",\"why\":\"timeout\",\"n\":1", "why=timeout n=%d", 1);
    EXPECT(",\"a\":null,\"b\":\"\",\"c\":\"\"", "a=%s b= c=%s", none, "");
    EXPECT("", NULL);
}

static void a_text_cannot_forge_a_line(void **state)
{
    static const struct {
        const char *when;
        const char *text;
        const char *then;
    } cases[] = {
        {"it has quotes", "a\"}b\\", "a\\\"}b\\\\"},
        {"it has line ends", "a\r\nb", "a\\u000d\\nb"},
        {"it has controls", "\x01\x1b[0m\x7f", "\\u0001\\u001b[0m\\u007f"},
        {"it is UTF-8", "\xC3\xA9\xF0\x9F\x90\xBE", "\xC3\xA9\xF0\x9F\x90\xBE"},
        {"a byte is not UTF-8", "a\xFF/b", "a\xEF\xBF\xBD/b"},
        {"its last character is not whole", "a\xE2\x82",
         "a\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"it has blanks and equal signs", "a b=c %d", "a b=c %d"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char then[128];

        (void)snprintf(then, sizeof(then), ",\"a\":\"%s\"", cases[i].then);
        pp_info("x", "a=%s", cases[i].text);
        if (strcmp(pairs(), then) != 0)
            fail_msg("when %s", cases[i].when);
    }
}

static void a_long_text_is_cut_and_the_pairs_after_it_remain(void **state)
{
    static char text[5000];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    pp_info("x", "a=%s b=%d", text, 1);
    (void)pairs();
    assert_int_equal(strspn(strstr(line, "\"a\":\"") + 5, "a"),
                     PP_LOG_VALUE_BYTES);
    assert_non_null(strstr(line, "a\",\"b\":1"));
}

static void a_line_never_passes_its_limit_and_stays_whole(void **state)
{
    static char text[5000];

    (void)state;
    memset(text, '\n', sizeof(text) - 1);
    for (int last = 700; last < 1024; last++) {
        size_t n;

        pp_info("x", "a=%s b=%s c=%s d=%.*s e=%d f=%s", text, text, text, last,
                text, 123456, text);
        n = written();
        assert_true(n <= PP_LOG_LINE_BYTES);
        assert_string_equal(line + n - 2, "}\n");
        assert_int_equal(strcspn(line, "\n"), n - 1);
        assert_true(line[n - 3] == '"' || line[n - 3] == '6');
    }
}

static void what_is_below_the_level_is_not_written(void **state)
{
    (void)state;
    pp_log_open("enricher", PP_LOG_WARN);
    pp_debug("x", NULL);
    pp_info("x", NULL);
    pp_warn("x", "n=%d", 1);
    assert_string_equal(pairs(), ",\"n\":1");
    pp_error("x", NULL);
    assert_non_null(strstr((pairs(), line), "\"level\":\"error\""));
    pp_fatal("x", NULL);
    assert_non_null(strstr((pairs(), line), "\"level\":\"fatal\""));
    pp_log_open("enricher", PP_LOG_DEBUG);
    pp_debug("x", NULL);
    assert_non_null(strstr((pairs(), line), "\"level\":\"debug\""));
}

static void a_level_is_known_by_its_name(void **state)
{
    enum pp_log_level level = PP_LOG_DEBUG;

    (void)state;
    assert_true(pp_log_level_of("warn", &level));
    assert_int_equal(level, PP_LOG_WARN);
    assert_false(pp_log_level_of("loud", &level));
    assert_int_equal(level, PP_LOG_WARN);
}

static void logging_leaves_errno_alone(void **state)
{
    (void)state;
    pp_log_to(-1);
    errno = ENOENT;
    pp_info("x", NULL);
    assert_int_equal(errno, ENOENT);
    pp_log_to(ends[1]);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < LINES; i++)
        pp_info("x", "i=%d", i);
    return arg;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    pthread_t threads[THREADS];
    size_t lines = 0;
    FILE *in = fdopen(dup(ends[0]), "r");

    (void)state;
    assert_non_null(in);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    for (; lines < (size_t)THREADS * LINES; lines++) {
        assert_non_null(fgets(line, sizeof(line), in));
        assert_memory_equal(line, "{\"at\":", 6);
        assert_string_equal(line + strlen(line) - 2, "}\n");
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(fclose(in), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_json),
        cmocka_unit_test(numbers_stand_without_quotes),
        cmocka_unit_test(a_number_that_is_not_finite_is_null),
        cmocka_unit_test(other_values_are_strings),
        cmocka_unit_test(a_text_cannot_forge_a_line),
        cmocka_unit_test(a_long_text_is_cut_and_the_pairs_after_it_remain),
        cmocka_unit_test(a_line_never_passes_its_limit_and_stays_whole),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
        cmocka_unit_test(a_level_is_known_by_its_name),
        cmocka_unit_test(logging_leaves_errno_alone),
        cmocka_unit_test(lines_of_several_threads_do_not_mix),
    };

    if (pipe(ends) < 0)
        return EXIT_FAILURE;
    pp_log_to(ends[1]);
    pp_log_open("enricher", PP_LOG_INFO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
