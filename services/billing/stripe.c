#include "stripe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pp_httpc.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_retry.h"
#include "pp_time.h"

#define CONNECT_MS   3000
#define TOTAL_MS     10000 /* tries and waits together */
#define ANSWER_BYTES ((size_t)4 << 20)
#define URL_BYTES    ((size_t)4096)
#define TRIES        3
#define FIRST_MS     500
#define LAST_MS      5000

struct stripe {
    const struct stripe_options *options;
    struct pp_httpc *http;
    struct pp_arena arena; /* of the last answer */
    struct pp_retry retry;
    char authorization[300], version[100];
};

static const char *const fault_names[STRIPE_FAULTS] = {
    [STRIPE_NONE] = "none",
    [STRIPE_AWAY] = "away",
    [STRIPE_DENIED] = "denied",
    [STRIPE_MISSING] = "missing",
    [STRIPE_IN_USE] = "in_use",
    [STRIPE_KEY_REUSED] = "key_reused",
    [STRIPE_CARD] = "card",
    [STRIPE_REFUSED] = "refused",
    [STRIPE_UNREADABLE] = "unreadable",
};

#define CALL(fault_)                                                           \
    PP_COUNTER_WITH("pawprint_billing_stripe_calls_total",                     \
                    "calls of Stripe's API, by what came of them",             \
                    {"outcome", fault_})
static struct pp_counter calls[STRIPE_FAULTS] = {
    [STRIPE_NONE] = CALL("ok"),
    [STRIPE_AWAY] = CALL("away"),
    [STRIPE_DENIED] = CALL("denied"),
    [STRIPE_MISSING] = CALL("missing"),
    [STRIPE_IN_USE] = CALL("in_use"),
    [STRIPE_KEY_REUSED] = CALL("key_reused"),
    [STRIPE_CARD] = CALL("card"),
    [STRIPE_REFUSED] = CALL("refused"),
    [STRIPE_UNREADABLE] = CALL("unreadable"),
};
static struct pp_counter repeats =
    PP_COUNTER("pawprint_billing_stripe_repeats_total",
               "times that a call of Stripe's API was tried again");
static struct pp_histogram seconds =
    PP_HISTOGRAM("pawprint_billing_stripe_seconds",
                 "time that a call of Stripe's API took, repeats included",
                 pp_metrics_seconds);

void stripe_metrics_add(void)
{
    for (int i = 0; i < STRIPE_FAULTS; i++)
        pp_metrics_add(&calls[i].metric);
    pp_metrics_add(&repeats.metric);
    pp_metrics_add(&seconds.metric);
}

const char *stripe_fault_name(enum stripe_fault fault)
{
    return fault_names[fault];
}

/* --- settings ------------------------------------------------------------- */

static struct pp_str host_of(struct pp_str url)
{
    struct pp_str host = url;

    if (pp_str_starts(url, PP_LIT("https://")))
        host = pp_str_sub(url, 8, url.n);
    else if (pp_str_starts(url, PP_LIT("http://")))
        host = pp_str_sub(url, 7, url.n);
    for (size_t i = 0; i < host.n; i++)
        if (strchr("/?#", host.p[i]))
            host.n = i;
    return host;
}

static bool is_this_machine(struct pp_str host)
{
    struct pp_str name = pp_str_sub(host, 0, pp_str_find(host, ':'));

    return pp_str_eq(name, PP_LIT("127.0.0.1")) ||
           pp_str_eq(name, PP_LIT("localhost"));
}

const char *stripe_url_wrong(const char *text)
{
    struct pp_str url = pp_str_of(text);

    if (pp_str_ends(url, PP_LIT("/")))
        return "has to be an address without a slash at its end";
    if (pp_str_starts(url, PP_LIT("https://")) ||
        (pp_str_starts(url, PP_LIT("http://")) &&
         is_this_machine(host_of(url))))
        return NULL;
    return "has to be an https address, or one of this machine";
}

const char *stripe_key_wrong(const char *text, bool is_live)
{
    struct pp_str key = pp_str_of(text);
    bool live = pp_str_starts(key, PP_LIT("sk_live_")) ||
                pp_str_starts(key, PP_LIT("rk_live_"));
    bool test = pp_str_starts(key, PP_LIT("sk_test_")) ||
                pp_str_starts(key, PP_LIT("rk_test_"));

    if (!live && !test)
        return "has to be a secret or restricted key of Stripe's";
    if (live != is_live)
        return "has to be a key of the mode that PAWPRINT_STRIPE_MODE says";
    return NULL;
}

bool stripe_url_is_theirs(const struct stripe_options *options,
                          struct pp_str url)
{
    struct pp_str host = host_of(url);

    /* What stands before an @ is no host, though it looks like one. */
    if (pp_str_find(host, '@') < host.n || pp_str_find(host, '\\') < host.n)
        return false;
    if (pp_str_starts(url, PP_LIT("https://")) &&
        (pp_str_eq(host, PP_LIT("stripe.com")) ||
         pp_str_ends(host, PP_LIT(".stripe.com"))))
        return true;
    if (strcmp(options->url, STRIPE_API_URL) == 0)
        return false;
    return (pp_str_starts(url, PP_LIT("https://")) ||
            pp_str_starts(url, PP_LIT("http://"))) &&
           pp_str_eq(host, host_of(pp_str_of(options->url)));
}

