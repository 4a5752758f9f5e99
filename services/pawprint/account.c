/*
 * Accounts and sites. A site's change and its outbox row are one transaction:
 * the relay then tells every collector.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_registry.h"
#include "pp_zones.h"

#include "cli.h"
#include "site.h"

#define ID_BYTES     13 /* twelve characters and a NUL */
#define RECORD_BYTES ((size_t)64 << 10)

/* Twelve characters of a-z0-9: 62 bits, so that nobody guesses one. */
static int random_id(char id_out[static ID_BYTES], struct pp_err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char byte;
    int count = 0;

    while (count < ID_BYTES - 1) {
        if (getrandom(&byte, 1, 0) != 1)
            return pp_err_sys(err, PP_ERR_FATAL, "getrandom");
        if (byte < 252) /* 7 times 36: no letter is likelier */
            id_out[count++] = letters[byte % 36];
    }
    id_out[count] = '\0';
    return 0;
}

/* --zone by the name that it has now; UTC where nothing is said. */
static int zone_option(int argc, char **argv,
                       char zone_out[static PP_ZONE_NAME_BYTES],
                       struct pp_err *err)
{
    const char *text = cli_option(argc, argv, "--zone", "UTC");
    struct pp_zones *zones = NULL;
    struct pp_zone *zone = NULL;
    int result = pp_zones_open(&zones, PP_ZONES_FOLDER, 1, 0, err);

    if (result == 0)
        result = pp_zones_get(zones, pp_str_of(text), &zone, err);
    if (result == 0)
        result = pp_zones_canonical(zones, pp_str_of(text), zone_out, err);
    else if (err->kind == PP_ERR_INVALID)
        pp_err_set(err, PP_ERR_INVALID,
                   "--zone %s: there is no such time zone; they are called "
                   "like Europe/Berlin, America/New_York or UTC",
                   text);
    pp_zone_free(&zone);
    pp_zones_close(&zones);
    return result;
}

int account_create_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err)
{
    char id[ID_BYTES], zone[PP_ZONE_NAME_BYTES];
    const char *values[] = {
        id,
        cli_option(argc, argv, "--name", NULL),
        cli_option(argc, argv, "--mail", NULL),
        zone,
        cli_option(argc, argv, "--locale", "en"),
    };

    if (!values[1] || !values[2])
        return cli_usage(err, "--name and --mail are needed");
    if (zone_option(argc, argv, zone, err) < 0 || random_id(id, err) < 0 ||
        pp_pg_exec(cli->pg,
                   "INSERT INTO account (account_id, name, owner_mail, zone, "
                   "locale) VALUES ($1, $2, $3, $4, $5)",
                   5, values, err) < 0)
        return -1;
    printf(cli->json ? "{\"account\":\"%s\"}\n" : "%s\n", id);
    return 0;
}

/* The site as its row says, framed, as text of a bytea. */
static void site_record(const struct cli *cli, const struct pp_pg_rows *rows,
                        struct pp_buf *text)
{
    static const char *const statuses[] = {"active", "paused", "deleted",
                                           "erased"};
    struct site site = {
        .site_id = pp_str_of(pp_pg_text(rows, 0, 0)),
        .account_id = pp_str_of(pp_pg_text(rows, 0, 1)),
        .version = pp_pg_int64(rows, 0, 2),
        .changed_at_ms = pp_pg_int64(rows, 0, 4),
        .origins = pp_str_of(pp_pg_text(rows, 0, 5)),
        .zone = pp_str_of(pp_pg_text(rows, 0, 6)),
        .retention_days = (int32_t)pp_pg_int64(rows, 0, 7),
    };
    struct pp_buf record;

    for (size_t i = 0; i < PP_COUNT(statuses); i++)
        if (strcmp(statuses[i], pp_pg_text(rows, 0, 3)) == 0)
            site.status = (enum site_status)i;
    pp_buf_init(&record, RECORD_BYTES);
    pp_registry_put(cli->registry, SITE_FINGERPRINT, &record);
    site_encode(&site, &record);
    pp_pg_add_bytea(text, pp_buf_str(&record));
    pp_buf_add_byte(text, '\0');
    pp_buf_fini(&record);
}

