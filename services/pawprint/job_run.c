/*
 * A command of somebody else's, seen as a run of a job: what a cron container
 * does is then in job_run like all the rest.
 *
 * Nothing that Postgres does keeps the command from running or changes how it
 * ends; what could not be written is said on stderr.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pp_beat.h"
#include "pp_mem.h"

#include "cli.h"

#define LEASE_S     "120"
#define LEASE_MAX   86400
#define NOT_FOUND   127
#define NOT_STARTED 126

struct wrapped {
    const char *name, *lease;
    const char *where; /* a beat goes there; or empty */
    struct pp_beat_run beat;
    char **command;
    struct pp_pg *pg;
    char scheduled_for[64], fence[24];
    bool recorded; /* the row is there, and ours */
};

static void complain(const char *what, struct pp_err *err)
{
    fprintf(stderr, "pawprint job-run: %s is not recorded: %s\n", what,
            err->msg);
    *err = (struct pp_err){0};
}

/* A watcher outside hears of it, too. */
static void beat(struct wrapped *run, enum pp_beat_event event)
{
    struct pp_err err = {0};

    if (run->where[0] && pp_beat(run->where, event, &run->beat, &err) < 0)
        fprintf(stderr, "pawprint job-run: no beat: %s\n", err.msg);
}

/* Each run has an instant of its own: the microsecond at which it began. */
static int begin(struct wrapped *run, struct pp_err *err)
{
    static const char sql[] =
        "WITH known AS (INSERT INTO job (job, service, catch_up, lease_s, "
        "attempts_max) VALUES ($1, 'outside', 'none', $2::int, 1) ON CONFLICT "
        "(job) DO UPDATE SET lease_s = EXCLUDED.lease_s, registered_at = "
        "pp_now() WHERE job.service = 'outside' RETURNING job), "
        "lost AS (UPDATE job_run SET state = 'dead', finished_at = pp_now(), "
        "error = 'its lease ran out' WHERE job = $1 AND state = 'running' AND "
        "lease_until <= pp_now() AND EXISTS (SELECT FROM known)) "
        "INSERT INTO job_run (job, scheduled_for, state, attempt, fence, "
        "lease_until, worker, started_at) SELECT job, pp_now(), 'running', 1, "
        "nextval('job_fence'), pp_now() + make_interval(secs => $2::int), "
        "'job-run', pp_now() FROM known RETURNING scheduled_for, fence";
    const char *values[] = {run->name, run->lease};
    struct pp_pg_rows rows;
    int result = pp_pg_query(run->pg, sql, 2, values, &rows, err);

    if (result == 0 && rows.count != 1)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "%s is the name of a service's job", run->name);
    if (result == 0) {
        snprintf(run->scheduled_for, sizeof(run->scheduled_for), "%s",
                 pp_pg_text(&rows, 0, 0));
        snprintf(run->fence, sizeof(run->fence), "%s", pp_pg_text(&rows, 0, 1));
        run->recorded = true;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

#define MINE                                                                   \
    " WHERE job = $1 AND scope = '' AND scheduled_for = $2::timestamptz AND "  \
    "fence = $3::bigint AND state = 'running'"

static void renew(struct wrapped *run)
{
    const char *values[] = {run->name, run->scheduled_for, run->fence,
                            run->lease};
    struct pp_err err = {0};

    if (run->recorded &&
        pp_pg_exec(run->pg,
                   "UPDATE job_run SET lease_until = pp_now() + "
                   "make_interval(secs => $4::int)" MINE,
                   4, values, &err) < 0)
        complain("that it goes on", &err);
}

static void finish(struct wrapped *run, int code, int64_t took_ms)
{
    char numbers[80], why[40] = "";
    const char *values[] = {run->name,  run->scheduled_for,
                            run->fence, code == 0 ? "done" : "dead",
                            numbers,    why};
    struct pp_err err = {0};

    snprintf(numbers, sizeof(numbers),
             "{\"exit_code\":%d,\"took_ms\":%" PRId64 "}", code, took_ms);
    if (code != 0)
        snprintf(why, sizeof(why), "exit code %d", code);
    if (run->recorded &&
        pp_pg_exec(run->pg,
                   "UPDATE job_run SET state = $4, finished_at = pp_now(), "
                   "numbers = $5::jsonb, error = $6" MINE,
                   6, values, &err) < 0)
        complain("its end", &err);
}

/* --- the command -----------------------------------------------------------
 */

/* Signals are taken by sigtimedwait(), so nothing happens behind our back. */
static void choose_signals(sigset_t *set)
{
    static const int passed[] = {SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
                                 SIGUSR1, SIGUSR2, SIGCHLD};

    sigemptyset(set);
    for (size_t i = 0; i < PP_COUNT(passed); i++)
        sigaddset(set, passed[i]);
}

static pid_t start(struct wrapped *run, const sigset_t *before)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    sigprocmask(SIG_SETMASK, before, NULL);
    execvp(run->command[0], run->command);
    fprintf(stderr, "pawprint job-run: %s: %s\n", run->command[0],
            strerror(errno));
    _exit(errno == ENOENT ? NOT_FOUND : NOT_STARTED);
}

