#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_option(const char *text)
{
    return strncmp(text, "--", 2) == 0;
}

const char *cli_option(int argc, char **argv, const char *name,
                       const char *fallback)
{
    for (int i = 0; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return fallback;
}

const char *cli_argument(int argc, char **argv, int n)
{
    for (int i = 0; i < argc; i++) {
        if (is_option(argv[i]))
            i++; /* and its value */
        else if (n-- == 0)
            return argv[i];
    }
    return NULL;
}

bool cli_flag(int *argc, char **argv, const char *name)
{
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(argv[0]));
        (*argc)--;
        return true;
    }
    return false;
}

int cli_confirm(const char *warning, const char *word, struct pp_err *err)
{
    char line[128] = "";

    if (!isatty(STDIN_FILENO))
        return cli_usage(err, "nobody is there to ask: --yes is needed");
    fprintf(stderr, "%s\nType %s to go on: ", warning, word);
    if (!fgets(line, sizeof(line), stdin))
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    if (strcmp(line, word) != 0)
        return pp_err_set(err, PP_ERR_INVALID,
                          "that was not %s: nothing was changed", word);
    return 0;
}

int cli_usage(struct pp_err *err, const char *what)
{
    return pp_err_set(err, PP_ERR_FATAL, "%s; --help says how it is called",
                      what);
}
