#include "smtp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "pp_crash.h"
#include "pp_mem.h"

#define CONNECT_MS 10000
#define IDLE_S     20 /* relays close what is silent; we do it before them */

struct smtp {
    CURL *curl;
    const struct smtp_options *options;
    char text[CURL_ERROR_SIZE];
    /* of this mail */
    struct pp_str rest;
    struct pp_mono until;
    const struct smtp_gate *gate;
    struct smtp_result *result;
    bool too_late;
    bool quitting; /* what is answered to that is no verdict */
};

int smtp_open(struct smtp **smtp_out, const struct smtp_options *options,
              struct pp_err *err)
{
    bool smtps = strncmp(options->url, "smtps://", 8) == 0;
    CURL *curl;

    *smtp_out = NULL;
    if (!smtps && strncmp(options->url, "smtp://", 7) != 0)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_SMTP_URL begins with neither smtp:// "
                          "nor smtps://");
    if (options->user[0] && !smtps && options->tls != SMTP_TLS_NEED)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_SMTP_PASSWORD is not sent without TLS: "
                          "PAWPRINT_SMTP_TLS has to be need");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(curl = curl_easy_init()))
        return pp_err_set(err, PP_ERR_FATAL, "smtp: curl does not start");
    *smtp_out = pp_calloc(1, sizeof(**smtp_out));
    (*smtp_out)->curl = curl;
    (*smtp_out)->options = options;
    return 0;
}

void smtp_close(struct smtp **smtp)
{
    if (!*smtp)
        return;
    curl_easy_cleanup((*smtp)->curl);
    free(*smtp);
    *smtp = NULL;
}

static void enter_phase(struct smtp *smtp, enum smtp_phase phase)
{
    smtp->result->phase = phase;
    smtp->result->code = 0;
    smtp->result->answer[0] = '\0';
}

/* The body, and whether its end may be told. */
static size_t give_body(char *into, size_t size, size_t count, void *self)
{
    struct smtp *smtp = self;
    size_t n = size * count < smtp->rest.n ? size * count : smtp->rest.n;

    if (n > 0) {
        memcpy(into, smtp->rest.p, n);
        smtp->rest = pp_str_sub(smtp->rest, n, smtp->rest.n);
        return n;
    }
    if (pp_mono_ms(pp_mono_now(), smtp->until) <= 0 ||
        (smtp->gate && !smtp->gate->may_end(smtp->gate->context))) {
        smtp->too_late = true;
        return CURL_READFUNC_ABORT;
    }
    pp_crash_point("notifier.before_dot");
    enter_phase(smtp, SMTP_DOT);
    return 0;
}

/* A command of ours: how far it came. Passwords are passed over. */
static void note_command(struct smtp *smtp, struct pp_str line)
{
    /* Said to this connection, or first of all to one before it. */
    smtp->quitting = pp_str_starts(line, PP_LIT("QUIT"));
    if (pp_str_starts(line, PP_LIT("MAIL FROM")))
        enter_phase(smtp, SMTP_SENDER);
    else if (pp_str_starts(line, PP_LIT("RCPT TO")))
        enter_phase(smtp, SMTP_RECIPIENT);
    else if (pp_str_starts(line, PP_LIT("DATA")))
        enter_phase(smtp, SMTP_BODY);
}

static void note_answer(struct smtp *smtp, struct pp_str line)
{
    struct smtp_result *result = smtp->result;
    int64_t code;

    line = pp_str_trim(line);
    if (smtp->quitting || !pp_str_int64(pp_str_sub(line, 0, 3), &code) ||
        code < 200)
        return;
    result->code = code == 354 ? 0 : (int)code; /* "go on" is no verdict */
    snprintf(result->answer, sizeof(result->answer), "%.*s",
             PP_ARG(pp_str_cut_utf8(line, sizeof(result->answer) - 1)));
    if (result->phase == SMTP_DOT)
        pp_crash_point("notifier.after_dot");
}

static int listen_in(CURL *curl, curl_infotype type, char *bytes, size_t n,
                     void *self)
{
    (void)curl;
    if (!((struct smtp *)self)->result) /* all is over */
        return 0;
    if (type == CURLINFO_HEADER_OUT)
        note_command(self, (struct pp_str){bytes, n});
    else if (type == CURLINFO_HEADER_IN)
        note_answer(self, (struct pp_str){bytes, n});
    return 0;
}

static void set_security(CURL *curl, const struct smtp_options *options)
{
    static const long ssl[] = {
        [SMTP_TLS_NEED] = CURLUSESSL_ALL,
        [SMTP_TLS_MAY] = CURLUSESSL_TRY,
        [SMTP_TLS_OFF] = CURLUSESSL_NONE,
    };

    curl_easy_setopt(curl, CURLOPT_USE_SSL, ssl[options->tls]);
    if (options->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    if (options->user[0]) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, options->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, options->password);
    }
}

static void describe(struct smtp *smtp, const char *from,
                     struct curl_slist *recipients)
{
    CURL *curl = smtp->curl;

    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_URL, smtp->options->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->text);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(smtp->options->timeout_ms < CONNECT_MS
                                ? smtp->options->timeout_ms
                                : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)smtp->options->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* to be told, not to print */
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, smtp);
    set_security(curl, smtp->options);
}

/* The relay may have closed a connection on which something went wrong. */
static void start_anew(struct smtp *smtp)
{
    curl_easy_cleanup(smtp->curl);
    smtp->curl = curl_easy_init();
    if (!smtp->curl)
        abort();
}

void smtp_send(struct smtp *smtp, struct pp_str from, struct pp_str to,
               struct pp_str mail, struct pp_mono until,
               const struct smtp_gate *gate, struct smtp_result *result_out)
{
    char sender[300], recipient[300];
    struct curl_slist *recipients;
    CURLcode code;

    *result_out = (struct smtp_result){0};
    smtp->result = result_out;
    smtp->rest = mail;
    smtp->until = until;
    smtp->gate = gate;
    smtp->too_late = smtp->quitting = false;
    smtp->text[0] = '\0';
    snprintf(sender, sizeof(sender), "<%.*s>", PP_ARG(from));
    snprintf(recipient, sizeof(recipient), "<%.*s>", PP_ARG(to));
    recipients = curl_slist_append(NULL, recipient);
    if (!recipients)
        abort();
    describe(smtp, sender, recipients);
    code = curl_easy_perform(smtp->curl);
    curl_slist_free_all(recipients);
    smtp->result = NULL;
    if (code)
        start_anew(smtp);
    if (smtp->too_late)
        snprintf(result_out->answer, sizeof(result_out->answer),
                 "given up before the end: it took longer than the lease, or "
                 "Postgres is away");
    else if (code && result_out->code == 0)
        snprintf(result_out->answer, sizeof(result_out->answer), "%s",
                 smtp->text[0] ? smtp->text : curl_easy_strerror(code));
}
