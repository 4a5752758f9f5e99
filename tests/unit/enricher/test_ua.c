#include "ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "test.h"

#define RULES   "services/enricher/data/uap/regexes.tsv"
#define VECTORS "tests/data/uap/vectors.tsv"
#define CASES   "tests/data/uap/cases.tsv.gz"

static struct ua *ua;
static struct pp_arena arena;

static int setup(void **state)
{
    struct pp_err err;

    (void)state;
    pp_arena_init(&arena, (size_t)1 << 20);
    if (ua_open(&ua, RULES, &err) < 0)
        fail_msg("%s", err.msg);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ua_close(&ua);
    ua_close(&ua); /* nothing is left to close */
    pp_arena_fini(&arena);
    return 0;
}

/* Calls back for each vector; the wanted texts point into its line. */
static void each_vector(void (*check)(struct pp_str agent,
                                      const struct pp_str want[4]))
{
    FILE *file = fopen(VECTORS, "r");
    char *line = NULL;
    size_t capacity = 0, count = 0;

    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        struct pp_str rest = {line, strcspn(line, "\n")}, want[4];

        for (size_t i = 0; i < PP_COUNT(want); i++)
            pp_str_split(&rest, '\t', &want[i]);
        pp_arena_reset(&arena);
        check(rest, want);
        count++;
    }
    assert_true(count > 3000);
    free(line);
    fclose(file);
}

static void check_names(struct pp_str agent, const struct pp_str want[4])
{
    struct ua_result got;

    ua_parse(ua, agent, &arena, &got);
    if (!pp_str_eq(got.browser, want[0]) ||
        !pp_str_eq(got.browser_version, want[1]) ||
        !pp_str_eq(got.os, want[2]) ||
        got.bot != pp_str_eq(want[3], PP_LIT("1")))
        fail_msg("%.*s: %.*s %.*s on %.*s%s", PP_ARG(agent),
                 PP_ARG(got.browser), PP_ARG(got.browser_version),
                 PP_ARG(got.os), got.bot ? ", a bot" : "");
}

static void agents_are_named_as_uap_python_names_them(void **state)
{
    (void)state;
    each_vector(check_names);
}

static void an_agent_that_was_seen_before_is_named_the_same(void **state)
{
    (void)state;
    each_vector(check_names); /* many of them from the cache now */
}

static bool same(const struct ua_result *a, const struct ua_result *b)
{
    return pp_str_eq(a->browser, b->browser) &&
           pp_str_eq(a->browser_version, b->browser_version) &&
           pp_str_eq(a->os, b->os) && pp_str_eq(a->device, b->device) &&
           a->bot == b->bot;
}

static struct ua_result parse_plainly(struct pp_str agent)
{
    struct ua_result result;

    ua_set_plain(ua, true);
    ua_parse(ua, agent, &arena, &result);
    ua_set_plain(ua, false);
    return result;
}

/* What no rule matches is called Other in uap-core's tests. */
static bool is_family(struct pp_str got, struct pp_str want)
{
    return pp_str_eq(got.n ? got : PP_LIT("Other"), want);
}

/* A case asks for what one section of the rules says: want is its columns. */
static bool is_wanted(const struct ua_result *got, const struct pp_str want[3])
{
    if (pp_str_eq(want[0], PP_LIT("browser")))
        return is_family(got->browser, want[1]) &&
               pp_str_eq(got->browser_version, want[2]);
    if (pp_str_eq(want[0], PP_LIT("os")))
        return is_family(got->os, want[1]);
    assert_true(pp_str_eq(want[0], PP_LIT("device")));
    return got->bot == pp_str_eq(want[1], PP_LIT("Spider"));
}

static void check_case(struct pp_str line)
{
    struct pp_str want[3];
    struct ua_result got, plain;

    for (size_t i = 0; i < PP_COUNT(want); i++)
        pp_str_split(&line, '\t', &want[i]);
    pp_arena_reset(&arena);
    ua_parse(ua, line, &arena, &got);
    plain = parse_plainly(line);
    if (!is_wanted(&got, want) || !same(&got, &plain))
        fail_msg("%.*s of %.*s: %.*s %.*s on %.*s%s", PP_ARG(want[0]),
                 PP_ARG(line), PP_ARG(got.browser), PP_ARG(got.browser_version),
                 PP_ARG(got.os), got.bot ? ", a bot" : "");
}

