#include <string.h>

#include "cli.h"
#include "test.h"

static void
only_options_of_the_usage_are_taken_each_with_its_value(void **state)
{
    static const char usage[] =
        "SITE [--limit N] [--all | --day DAY] [--name 'A B'] [--yes]";
    static const struct {
        const char *usage, *given, *error; /* NULL: none */
    } cases[] = {
        {usage, "", NULL},
        {usage, "s --limit 5 --all", NULL},
        {usage, "--yes s --name x", NULL},
        {usage, "--day 2026-01-02 s", NULL},
        {usage, "s --limit -5", NULL},
        {"EVENT | --all", "--all", NULL},
        {"--old [--since TIME]", "--old", NULL},
        {"--old [--since TIME]", "--old --since 1", NULL},
        {"[--from TIME --to TIME]", "--from 1 --to 2", NULL},
        {"NAME [--lease N] -- COMMAND", "n --lease 9 -- ls --all", NULL},
        {usage, "s --no-such", "there is no option '--no-such'"},
        {usage, "--lim 5", "there is no option '--lim'"},
        {usage, "--limits 5", "there is no option '--limits'"},
        {usage, "--limit=5", "there is no option '--limit=5'"},
        {"ID [--grace-days N]", "--grace 5", "there is no option '--grace'"},
        {"", "--all", "there is no option '--all'"},
        {usage, "s --limit", "option '--limit' needs a value"},
        {usage, "--name --yes", "option '--name' needs a value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct pp_err err = {0};
        char given[64], *argv[8], *rest = given;
        int argc = 0;

        strcpy(given, cases[i].given);
        while ((argv[argc] = strsep(&rest, " ")) != NULL)
            argc++;
        if (cli_check_options(cases[i].usage, argc, argv, &err) !=
            (cases[i].error ? -1 : 0))
            fail_msg("%s: '%s'", cases[i].given, err.msg);
        if (cases[i].error &&
            (!strstr(err.msg, cases[i].error) ||
             !strstr(err.msg, cases[i].usage) || err.kind != PP_ERR_FATAL))
            fail_msg("%s: '%s'", cases[i].given, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            only_options_of_the_usage_are_taken_each_with_its_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
