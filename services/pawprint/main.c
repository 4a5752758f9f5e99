/*
 * pawprint - what people run by hand, and what sets an installation up.
 *
 * Each command is a row below and a file beside this one. Exit codes: 0 done,
 * 1 failed (or, of balance and prove, the numbers differ), 2 called wrongly.
 */
#include <stdio.h>

#include "pp_mem.h"
#include "pp_service.h"

#include "cli.h"
#include "store.h"
#include "stripe.h"

#define REWIND_USAGE "--from beginning|TIME|OFFSET [--partition N] [--yes]"
#define REWIND_HELP                                                            \
    "has the writers ask again what is stored, and store what is missing; "    \
    "while they are stopped"

#define SYNC_HELP "asks Stripe, and makes the profile say, what"

static const struct command commands[] = {
    {"migrate", "", "brings Postgres and ClickHouse up to date",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, migrate_run},
    {"topics list", "[--partitions N]",
     "prints the topics that it would create, and their settings", 0,
     topics_list_run},
    {"topics", "[--partitions N] [--replicas N]",
     "creates the Kafka topics that are missing", NEEDS_POSTGRES | NEEDS_KAFKA,
     topics_run},
    {"account create",
     "--name NAME --mail OWNER [--zone ZONE] [--locale LOCALE]",
     "creates an account and prints its id", NEEDS_POSTGRES,
     account_create_run},
    {"account plan", "ID CODE", "puts an account on another plan, at once",
     NEEDS_POSTGRES, account_plan_run},
    {"account block", "ID --reason TEXT",
     "takes no hits of the account until it is unblocked", NEEDS_POSTGRES,
     account_block_run},
    {"account unblock", "ID", "takes hits of the account again", NEEDS_POSTGRES,
     account_unblock_run},
    {"account token create", "ID --role owner|billing [--name NAME]",
     "makes a token with which a program acts for the account, and prints it",
     NEEDS_POSTGRES, token_create_run},
    {"account token list", "ID", "lists an account's tokens, without secrets",
     NEEDS_POSTGRES, token_list_run},
    {"account token revoke", "ID TOKEN", "makes a token void, at once",
     NEEDS_POSTGRES, token_revoke_run},
    {"account login-link", "ID [--role owner|billing]",
     "prints a link that opens the account's pages, once, within 10 minutes",
     NEEDS_POSTGRES, login_link_run},
    {"account close", "ID",
     "takes no hits of the account; what is stored stays for 72 hours",
     NEEDS_POSTGRES, account_close_run},
    {"account restore", "ID",
     "takes hits of a closed account again, within 72 hours", NEEDS_POSTGRES,
     account_restore_run},
    {"billing events list",
     "[--state STATE] [--customer ID] [--type TYPE] [--limit N]",
     "lists what Stripe told, the latest first", NEEDS_POSTGRES,
     billing_events_list_run},
    {"billing events show", "EVENT", "shows an event as it came",
     NEEDS_POSTGRES, billing_events_show_run},
    {"billing events replay", "EVENT | --type TYPE --since TIME",
     "has events done once more", NEEDS_POSTGRES, billing_events_replay_run},
    {"billing dead list", "", "lists events that failed too often",
     NEEDS_POSTGRES, billing_dead_list_run},
    {"billing dead retry", "EVENT | --all", "has them tried again, from now on",
     NEEDS_POSTGRES, billing_dead_retry_run},
    {"billing sync customer", "ID [--dry-run]", SYNC_HELP " a customer has",
     NEEDS_POSTGRES | NEEDS_STRIPE, billing_sync_customer_run},
    {"billing sync account", "ID [--dry-run]", SYNC_HELP " an account has",
     NEEDS_POSTGRES | NEEDS_STRIPE, billing_sync_account_run},
    {"billing sync all", "[--dry-run]", SYNC_HELP " each customer has",
     NEEDS_POSTGRES | NEEDS_STRIPE, billing_sync_all_run},
    {"billing reconcile", "--undelivered [--since TIME]",
     "fetches events that Stripe could not deliver; of 3 days, or since then",
     NEEDS_POSTGRES | NEEDS_STRIPE, billing_reconcile_run},
    {"billing catalogue check", "",
     "asks Stripe whether the prices of the plan catalogue are there",
     NEEDS_STRIPE, billing_catalogue_check_run},
    {"billing verify", "--header TEXT --body FILE [--secret-file FILE]",
     "says whether a webhook was signed with one of the secrets, and when", 0,
     billing_verify_run},
    {"billing secrets list", "[--secret-file FILE]",
     "lists the labels of the webhook's secrets and when they end", 0,
     billing_secrets_list_run},
    {"capacity show", "ID",
     "shows an account's plan, limit, usage and state, and how it came to it",
     NEEDS_POSTGRES, capacity_show_run},
    {"capacity explain", "SITE|ID",
     "says in words what becomes of hits, and why", NEEDS_POSTGRES,
     capacity_explain_run},
    {"capacity override",
     "ID --reason TEXT [--limit N|unlimited] [--grace-days N] [--remove]",
     "gives an account a limit or grace of its own instead of its plan's",
     NEEDS_POSTGRES, capacity_override_run},
    {"capacity credit", "ID --events N --reason TEXT",
     "adds events to the account's limit, in this usage window only",
     NEEDS_POSTGRES, capacity_credit_run},
    {"capacity apply", "[--dry-run]",
     "puts the plan catalogue in force, and says whom it puts over the limit",
     NEEDS_POSTGRES, capacity_apply_run},
    {"site create",
     "--account ID --name NAME [--origins 'HOST HOST'] [--zone ZONE] "
     "[--retention 90|400|1100]",
     "creates a site and prints its snippet", NEEDS_POSTGRES, site_create_run},
    {"site list", "[--account ID]", "lists sites", NEEDS_POSTGRES,
     site_list_run},
    {"site pause", "SITE", "takes no hits of the site until it is resumed",
     NEEDS_POSTGRES, site_pause_run},
    {"site resume", "SITE", "takes hits of a paused or deleted site again",
     NEEDS_POSTGRES, site_resume_run},
    {"site delete", "SITE", "takes no hits of the site; its rows stay",
     NEEDS_POSTGRES, site_delete_run},
    {"erase site", "SITE [--yes] [--grace MS]",
     "erases a site and all its rows, for ever, and prints the receipt",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, erase_site_run},
    {"erase apply", "",
     "erases again what a restore has brought back of erased sites",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, erase_apply_run},
    {"try", "[--wait SECONDS]",
     "sends one hit to the collectors, and waits until it is stored",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, try_run},
    {"jobs list", "", "lists the jobs of all services, and how they stand",
     NEEDS_POSTGRES, jobs_list_run},
    {"jobs history",
     "JOB [--limit N] [--state due|running|done|failed|dead|skipped]",
     "shows what came of its runs, the newest first", NEEDS_POSTGRES,
     jobs_history_run},
    {"jobs next", "JOB [--count N]", "shows when it is due next",
     NEEDS_POSTGRES, jobs_next_run},
    {"jobs run", "JOB [--scope SCOPE]", "makes a run due now", NEEDS_POSTGRES,
     jobs_run_run},
    {"jobs pause", "JOB --reason TEXT", "begins no run of it until resumed",
     NEEDS_POSTGRES, jobs_pause_run},
    {"jobs resume", "JOB", "goes on with a paused job", NEEDS_POSTGRES,
     jobs_resume_run},
    {"jobs retry", "JOB [--scope SCOPE] [--at TIME]",
     "has dead and failed runs tried again; all, or of that scope or instant",
     NEEDS_POSTGRES, jobs_retry_run},
    {"jobs discard", "JOB --reason TEXT [--scope SCOPE] [--at TIME]",
     "gives dead and failed runs up; all, or of that scope or instant",
     NEEDS_POSTGRES, jobs_discard_run},
    {"job-run", "NAME [--lease SECONDS] [--beat WHERE] -- COMMAND [ARGUMENTS]",
     "runs a command as a run of the job NAME, and ends as it does", 0,
     job_run_run},
    {"stats", "SITE [--from TIME] [--to TIME]",
     "shows a site's visits, pages, sources, countries, browsers and speed",
     NEEDS_CLICKHOUSE, stats_run},
    {"balance", "[--wait SECONDS]",
     "shows received, stored, rejected, denied and lag; fails when they differ",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, balance_run},
    {"writer rewind", REWIND_USAGE, REWIND_HELP, NEEDS_KAFKA,
     writer_rewind_run},
    {"replay", REWIND_USAGE, REWIND_HELP, NEEDS_KAFKA, writer_rewind_run},
    {"rejects list", "[--stage STAGE] [--reason REASON]",
     "counts what was rejected, by stage and reason",
     NEEDS_POSTGRES | NEEDS_KAFKA, rejects_list_run},
    {"rejects replay", "[--stage STAGE] [--reason REASON] [--yes]",
     "puts rejected records back onto the topic they came from, each once",
     NEEDS_POSTGRES | NEEDS_KAFKA, rejects_replay_run},
    {"prove topics", "[--wait SECONDS]",
     "reads every event that Kafka keeps and shows that each is exactly one of "
     "stored, rejected, denied",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, prove_topics_run},
    {"rollup", "[--all | --day YYYY-MM-DD]",
     "makes visits and rollups of recent days equal to events; of all; of one",
     NEEDS_CLICKHOUSE, rollup_run},
    {"prove rollups", "",
     "compares visits and rollups with events, day by day; fails when one "
     "differs",
     NEEDS_CLICKHOUSE, prove_rollups_run},
    {"notify list",
     "[--account ID] [--state STATE] [--limit N] | --attempts MESSAGE | "
     "--suppressed",
     "lists messages to people; every attempt of one; who gets nothing more",
     NEEDS_POSTGRES, notify_list_run},
    {"notify resend", "MESSAGE [--lift] [--sent]",
     "has a message tried again now; --lift takes its target off the list of "
     "those who get nothing more, --sent does it also when it was sent",
     NEEDS_POSTGRES, notify_resend_run},
    {"notify bounce", "[FILE]",
     "takes in a mail about a delivery, from a file or a mail server's pipe",
     NEEDS_POSTGRES, notify_bounce_run},
    {"notify suppressed list", "", "lists who gets nothing more, and why",
     NEEDS_POSTGRES, notify_suppressed_list_run},
    {"notify suppressed remove", "TARGET",
     "takes an address, endpoint or number off that list", NEEDS_POSTGRES,
     notify_suppressed_remove_run},
    {"notify secret", "ACCOUNT",
     "shows what the account's webhooks are signed with", 0, notify_secret_run},
    {"notify preview", "KIND [--format html|text]",
     "shows how a kind of message looks, with an example's values", 0,
     notify_preview_run},
    {"report subscribe",
     "SITE --to RECIPIENT [--every day|week|month] [--at HH:MM] [--weekday "
     "mon] [--channel mail|slack|webhook]",
     "has a report of a site sent; whoever is not the owner is asked first",
     NEEDS_POSTGRES, report_subscribe_run},
    {"report list", "[--site SITE]", "lists who gets reports, and when next",
     NEEDS_POSTGRES, report_list_run},
    {"report preview",
     "SITE [--every day|week|month | --from DATE --to DATE] [--html]",
     "shows a report of the last whole week, or of any dates",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, report_preview_run},
    {"report send-test", "ID [--from DATE --to DATE]",
     "sends the last whole period, or those dates, once, as a test",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, report_send_test_run},
    {"report pause", "ID", "sends nothing until it is resumed", NEEDS_POSTGRES,
     report_pause_run},
    {"report resume", "ID", "sends again what was paused or disabled",
     NEEDS_POSTGRES, report_resume_run},
    {"report unsubscribe", "ID",
     "ends it; only its recipient can begin it again", NEEDS_POSTGRES,
     report_unsubscribe_run},
    {"alert add",
     "SITE usage|spike|drop|no_data|lcp|inp|cls|ttfb [--threshold N] [--window "
     "MINUTES] [--least N] [--repeat once|hourly|daily] [--quiet-from HH:MM "
     "--quiet-until HH:MM] [--channel mail|slack|webhook|sms] [--target WHERE]",
     "has the owner told when it holds, as far as the plan allows",
     NEEDS_POSTGRES, alert_add_run},
    {"alert list", "[SITE|ACCOUNT]", "shows alert rules and what they saw last",
     NEEDS_POSTGRES, alert_list_run},
    {"alert remove", "ALERT", "removes a rule; nothing more is said of it",
     NEEDS_POSTGRES, alert_remove_run},
    {"alert snooze", "ALERT [--hours N]",
     "says nothing of a rule for 24 hours, or so many; 0 ends it",
     NEEDS_POSTGRES, alert_snooze_run},
    {"alert test", "ALERT",
     "sends the message of a rule now, marked as a test; its state stays",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, alert_test_run},
    {"backup list", "", "the backups there are, the newest last", 0,
     backup_list_run},
    {"backup verify", "[ID]",
     "reads a backup, the newest or that one, to its last byte", 0,
     backup_verify_run},
    {"backup", "[--unencrypted]",
     "writes Postgres and ClickHouse to PAWPRINT_BACKUP_TARGET",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, backup_run},
    {"restore", "[ID] [--replace]",
     "puts a backup, the newest or that one, into empty databases",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, restore_run},
    {"drill", "[ID]",
     "restores a backup into databases of its own beside the live ones, "
     "compares, and drops them",
     NEEDS_POSTGRES | NEEDS_CLICKHOUSE, drill_run},
    {"usage show", "ACCOUNT [--back WINDOWS]",
     "shows what an account has used in its window, by site, and what was not "
     "accepted",
     NEEDS_POSTGRES, usage_show_run},
    {"usage reconcile", "[--hours N] [--lookback HOURS] [--wait SECONDS]",
     "compares usage with the distinct events in ClickHouse and corrects it",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, usage_reconcile_run},
    {"prove usage", "[--wait SECONDS]",
     "compares what was counted with what is stored, for every account and its "
     "window",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, prove_usage_run},
    {"prove", "[--wait SECONDS]",
     "every proof there is; rollups that trail fail it: `rollup` comes before",
     NEEDS_POSTGRES | NEEDS_KAFKA | NEEDS_CLICKHOUSE, prove_run},
};

