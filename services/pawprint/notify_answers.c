/*
 * What mail servers answered to messages: mails that came back, and who gets
 * nothing more because of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "pp_bounce.h"
#include "pp_json.h"

#include "cli.h"

#define MAIL_BYTES ((size_t)1 << 20) /* what is longer is read so far */

static int read_mail(const char *path, struct pp_buf *mail, struct pp_err *err)
{
    FILE *file = path && strcmp(path, "-") != 0 ? fopen(path, "r") : stdin;
    char piece[4096];
    size_t n;

    if (!file)
        return pp_err_set(err, PP_ERR_INVALID, "%s can't be opened: %s", path,
                          strerror(errno));
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0 &&
           mail->n + n <= MAIL_BYTES)
        pp_buf_add(mail, piece, n);
    if (file != stdin)
        fclose(file);
    return 0;
}

/*
 * For a mail server's pipe: when Postgres is away the exit code says that it
 * should try again, as sendmail's does. What was no report about a mail of ours
 * is no failure: a bounce of a bounce would help nobody.
 */
int notify_bounce_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err)
{
    enum pp_bounce bounce = PP_BOUNCE_NO_REPORT;
    struct pp_buf mail;
    int result;

    pp_buf_init(&mail, MAIL_BYTES);
    result = read_mail(cli_argument(argc, argv, 0), &mail, err);
    if (result == 0)
        result = pp_bounce_take(cli->pg, pp_buf_str(&mail), &bounce, err);
    if (result == 0)
        printf(cli->json ? "{\"result\":\"%s\"}\n" : "%s\n",
               pp_bounce_name(bounce));
    pp_buf_fini(&mail);
    if (result < 0 && err->kind == PP_ERR_AGAIN) {
        fprintf(stderr, "pawprint notify bounce: %s\n", err->msg);
        return EX_TEMPFAIL;
    }
    return result;
}

int notify_suppressed_remove_run(struct cli *cli, int argc, char **argv,
                                 struct pp_err *err)
{
    const char *target = cli_argument(argc, argv, 0);
    struct pp_pg_rows rows;
    struct pp_buf quoted;
    int result;

    if (!target)
        return cli_usage(err, "which target? an address, a URL or a number");
    result = pp_pg_query(cli->pg,
                         "DELETE FROM suppression WHERE target = CASE channel "
                         "WHEN 'mail' THEN lower($1) ELSE $1 END",
                         1, &target, &rows, err);
    if (result == 0 && rows.changed == 0)
        result = pp_err_set(err, PP_ERR_INVALID, "nobody is suppressed there");
    if (result == 0) {
        pp_buf_init(&quoted, 4096);
        pp_json_add_str(&quoted, pp_str_of(target));
        pp_buf_add_byte(&quoted, '\0');
        if (cli->json)
            printf("{\"removed\":%s}\n", quoted.p);
        else
            printf("%s gets messages again\n", target);
        pp_buf_fini(&quoted);
    }
    pp_pg_rows_fini(&rows);
    return result;
}