/* --- open ----------------------------------------------------------------- */

int stripe_open(struct stripe **stripe_out,
                const struct stripe_options *options, struct pp_err *err)
{
    const struct pp_httpc_options http = {
        .connect_ms = CONNECT_MS,
        .answer_bytes = ANSWER_BYTES,
        .ca_file = options->ca_file,
    };
    struct stripe *stripe = pp_calloc(1, sizeof(*stripe));

    *stripe_out = stripe;
    stripe->options = options;
    pp_arena_init(&stripe->arena, ANSWER_BYTES);
    pp_retry_init(&stripe->retry, FIRST_MS, LAST_MS,
                  (uint64_t)getpid() ^ (uint64_t)pp_mono_now().ns);
    snprintf(stripe->authorization, sizeof(stripe->authorization),
             "Authorization: Bearer %s", options->key);
    snprintf(stripe->version, sizeof(stripe->version), "Stripe-Version: %s",
             options->version);
    return pp_httpc_open(&stripe->http, &http, err);
}

void stripe_close(struct stripe **stripe)
{
    if (!*stripe)
        return;
    pp_httpc_close(&(*stripe)->http);
    pp_arena_fini(&(*stripe)->arena);
    explicit_bzero((*stripe)->authorization, sizeof((*stripe)->authorization));
    free(*stripe);
    *stripe = NULL;
}

/* --- what an answer means ------------------------------------------------- */

static void copy_text(char *to, size_t bytes, struct pp_str text)
{
    snprintf(to, bytes, "%.*s", (int)(text.n < bytes ? text.n : bytes - 1),
             text.p ? text.p : "");
    /* It goes into logs: nothing of it may look like another line. */
    for (char *p = to; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789_-.[]",
                    *p))
            *p = '?';
}

static enum stripe_fault fault_of(const struct stripe_answer *answer)
{
    int status = answer->status;

    if (status >= 200 && status < 300)
        return STRIPE_NONE;
    if (status == 401 || status == 403)
        return STRIPE_DENIED;
    if (strcmp(answer->code, "idempotency_key_in_use") == 0)
        return STRIPE_IN_USE;
    if (strcmp(answer->type, "idempotency_error") == 0)
        return STRIPE_KEY_REUSED;
    if (status == 0 || status == 429 || status == 409 || status >= 500 ||
        status < 200)
        return STRIPE_AWAY;
    if (strcmp(answer->code, "resource_missing") == 0 || status == 404)
        return STRIPE_MISSING;
    if (strcmp(answer->type, "card_error") == 0)
        return STRIPE_CARD;
    return STRIPE_REFUSED;
}

static void read_error(struct stripe_answer *answer)
{
    copy_text(answer->code, sizeof(answer->code),
              pick_text(pick_at(answer->body, "error.code")));
    copy_text(answer->type, sizeof(answer->type),
              pick_text(pick_at(answer->body, "error.type")));
    copy_text(answer->param, sizeof(answer->param),
              pick_text(pick_at(answer->body, "error.param")));
}

static void read_answer(struct stripe *stripe,
                        const struct pp_httpc_answer *http,
                        struct stripe_answer *answer)
{
    struct pp_str after = pp_httpc_header(http, "Retry-After");
    struct pp_err err = {0};
    int64_t after_s;

    answer->status = http->status;
    copy_text(answer->request_id, sizeof(answer->request_id),
              pp_httpc_header(http, "Request-Id"));
    if (pp_str_int64(after, &after_s) && after_s > 0 && after_s <= 3600)
        answer->retry_after_ms = after_s * 1000;
    pp_arena_reset(&stripe->arena);
    if (pick_document(http->body, &stripe->arena, &answer->body, &err) == 0)
        read_error(answer);
    answer->fault = fault_of(answer);
    if (answer->fault == STRIPE_NONE && answer->body.kind != PP_JSON_OBJECT)
        answer->fault = STRIPE_UNREADABLE;
}

/* Stripe's own word first; else what its libraries do. [stripe-go] */
static bool may_repeat(const struct stripe_answer *answer,
                       const struct pp_httpc_answer *http)
{
    struct pp_str word = pp_httpc_header(http, "Stripe-Should-Retry");

    if (pp_str_eq_nocase(word, PP_LIT("true")))
        return true;
    if (pp_str_eq_nocase(word, PP_LIT("false")))
        return false;
    return answer->status == 0 || answer->status == 409 ||
           answer->status >= 500 ||
           (answer->status == 429 && strcmp(answer->code, "lock_timeout") == 0);
}

static int say(const struct stripe_answer *answer, const char *why,
               struct pp_err *err)
{
    enum pp_err_kind kind = PP_ERR_INVALID;