static struct {
    struct store_options backup;
    const char *backup_key;
    struct pp_kafka_access kafka;
    struct pp_clickhouse_access clickhouse;
    const char *postgres;
    const char *prefix;
    const char *collector;
    const char *billing;
    const char *registry;
    const char *plans;
    const char *webhook_secret;
    struct stripe_options stripe;
    int stripe_mode;
} cfg = {.kafka.client_id = "pawprint"};

static const struct pp_setting common_settings[] = {
    PP_STR("PAWPRINT_TOPIC_PREFIX", &cfg.prefix, "pawprint.",
           "stands before the name of every topic"),
    PP_STR("PAWPRINT_COLLECTOR_URL", &cfg.collector, "https://collect.example",
           "address of the collectors, as pages see it"),
    PP_STR("PAWPRINT_BILLING_URL", &cfg.billing, "https://billing.example",
           "address of the billing pages, as customers see it; without a path"),
    PP_REGISTRY_SETTING(&cfg.registry),
    PP_PLANS_SETTING(&cfg.plans),
    PP_SECRET("PAWPRINT_WEBHOOK_SECRET", &cfg.webhook_secret, "",
              "as the notifier has it; each account's secret is made of it"),
    {0},
};
static const struct pp_setting postgres_settings[] = {
    PP_SECRET("PAWPRINT_POSTGRES_DSN", &cfg.postgres, NULL,
              "how to reach Postgres, as libpq takes it"),
    {0},
};
static const struct pp_setting kafka_settings[] = {
    PP_KAFKA_SETTINGS(&cfg.kafka),
    {0},
};
static const struct pp_setting clickhouse_settings[] = {
    PP_CLICKHOUSE_SETTINGS(&cfg.clickhouse),
    {0},
};

