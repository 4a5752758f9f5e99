#include "deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "pp_httpc.h"
#include "pp_mem.h"
#include "pp_report_view.h"
#include "pp_template.h"
#include "pp_webhook.h"

#include "mail.h"
#include "render.h"

#define ARENA_BYTES  ((size_t)256 << 10)
#define BODY_BYTES   ((size_t)1 << 20)
#define ANSWER_BYTES ((size_t)64 << 10) /* of a webhook, read at all */
#define SECRET_BYTES 32
#define LIST_BYTES   80
#define SENDER_BYTES ((size_t)300)

/* What a gateway for SMS is told. */
static const struct pp_str sms_names[] = {{"to", 2}, {"text", 4}};

struct deliver {
    const struct deliver_options *options;
    struct pp_messages *messages;
    struct pp_report_layout *reports;
    struct smtp *smtp; /* NULL: there is no mail */
    struct pp_str from_name, from, bounces;
    struct guard guard;
    bool plain;                 /* the call under way is not encrypted */
    struct pp_httpc *customers; /* goes where the guard allows */
    struct pp_httpc *operators; /* goes where the settings say */
    struct pp_template *sms_url, *sms_body;
    struct pp_arena arena;            /* emptied before every message */
    struct pp_buf body, text, answer; /* the same */
};

/* One message on its way. */
struct attempt {
    const struct ledger_message *message;
    const struct pp_message *kind;
    struct ledger *ledger;
    struct pp_message_values values;
    struct pp_report report; /* where it is one */
    struct pp_mono until;
    struct ledger_end *end;
};

/* --- opening ---------------------------------------------------------------
 */

/* Without encryption only to networks that the operator knows. */
static bool allows(void *self, const struct sockaddr *address)
{
    const struct deliver *deliver = self;

    return deliver->plain ? guard_lists(&deliver->guard, address)
                          : guard_allows(&deliver->guard, address);
}

/* Puts before what is wrong which setting it is that is. */
static int blame(const char *setting, struct pp_err *err)
{
    const struct pp_err why = *err;

    return pp_err_set(err, why.kind, "%s: %s", setting, why.msg);
}

static int open_mail(struct deliver *deliver, struct pp_err *err)
{
    const struct deliver_options *options = deliver->options;

    if (!options->smtp.url[0])
        return 0;
    if (mail_read_mailbox(pp_str_of(options->from), &deliver->from_name,
                          &deliver->from, err) < 0)
        return blame("PAWPRINT_MAIL_FROM", err);
    deliver->bounces = pp_str_of(options->bounces);
    if (deliver->bounces.n > 0 &&
        (!mail_is_address(deliver->bounces) ||
         pp_str_find(deliver->bounces, '@') > MAIL_BOUNCES_CHARS_MAX))
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_MAIL_BOUNCES: an address with at most %d "
                          "characters before the @ is wanted",
                          MAIL_BOUNCES_CHARS_MAX);
    return smtp_open(&deliver->smtp, &options->smtp, err);
}

static int open_http(struct deliver *deliver, struct pp_err *err)
{
    struct pp_httpc_options options = {
        .connect_ms = deliver->options->timeout_ms,
        .answer_bytes = ANSWER_BYTES,
        .ca_file = deliver->options->ca_file,
    };

    if (pp_httpc_open(&deliver->operators, &options, err) < 0)
        return -1;
    options.allows = allows;
    options.context = deliver;
    return pp_httpc_open(&deliver->customers, &options, err);
}

static int open_templates(struct deliver *deliver, struct pp_err *err)
{
    const struct deliver_options *options = deliver->options;

    if (pp_messages_open(&deliver->messages, err) < 0 ||
        pp_report_layout_open(&deliver->reports, err) < 0)
        return -1;
    if (pp_template_open(&deliver->sms_url, pp_str_of(options->sms_url),
                         sms_names, PP_COUNT(sms_names), err) < 0)
        return blame("PAWPRINT_SMS_URL", err);
    if (pp_template_open(&deliver->sms_body, pp_str_of(options->sms_body),
                         sms_names, PP_COUNT(sms_names), err) < 0)
        return blame("PAWPRINT_SMS_BODY", err);
    return 0;
}

