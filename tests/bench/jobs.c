/*
 * What runs of jobs cost Postgres, and what a relay of mails can take.
 *
 *   bench-jobs claims DSN JOB COUNT    COUNT runs of a job that does nothing
 *   bench-jobs floor DSN COUNT         as many rows of the table floor_queue,
 *                                      by the least that takes one safely
 *   bench-jobs fresh DSN JOB ACCOUNT   a run that has just become due
 *   bench-jobs ticks DSN COUNT         looks at which reports are due
 *   bench-jobs smtp PORT FILE LINKS COUNT    the mail of FILE, COUNT times
 *
 * All but smtp print microseconds: of half of them, of 99 in 100, of the
 * slowest. claims has the time until the job's function is called, then that
 * until the run's end is written; fresh prints the time from being due to
 * being claimed, and how many runs came before.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "pp_job.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "send.h"

#define LINKS_MAX 64
#define MAIL_MAX  ((size_t)256 << 10)

static struct {
    struct pp_mono began, claimed;
    char scope[PP_JOB_SCOPE_BYTES];
} turn;

static int fail(const struct pp_err *err)
{
    fprintf(stderr, "bench-jobs: %s\n", err->msg);
    return 1;
}

static int64_t us_between(struct pp_mono from, struct pp_mono to)
{
    return (to.ns - from.ns) / 1000;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print(int64_t *us, long n)
{
    qsort(us, (size_t)n, sizeof(*us), by_size);
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", us[n / 2], us[n * 99 / 100],
           us[n - 1]);
}

/* --- runs ------------------------------------------------------------------
 */

static int do_nothing(struct pp_job_run *run, void *context, struct pp_err *err)
{
    (void)context;
    (void)err;
    turn.claimed = pp_mono_now();
    snprintf(turn.scope, sizeof(turn.scope), "%s", run->scope);
    return 0;
}

static struct pp_jobs *jobs_of(const char *dsn, struct pp_job *job)
{
    struct pp_err err = {0};
    struct pp_jobs *jobs;

    job->lease_s = 60;
    job->attempts_max = 5;
    job->run = do_nothing;
    if (pp_jobs_open(&jobs, dsn, "bench", job, 1, NULL, &err) < 0)
        exit(fail(&err));
    return jobs;
}

static void one_turn(struct pp_jobs *jobs)
{
    enum pp_job_outcome outcome;
    const struct pp_job *job;
    struct pp_err err = {0};

    turn.began = pp_mono_now();
    if (pp_jobs_turn(jobs, &outcome, &job, &err) < 0)
        exit(fail(&err));
    if (outcome != PP_JOB_DONE) {
        fprintf(stderr, "bench-jobs: nothing was due\n");
        exit(1);
    }
}

static void claims(const char *dsn, const char *name, long count)
{
    struct pp_job job = {.name = name};
    struct pp_jobs *jobs = jobs_of(dsn, &job);
    int64_t *claim = pp_calloc((size_t)count, sizeof(*claim));
    int64_t *whole = pp_calloc((size_t)count, sizeof(*whole));

    one_turn(jobs); /* connects */
    for (long i = 0; i < count; i++) {
        one_turn(jobs);
        claim[i] = us_between(turn.began, turn.claimed);
        whole[i] = us_between(turn.began, pp_mono_now());
    }
    print(claim, count);
    print(whole, count);
    pp_jobs_close(&jobs);
    free(claim);
    free(whole);
}

static void fresh(const char *dsn, const char *name, const char *account)
{
    struct pp_job job = {.name = name};
    struct pp_jobs *jobs = jobs_of(dsn, &job);
    struct pp_mono due;
    struct pp_err err = {0};
    struct pp_pg *pg;
    long before = -1;

    one_turn(jobs);
    if (pp_pg_open(&pg, dsn, "bench", &err) < 0 ||
        pp_job_add_of(pg, name, account, account, "now", 0, &err) < 0)
        exit(fail(&err));
    due = pp_mono_now();
    do {
        one_turn(jobs);
        before++;
    } while (strcmp(turn.scope, account) != 0);
    printf("%" PRId64 " %ld\n", us_between(due, turn.claimed), before);
    pp_pg_close(&pg);
    pp_jobs_close(&jobs);
}

static void bare(const char *dsn, long count)
{
    static const char take[] =
        "UPDATE floor_queue SET state = 'running' WHERE id = (SELECT id FROM "
        "floor_queue WHERE state = 'due' ORDER BY id LIMIT 1 FOR UPDATE SKIP "
        "LOCKED) RETURNING id";
    int64_t *us = pp_calloc((size_t)count, sizeof(*us));
    struct pp_err err = {0};
    struct pp_pg *pg;

    if (pp_pg_open(&pg, dsn, "bench", &err) < 0)
        exit(fail(&err));
    for (long i = 0; i < count; i++) {
        struct pp_mono began = pp_mono_now();
        const char *values[1];
        struct pp_pg_rows rows;

        if (pp_pg_query(pg, take, 0, NULL, &rows, &err) < 0 || rows.count != 1)
            exit(fail(&err));
        us[i] = us_between(began, pp_mono_now());
        values[0] = pp_pg_text(&rows, 0, 0);
        if (pp_pg_exec(pg,
                       "UPDATE floor_queue SET state = 'done' WHERE id = "
                       "$1::bigint",
                       1, values, &err) < 0)
            exit(fail(&err));
        pp_pg_rows_fini(&rows);
    }
    print(us, count);
    pp_pg_close(&pg);
    free(us);
}