static const struct pp_setting backup_settings[] = {
    STORE_SETTINGS(&cfg.backup),
    PP_SECRET("PAWPRINT_BACKUP_KEY", &cfg.backup_key, "",
              "64 hexadecimal digits that backups are encrypted with; without "
              "it no backup can be read"),
    {0},
};

enum { MODE_TEST, MODE_LIVE };

static const char *key_wrong(const char *key)
{
    return stripe_key_wrong(key, cfg.stripe_mode == MODE_LIVE);
}

static const struct pp_setting stripe_settings[] = {
    PP_CHOICE("PAWPRINT_STRIPE_MODE", &cfg.stripe_mode, "test", "test live",
              "which of Stripe's modes this installation is of"),
    {.name = "PAWPRINT_STRIPE_KEY",
     .kind = PP_SETTING_SECRET,
     .to.text = &cfg.stripe.key,
     .fallback = "",
     .wrong = key_wrong,
     .help = "secret or restricted key of Stripe's API"},
    STRIPE_SETTINGS(&cfg.stripe),
    {0},
};

static void help(void)
{
    puts("usage: pawprint COMMAND [ARGUMENTS] [--json]\n");
    for (size_t i = 0; i < PP_COUNT(commands); i++)
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].usage,
               commands[i].help);
    puts("\nSettings, from the environment:\n");
    pp_config_help(common_settings, stdout);
    pp_config_help(postgres_settings, stdout);
    pp_config_help(kafka_settings, stdout);
    pp_config_help(clickhouse_settings, stdout);
    pp_config_help(backup_settings, stdout);
    pp_config_help(stripe_settings, stdout);
}

