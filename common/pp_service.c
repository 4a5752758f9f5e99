#include "pp_service.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pp_http.h"
#include "pp_httpc.h"
#include "pp_retry.h"
#include "pp_time.h"

#define STUCK_MS         60000
#define METRICS_BYTES    ((size_t)4 << 20)
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   10000
#define TURN_MS          200

static struct {
    const char *address;
    int port;
    const char *level;
} cfg;

static const struct pp_setting common_settings[] = {
    PP_STR("PAWPRINT_INTERNAL_ADDRESS", &cfg.address, "127.0.0.1",
           "IPv4 address of /livez, /readyz and /metrics"),
    PP_INT_RANGE("PAWPRINT_INTERNAL_PORT", &cfg.port, "0", 0, 65535,
                 "port of /livez, /readyz and /metrics; 0 takes a free one"),
    PP_STR("PAWPRINT_LOG_LEVEL", &cfg.level, "info",
           "debug, info, warn or error"),
    {0},
};

static struct {
    const char *name;
    atomic_bool stopping;
    atomic_bool ready;
    atomic_bool serving;
    _Atomic int64_t turned_ns;
    struct pp_http *http;
    pthread_t thread;
    struct pp_retry retry;
    struct pp_mono failed;
} self;

/* --- the internal port ---------------------------------------------------- */

static void say(struct pp_http_request *request, bool good)
{
    pp_http_reply(request, good ? 200 : 503, NULL,
                  good ? PP_LIT("ok\n") : PP_LIT("no\n"));
}

static void livez(struct pp_http_request *request, void *context)
{
    struct pp_mono turned = {self.turned_ns};

    (void)context;
    say(request, pp_mono_ms(turned, pp_mono_now()) < STUCK_MS);
}

static void readyz(struct pp_http_request *request, void *context)
{
    (void)context;
    say(request, self.ready && !self.stopping);
}

static void metrics(struct pp_http_request *request, void *context)
{
    static const struct pp_http_field fields[] = {
        {"Content-Type", "text/plain; version=0.0.4"}, {0}};
    struct pp_buf text;

    (void)context;
    pp_buf_init(&text, METRICS_BYTES);
    pp_metrics_write(&text);
    pp_http_reply(request, text.overflow ? 500 : 200, fields,
                  pp_buf_str(&text));
    pp_buf_fini(&text);
}

static const struct pp_http_route routes[] = {
    {"GET", "/livez", livez},
    {"GET", "/readyz", readyz},
    {"GET", "/metrics", metrics},
    {0},
};

static void *serve(void *unused)
{
    (void)unused;
    while (self.serving)
        pp_http_turn(self.http, TURN_MS);
    return NULL;
}

static int serve_start(struct pp_err *err)
{
    static const struct pp_http_limits limits = {
        .body_bytes = 1024,
        .header_bytes = 8192,
        .connections = 64,
        .idle_s = 30,
        .request_ms = 5000,
    };

    if (pp_http_open(&self.http, cfg.address, (uint16_t)cfg.port, routes, NULL,
                     &limits, err) < 0)
        return -1;
    self.serving = true;
    if (pthread_create(&self.thread, NULL, serve, NULL) != 0) {
        pp_http_close(&self.http);
        return pp_err_set(err, PP_ERR_FATAL, "no thread for the internal port");
    }
    return 0;
}

static void serve_stop(void)
{
    if (!self.http)
        return;
    self.serving = false;
    pp_http_wake(self.http);
    pthread_join(self.thread, NULL);
    pp_http_close(&self.http);
}

/* --- what the command line asks ------------------------------------------- */

static void help(const struct pp_setting *settings)
{
    printf("usage: %s [--help | --check | --settings | --health | --ready]\n\n"
           "Runs until SIGTERM. Settings come from the environment; NAME_FILE "
           "names a file\nthat holds one.\n\n",
           self.name);
    pp_config_help(settings, stdout);
    pp_config_help(common_settings, stdout);
    puts("\n  --check     says whether the settings are right, and ends\n"
         "  --settings  prints them as a table for the documentation\n"
         "  --health    asks the running service's /livez\n"
         "  --ready     asks its /readyz\n\n"
         "exit code: 0 stopped, 1 failed, 2 misconfigured");
}