/* Its exit code, as a shell would have it. */
static int watch(struct wrapped *run, pid_t pid, const sigset_t *set)
{
    const struct timespec pace = {.tv_sec = 1 + atoi(run->lease) / 3};
    int status, got;

    for (;;) {
        got = sigtimedwait(set, NULL, &pace);
        if (got < 0)
            renew(run);
        else if (got != SIGCHLD)
            kill(pid, got);
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                       : WEXITSTATUS(status);
    }
}

static int run_command(struct wrapped *run)
{
    struct timespec from, until;
    sigset_t set, before;
    pid_t pid;
    int code;

    pp_beat_run_init(&run->beat);
    beat(run, PP_BEAT_RUN);
    choose_signals(&set);
    sigprocmask(SIG_BLOCK, &set, &before);
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid = start(run, &before);
    if (pid < 0)
        perror("pawprint job-run");
    code = pid < 0 ? NOT_STARTED : watch(run, pid, &set);
    clock_gettime(CLOCK_MONOTONIC, &until);
    run->beat.exit_code = code;
    run->beat.took_ms = (until.tv_sec - from.tv_sec) * INT64_C(1000) +
                        (until.tv_nsec - from.tv_nsec) / 1000000;
    finish(run, code, run->beat.took_ms);
    beat(run, code == 0 ? PP_BEAT_DONE : PP_BEAT_FAIL);
    return code;
}

/* The words before "--" are ours; those behind it the command. */
int job_run_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const char *dsn = getenv("PAWPRINT_POSTGRES_DSN");
    struct wrapped run = {0};
    int own = 0, code;

    (void)cli;
    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    run.name = cli_argument(own, argv, 0);
    run.lease = cli_option(own, argv, "--lease", LEASE_S);
    if (!run.name || own + 1 >= argc)
        return cli_usage(err,
                         "the name of a job, --, and a command are needed");
    if (atoi(run.lease) < 1 || atoi(run.lease) > LEASE_MAX)
        return cli_usage(err, "--lease takes 1 to 86400 seconds");
    run.where = cli_option(own, argv, "--beat", "");
    if (run.where[0] && pp_beat_check(run.where, err) < 0)
        return -1;
    run.command = argv + own + 1;
    if (!dsn)
        pp_err_set(err, PP_ERR_AGAIN, "PAWPRINT_POSTGRES_DSN is not set");
    else if (pp_pg_open(&run.pg, dsn, "job-run", err) == 0)
        (void)begin(&run, err);
    if (!run.recorded)
        complain("the run", err);
    code = run_command(&run);
    pp_pg_close(&run.pg);
    return code;
}