/* How many words of argv name the command; 0 when they don't. */
static int words_of(const struct command *command, int argc, char **argv)
{
    struct pp_str rest = pp_str_of(command->name), word;
    int count = 0;

    while (pp_str_split(&rest, ' ', &word)) {
        if (1 + count >= argc || !pp_str_eq(word, pp_str_of(argv[1 + count])))
            return 0;
        count++;
    }
    return count;
}

static int open_all(struct cli *cli, unsigned needs, struct pp_err *err)
{
    if (pp_config_load(common_settings, err) < 0)
        return -1;
    cli->prefix = cfg.prefix;
    cli->collector = cfg.collector;
    cli->billing = cfg.billing;
    cli->plans_path = cfg.plans;
    cli->webhook_secret = cfg.webhook_secret;
    if (pp_registry_open(&cli->registry, cfg.registry, err) < 0)
        return -1;
    if (needs & NEEDS_POSTGRES &&
        (pp_config_load(postgres_settings, err) < 0 ||
         pp_pg_open(&cli->pg, cfg.postgres, "pawprint", err) < 0))
        return -1;
    if (needs & NEEDS_KAFKA &&
        (pp_config_load(kafka_settings, err) < 0 ||
         pp_kafka_open(&cli->kafka, &cfg.kafka, err) < 0))
        return -1;
    cli->kafka_access = cfg.kafka;
    if (needs & NEEDS_CLICKHOUSE &&
        (pp_config_load(clickhouse_settings, err) < 0 ||
         pp_clickhouse_open(&cli->clickhouse, &cfg.clickhouse, err) < 0))
        return -1;
    if (needs & NEEDS_STRIPE && pp_config_load(stripe_settings, err) < 0)
        return -1;
    if (pp_config_load(backup_settings, err) < 0)
        return -1;
    cli->postgres_dsn = cfg.postgres;
    cli->clickhouse_access = cfg.clickhouse;
    cli->backup = &cfg.backup;
    cli->backup_key = cfg.backup_key;
    cli->stripe = &cfg.stripe;
    cli->is_live = cfg.stripe_mode == MODE_LIVE;
    return 0;
}

