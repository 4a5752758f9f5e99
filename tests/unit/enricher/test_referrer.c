#include "referrer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#define LIST    "services/enricher/data/referrers/referrers.tsv"
#define VECTORS "tests/data/referrers/vectors.tsv"

static struct referrers *list;
static struct pp_arena arena;

static int setup(void **state)
{
    struct pp_err err;

    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    if (referrers_open(&list, LIST, &err) < 0)
        fail_msg("%s", err.msg);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    referrers_close(&list);
    referrers_close(&list); /* nothing is left to close */
    pp_arena_fini(&arena);
    return 0;
}

static struct referrer from(struct pp_str referrer, const char *page)
{
    struct referrer got;
    struct url url = {0};
    struct pp_err err;

    if (url_parse(pp_str_of(page), &arena, &url, &err) < 0)
        fail_msg("%s: %s", page, err.msg);
    referrer_read(list, referrer, &url, &arena, &got);
    return got;
}

static void the_list_passes_its_own_published_tests(void **state)
{
    char *line = NULL;
    size_t room = 0, vectors = 0;
    FILE *file = fopen(VECTORS, "re");

    (void)state;
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        struct pp_str rest, field[4];
        struct referrer got;
        char page[512];

        rest = pp_str_sub(pp_str_of(line), 0, strcspn(line, "\n"));
        if (line[0] == '#')
            continue;
        for (size_t i = 0; i < 4; i++)
            assert_true(pp_str_split(&rest, '\t', &field[i]));
        (void)snprintf(
            page, sizeof page, "%.*s",
            PP_ARG(field[1].n ? field[1] : PP_LIT("https://site.example/")));
        got = from(field[0], page);
        if (!pp_str_eq(got.source, field[2]))
            fail_msg("%s is from '%.*s'", line, PP_ARG(got.source));
        if (got.internal != pp_str_eq(field[3], PP_LIT("internal")))
            fail_msg("%s: internal is %d", line, got.internal);
        /* We have no medium where theirs is internal or unknown. */
        if (!pp_str_eq(got.medium, field[2].n ? field[3] : PP_LIT("")))
            fail_msg("%s is by '%.*s'", line, PP_ARG(got.medium));
        vectors++;
    }
    assert_int_equal(vectors, 24);
    free(line);
    (void)fclose(file);
}