static int ask(const char *path)
{
    static const struct pp_httpc_options options = {.connect_ms = 1000,
                                                    .answer_bytes = 65536};
    struct pp_httpc_call call = {.method = "GET", .timeout_ms = 2000};
    struct pp_httpc_answer answer = {0};
    struct pp_httpc *httpc = NULL;
    struct pp_err err = {0};
    char url[80];
    bool good;

    snprintf(url, sizeof(url), "http://%s:%d%s", cfg.address, cfg.port, path);
    call.url = url;
    good = pp_httpc_open(&httpc, &options, &err) == 0 &&
           pp_httpc_run(httpc, &call, &answer, &err) == 0 &&
           answer.status == 200;
    pp_httpc_close(&httpc);
    if (!good)
        fprintf(stderr, "%s: %s: %s\n", self.name, path,
                err.msg[0] ? err.msg : "no");
    return good ? PP_EXIT_STOPPED : PP_EXIT_FAILED;
}

static void misconfigured(const char *what)
{
    fprintf(stderr, "%s: %s\n", self.name, what);
    exit(PP_EXIT_MISCONFIGURED);
}

static void settings_load(const struct pp_setting *settings)
{
    enum pp_log_level level;
    struct pp_err err = {0};

    if (pp_config_load(common_settings, &err) < 0 ||
        pp_config_load(settings, &err) < 0)
        misconfigured(err.msg);
    if (!pp_log_level_of(cfg.level, &level))
        misconfigured("PAWPRINT_LOG_LEVEL: debug, info, warn or error");
    pp_log_open(self.name, level);
}

static void command_line(const struct pp_setting *settings, int argc,
                         char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--help") == 0) {
        help(settings);
        exit(PP_EXIT_STOPPED);
    }
    if (strcmp(word, "--settings") == 0) {
        pp_config_markdown(settings, stdout);
        pp_config_markdown(common_settings, stdout);
        exit(PP_EXIT_STOPPED);
    }
    if (argc > 2 ||
        (argc == 2 && strcmp(word, "--check") != 0 &&
         strcmp(word, "--health") != 0 && strcmp(word, "--ready") != 0))
        misconfigured("unknown argument; --help lists what there is");
    settings_load(settings);
    if (strcmp(word, "--check") == 0)
        exit(PP_EXIT_STOPPED);
    if (strcmp(word, "--health") == 0)
        exit(ask("/livez"));
    if (strcmp(word, "--ready") == 0)
        exit(ask("/readyz"));
}

/* --- life ----------------------------------------------------------------- */

static void on_signal(int number)
{
    (void)number;
    self.stopping = true;
}

static void take_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

void pp_service_init(const char *name, const struct pp_setting *settings,
                     int argc, char **argv)
{
    struct pp_err err = {0};

    self.name = name;
    command_line(settings, argc, argv);
    take_signals();
    self.turned_ns = pp_mono_now().ns;
    pp_retry_init(&self.retry, BACKOFF_FIRST_MS, BACKOFF_MAX_MS,
                  (uint64_t)getpid() ^ (uint64_t)pp_mono_now().ns);
    if (serve_start(&err) < 0)
        misconfigured(err.msg);
    pp_info("service.started", "internal_port=%d",
            (int)pp_http_port(self.http));
}

void pp_service_ready(void)
{
    if (!self.ready)
        pp_info("service.ready", NULL);
    self.ready = true;
}

void pp_service_not_ready(void)
{
    if (self.ready)
        pp_warn("service.not_ready", NULL);
    self.ready = false;
}

bool pp_service_running(void)
{
    self.turned_ns = pp_mono_now().ns;
    return !self.stopping;
}

void pp_service_backoff(struct pp_err *err)
{
    struct pp_mono now = pp_mono_now();
    int64_t wait_ms;

    /* Long without a failure: this is another outage than the last one. */
    if (pp_mono_ms(self.failed, now) > 2 * BACKOFF_MAX_MS)
        pp_retry_worked(&self.retry);
    wait_ms = pp_retry_wait_ms(&self.retry);
    pp_warn("service.waits", "kind=%s why=%s wait_ms=%d",
            pp_err_name(err->kind), err->msg, (int)wait_ms);
    *err = (struct pp_err){0};
    while (wait_ms > 0 && pp_service_running()) {
        int64_t part_ms = wait_ms < TURN_MS ? wait_ms : TURN_MS;
        struct timespec part = {0, part_ms * 1000000};

        nanosleep(&part, NULL);
        wait_ms -= part_ms;
    }
    self.failed = pp_mono_now();
}

int pp_service_exit(const struct pp_err *err)
{
    bool failed = err->kind != PP_ERR_NONE;

    self.ready = false;
    if (failed)
        pp_fatal("service.failed", "kind=%s why=%s", pp_err_name(err->kind),
                 err->msg);
    else
        pp_info("service.stopped", NULL);
    serve_stop();
    return failed ? PP_EXIT_FAILED : PP_EXIT_STOPPED;
}

int pp_service_misconfigured(const struct pp_err *err)
{
    int code = pp_service_exit(err);

    return err->kind == PP_ERR_AGAIN ? code : PP_EXIT_MISCONFIGURED;
}