    if (answer->fault == STRIPE_AWAY || answer->fault == STRIPE_IN_USE)
        kind = PP_ERR_AGAIN;
    if (answer->fault == STRIPE_DENIED)
        kind = PP_ERR_DENIED;
    if (answer->status == 0)
        return pp_err_set(err, kind, "stripe: %.200s", why);
    return pp_err_set(err, kind, "stripe: %d %s %s %s %s", answer->status,
                      fault_names[answer->fault], answer->code, answer->param,
                      answer->request_id);
}

/* --- calling -------------------------------------------------------------- */

static void sleep_ms(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* 0: there was an answer, of whatever kind. */
static int try_once(struct stripe *stripe, const struct pp_httpc_call *call,
                    struct pp_httpc_answer *http, struct stripe_answer *answer,
                    struct pp_err *err)
{
    *answer = (struct stripe_answer){.fault = STRIPE_AWAY,
                                     .body.kind = PP_JSON_ERROR};
    if (pp_httpc_run(stripe->http, call, http, err) == 0) {
        read_answer(stripe, http, answer);
        return 0;
    }
    if (err->kind == PP_ERR_INVALID) /* larger than we take */
        answer->fault = STRIPE_UNREADABLE;
    return -1;
}

static int run(struct stripe *stripe, struct pp_httpc_call *call,
               bool is_repeatable, struct stripe_answer *answer,
               struct pp_err *err)
{
    struct pp_mono start = pp_mono_now();
    struct pp_httpc_answer http = {0};
    struct pp_err why;
    int result;

    pp_retry_worked(&stripe->retry);
    for (int tries = 1;; tries++) {
        int64_t left_ms = TOTAL_MS - pp_mono_ms(start, pp_mono_now()), wait_ms;

        call->timeout_ms = (int)left_ms;
        result = try_once(stripe, call, &http, answer, err);
        wait_ms = pp_retry_wait_ms(&stripe->retry);
        if (answer->retry_after_ms > wait_ms)
            wait_ms = answer->retry_after_ms;
        left_ms = TOTAL_MS - pp_mono_ms(start, pp_mono_now());
        if (answer->fault == STRIPE_NONE || tries == TRIES || !is_repeatable ||
            left_ms < wait_ms + FIRST_MS || !may_repeat(answer, &http))
            break;
        pp_counter_add(&repeats, 1);
        sleep_ms(wait_ms);
    }
    pp_counter_add(&calls[answer->fault], 1);
    pp_histogram_observe(&seconds,
                         (double)pp_mono_ms(start, pp_mono_now()) / 1000);
    if (answer->fault == STRIPE_NONE)
        return 0;
    why = *err; /* the reason becomes part of what is said */
    return say(answer, result < 0 ? why.msg : "", err);
}

static int call_path(struct stripe *stripe, const char *path,
                     struct pp_httpc_call *call, bool is_repeatable,
                     struct stripe_answer *answer, struct pp_err *err)
{
    struct pp_buf url;
    int result;

    pp_buf_init(&url, URL_BYTES);
    pp_buf_printf(&url, "%s%s", stripe->options->url, path);
    pp_buf_add_byte(&url, '\0');
    call->url = url.p;
    if (url.overflow) {
        *answer = (struct stripe_answer){.fault = STRIPE_REFUSED};
        result =
            pp_err_set(err, PP_ERR_INVALID, "stripe: the path is too long");
    } else {
        result = run(stripe, call, is_repeatable, answer, err);
    }
    pp_buf_fini(&url);
    return result;
}

int stripe_get(struct stripe *stripe, const char *path,
               struct stripe_answer *answer_out, struct pp_err *err)
{
    const char *headers[] = {stripe->authorization, stripe->version, NULL};
    struct pp_httpc_call call = {.method = "GET", .headers = headers};

    return call_path(stripe, path, &call, true, answer_out, err);
}

int stripe_post(struct stripe *stripe, const char *path, struct pp_str form,
                const char *idempotency_key, struct stripe_answer *answer_out,
                struct pp_err *err)
{
    char key[300];
    const char *headers[] = {
        stripe->authorization,
        stripe->version,
        "Content-Type: application/x-www-form-urlencoded",
        idempotency_key ? key : NULL,
        NULL,
    };
    struct pp_httpc_call call = {
        .method = "POST",
        .headers = headers,
        .body = form.p ? form : PP_LIT(""),
    };

    snprintf(key, sizeof(key), "Idempotency-Key: %.255s",
             idempotency_key ? idempotency_key : "");
    return call_path(stripe, path, &call, idempotency_key != NULL, answer_out,
                     err);
}

void stripe_form_add(struct pp_buf *form, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    if (form->n)
        pp_buf_add_byte(form, '&');
    pp_httpc_escape(form, pp_str_of(name));
    pp_buf_add_byte(form, '=');
    pp_httpc_escape(form, pp_str_of(value));
}

void stripe_path_add(struct pp_buf *path, struct pp_str text)
{
    pp_httpc_escape(path, text);
}
