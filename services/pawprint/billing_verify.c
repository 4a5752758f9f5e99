/*
 * Whether a webhook is Stripe's: for those who look why one was refused. It
 * needs the file of the secrets, and prints none of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "pp_mem.h"
#include "pp_time.h"

#include "cli.h"
#include "signature.h"
#include "webhook.h"

#define TOLERANCE_S 300

/* A whole file, or as far as the limit goes and a byte more. */
static int read_file(const char *path, size_t limit, struct pp_buf *out,
                     struct pp_err *err)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t n;

    pp_buf_init(out, limit);
    if (!file)
        return pp_err_sys(err, PP_ERR_FATAL, "%s", path);
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        pp_buf_add(out, piece, n);
    fclose(file);
    if (out->overflow)
        return pp_err_set(err, PP_ERR_INVALID, "%s is too large", path);
    return 0;
}

static int read_secrets(int argc, char **argv, struct secrets *secrets,
                        struct pp_err *err)
{
    const char *path = cli_option(argc, argv, "--secret-file",
                                  getenv("PAWPRINT_STRIPE_SECRETS"));
    struct pp_buf text;
    int result;

    if (!path)
        return cli_usage(err, "--secret-file is needed");
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    result = read_file(path, SECRETS_FILE_BYTES, &text, err);
    if (result == 0)
        result = secrets_read(pp_buf_str(&text), secrets, err);
    sodium_memzero(text.p, text.n);
    pp_buf_fini(&text);
    return result;
}

int billing_verify_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    const char *header = cli_option(argc, argv, "--header", NULL);
    const char *path = cli_option(argc, argv, "--body", NULL);
    enum signature_verdict verdict;
    struct secrets secrets;
    struct pp_buf body;
    const char *label;
    int result;

    if (!header || !path)
        return cli_usage(err, "--header and --body are needed");
    if (read_secrets(argc, argv, &secrets, err) < 0)
        return -1;
    result = read_file(path, WEBHOOK_BODY_BYTES, &body, err);
    if (result == 0) {
        verdict =
            signature_check(pp_str_of(header), pp_buf_str(&body),
                            pp_wall_now().ms, TOLERANCE_S, &secrets, &label);
        printf(cli->json ? "{\"verdict\":\"%s\",\"label\":\"%s\"}\n"
                         : "%s %s\n",
               signature_verdict_name(verdict), label);
        result = verdict != SIGNATURE_GOOD;
    }
    pp_buf_fini(&body);
    sodium_memzero(&secrets, sizeof(secrets));
    return result;
}

int billing_secrets_list_run(struct cli *cli, int argc, char **argv,
                             struct pp_err *err)
{
    int64_t now_ms = pp_wall_now().ms;
    struct secrets secrets;

    if (read_secrets(argc, argv, &secrets, err) < 0)
        return -1;
    for (size_t i = 0; i < secrets.count; i++) {
        const struct secret *one = &secrets.list[i];
        const char *state = !one->not_after_ms           ? "good"
                            : now_ms < one->not_after_ms ? "ending"
                                                         : "over";
        char end[32] = "";

        if (one->not_after_ms)
            pp_wall_text((struct pp_wall){one->not_after_ms}, end);
        printf(cli->json ? "%s{\"label\":\"%s\",\"state\":\"%s\","
                           "\"not_after\":\"%s\"}%s"
                         : "%s%-16s %-6s %s%s",
               cli->json ? (i ? "," : "[") : "", one->label, state, end,
               cli->json ? (i + 1 == secrets.count ? "]\n" : "") : "\n");
    }
    sodium_memzero(&secrets, sizeof(secrets));
    return 0;
}
