/*
 * Who may act for an account from outside: tokens of programs, and links that
 * open its pages. A secret is printed once and kept only as a hash.
 */
#include <stdio.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_token_pg.h"

#include "cli.h"

#define LINE_BYTES ((size_t)16 << 10)

static int role_of(int argc, char **argv, enum pp_token_role *role_out,
                   struct pp_err *err)
{
    const char *role = cli_option(argc, argv, "--role", NULL);

    if (!role || !pp_token_role_of(pp_str_of(role), role_out))
        return cli_usage(err, "--role is owner or billing");
    return 0;
}

int token_create_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *account = cli_argument(argc, argv, 0);
    const char *name = cli_option(argc, argv, "--name", "");
    char id[PP_TOKEN_ID_BYTES];
    enum pp_token_role role;
    struct pp_token token;

    if (!account)
        return cli_usage(err, "an account is needed");
    if (role_of(argc, argv, &role, err) < 0 ||
        pp_token_create(cli->pg, account, role, name, &token, id, err) < 0)
        return -1;
    if (cli->json)
        printf("{\"id\":\"%s\",\"role\":\"%s\",\"token\":\"%s\"}\n", id,
               pp_token_role_name(role), token.text);
    else
        printf("%s\n\nThis is the only time that it is shown. Revoke it with: "
               "pawprint account token revoke %s %s\n",
               token.text, account, id);
    return 0;
}

static void print_token(const struct pp_pg_rows *rows, int i, bool json)
{
    static const char *const names[] = {
        "id", "prefix", "role", "created_at", "last_used_at", "state", "name"};
    struct pp_buf line;

    if (!json) {
        printf("%-13s %s...  %-8s made %s  used %-16s  %-8s %s\n",
               pp_pg_text(rows, i, 0), pp_pg_text(rows, i, 1),
               pp_pg_text(rows, i, 2), pp_pg_text(rows, i, 3),
               pp_pg_is_null(rows, i, 4) ? "never" : pp_pg_text(rows, i, 4),
               pp_pg_text(rows, i, 5), pp_pg_text(rows, i, 6));
        return;
    }
    pp_buf_init(&line, LINE_BYTES);
    for (int c = 0; c < (int)PP_COUNT(names); c++) {
        pp_buf_printf(&line, "%s\"%s\":", c ? "," : i ? ",{" : "{", names[c]);
        if (pp_pg_is_null(rows, i, c))
            pp_buf_add_text(&line, "null");
        else
            pp_json_add_str(&line, pp_str_of(pp_pg_text(rows, i, c)));
    }
    printf("%.*s}", PP_ARG(pp_buf_str(&line)));
    pp_buf_fini(&line);
}

int token_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {cli_argument(argc, argv, 0)};
    struct pp_pg_rows rows;
    int result;

    if (!values[0])
        return cli_usage(err, "an account is needed");
    result = pp_pg_query(
        cli->pg,
        "SELECT token_id, prefix, role, to_char(created_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD HH24:MI'), to_char(last_used_at AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD HH24:MI'), CASE WHEN revoked_at IS NULL THEN 'valid' ELSE "
        "'revoked' END, name FROM account_token WHERE account_id = $1 ORDER BY "
        "created_at, token_id",
        1, values, &rows, err);
    if (cli->json && result == 0)
        printf("[");
    for (int i = 0; result == 0 && i < rows.count; i++)
        print_token(&rows, i, cli->json);
    if (cli->json && result == 0)
        puts("]");
    pp_pg_rows_fini(&rows);
    return result;
}

int token_revoke_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *account = cli_argument(argc, argv, 0);
    const char *id = cli_argument(argc, argv, 1);

    if (!account || !id)
        return cli_usage(err, "an account and a token's id are needed");
    if (pp_token_revoke(cli->pg, account, id, err) < 0)
        return -1;
    printf(cli->json ? "{\"id\":\"%s\",\"state\":\"revoked\"}\n"
                     : "%s is revoked\n",
           id);
    return 0;
}

int login_link_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *account = cli_argument(argc, argv, 0);
    const char *role = cli_option(argc, argv, "--role", "owner");
    enum pp_token_role as;
    struct pp_token token;

    if (!account || !pp_token_role_of(pp_str_of(role), &as))
        return cli_usage(err, "an account, and as --role owner or billing");
    if (pp_token_link_create(cli->pg, account, as, &token, err) < 0)
        return -1;
    if (cli->json)
        printf("{\"url\":\"%s/billing/login?link=%s\",\"valid_s\":%d}\n",
               cli->billing, token.text, PP_TOKEN_LINK_S);
    else
        printf("%s/billing/login?link=%s\n\nIt opens the account's pages once, "
               "within %d minutes.\n",
               cli->billing, token.text, PP_TOKEN_LINK_S / 60);
    return 0;
}