int deliver_open(struct deliver **deliver_out,
                 const struct deliver_options *options, struct pp_err *err)
{
    struct deliver *deliver = pp_calloc(1, sizeof(*deliver));
    size_t secret = strlen(options->webhook_secret);

    *deliver_out = deliver;
    deliver->options = options;
    pp_arena_init(&deliver->arena, ARENA_BYTES);
    pp_buf_init(&deliver->body, BODY_BYTES);
    pp_buf_init(&deliver->text, BODY_BYTES);
    pp_buf_init(&deliver->answer, BODY_BYTES);
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    if (secret && secret < SECRET_BYTES)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_WEBHOOK_SECRET is shorter than %d",
                          SECRET_BYTES);
    if (guard_read(&deliver->guard, options->allowed, err) < 0)
        return blame("PAWPRINT_NOTIFIER_ALLOW_NETWORKS", err);
    if (open_templates(deliver, err) < 0 || open_mail(deliver, err) < 0)
        return -1;
    return open_http(deliver, err);
}

void deliver_close(struct deliver **deliver)
{
    if (!*deliver)
        return;
    smtp_close(&(*deliver)->smtp);
    pp_httpc_close(&(*deliver)->customers);
    pp_httpc_close(&(*deliver)->operators);
    pp_template_close(&(*deliver)->sms_url);
    pp_template_close(&(*deliver)->sms_body);
    pp_messages_close(&(*deliver)->messages);
    pp_report_layout_close(&(*deliver)->reports);
    pp_arena_fini(&(*deliver)->arena);
    pp_buf_fini(&(*deliver)->body);
    pp_buf_fini(&(*deliver)->text);
    pp_buf_fini(&(*deliver)->answer);
    free(*deliver);
    *deliver = NULL;
}

/* --- how it ended ----------------------------------------------------------
 */

static void set_end(struct attempt *attempt, enum outcome outcome, int code,
                    const char *answer)
{
    attempt->end->outcome = outcome;
    attempt->end->code = code;
    attempt->end->answer = answer;
}

/* What says why stays with deliver until the next message. */
static void set_failed(struct deliver *deliver, struct attempt *attempt,
                       const char *why)
{
    pp_buf_reset(&deliver->answer);
    pp_buf_add_text(&deliver->answer, why);
    pp_buf_add_byte(&deliver->answer, '\0');
    set_end(attempt, OUTCOME_FAILED, 0, deliver->answer.p);
}

static void set_suppressed(struct deliver *deliver, struct attempt *attempt,
                           const char *what, const char *why)
{
    pp_buf_reset(&deliver->answer);
    pp_buf_printf(&deliver->answer, "%s%s%c", what, why, '\0');
    set_end(attempt, OUTCOME_SUPPRESSED, 0, deliver->answer.p);
}

/* --- mail ------------------------------------------------------------------
 */

/* The two forms of what it says. */
static void write_body(struct deliver *deliver, const struct attempt *attempt,
                       struct pp_buf *html)
{
    const struct pp_message_values *values = &attempt->values;
    const struct pp_report_reader reader = {
        .unsubscribe_url =
            pp_message_get(attempt->kind, "unsubscribe_url", values),
        .test = pp_message_get(attempt->kind, "test", values).n > 0,
    };

    if (render_is_report(attempt->message)) {
        pp_report_text(&attempt->report, &reader, &deliver->text);
        pp_report_html(deliver->reports, &attempt->report, &reader, html);
    } else {
        pp_message_text(attempt->kind, values, &deliver->text);
        pp_message_html(deliver->messages, attempt->kind, values, html);
    }
}

/*
 * Which list a mail is of, where its reader can leave it: the reports of a
 * site, or all mails of a kind. Others are of none.
 */