int site_tell(struct cli *cli, const char *site_id, struct pp_err *err)
{
    const char *values[] = {site_id, NULL};
    char topic[200];
    struct pp_pg_rows rows;
    struct pp_buf text;
    int result;

    snprintf(topic, sizeof(topic), "%ssites.v1", cli->prefix);
    if (pp_registry_learn(cli->registry, topic, site_schema, SITE_FINGERPRINT,
                          err) < 0)
        return -1;
    pp_buf_init(&text, 2 * RECORD_BYTES + 3);
    result = pp_pg_query(cli->pg,
                         "SELECT site_id, account_id, version, status, "
                         "(extract(epoch FROM changed_at) * 1000)::bigint, "
                         "array_to_string(origins, ' '), zone, retention_days "
                         "FROM site WHERE site_id = $1",
                         1, values, &rows, err);
    if (result == 0) {
        site_record(cli, &rows, &text);
        values[1] = text.p;
        result = pp_pg_exec(cli->pg,
                            "INSERT INTO outbox (topic, key, value) VALUES "
                            "('sites.v1', convert_to($1, 'UTF8'), $2::bytea)",
                            2, values, err);
    }
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&text);
    return result;
}

/* With the snippet, which is all that a page needs. */
static void print_site(const struct cli *cli, const char *id)
{
    struct pp_buf snippet;

    pp_buf_init(&snippet, RECORD_BYTES);
    pp_buf_printf(&snippet,
                  "<script defer src=\"%s/s.js\" data-site=\"%s\"></script>",
                  cli->collector, id);
    if (cli->json) {
        struct pp_buf line;

        pp_buf_init(&line, RECORD_BYTES);
        pp_buf_printf(&line, "{\"site\":\"%s\",\"snippet\":", id);
        pp_json_add_str(&line, pp_buf_str(&snippet));
        printf("%.*s}\n", PP_ARG(pp_buf_str(&line)));
        pp_buf_fini(&line);
    } else {
        printf("%s\n\nPut this into the head of every page:\n\n  %.*s\n", id,
               PP_ARG(pp_buf_str(&snippet)));
    }
    pp_buf_fini(&snippet);
}

int site_create_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    char id[ID_BYTES], zone[PP_ZONE_NAME_BYTES];
    const char *values[] = {
        id,
        cli_option(argc, argv, "--account", NULL),
        cli_option(argc, argv, "--name", NULL),
        cli_option(argc, argv, "--origins", ""),
        zone,
        cli_option(argc, argv, "--retention", "400"),
    };

    if (!values[1] || !values[2])
        return cli_usage(err, "--account and --name are needed");
    if (zone_option(argc, argv, zone, err) < 0 || random_id(id, err) < 0 ||
        pp_pg_begin(cli->pg, err) < 0)
        return -1;
    if (pp_pg_exec(cli->pg,
                   "INSERT INTO site (site_id, account_id, name, origins, "
                   "zone, retention_days) VALUES ($1, $2, $3, array_remove("
                   "string_to_array(lower($4), ' '), ''), $5, $6)",
                   6, values, err) < 0 ||
        site_tell(cli, id, err) < 0) {
        pp_pg_rollback(cli->pg);
        return -1;
    }
    if (pp_pg_commit(cli->pg, err) < 0)
        return -1;
    print_site(cli, id);
    return 0;
}

static void site_print(const struct pp_pg_rows *rows, int i, bool json)
{
    static const char *const names[] = {"site", "account", "status", "name",
                                        "origins"};
    struct pp_buf line;

    if (!json) {
        printf("%-14s %-14s %-8s %s %s\n", pp_pg_text(rows, i, 0),
               pp_pg_text(rows, i, 1), pp_pg_text(rows, i, 2),
               pp_pg_text(rows, i, 3), pp_pg_text(rows, i, 4));
        return;
    }
    pp_buf_init(&line, RECORD_BYTES);
    for (int c = 0; c < (int)PP_COUNT(names); c++) {
        pp_buf_printf(&line, "%s\"%s\":", c ? "," : i ? ",{" : "{", names[c]);
        pp_json_add_str(&line, pp_str_of(pp_pg_text(rows, i, c)));
    }
    printf("%.*s}", PP_ARG(pp_buf_str(&line)));
    pp_buf_fini(&line);
}

int site_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *values[] = {cli_option(argc, argv, "--account", NULL)};
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(cli->pg,
                         "SELECT site_id, account_id, status, name, "
                         "array_to_string(origins, ' ') FROM site "
                         "WHERE $1::text IS NULL OR account_id = $1 "
                         "ORDER BY created_at, site_id",
                         1, values, &rows, err);
    if (cli->json && result == 0)
        printf("[");
    for (int i = 0; result == 0 && i < rows.count; i++)
        site_print(&rows, i, cli->json);
    if (cli->json && result == 0)
        puts("]");
    pp_pg_rows_fini(&rows);
    return result;
}