static void a_visitor_came_from_a_source(void **state)
{
    static const struct {
        const char *referrer, *page, *host, *source, *medium;
    } cases[] = {
        /* nowhere */
        {"", "http://a.example/", "", "", ""},
        {"not a url", "http://a.example/", "", "", ""},
        {"android-app://com.google.android.gm/", "http://a.example/", "", "",
         ""},
        {"http://user@google.com/", "http://a.example/", "", "", ""},
        /* the same host */
        {"http://a.example/x", "http://a.example/y", "a.example", "", ""},
        {"http://www.a.example/x", "http://a.example/y", "a.example", "", ""},
        {"https://A.example:8080/", "http://www.a.example/", "a.example", "",
         ""},
        /* a host nobody knows */
        {"http://www.b.example/x", "http://a.example/", "b.example",
         "b.example", ""},
        {"http://blog.a.example/", "http://a.example/", "blog.a.example",
         "blog.a.example", ""},
        {"http://notgoogle.com/", "http://a.example/", "notgoogle.com",
         "notgoogle.com", ""},
        {"http://google.com.evil.example/", "http://a.example/",
         "google.com.evil.example", "google.com.evil.example", ""},
        {"http://[2001:db8::1]/", "http://a.example/", "[2001:db8::1]",
         "[2001:db8::1]", ""},
        /* a host on the list, or below one */
        {"https://www.google.com/", "http://a.example/", "google.com", "Google",
         "search"},
        {"https://WWW.Google.DE", "http://a.example/", "google.de", "Google",
         "search"},
        {"https://www.google.com/imgres?q", "http://a.example/", "google.com",
         "Google Images", "search"},
        {"https://www.google.com/imgres/more", "http://a.example/",
         "google.com", "Google Images", "search"},
        {"https://www.google.com/imgresult", "http://a.example/", "google.com",
         "Google", "search"},
        {"https://bing.com/images/search?q=x", "http://a.example/", "bing.com",
         "Bing Images", "search"},
        {"https://bing.com/images", "http://a.example/", "bing.com", "Bing",
         "search"},
        {"https://mail.google.com/mail/u/0", "http://a.example/",
         "mail.google.com", "Gmail", "email"},
        {"https://l.facebook.com/l.php", "http://a.example/", "l.facebook.com",
         "Facebook", "social"},
        {"https://out.reddit.com/", "http://a.example/", "out.reddit.com",
         "Reddit", "social"},
        /* one that we added */
        {"https://x.com/", "http://a.example/", "x.com", "Twitter", "social"},
        {"https://netflix.com/", "http://a.example/", "netflix.com",
         "netflix.com", ""},
        {"https://chatgpt.com/", "http://a.example/", "chatgpt.com", "ChatGPT",
         "chatbot"},
        {"https://gemini.google.com/app", "http://a.example/",
         "gemini.google.com", "Gemini", "chatbot"},
        /* utm_source wins */
        {"https://www.google.com/", "http://a.example/?utm_source=Weekly+News",
         "google.com", "Weekly News", ""},
        {"", "http://a.example/?utm_source=google", "", "Google", "search"},
        {"", "http://a.example/?utm_source=FACEBOOK", "", "Facebook", "social"},
        {"", "http://a.example/?utm_source=fb", "", "Facebook", "social"},
        {"", "http://a.example/?utm_source=x", "", "Twitter", "social"},
        {"", "http://a.example/?utm_source=ig", "", "Instagram", "social"},
        {"", "http://a.example/?utm_source=chatgpt.com", "", "ChatGPT",
         "chatbot"},
        {"", "http://a.example/?utm_source=m.facebook.com", "", "Facebook",
         "social"},
        {"", "http://a.example/?utm_source=b.example", "", "b.example", ""},
        {"http://a.example/x", "http://a.example/?utm_source=news", "a.example",
         "news", ""},
        {"https://www.google.com/",
         "http://a.example/?utm_source=", "google.com", "Google", "search"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct referrer got = from(pp_str_of(cases[i].referrer), cases[i].page);

        if (!pp_str_eq(got.host, pp_str_of(cases[i].host)) ||
            !pp_str_eq(got.source, pp_str_of(cases[i].source)) ||
            !pp_str_eq(got.medium, pp_str_of(cases[i].medium)))
            fail_msg("from '%s' to %s: '%.*s', '%.*s', '%.*s'",
                     cases[i].referrer, cases[i].page, PP_ARG(got.host),
                     PP_ARG(got.source), PP_ARG(got.medium));
    }
}

static void every_line_of_the_list_is_found_again(void **state)
{
    char *line = NULL;
    size_t room = 0, lines = 0;
    FILE *file = fopen(LIST, "re");

    (void)state;
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        struct pp_str rest = {line, strcspn(line, "\n")}, place, source, got,
                      medium;
        size_t slash;

        if (line[0] == '#')
            continue;
        assert_true(pp_str_split(&rest, '\t', &place));
        assert_true(pp_str_split(&rest, '\t', &source));
        slash = pp_str_find(place, '/');
        if (!referrers_find(list, pp_str_sub(place, 0, slash),
                            pp_str_sub(place, slash, place.n), &got, &medium) ||
            !pp_str_eq(got, source) || !pp_str_eq(medium, rest))
            fail_msg("line %zu, %.*s", lines + 1, PP_ARG(place));
        lines++;
    }
    assert_true(lines > 2000);
    free(line);
    (void)fclose(file);
}

static void every_short_form_is_a_source_of_the_list(void **state)
{
    static const char *const forms[] = {
        "fb",        "ig",      "insta", "x",          "tw",
        "yt",        "li",      "hn",    "hackernews", "adwords",
        "googleads", "bingads", "vk",    "yahoo",      "ddg",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(forms); i++) {
        char page[80];

        (void)snprintf(page, sizeof page, "http://a.example/?utm_source=%s",
                       forms[i]);
        if (!from(PP_LIT(""), page).medium.n)
            fail_msg("%s is nothing that the list knows", forms[i]);
    }
}