/* --- ticks -----------------------------------------------------------------
 */

static int keep_on(void *context, struct pp_job_run *run, struct pp_err *err)
{
    (void)context;
    (void)run;
    (void)err;
    return 0;
}

static void ticks(const char *dsn, long count)
{
    static struct pp_counter counters[5];
    struct send_context context = {.keep_on = keep_on,
                                   .planned = &counters[0],
                                   .missed = &counters[1],
                                   .sent = &counters[2],
                                   .empty = &counters[3],
                                   .disabled = &counters[4]};
    int64_t *us = pp_calloc((size_t)count, sizeof(*us));
    struct pp_job_run run = {0};
    struct pp_err err = {0};

    pp_buf_init(&run.numbers, MAIL_MAX);
    if (pp_zones_open(&context.zones, PP_ZONES_FOLDER, 1000, 600000, &err) <
            0 ||
        pp_pg_open(&run.pg, dsn, "bench", &err) < 0 ||
        pp_pg_exec(run.pg, "SELECT pp_now()", 0, NULL, &err) < 0)
        exit(fail(&err));
    for (long i = 0; i < count; i++) {
        struct pp_mono began = pp_mono_now();

        if (send_dispatch(&run, &context, &err) < 0)
            exit(fail(&err));
        us[i] = us_between(began, pp_mono_now());
    }
    print(us, count);
    pp_pg_close(&run.pg);
    pp_zones_close(&context.zones);
    pp_buf_fini(&run.numbers);
    free(us);
}

/* --- mails -----------------------------------------------------------------
 */

static void say(int fd, const char *words, size_t n)
{
    if (send(fd, words, n, MSG_NOSIGNAL) != (ssize_t)n)
        _exit(1);
}

/* Whether the answer's last line, which has no dash, is there. [RFC 5321,
 * section 4.2.1] */
static bool is_whole(const char *text, size_t n)
{
    size_t line = n;

    if (n < 5 || text[n - 1] != '\n')
        return false;
    while (line > 1 && text[line - 2] != '\n')
        line--;
    return text[line - 1 + 3] == ' ';
}

/* An answer, which begins as wanted. */
static void hear(int fd, const char *wanted)
{
    char text[1000];
    size_t have = 0;

    do {
        ssize_t n = recv(fd, text + have, sizeof(text) - have - 1, 0);

        if (n <= 0)
            _exit(1);
        have += (size_t)n;
        text[have] = '\0';
    } while (!is_whole(text, have));
    if (strncmp(text, wanted, 3) != 0)
        _exit(1);
}

static void talk(uint16_t port, const char *mail, size_t n, long count)
{
    static const char from[] = "MAIL FROM:<a@example.com>\r\n";
    static const char to[] = "RCPT TO:<b@example.com>\r\n";
    struct sockaddr_in relay = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&relay, sizeof(relay)) < 0)
        _exit(1);
    hear(fd, "220");
    say(fd, "EHLO bench\r\n", 12);
    hear(fd, "250");
    for (long i = 0; i < count; i++) {
        say(fd, from, strlen(from));
        hear(fd, "250");
        say(fd, to, strlen(to));
        hear(fd, "250");
        say(fd, "DATA\r\n", 6);
        hear(fd, "354");
        say(fd, mail, n);
        hear(fd, "250");
    }
    _exit(0);
}

static int smtp(uint16_t port, const char *path, int links, long count)
{
    FILE *file = fopen(path, "rb");
    char *mail = pp_malloc(MAIL_MAX);
    struct pp_mono began = pp_mono_now();
    int status, result = 0;
    size_t n;

    if (!file)
        return 1;
    n = fread(mail, 1, MAIL_MAX, file);
    fclose(file);
    for (int i = 0; i < links && i < LINKS_MAX; i++)
        if (fork() == 0)
            talk(port, mail, n, count / links);
    while (wait(&status) > 0)
        result |= status;
    free(mail);
    printf("%" PRId64 "\n", us_between(began, pp_mono_now()));
    return result ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (argc == 5 && strcmp(what, "claims") == 0)
        claims(argv[2], argv[3], strtol(argv[4], NULL, 10));
    else if (argc == 5 && strcmp(what, "fresh") == 0)
        fresh(argv[2], argv[3], argv[4]);
    else if (argc == 4 && strcmp(what, "floor") == 0)
        bare(argv[2], strtol(argv[3], NULL, 10));
    else if (argc == 4 && strcmp(what, "ticks") == 0)
        ticks(argv[2], strtol(argv[3], NULL, 10));
    else if (argc == 6 && strcmp(what, "smtp") == 0)
        return smtp((uint16_t)strtoul(argv[2], NULL, 10), argv[3],
                    (int)strtol(argv[4], NULL, 10), strtol(argv[5], NULL, 10));
    else
        return 2;
    return 0;
}
