#include "ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define RULES   "services/enricher/data/uap/regexes.tsv"
#define VECTORS "tests/data/uap/vectors.tsv"

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

/* Browser, version, OS, bot: as another implementation reads the rules. */
static void agents_are_named_as_uap_python_names_them(void **state)
{
    FILE *file = fopen(VECTORS, "r");
    char *line = NULL;
    size_t capacity = 0, count = 0;

    (void)state;
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        struct pp_str rest = {line, strcspn(line, "\n")}, want[4], agent;
        struct ua_result got;

        for (size_t i = 0; i < PP_COUNT(want); i++)
            pp_str_split(&rest, '\t', &want[i]);
        agent = rest;
        ua_parse(ua, agent, &arena, &got);
        if (!pp_str_eq(got.browser, want[0]) ||
            !pp_str_eq(got.browser_version, want[1]) ||
            !pp_str_eq(got.os, want[2]) ||
            got.bot != pp_str_eq(want[3], PP_LIT("1")))
            fail_msg("%.*s: %.*s %.*s on %.*s", PP_ARG(agent),
                     PP_ARG(got.browser), PP_ARG(got.browser_version),
                     PP_ARG(got.os));
        count++;
    }
    assert_int_equal(count, 17);
    free(line);
    fclose(file);
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
        cmocka_unit_test(a_device_is_what_its_browser_says),
        cmocka_unit_test(a_hostile_agent_costs_no_more_than_its_limit),
        cmocka_unit_test(rules_that_are_not_there_are_named),
    };

    return cmocka_run_group_tests(agents, setup, teardown);
}