static void a_path_as_long_as_can_be_is_looked_up(void **state)
{
    static char text[3000] = "http://www.google.com/imgres";
    struct referrer got;

    (void)state;
    for (size_t i = strlen(text); i + 3 <= sizeof text; i += 2)
        memcpy(text + i, "/a", 3);
    got = from(pp_str_of(text), "http://a.example/");
    assert_true(pp_str_eq(got.source, PP_LIT("Google Images")));
}

static void a_table_with_a_mistake_is_refused(void **state)
{
    static const struct {
        const char *when, *text, *because;
    } cases[] = {
        {"it is empty", "", "no entries"},
        {"it has only a comment", "# a\n", "no entries"},
        {"a field is missing", "a.example\tA\n", "line 1"},
        {"a field is too many", "a.example\tA\tsearch\tx\n", "line 1"},
        {"the host is empty", "\tA\tsearch\n", "line 1"},
        {"the source is empty", "a.example\t\tsearch\n", "line 1"},
        {"the medium is empty", "a.example\tA\t\n", "line 1"},
        {"a host has a capital", "# x\nA.example\tA\tsearch\n", "line 2"},
        {"a line is not UTF-8", "a.example\t\xFF\tsearch\n", "line 1"},
        {"a host comes twice", "a.example\tA\tsearch\na.example/\tB\tsearch\n",
         "line 2: this host"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        char path[] = "/tmp/pawprint-referrers-XXXXXX";
        int fd = mkstemp(path);
        struct referrers *table = NULL;
        struct pp_err err = {0};
        int result;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
                         strlen(cases[i].text));
        (void)close(fd);
        result = referrers_open(&table, path, &err);
        (void)unlink(path);
        if (result == 0 || err.kind != PP_ERR_FATAL ||
            !strstr(err.msg, cases[i].because) || table)
            fail_msg("when %s: %s", cases[i].when, err.msg);
    }
}

static void paths_of_one_host_are_told_apart(void **state)
{
    char path[] = "/tmp/pawprint-referrers-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    struct referrers *table = NULL;
    struct pp_str source, medium;
    struct pp_err err;
    char text[32];

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 500; i++)
        (void)fprintf(file, "a.example/%d\tS%d\tsearch\n", i, i);
    (void)fclose(file);
    assert_int_equal(referrers_open(&table, path, &err), 0);
    (void)unlink(path);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(text, sizeof text, "/%d", i);
        assert_true(referrers_find(table, PP_LIT("a.example"), pp_str_of(text),
                                   &source, &medium));
        (void)snprintf(text, sizeof text, "S%d", i);
        assert_true(pp_str_eq(source, pp_str_of(text)));
    }
    referrers_close(&table);
}

static void a_table_that_is_not_there_is_said_to_be(void **state)
{
    struct referrers *table = NULL;
    struct pp_err err;

    (void)state;
    assert_int_equal(referrers_open(&table, "build/no-such-file", &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_int_equal(referrers_open(&table, "tests", &err), -1);
    assert_null(table);
}

int main(void)
{
    const struct CMUnitTest referrer[] = {
        cmocka_unit_test(the_list_passes_its_own_published_tests),
        cmocka_unit_test(a_visitor_came_from_a_source),
        cmocka_unit_test(every_line_of_the_list_is_found_again),
        cmocka_unit_test(every_short_form_is_a_source_of_the_list),
        cmocka_unit_test(a_path_as_long_as_can_be_is_looked_up),
        cmocka_unit_test(a_table_with_a_mistake_is_refused),
        cmocka_unit_test(paths_of_one_host_are_told_apart),
        cmocka_unit_test(a_table_that_is_not_there_is_said_to_be),
    };

    return cmocka_run_group_tests(referrer, setup, teardown);
}
