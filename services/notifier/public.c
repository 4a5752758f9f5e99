#include "public.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "pp_address.h"
#include "pp_alert_report.h"
#include "pp_bounce.h"
#include "pp_http.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_rate.h"
#include "pp_time.h"

#include "page.h"

#define TURN_MS       1000
#define STOP_MS       5000
#define HEADER_BYTES  ((size_t)16 << 10)
#define BOUNCE_BYTES  ((size_t)256 << 10)
#define FORM_BYTES    ((size_t)4 << 10)
#define PAGE_BYTES    ((size_t)64 << 10)
#define CONNECTIONS   200
#define IDLE_S        15
#define REQUEST_MS    10000
#define BUCKETS       16384
#define SECRET_BYTES  32
#define RETRY_AFTER_S 5
#define NS_PER_S      INT64_C(1000000000)

struct public
{
    const struct public_options *options;
    struct pp_http *http;
    struct pp_pg *pg;
    struct pp_rate_rules rules;
    struct pp_rate *rate;
    unsigned char key[crypto_shorthash_siphash24_KEYBYTES];
    char policy[PAGE_POLICY_BYTES];
    struct pp_buf page; /* the answer that is being made */
    atomic_bool stopping;
    pthread_t thread;
    bool has_thread;
};

/* --- metrics ---------------------------------------------------------------
 */

enum what { SNOOZE, UNSUBSCRIBE, CONFIRM, WHATS };
enum result { SHOWN, DONE, UNDONE, WRONG, TOO_OLD, GONE, LIMITED, AWAY };
#define RESULTS (AWAY + 1)

static const char *const what_names[WHATS] = {LINKS_SNOOZE, LINKS_UNSUBSCRIBE,
                                              LINKS_CONFIRM};

#define LINK(what_, result_)                                                   \
    PP_COUNTER_WITH("pawprint_notifier_links_total",                           \
                    "links of mails that were opened, by what came of it",     \
                    {"what", what_}, {"result", result_})
#define LINKS(what_)                                                           \
    {                                                                          \
        LINK(what_, "shown"), LINK(what_, "done"), LINK(what_, "undone"),      \
            LINK(what_, "wrong"), LINK(what_, "too_old"), LINK(what_, "gone"), \
            LINK(what_, "limited"), LINK(what_, "away"),                       \
    }
static struct pp_counter results[WHATS][RESULTS] = {
    LINKS(LINKS_SNOOZE),
    LINKS(LINKS_UNSUBSCRIBE),
    LINKS(LINKS_CONFIRM),
};
static struct pp_counter bounces[PP_BOUNCES];
static struct pp_counter denied = PP_COUNTER_WITH(
    "pawprint_notifier_bounces_total",
    "mails about deliveries, by what became of them", {"result", "denied"});

void public_metrics_add(void)
{
    for (int i = 0; i < WHATS; i++)
        for (int k = 0; k < RESULTS; k++)
            pp_metrics_add(&results[i][k].metric);
    for (int i = 0; i < PP_BOUNCES; i++) {
        bounces[i] = (struct pp_counter)PP_COUNTER_WITH(
            "pawprint_notifier_bounces_total",
            "mails about deliveries, by what became of them",
            {"result", pp_bounce_name((enum pp_bounce)i)});
        pp_metrics_add(&bounces[i].metric);
    }
    pp_metrics_add(&denied.metric);
}

/* --- answers ---------------------------------------------------------------
 */

static void reply(struct public *self, struct pp_http_request *request,
                  unsigned status, int64_t retry_after_s)
{
    char after[24];
    const struct pp_http_field fields[] = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Content-Security-Policy", self->policy},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Robots-Tag", "noindex"},
        {retry_after_s ? "Retry-After" : NULL, after},
        {0},
    };

    snprintf(after, sizeof(after), "%" PRId64, retry_after_s);
    pp_http_reply(request, status, fields, pp_buf_str(&self->page));
}

