#ifndef CLI_H
#define CLI_H

#include "pp_clickhouse.h"
#include "pp_config.h"
#include "pp_pg.h"
#include "pp_plans.h"
#include "pp_producer.h"
#include "pp_registry.h"

struct store_options;

/*
 * What every command of the pawprint CLI gets: the connections that it says
 * it needs, opened, and how to print.
 */
struct cli {
    bool json; /* one JSON document on stdout instead of text */
    const char *prefix;
    const char *collector; /* where pages fetch the script from */
    const char *billing;   /* where customers reach the billing pages */
    const char *plans_path;
    struct pp_plans *plans;     /* of cli_capacity_ready() */
    const char *webhook_secret; /* the installation's, or empty */
    struct pp_kafka_access kafka_access;
    struct pp_registry *registry;
    struct pp_pg *pg;
    struct pp_kafka *kafka;
    struct pp_clickhouse *clickhouse;
    const struct stripe_options *stripe; /* where a command needs Stripe */
    bool is_live;                        /* Stripe's mode */
    /* For those that open more than the above: a drill's own databases. */
    const char *postgres_dsn;
    struct pp_clickhouse_access clickhouse_access;
    const struct store_options *backup; /* where backups go */
    const char *backup_key;
};

/* What a command needs; its run() may count on it. */
enum {
    NEEDS_POSTGRES = 1,
    NEEDS_KAFKA = 2,
    NEEDS_CLICKHOUSE = 4,
    NEEDS_STRIPE = 8
};

struct command {
    const char *name;  /* "site create" */
    const char *usage; /* its own arguments */
    const char *help;
    unsigned needs;
    /* argv[0] is the first argument. 0, an exit code above 0, or -1. */
    int (*run)(struct cli *cli, int argc, char **argv, struct pp_err *err);
};

/* The value behind an option such as "--name", or fallback. */
const char *cli_option(int argc, char **argv, const char *name,
                       const char *fallback);

/* The n-th argument that is no option and no option's value, or NULL. */
const char *cli_argument(int argc, char **argv, int n);

/* Takes a flag such as "--yes" out of the arguments: was it there? What stands
 * behind "--" is another program's. */
bool cli_flag(int *argc, char **argv, const char *name);

/*
 * Are the options among the arguments those that usage names, as in
 * "SITE [--limit N] [--all]", each with its value? What stands behind "--" is
 * another program's. PP_ERR_FATAL says which is not.
 */
int cli_check_options(const char *usage, int argc, char **argv,
                      struct pp_err *err);

/*
 * Has a person at a terminal type word after the warning. PP_ERR_FATAL: nobody
 * is there; PP_ERR_INVALID: something else was typed.
 */
int cli_confirm(const char *warning, const char *word, struct pp_err *err);

int cli_usage(struct pp_err *err, const char *what);

/* Rows as a table, or as a JSON array of objects of texts. */
void cli_print_rows(const struct cli *cli, const struct pp_pg_rows *rows,
                    const char *const *names, const int *widths, int columns);

/* Puts the site as it now is into the outbox, in the open transaction. */
int site_tell(struct cli *cli, const char *site_id, struct pp_err *err);

/* One answer of ClickHouse, trimmed; valid until the next. parameters may be
 * NULL. */
int cli_ask(struct cli *cli, const char *sql,
            const struct pp_clickhouse_value *parameters, int timeout_ms,
            struct pp_str *answer_out, struct pp_err *err);

/* Reads the plan catalogue, and has pp_capacity work with it. */
int cli_capacity_ready(struct cli *cli, struct pp_err *err);

/* Every store up to this migration; 0: all there are. How many were applied,
 * or -1. quiet: nothing is printed. */
int migrate_to(struct cli *cli, int postgres, int clickhouse, bool quiet,
               struct pp_err *err);

/* Erases again what came back of erased sites: of how many, how many rows. */
int erase_apply(struct cli *cli, bool print, int *sites_out, int64_t *rows_out,
                struct pp_err *err);

/* Makes every day of visits and rollups right; days that are not, -1. */
int64_t rollup_all(struct cli *cli, struct pp_err *err);

int backup_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int backup_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int backup_verify_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int restore_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int drill_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int migrate_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int topics_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int topics_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int account_create_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int site_create_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int site_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int site_pause_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int site_resume_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int site_delete_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int erase_site_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int erase_apply_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int try_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int stats_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int prove_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int prove_topics_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int writer_rewind_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int rejects_list_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int rejects_replay_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int balance_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int rollup_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int prove_rollups_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int account_plan_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int account_block_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int account_unblock_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err);
int token_create_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int token_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int token_revoke_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int login_link_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int account_close_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int account_restore_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err);
int billing_events_list_run(struct cli *cli, int argc, char **argv,
                            struct pp_err *err);
int billing_events_show_run(struct cli *cli, int argc, char **argv,
                            struct pp_err *err);
int billing_events_replay_run(struct cli *cli, int argc, char **argv,
                              struct pp_err *err);
int billing_dead_list_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err);
int billing_dead_retry_run(struct cli *cli, int argc, char **argv,
                           struct pp_err *err);
int billing_sync_customer_run(struct cli *cli, int argc, char **argv,
                              struct pp_err *err);
int billing_sync_account_run(struct cli *cli, int argc, char **argv,
                             struct pp_err *err);
int billing_sync_all_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err);
int billing_reconcile_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err);
int billing_catalogue_check_run(struct cli *cli, int argc, char **argv,
                                struct pp_err *err);
int billing_verify_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int billing_secrets_list_run(struct cli *cli, int argc, char **argv,
                             struct pp_err *err);
int capacity_show_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int capacity_explain_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err);
int capacity_override_run(struct cli *cli, int argc, char **argv,
                          struct pp_err *err);
int capacity_credit_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err);
int capacity_apply_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int notify_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int notify_resend_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int notify_bounce_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int notify_suppressed_list_run(struct cli *cli, int argc, char **argv,
                               struct pp_err *err);
int notify_suppressed_remove_run(struct cli *cli, int argc, char **argv,
                                 struct pp_err *err);
int notify_secret_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int notify_preview_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int usage_show_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int usage_reconcile_run(struct cli *cli, int argc, char **argv,
                        struct pp_err *err);
int alert_add_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int alert_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int alert_remove_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int alert_test_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int alert_snooze_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int report_subscribe_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err);
int report_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int report_preview_run(struct cli *cli, int argc, char **argv,
                       struct pp_err *err);
int report_send_test_run(struct cli *cli, int argc, char **argv,
                         struct pp_err *err);
int report_pause_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int report_resume_run(struct cli *cli, int argc, char **argv,
                      struct pp_err *err);
int report_unsubscribe_run(struct cli *cli, int argc, char **argv,
                           struct pp_err *err);
int jobs_list_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_history_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int jobs_next_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_run_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_pause_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_resume_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_retry_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int jobs_discard_run(struct cli *cli, int argc, char **argv,
                     struct pp_err *err);
int job_run_run(struct cli *cli, int argc, char **argv, struct pp_err *err);
int prove_usage_run(struct cli *cli, int argc, char **argv, struct pp_err *err);

#endif
