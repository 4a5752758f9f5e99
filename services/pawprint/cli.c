#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pp_json.h"

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
    for (int i = 0; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(argv[0]));
        (*argc)--;
        return true;
    }
    return false;
}

/* What usage has behind an option, or NULL: there is no such option. */
static const char *behind_option(const char *usage, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = usage; (at = strstr(at, name)) != NULL; at += size)
        if (strchr(" ]", at[size])) /* the end of the text, too */
            return at + size;
    return NULL;
}

int cli_check_options(const char *usage, int argc, char **argv,
                      struct pp_err *err)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *behind;

        if (!is_option(argv[i]))
            continue;
        behind = behind_option(usage, argv[i]);
        if (!behind)
            return pp_err_set(err, PP_ERR_FATAL,
                              "there is no option '%s'; usage: %s", argv[i],
                              usage);
        if (behind[0] != ' ' || strchr("[|-", behind[1]))
            continue; /* a flag */
        if (++i == argc || is_option(argv[i]))
            return pp_err_set(err, PP_ERR_FATAL,
                              "option '%s' needs a value; usage: %s",
                              argv[i - 1], usage);
    }
    return 0;
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

void cli_print_rows(const struct cli *cli, const struct pp_pg_rows *rows,
                    const char *const *names, const int *widths, int columns)
{
    struct pp_buf out;

    pp_buf_init(&out, (size_t)64 << 20);
    for (int i = 0; i < rows->count; i++) {
        for (int c = 0; c < columns; c++) {
            const char *text = pp_pg_text(rows, i, c);

            if (!cli->json) {
                pp_buf_printf(&out, "%-*s%s", widths[c], text,
                              c == columns - 1 ? "\n" : " ");
                continue;
            }
            pp_buf_printf(&out, "%s\"%s\":",
                          c   ? ","
                          : i ? ",\n{"
                              : "[{",
                          names[c]);
            pp_json_add_str(&out, pp_str_of(text));
            pp_buf_add_text(&out, c == columns - 1 ? "}" : "");
        }
    }
    if (cli->json)
        pp_buf_add_text(&out, rows->count ? "]\n" : "[]\n");
    fwrite(out.p, 1, out.n, stdout);
    pp_buf_fini(&out);
}

int cli_ask(struct cli *cli, const char *sql,
            const struct pp_clickhouse_value *parameters, int timeout_ms,
            struct pp_str *answer_out, struct pp_err *err)
{
    const struct pp_clickhouse_call call = {
        .sql = sql, .parameters = parameters, .timeout_ms = timeout_ms};

    if (pp_clickhouse_run(cli->clickhouse, &call, answer_out, err) < 0)
        return -1;
    *answer_out = pp_str_trim(*answer_out);
    return 0;
}