static void reply_problem(struct public *self, struct pp_http_request *request,
                          enum what what, enum result result, int64_t wait_s)
{
    static const struct {
        unsigned status;
        const char *heading, *text;
    } said[RESULTS] = {
        [WRONG] = {404, "This link does not work",
                   "Perhaps a part of it was lost on the way. Open it from the "
                   "mail once more."},
        [TOO_OLD] = {410, "This link is too old",
                     "A newer mail has one that works."},
        [GONE] = {404, "There is nothing any more",
                  "What this link was about has been deleted."},
        [LIMITED] = {429, "Too many requests", "Please try again later."},
        [AWAY] = {503, "It can't be done just now",
                  "Nothing was changed. Please try again in a minute."},
    };

    pp_counter_add(&results[what][result], 1);
    page_problem(&self->page, said[result].heading, said[result].text);
    reply(self, request, said[result].status, wait_s);
}

/* Postgres is away, or refused: which of it is for the log. */
static void reply_away(struct public *self, struct pp_http_request *request,
                       enum what what, const struct pp_err *err)
{
    if (err->kind == PP_ERR_AGAIN)
        pp_warn("link.away", "what=%s why=%s", what_names[what], err->msg);
    else
        pp_error("link.failed", "what=%s why=%s", what_names[what], err->msg);
    reply_problem(self, request, what, AWAY, RETRY_AFTER_S);
}

static void reply_page(struct public *self, struct pp_http_request *request,
                       enum what what, enum result result)
{
    pp_counter_add(&results[what][result], 1);
    if (result != SHOWN)
        pp_info("link.used", "what=%s result=%s", what_names[what],
                result == DONE ? "done" : "undone");
    reply(self, request, 200, 0);
}

/* --- who asks --------------------------------------------------------------
 */

/* Seconds to wait, 0: go on. Without a rule, or a subject, nobody waits. */
static int64_t take(struct public *self, struct pp_str subject)
{
    struct pp_rate_ask ask = {.rules = &self->rules};
    size_t which;
    int64_t wait_ns;

    if (subject.n == 0)
        return 0;
    crypto_shorthash_siphash24((unsigned char *)&ask.subject,
                               (const unsigned char *)subject.p, subject.n,
                               self->key);
    wait_ns = pp_rate_take(self->rate, &ask, 1, pp_mono_now().ns, &which);
    return wait_ns > 0 ? wait_ns / NS_PER_S + 1 : 0;
}

static int64_t take_of_network(struct public *self,
                               const struct pp_http_request *request)
{
    char network[PP_ADDRESS_BYTES];

    pp_address_prefix(
        pp_address_client(pp_http_header(request, "X-Forwarded-For"),
                          pp_http_peer(request), self->options->trusted_hops),
        network);
    return take(self, pp_str_of(network));
}

/*
 * The id of the request's token, or false, and it is answered. Whoever has no
 * good token is limited by his network. Whoever has one only by that token:
 * providers open and post many people's links from few addresses.
 */
static bool admit(struct public *self, struct pp_http_request *request,
                  enum what what, char id[static PP_LINK_ID_MAX + 1])
{
    size_t before = strlen("/n//") + strlen(what_names[what]);
    struct pp_str path = pp_http_path(request);
    struct pp_str token = pp_str_sub(path, before, path.n);
    struct pp_err err = {0};
    int64_t wait_s;

    pp_buf_reset(&self->page);
    if (pp_link_read(&self->options->links->keys, what_names[what], token,
                     pp_wall_now().ms / 1000, id, PP_LINK_ID_MAX + 1,
                     &err) == 0)
        wait_s = take(self, token);
    else
        wait_s = take_of_network(self, request);
    if (wait_s > 0)
        reply_problem(self, request, what, LIMITED, wait_s);
    else if (err.kind != PP_ERR_NONE)
        reply_problem(self, request, what,
                      err.kind == PP_ERR_DENIED ? TOO_OLD : WRONG, 0);
    return wait_s == 0 && err.kind == PP_ERR_NONE;
}

