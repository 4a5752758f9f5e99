#include "webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"

#include "desk.h"
#include "inbox.h"

#define HELD_MAX     1024
#define REFUSED_TEXT "{\"error\":\"no event of Stripe's\"}\n"
#define TAKEN_TEXT   "{\"received\":true}\n"
#define ASK_MS       1000 /* between two looks whether Postgres is back */

enum result {
    TAKEN,
    DUPLICATE,
    FOREIGN,
    UNREADABLE,
    UNAVAILABLE,
    BAD_SIGNATURE, /* and one for each of its verdicts */
    RESULTS = BAD_SIGNATURE + SIGNATURE_VERDICTS,
};

/* A request that waits for its transaction. */
struct held {
    struct pp_http_request *request;
    struct inbox_entry entry;
    bool is_unreadable;
    char why[240];
    struct pp_mono since;
};

struct webhook {
    struct webhook_options options;
    struct secret_file secrets;
    struct pp_pg *pg;
    struct pp_arena arena; /* of one body */
    struct held *held[HELD_MAX];
    size_t held_count;
    bool is_ready;
    struct pp_mono asked_at;
};

#define WEBHOOK(result_)                                                       \
    PP_COUNTER_WITH("pawprint_billing_webhooks_total",                         \
                    "webhooks, by what became of them", {"result", result_})
static struct pp_counter results[RESULTS] = {
    [TAKEN] = WEBHOOK("taken"),
    [DUPLICATE] = WEBHOOK("duplicate"),
    [FOREIGN] = WEBHOOK("livemode"),
    [UNREADABLE] = WEBHOOK("unreadable"),
    [UNAVAILABLE] = WEBHOOK("unavailable"),
    [BAD_SIGNATURE + SIGNATURE_GOOD] = WEBHOOK("unused"),
    [BAD_SIGNATURE + SIGNATURE_MISSING] = WEBHOOK("missing"),
    [BAD_SIGNATURE + SIGNATURE_MALFORMED] = WEBHOOK("malformed"),
    [BAD_SIGNATURE + SIGNATURE_NO_MATCH] = WEBHOOK("no_match"),
    [BAD_SIGNATURE + SIGNATURE_TOO_OLD] = WEBHOOK("too_old"),
    [BAD_SIGNATURE + SIGNATURE_TOO_NEW] = WEBHOOK("too_new"),
};
static struct pp_histogram seconds = PP_HISTOGRAM(
    "pawprint_billing_webhook_seconds",
    "from a webhook's last byte to its answer, of those that were written",
    pp_metrics_seconds);

void webhook_metrics_add(void)
{
    for (int i = 0; i < RESULTS; i++)
        if (i != BAD_SIGNATURE + SIGNATURE_GOOD)
            pp_metrics_add(&results[i].metric);
    pp_metrics_add(&seconds.metric);
    secret_file_metrics_add();
}

int webhook_open(struct webhook **webhook_out,
                 const struct webhook_options *options, struct pp_err *err)
{
    struct webhook *self = pp_calloc(1, sizeof(*self));

    *webhook_out = self;
    self->options = *options;
    pp_arena_init(&self->arena, NOTICE_ARENA_BYTES(WEBHOOK_BODY_BYTES));
    if (secret_file_open(&self->secrets, options->secrets_path, err) < 0)
        return -1;
    return pp_pg_open(&self->pg, options->postgres, "billing", err);
}

void webhook_close(struct webhook **webhook)
{
    struct webhook *self = *webhook;

    if (!self)
        return;
    secret_file_close(&self->secrets);
    pp_pg_close(&self->pg);
    pp_arena_fini(&self->arena);
    free(self);
    *webhook = NULL;
}

/* --- answers -------------------------------------------------------------- */

static void reply(struct pp_http_request *request, unsigned status,
                  struct pp_str body)
{
    static const struct pp_http_field fields[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
        {0},
    };
    static const struct pp_http_field later[] = {
        {"Retry-After", "5"},
        {0},
    };

    pp_http_reply(request, status, status == 503 ? later : fields, body);
}

/* Never a word about why: a forger would learn from it. */
static void refuse(struct pp_http_request *request,
                   enum signature_verdict verdict)
{
    pp_counter_add(&results[BAD_SIGNATURE + (int)verdict], 1);
    reply(request, 400, PP_LIT(REFUSED_TEXT));
}

static void answer(struct held *held, bool is_written)
{
    enum result result = TAKEN;

    if (!is_written)
        result = UNAVAILABLE;
    else if (held->is_unreadable)
        result = UNREADABLE;
    else if (!held->entry.is_new)
        result = DUPLICATE;
    else if (held->entry.is_foreign)
        result = FOREIGN;
    pp_counter_add(&results[result], 1);
    if (is_written)
        pp_histogram_observe(&seconds,
                             (double)(pp_mono_now().ns - held->since.ns) / 1e9);
    pp_info("webhook.answered", "result=%s event=%s type=%s label=%s bytes=%zu",
            results[result].metric.labels[0].value, held->entry.notice.id,
            held->entry.notice.type, held->entry.label, held->entry.body.n);
    if (result == UNAVAILABLE)
        reply(held->request, 503, PP_LIT(""));
    else if (result == UNREADABLE)
        reply(held->request, 400, PP_LIT(REFUSED_TEXT));
    else
        reply(held->request, 200, PP_LIT(TAKEN_TEXT));
}