static struct pp_str list_of(const struct attempt *attempt,
                             struct pp_str unsubscribe,
                             char list[static LIST_BYTES])
{
    const struct ledger_message *message = attempt->message;

    if (strncmp(message->kind, "report", 6) == 0 && unsubscribe.n > 0)
        snprintf(list, LIST_BYTES, "%s.report",
                 message->site_id ? message->site_id : "site");
    else
        snprintf(list, LIST_BYTES, "%s", unsubscribe.n ? message->kind : "");
    for (char *c = list; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return pp_str_of(list);
}

static void write_mail(struct deliver *deliver, struct attempt *attempt)
{
    char list[LIST_BYTES];
    const struct pp_message_values *values = &attempt->values;
    struct pp_buf subject, html;
    struct mail mail = {
        .from_name = deliver->from_name,
        .from = deliver->from,
        .to = pp_str_of(attempt->message->target),
        .key = pp_str_of(attempt->message->key),
        .unsubscribe = pp_message_get(attempt->kind, "unsubscribe_url", values),
        .kind = pp_str_of(attempt->message->kind),
        .date_ms = pp_wall_now().ms,
    };

    mail.list = list_of(attempt, mail.unsubscribe, list);
    pp_buf_init(&subject, BODY_BYTES);
    pp_buf_init(&html, BODY_BYTES);
    pp_message_subject(attempt->kind, values, &subject);
    write_body(deliver, attempt, &html);
    mail.subject = pp_buf_str(&subject);
    mail.text = pp_buf_str(&deliver->text);
    mail.html = pp_buf_str(&html);
    mail_write(&mail, &deliver->body);
    pp_buf_fini(&subject);
    pp_buf_fini(&html);
}

static bool may_end(void *context)
{
    const struct attempt *attempt = context;

    return ledger_dot(attempt->ledger, attempt->message);
}

static void send_mail(struct deliver *deliver, struct attempt *attempt)
{
    const struct smtp_gate gate = {may_end, attempt};
    bool report = strcmp(attempt->message->kind, "report") == 0 ||
                  strcmp(attempt->message->kind, "report_empty") == 0;
    struct pp_str to = pp_str_of(attempt->message->target);
    struct smtp_result result;
    struct pp_buf sender;

    if (!mail_is_address(to)) {
        set_failed(deliver, attempt,
                   to.n ? "not an address that mail can be sent to"
                        : "there is no address to send it to");
        return;
    }
    write_mail(deliver, attempt);
    mail_id(pp_str_of(attempt->message->key), attempt->end->message_id);
    if (deliver->body.overflow) {
        set_failed(deliver, attempt, "the mail is too large");
        return;
    }
    pp_buf_init(&sender, SENDER_BYTES);
    mail_add_return_path(&sender, deliver->from, deliver->bounces,
                         attempt->end->message_id);
    smtp_send(deliver->smtp, pp_buf_str(&sender), to,
              pp_buf_str(&deliver->body), attempt->until, report ? &gate : NULL,
              &result);
    pp_buf_fini(&sender);
    pp_buf_reset(&deliver->answer);
    pp_buf_printf(&deliver->answer, "%s%c", result.answer, '\0');
    set_end(attempt, outcome_of_smtp(result.phase, result.code), result.code,
            deliver->answer.p);
    attempt->end->suppress =
        outcome_is_bounce(result.phase, result.code, pp_str_of(result.answer));
}

/* --- HTTP ------------------------------------------------------------------
 */

/* Seconds that the other side wants to be left alone. */
static int64_t asked_ms(const struct pp_httpc_answer *answer)
{
    int64_t seconds;

    if (!pp_str_int64(pp_httpc_header(answer, "Retry-After"), &seconds) ||
        seconds < 0 || seconds > 86400)
        return 0;
    return seconds * 1000;
}

static void call(struct deliver *deliver, struct attempt *attempt,
                 struct pp_httpc *httpc, enum outcome_channel channel,
                 const struct pp_httpc_call *what)
{
    struct pp_httpc_answer answer;
    struct pp_err err = {0};

    deliver->plain = strncmp(what->url, "https://", 8) != 0;
    pp_buf_reset(&deliver->answer);
    if (pp_httpc_run(httpc, what, &answer, &err) == 0) {
        pp_buf_add_str(&deliver->answer, answer.body);
        set_end(attempt, outcome_of_http(channel, answer.status), answer.status,
                NULL);
        attempt->end->wait_ms = asked_ms(&answer);
        attempt->end->suppress = outcome_is_gone(channel, answer.status);
    } else {
        bool never = err.kind == PP_ERR_DENIED || err.kind == PP_ERR_FATAL;

        pp_buf_add_text(&deliver->answer, err.msg);
        set_end(attempt, never ? OUTCOME_FAILED : OUTCOME_AGAIN, 0, NULL);
    }
    pp_buf_add_byte(&deliver->answer, '\0');
    attempt->end->answer = deliver->answer.p;
}

static void send_slack(struct deliver *deliver, struct attempt *attempt)
{
    const char *target = attempt->message->target;
    const char *const headers[] = {"Content-Type: application/json", NULL};
    struct pp_httpc_call what = {
        .method = "POST",
        .url = target[0] ? target : deliver->options->slack_url,
        .headers = headers,
        .timeout_ms = deliver->options->timeout_ms,
    };

    if (render_is_report(attempt->message))
        render_slack_report(
            &attempt->report,
            pp_message_get(attempt->kind, "test", &attempt->values).n > 0,
            &deliver->body);
    else
        render_slack(attempt->kind, &attempt->values, &deliver->body);
    what.body = pp_buf_str(&deliver->body);
    call(deliver, attempt, target[0] ? deliver->customers : deliver->operators,
         OUTCOME_SLACK, &what);
}

static void send_webhook(struct deliver *deliver, struct attempt *attempt)
{
    const struct ledger_message *message = attempt->message;
    char id[MAIL_ID_BYTES], id_line[80], time_line[80];
    int64_t at_s = pp_wall_now().ms / 1000;
    struct pp_httpc_call what = {
        .method = "POST",
        .url = message->target,
        .timeout_ms = deliver->options->timeout_ms,
    };
    struct pp_webhook_key key;
    struct pp_buf sign;

    render_webhook(attempt->kind, message, &attempt->values, &deliver->body);
    mail_id(pp_str_of(message->key), id);
    snprintf(id_line, sizeof(id_line), "webhook-id: msg_%s", id);
    snprintf(time_line, sizeof(time_line), "webhook-timestamp: %" PRId64, at_s);
    pp_webhook_key_of(pp_str_of(deliver->options->webhook_secret),
                      pp_str_of(message->account_id), &key);
    pp_buf_init(&sign, 256);
    pp_buf_add_text(&sign, "webhook-signature: ");
    pp_webhook_sign(&key, pp_str_of(id_line + strlen("webhook-id: ")), at_s,
                    pp_buf_str(&deliver->body), &sign);
    pp_buf_add_byte(&sign, '\0');
    what.headers = (const char *const[]){"Content-Type: application/json",
                                         "User-Agent: Pawprint",
                                         id_line,
                                         time_line,
                                         sign.p,
                                         NULL};
    what.body = pp_buf_str(&deliver->body);
    call(deliver, attempt, deliver->customers, OUTCOME_WEBHOOK, &what);
    pp_buf_fini(&sign);
}

static void send_sms(struct deliver *deliver, struct attempt *attempt)
{
    const struct deliver_options *options = deliver->options;
    bool json = strstr(options->sms_type, "json") != NULL;
    char type[120], authorization[600];
    struct pp_str values[PP_COUNT(sms_names)];
    struct pp_buf url;

    pp_message_short(attempt->kind, &attempt->values, &deliver->text);
    values[0] = pp_str_of(attempt->message->target);
    values[1] = pp_buf_str(&deliver->text);
    pp_template_render(deliver->sms_body, values,
                       json ? PP_TEMPLATE_JSON : PP_TEMPLATE_URL,
                       &deliver->body);
    pp_buf_init(&url, BODY_BYTES);
    pp_template_render(deliver->sms_url, values, PP_TEMPLATE_URL, &url);
    pp_buf_add_byte(&url, '\0');
    snprintf(type, sizeof(type), "Content-Type: %s", options->sms_type);
    snprintf(authorization, sizeof(authorization), "Authorization: %s",
             options->sms_authorization);
    call(deliver, attempt, deliver->operators, OUTCOME_SMS,
         &(const struct pp_httpc_call){
             .method = options->sms_method,
             .url = url.p,
             .headers =
                 (const char *const[]){
                     type, options->sms_authorization[0] ? authorization : NULL,
                     NULL},
             .body = strcmp(options->sms_method, "GET") != 0
                         ? pp_buf_str(&deliver->body)
                         : (struct pp_str){NULL, 0},
             .timeout_ms = options->timeout_ms,
         });
    pp_buf_fini(&url);
}

/* --- any of them -----------------------------------------------------------
 */

static void send_by_channel(struct deliver *deliver, struct attempt *attempt)
{
    const char *channel = attempt->message->channel;

    if (attempt->message->suppressed)
        set_suppressed(deliver, attempt, "the target gets nothing more: ",
                       attempt->message->suppressed);
    else if (attempt->message->opted_out)
        set_suppressed(deliver, attempt, "the recipient has unsubscribed", "");
    else if (strcmp(channel, "mail") == 0)
        send_mail(deliver, attempt);
    else if (strcmp(channel, "slack") == 0)
        send_slack(deliver, attempt);
    else if (!attempt->message->target[0])
        set_failed(deliver, attempt, "there is no target");
    else if (strcmp(channel, "webhook") == 0)
        send_webhook(deliver, attempt);
    else
        send_sms(deliver, attempt);
}

/* The text of url, kept until the next message, as a value of the message. */
static void set_link(struct deliver *deliver, struct attempt *attempt,
                     const char *name, struct pp_buf *url)
{
    const char *kept =
        url->n ? pp_arena_text(&deliver->arena, pp_buf_str(url)) : NULL;

    if (kept)
        pp_message_set(attempt->kind, name, pp_str_of(kept), &attempt->values);
}

/* Only mails have them: what else is sent may be read by many. */
static void add_links(struct deliver *deliver, struct attempt *attempt)
{
    const struct ledger_message *message = attempt->message;
    const struct links *links = deliver->options->links;
    struct pp_str subscription =
        pp_message_get(attempt->kind, "subscription", &attempt->values);
    int64_t now_s = pp_wall_now().ms / 1000;
    struct pp_buf url;

    if (strcmp(message->channel, "mail") != 0)
        return;
    pp_buf_init(&url, PP_LINK_BYTES_MAX + 600);
    links_add_snooze(
        links, pp_message_get(attempt->kind, "snooze_id", &attempt->values),
        now_s, &url);
    set_link(deliver, attempt, "snooze_url", &url);
    pp_buf_reset(&url);
    links_add_unsubscribe(links, message->account_id, message->kind,
                          pp_str_of(message->target), now_s, &url);
    if (url.n == 0)
        links_add_report_unsubscribe(links, subscription, now_s, &url);
    set_link(deliver, attempt, "unsubscribe_url", &url);
    pp_buf_reset(&url);
    links_add_report_confirm(links, subscription, now_s, &url);
    set_link(deliver, attempt, "confirm_url", &url);
    pp_buf_fini(&url);
}

static int send_rendered(struct deliver *deliver, struct ledger *ledger,
                         struct attempt *attempt, struct pp_err *err)
{
    if (attempt->kind &&
        render_values(ledger, attempt->kind, attempt->message, &deliver->arena,
                      &attempt->values, err) == 0 &&
        (!render_is_report(attempt->message) ||
         render_report(attempt->message, &deliver->arena, &attempt->report,
                       err) == 0)) {
        add_links(deliver, attempt);
        send_by_channel(deliver, attempt);
        return 0;
    }
    if (attempt->kind && err->kind != PP_ERR_INVALID)
        return -1;
    set_failed(deliver, attempt,
               attempt->kind ? err->msg : "there is no such kind of message");
    *err = (struct pp_err){0};
    return 0;
}

/* When to try again, or that it was the last time. */
static void plan_next(const struct ledger_message *message,
                      struct ledger_end *end)
{
    int64_t wait;

    if (end->outcome != OUTCOME_AGAIN && end->outcome != OUTCOME_DOUBTFUL) {
        end->wait_ms = 0;
        return;
    }
    wait = outcome_wait_ms(message->attempts + 1, end->wait_ms,
                           randombytes_random());
    if (wait < 0)
        end->outcome = OUTCOME_FAILED;
    end->wait_ms = wait < 0 ? 0 : wait;
}

int deliver_once(struct deliver *deliver, struct ledger *ledger,
                 const struct ledger_message *message, struct pp_mono until,
                 struct ledger_end *end_out, struct pp_err *err)
{
    struct pp_mono began = pp_mono_now();
    struct attempt attempt = {
        .message = message,
        .kind = pp_message_find(deliver->messages, message->kind),
        .ledger = ledger,
        .until = until,
        .end = end_out,
    };

    *end_out = (struct ledger_end){.answer = ""};
    pp_arena_reset(&deliver->arena);
    pp_buf_reset(&deliver->body);
    pp_buf_reset(&deliver->text);
    if (message->attempts > 0 && outcome_wait_ms(message->attempts, 0, 0) < 0)
        set_end(&attempt, OUTCOME_FAILED, 0,
                "given up: nobody lived to end the last attempt");
    else if (send_rendered(deliver, ledger, &attempt, err) < 0)
        return -1;
    plan_next(message, end_out);
    end_out->took_ms = pp_mono_ms(began, pp_mono_now());
    return 0;
}