static bool is_post(const struct pp_http_request *request)
{
    return pp_str_eq(pp_http_method(request), PP_LIT("POST"));
}

/* The value of a field of a form; empty: there is none. */
static struct pp_str field(const struct pp_http_request *request,
                           struct pp_str name)
{
    struct pp_str rest = pp_http_body(request), part;

    if (rest.n > FORM_BYTES)
        return (struct pp_str){NULL, 0};
    while (rest.n && pp_str_split(&rest, '&', &part))
        if (pp_str_starts(part, name) && part.n > name.n &&
            part.p[name.n] == '=')
            return pp_str_sub(part, name.n + 1, part.n);
    return (struct pp_str){NULL, 0};
}

/* --- snooze ----------------------------------------------------------------
 */

/* How long each choice is, in seconds; 0: not at all; -1: no such choice. */
static int64_t seconds_of(struct pp_str choice)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } choices[] = {{"off", 0}, {"1h", 3600}, {"1d", 86400}, {"1w", 604800}};

    for (size_t i = 0; i < PP_COUNT(choices); i++)
        if (pp_str_eq(choice, pp_str_of(choices[i].name)))
            return choices[i].seconds;
    return -1;
}

static int snooze(struct public *self, const char *id, int64_t seconds,
                  struct pp_err *err)
{
    char text[24];
    const char *values[] = {id, text};

    snprintf(text, sizeof(text), "%" PRId64, seconds);
    return pp_pg_exec(
        self->pg,
        "UPDATE alert_rule SET snoozed_until = CASE WHEN $2::bigint > 0 THEN "
        "pp_now() + make_interval(secs => $2::bigint) END WHERE alert_id = "
        "$1::bigint",
        PP_COUNT(values), values, err);
}

/* Of a kind that a newer release has made only that it is one. */
static const char *rule_title(const char *name)
{
    enum pp_alert_kind kind;

    return pp_alert_kind_of(name, &kind) ? pp_alert_title(kind) : "an alert";
}