/* --- a request ------------------------------------------------------------ */

static void hold(struct webhook *self, struct pp_http_request *request,
                 const char *label)
{
    struct held *held = pp_calloc(1, sizeof(*held));
    struct pp_err err = {0};

    held->request = request;
    held->since = pp_mono_now();
    held->entry.body = pp_http_body(request);
    held->entry.label = label;
    pp_arena_reset(&self->arena);
    if (notice_read(held->entry.body, &self->arena, &held->entry.notice, &err) <
        0) {
        held->is_unreadable = true;
        held->entry.notice = (struct notice){0};
        snprintf(held->why, sizeof(held->why), "%s", err.msg);
    }
    held->entry.is_foreign =
        held->entry.notice.is_live != self->options.is_live;
    self->held[self->held_count++] = held;
    pp_http_hold(request);
}

void webhook_http(struct pp_http_request *request, void *context)
{
    const struct billing_routes *routes = context;
    struct webhook *self = routes->webhook;
    enum signature_verdict verdict;
    const char *label;

    verdict = signature_check(pp_http_header(request, "Stripe-Signature"),
                              pp_http_body(request), pp_wall_now().ms,
                              self->options.tolerance_s, &self->secrets.secrets,
                              &label);
    if (verdict != SIGNATURE_GOOD) {
        refuse(request, verdict);
    } else if (self->held_count == HELD_MAX) {
        pp_counter_add(&results[UNAVAILABLE], 1);
        reply(request, 503, PP_LIT(""));
    } else {
        hold(self, request, label);
    }
}

/* --- a turn --------------------------------------------------------------- */

/* Readable ones, put into entries; how many they are. */
static size_t readable(struct held **held, size_t count,
                       struct inbox_entry **entries)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!held[i]->is_unreadable)
            entries[n++] = &held[i]->entry;
    return n;
}

static int write_unreadable(struct webhook *self, struct held **held,
                            size_t count, struct pp_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (held[i]->is_unreadable &&
            inbox_add_unreadable(self->pg, held[i]->entry.body,
                                 held[i]->entry.label, held[i]->why, err) < 0)
            return -1;
    return 0;
}

/*
 * Mostly one statement, which commits itself: three would be three times to be
 * woken, and on a busy machine that is what a turn takes.
 */
static int write_some(struct webhook *self, struct held **held, size_t count,
                      struct pp_err *err)
{
    struct inbox_entry *entries[HELD_MAX];
    size_t n = readable(held, count, entries);

    pp_crash_point("B1");
    if (n == count && inbox_is_one(entries, n))
        return inbox_add(self->pg, entries, n, err);
    if (pp_pg_begin(self->pg, err) < 0)
        return -1;
    if (write_unreadable(self, held, count, err) < 0 ||
        inbox_add(self->pg, entries, n, err) < 0) {
        pp_pg_rollback(self->pg);
        return -1;
    }
    return pp_pg_commit(self->pg, err);
}

/*
 * One that Postgres can't take must not cost the others their place: they are
 * written one by one then.
 */
static bool write_alone(struct webhook *self, struct held *held)
{
    struct pp_err err = {0};

    if (write_some(self, &held, 1, &err) == 0)
        return true;
    pp_error("webhook.unwritten", "event=%s why=%s", held->entry.notice.id,
             err.msg);
    return false;
}

static void write_and_answer(struct webhook *self)
{
    struct pp_err err = {0};
    int result = write_some(self, self->held, self->held_count, &err);
    bool one_by_one = result < 0 && err.kind == PP_ERR_INVALID;

    self->is_ready = result == 0 || one_by_one;
    self->asked_at = pp_mono_now();
    if (result < 0)
        pp_warn("webhook.unwritten", "events=%zu why=%s", self->held_count,
                err.msg);
    else
        pp_crash_point("B2");
    for (size_t i = 0; i < self->held_count; i++) {
        bool is_written =
            one_by_one ? write_alone(self, self->held[i]) : result == 0;

        answer(self->held[i], is_written);
        free(self->held[i]);
    }
    self->held_count = 0;
    pp_crash_point("B3");
}

void webhook_turn(struct webhook *self)
{
    if (self->held_count > 0)
        write_and_answer(self);
    secret_file_refresh(&self->secrets, pp_wall_now().ms);
}

bool webhook_is_ready(struct webhook *self)
{
    struct pp_err err = {0};

    if (self->is_ready && pp_mono_ms(self->asked_at, pp_mono_now()) < 10000)
        return true;
    if (self->asked_at.ns && pp_mono_ms(self->asked_at, pp_mono_now()) < ASK_MS)
        return self->is_ready;
    self->asked_at = pp_mono_now();
    self->is_ready = pp_pg_exec(self->pg, "SELECT FROM stripe_event LIMIT 1", 0,
                                NULL, &err) == 0;
    return self->is_ready;
}