static void uap_cores_own_tests_pass_with_and_without_the_filter(void **state)
{
    gzFile file = gzopen(CASES, "r");
    char line[4096];
    size_t count = 0;

    (void)state;
    assert_non_null(file);
    while (gzgets(file, line, sizeof(line))) {
        check_case((struct pp_str){line, strcspn(line, "\n")});
        count++;
    }
    assert_int_equal(count, 31087);
    gzclose(file);
}

/* Cut, turned, in capitals: agents that nobody ever wrote down. */
static void check_variants(struct pp_str agent, const struct pp_str want[4])
{
    char text[4][UA_MAX_BYTES];
    size_t n = agent.n < UA_MAX_BYTES ? agent.n : UA_MAX_BYTES;
    struct pp_str variants[] = {{text[0], n / 2},
                                {text[1], n},
                                {text[2], n},
                                {text[3], n > 20 ? n - 20 : 0}};

    (void)want;
    for (size_t i = 0; i < n; i++) {
        char c = agent.p[i];

        text[0][i] = c;
        text[1][i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        text[2][i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        text[3][i] = agent.p[(i + 20) % n];
    }
    for (size_t i = 0; i < PP_COUNT(variants); i++) {
        struct ua_result fast, plain = parse_plainly(variants[i]);

        ua_parse(ua, variants[i], &arena, &fast);
        if (!same(&fast, &plain))
            fail_msg("%.*s", PP_ARG(variants[i]));
    }
}

static void the_filter_changes_no_answer(void **state)
{
    (void)state;
    each_vector(check_variants);
}

static void a_device_is_what_its_browser_says(void **state)
{
    static const struct {
        const char *agent, *device;
    } cases[] = {
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/121.0", "desktop"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) Mobile/15E148",
         "mobile"},
        {"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) Mobile/15E148",
         "tablet"},
        {"Mozilla/5.0 (Linux; Android 13; SM-X700) Chrome/119.0.0.0 Safari/537",
         "tablet"},
        {"Mozilla/5.0 (Linux; Android 10; K) Chrome/120.0.0.0 Mobile Safari/5",
         "mobile"},
        {"curl/7.88.1", "other"},
        {"", "other"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct ua_result got;

        ua_parse(ua, pp_str_of(cases[i].agent), &arena, &got);
        if (!pp_str_eq(got.device, pp_str_of(cases[i].device)))
            fail_msg("%s: %.*s", cases[i].agent, PP_ARG(got.device));
    }
}

static void a_hostile_agent_costs_no_more_than_its_limit(void **state)
{
    char agent[4096];
    struct ua_result got;

    (void)state;
    memset(agent, 'a', sizeof(agent));
    ua_parse(ua, (struct pp_str){agent, sizeof(agent)}, &arena, &got);
    assert_true(got.browser.n <= UA_MAX_BYTES);
    memset(agent, 0xff, sizeof(agent));
    ua_parse(ua, (struct pp_str){agent, sizeof(agent)}, &arena, &got);
    assert_false(got.bot);
}

static void a_full_arena_is_not_remembered(void **state)
{
    const struct pp_str agent = PP_LIT("Mozilla/5.0 (X11; Linux x86_64; "
                                       "rv:98.0) Gecko/20100101 Firefox/98.0");
    struct pp_arena full;
    struct ua_result got;

    (void)state;
    pp_arena_init(&full, 0);
    ua_parse(ua, agent, &full, &got);
    assert_int_equal(got.browser.n, 0);
    assert_string_equal(got.device.p, "desktop");
    ua_parse(ua, agent, &arena, &got);
    assert_true(pp_str_eq(got.browser, PP_LIT("Firefox")));
    assert_true(pp_str_eq(got.browser_version, PP_LIT("98")));
    assert_true(pp_str_eq(got.os, PP_LIT("Linux")));
    pp_arena_fini(&full);
}

static void rules_that_are_not_there_are_named(void **state)
{
    struct ua *none;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(ua_open(&none, "no/such/file", &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_non_null(strstr(err.msg, "no/such/file"));
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest agents[] = {
        cmocka_unit_test(agents_are_named_as_uap_python_names_them),
        cmocka_unit_test(an_agent_that_was_seen_before_is_named_the_same),
        cmocka_unit_test(uap_cores_own_tests_pass_with_and_without_the_filter),
        cmocka_unit_test(the_filter_changes_no_answer),
        cmocka_unit_test(a_device_is_what_its_browser_says),
        cmocka_unit_test(a_hostile_agent_costs_no_more_than_its_limit),
        cmocka_unit_test(a_full_arena_is_not_remembered),
        cmocka_unit_test(rules_that_are_not_there_are_named),
    };

    return cmocka_run_group_tests(agents, setup, teardown);
}