/* 1 and its page is made, 0: there is no such rule any more, or -1. */
static int show_snooze(struct public *self, const char *id, bool done,
                       struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        self->pg,
        "SELECT r.kind, coalesce(s.name, r.site_id), CASE WHEN r.snoozed_until "
        "> "
        "pp_now() THEN to_char(r.snoozed_until AT TIME ZONE coalesce(a.zone, "
        "'UTC'), 'Dy FMDD Mon YYYY, HH24:MI ') || coalesce(a.zone, 'UTC') "
        "ELSE '' END FROM alert_rule r LEFT JOIN site s ON s.site_id = "
        "r.site_id LEFT JOIN account a ON a.account_id = r.account_id "
        "WHERE r.alert_id = $1::bigint",
        1, &id, &rows, err);
    if (result == 0 && rows.count == 1) {
        const struct page_snooze is = {.rule =
                                           rule_title(pp_pg_text(&rows, 0, 0)),
                                       .site = pp_pg_text(&rows, 0, 1),
                                       .until = pp_pg_text(&rows, 0, 2)};

        page_snooze(&self->page, &is, done);
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static void snooze_http(struct pp_http_request *request, void *context)
{
    struct public *self = context;
    int64_t seconds = seconds_of(field(request, PP_LIT("for")));
    bool posted = is_post(request);
    char id[PP_LINK_ID_MAX + 1];
    struct pp_err err = {0};
    int shown;

    if (!admit(self, request, SNOOZE, id))
        return;
    if (posted && seconds < 0)
        posted = false; /* nothing was chosen: it is asked again */
    if (posted && snooze(self, id, seconds, &err) < 0) {
        reply_away(self, request, SNOOZE, &err);
        return;
    }
    shown = show_snooze(self, id, posted, &err);
    if (shown < 0)
        reply_away(self, request, SNOOZE, &err);
    else if (shown == 0)
        reply_problem(self, request, SNOOZE, GONE, 0);
    else
        reply_page(self, request, SNOOZE,
                   !posted        ? SHOWN
                   : seconds == 0 ? UNDONE
                                  : DONE);
}

/* --- unsubscribe -----------------------------------------------------------
 */

static int is_opted_out(struct public *self, const char *const values[3],
                        bool *is_out, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(self->pg,
                         "SELECT EXISTS (SELECT FROM opt_out WHERE account_id "
                         "= $1 AND kind = $2 AND address_hash = $3)",
                         3, values, &rows, err);
    if (result == 0)
        *is_out = pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

static int opt(struct public *self, const char *const values[3], bool out,
               struct pp_err *err)
{
    return pp_pg_exec(
        self->pg,
        out ? "INSERT INTO opt_out (account_id, kind, address_hash) VALUES "
              "($1, $2, $3) ON CONFLICT DO NOTHING"
            : "DELETE FROM opt_out WHERE account_id = $1 AND kind = $2 AND "
              "address_hash = $3",
        3, values, err);
}

/* --- reports ---------------------------------------------------------------
 */

/* What is to become of a subscription. */
enum change { LEAVE, UNSUBSCRIBED, ACTIVE, CONFIRMED };

/* One that begins again tells nothing of the time in between. */
static int change_report(struct public *self, const char *id,
                         enum change change, struct pp_err *err)
{
    static const char *const sql[] = {
        [UNSUBSCRIBED] = "UPDATE report_subscription SET state = "
                         "'unsubscribed' WHERE subscription_id = $1::bigint",
        [ACTIVE] = "UPDATE report_subscription SET state = 'active', "
                   "confirmed_at = coalesce(confirmed_at, pp_now()), next_at = "
                   "'-infinity', last_date = NULL WHERE subscription_id = "
                   "$1::bigint AND state = 'unsubscribed'",
        [CONFIRMED] = "UPDATE report_subscription SET state = 'active', "
                      "confirmed_at = pp_now(), next_at = '-infinity' WHERE "
                      "subscription_id = $1::bigint AND state = 'unconfirmed'",
    };

    return change == LEAVE ? 0 : pp_pg_exec(self->pg, sql[change], 1, &id, err);
}

/* A subscription that there is no more has been ended, too. */
static int show_report(struct public *self, const char *id, bool done,
                       struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(
        self->pg,
        "SELECT coalesce(s.name, r.site_id), r.every, r.state <> "
        "'unconfirmed', r.state = 'unsubscribed' FROM report_subscription r "
        "LEFT JOIN site s ON s.site_id = r.site_id WHERE r.subscription_id = "
        "$1::bigint",
        1, &id, &rows, err);
    if (result == 0) {
        struct page_report is = {.site = "", .every = "", .unsubscribed = true};

        if (rows.count == 1)
            is = (struct page_report){
                pp_pg_text(&rows, 0, 0), pp_pg_text(&rows, 0, 1),
                pp_pg_bool(&rows, 0, 2), pp_pg_bool(&rows, 0, 3)};
        page_report(&self->page, &is, done);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

static void answer_report(struct public *self, struct pp_http_request *request,
                          enum what what, int64_t subscription_id,
                          enum change change)
{
    struct pp_err err = {0};
    char id[24];

    snprintf(id, sizeof(id), "%" PRId64, subscription_id);
    if (change_report(self, id, change, &err) < 0 ||
        show_report(self, id, change != LEAVE, &err) < 0)
        reply_away(self, request, what, &err);
    else
        reply_page(self, request, what,
                   change == LEAVE    ? SHOWN
                   : change == ACTIVE ? UNDONE
                                      : DONE);
}

/* A GET only asks: whoever looks through mails for harm opens every link. */
static void confirm_http(struct pp_http_request *request, void *context)
{
    struct public *self = context;
    struct pp_str choice = field(request, PP_LIT("do"));
    enum change change = CONFIRMED;
    char id[PP_LINK_ID_MAX + 1];
    int64_t subscription_id;

    if (!admit(self, request, CONFIRM, id))
        return;
    if (!is_post(request))
        change = LEAVE;
    else if (pp_str_eq(choice, PP_LIT("unsubscribe")))
        change = UNSUBSCRIBED;
    else if (pp_str_eq(choice, PP_LIT("undo")))
        change = ACTIVE;
    if (links_report(id, &subscription_id))
        answer_report(self, request, CONFIRM, subscription_id, change);
    else
        reply_problem(self, request, CONFIRM, GONE, 0);
}

/*
 * Any POST switches off but the one of our own undo: providers send
 * List-Unsubscribe=One-Click, as a form of either kind, and want no more than
 * a 200. [RFC 8058 3.1, 3.2]
 */
static void unsubscribe_http(struct pp_http_request *request, void *context)
{
    struct public *self = context;
    bool posted = is_post(request);
    bool out = !pp_str_eq(field(request, PP_LIT("do")), PP_LIT("undo"));
    char id[PP_LINK_ID_MAX + 1];
    struct links_subscription is;
    struct pp_err err = {0};
    int64_t report_id;

    if (!admit(self, request, UNSUBSCRIBE, id))
        return;
    if (links_report(id, &report_id)) {
        answer_report(self, request, UNSUBSCRIBE, report_id,
                      !posted ? LEAVE
                      : out   ? UNSUBSCRIBED
                              : ACTIVE);
        return;
    }
    if (!links_subscription(id, &is)) {
        reply_problem(self, request, UNSUBSCRIBE, GONE, 0);
        return;
    }
    const char *const values[3] = {is.account_id, is.kind, is.address_hash};

    if (posted ? opt(self, values, out, &err) < 0
               : is_opted_out(self, values, &out, &err) < 0) {
        reply_away(self, request, UNSUBSCRIBE, &err);
        return;
    }
    page_unsubscribe(&self->page, is.kind, out, posted);
    reply_page(self, request, UNSUBSCRIBE,
               !posted ? SHOWN
               : out   ? DONE
                       : UNDONE);
}

/* --- bounces ---------------------------------------------------------------
 */

static void reply_json(struct pp_http_request *request, unsigned status,
                       const char *result)
{
    static const struct pp_http_field good[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
        {0}};
    static const struct pp_http_field unknown[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
        {"WWW-Authenticate", "Bearer"},
        {0}};
    static const struct pp_http_field later[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
        {"Retry-After", "60"},
        {0}};
    char body[80];
    int n = snprintf(body, sizeof(body), "{\"result\":\"%s\"}\n", result);

    pp_http_reply(request, status,
                  status == 401   ? unknown
                  : status >= 429 ? later
                                  : good,
                  (struct pp_str){body, (size_t)n});
}

static bool knows_secret(const struct public *self,
                         const struct pp_http_request *request)
{
    struct pp_str secret = pp_str_of(self->options->bounce_secret);
    struct pp_str said = pp_http_header(request, "Authorization");

    if (!pp_str_eq_nocase(pp_str_sub(said, 0, 7), PP_LIT("Bearer ")))
        return false;
    said = pp_str_trim(pp_str_sub(said, 7, said.n));
    return said.n == secret.n && sodium_memcmp(said.p, secret.p, said.n) == 0;
}

static void bounce_http(struct pp_http_request *request, void *context)
{
    struct public *self = context;
    enum pp_bounce bounce;
    struct pp_err err = {0};

    if (!self->options->bounce_secret[0] || !knows_secret(self, request)) {
        bool limited = take_of_network(self, request) > 0;

        pp_counter_add(&denied, 1);
        reply_json(request, limited ? 429 : 401,
                   limited ? "limited" : "denied");
        return;
    }
    if (pp_bounce_take(self->pg, pp_http_body(request), &bounce, &err) < 0) {
        pp_warn("bounce.away", "why=%s", err.msg);
        reply_json(request, 503, "away");
        return;
    }
    pp_counter_add(&bounces[bounce], 1);
    pp_info("bounce.taken", "result=%s", pp_bounce_name(bounce));
    reply_json(request, 200, pp_bounce_name(bounce));
}

/* --- the port --------------------------------------------------------------
 */

static void refuse_http(struct pp_http_request *request, void *context)
{
    struct public *self = context;

    pp_buf_reset(&self->page);
    page_problem(&self->page, "There is nothing here",
                 "Open the link from the mail once more.");
    reply(self, request, pp_http_refusal(request), 0);
}

static const struct pp_http_route routes[] = {
    {"GET", "/n/snooze/*", snooze_http},
    {"POST", "/n/snooze/*", snooze_http},
    {"GET", "/n/unsubscribe/*", unsubscribe_http},
    {"POST", "/n/unsubscribe/*", unsubscribe_http},
    {"GET", "/n/confirm/*", confirm_http},
    {"POST", "/n/confirm/*", confirm_http},
    {"POST", "/n/bounces", bounce_http},
    {NULL, "*", refuse_http},
    {0},
};

static void *serve(void *context)
{
    struct public *self = context;
    struct pp_mono stopped;

    while (!atomic_load(&self->stopping))
        pp_http_turn(self->http, TURN_MS);
    pp_http_stop_accepting(self->http);
    stopped = pp_mono_now();
    while (pp_http_open_requests(self->http) > 0 &&
           pp_mono_ms(stopped, pp_mono_now()) < STOP_MS)
        pp_http_turn(self->http, 10);
    return NULL;
}

/* Signals are for the thread of main(). */
static int start(struct public *self, struct pp_err *err)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&self->thread, NULL, serve, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    self->has_thread = failed == 0;
    if (failed)
        return pp_err_set(err, PP_ERR_FATAL, "no thread for the public port");
    pp_info("public.listening", "port=%u", (unsigned)pp_http_port(self->http));
    return 0;
}

static int open_port(struct public *self, struct pp_err *err)
{
    const struct pp_http_limits limits = {
        .body_bytes = BOUNCE_BYTES,
        .header_bytes = HEADER_BYTES,
        .connections = CONNECTIONS,
        .idle_s = IDLE_S,
        .request_ms = REQUEST_MS,
    };

    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    randombytes_buf(self->key, sizeof(self->key));
    page_policy(self->policy);
    if (pp_pg_open(&self->pg, self->options->dsn, "notifier-public", err) < 0)
        return -1;
    return pp_http_open(&self->http, self->options->address,
                        (uint16_t)self->options->port, routes, self, &limits,
                        err);
}

int public_open(struct public **public_out,
                const struct public_options *options, struct pp_err *err)
{
    size_t secret = strlen(options->bounce_secret);
    struct public *self;

    if (secret && secret < SECRET_BYTES)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BOUNCE_SECRET is shorter than %d",
                          SECRET_BYTES);
    if (!links_are_on(options->links))
        return !secret ? 0
                       : pp_err_set(err, PP_ERR_FATAL,
                                    "PAWPRINT_BOUNCE_SECRET needs "
                                    "PAWPRINT_LINK_KEYS and PAWPRINT_LINK_URL");
    *public_out = self = pp_calloc(1, sizeof(*self));
    self->options = options;
    self->rate = pp_rate_new(BUCKETS);
    pp_buf_init(&self->page, PAGE_BYTES);
    if (pp_rate_parse(options->limit, &self->rules, err) < 0 ||
        open_port(self, err) < 0)
        return -1;
    return start(self, err);
}

void public_close(struct public **public)
{
    struct public *self = *public;

    if (!self)
        return;
    if (self->has_thread) {
        atomic_store(&self->stopping, true);
        pp_http_wake(self->http);
        pthread_join(self->thread, NULL);
    }
    pp_http_close(&self->http);
    pp_pg_close(&self->pg);
    pp_rate_free(&self->rate);
    pp_buf_fini(&self->page);
    free(self);
    *public = NULL;
}