static void close_all(struct cli *cli)
{
    pp_clickhouse_close(&cli->clickhouse);
    pp_kafka_close(&cli->kafka);
    pp_pg_close(&cli->pg);
    pp_plans_close(&cli->plans);
    pp_registry_close(&cli->registry);
}

static int run(const struct command *command, struct cli *cli, int argc,
               char **argv)
{
    struct pp_err err = {0};
    int result = cli_check_options(command->usage, argc, argv, &err);

    if (result == 0)
        result = open_all(cli, command->needs, &err);
    if (result == 0)
        result = command->run(cli, argc, argv, &err);
    close_all(cli);
    if (result >= 0)
        return result;
    fprintf(stderr, "pawprint %s: %s\n", command->name, err.msg);
    return err.kind == PP_ERR_FATAL ? PP_EXIT_MISCONFIGURED : PP_EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    bool wants_help;

    cli.json = cli_flag(&argc, argv, "--json");
    wants_help = cli_flag(&argc, argv, "--help");
    for (size_t i = 0; i < PP_COUNT(commands); i++) {
        int words = words_of(&commands[i], argc, argv);

        if (words == 0)
            continue;
        if (wants_help) {
            printf("usage: pawprint %s %s [--json]\n\n%s\n", commands[i].name,
                   commands[i].usage, commands[i].help);
            return PP_EXIT_STOPPED;
        }
        return run(&commands[i], &cli, argc - 1 - words, argv + 1 + words);
    }
    if (argc < 2) {
        help();
        return wants_help ? PP_EXIT_STOPPED : PP_EXIT_MISCONFIGURED;
    }
    fprintf(stderr, "pawprint: no command '%s'; --help lists them\n", argv[1]);
    return PP_EXIT_MISCONFIGURED;
}
