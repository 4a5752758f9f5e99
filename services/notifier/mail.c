#include "mail.h"

#include <string.h>
#include <time.h>

#include <sodium.h>

#include "pp_template.h"

#define LINE_BYTES    76
#define ADDRESS_BYTES 254
#define HEADER_BYTES  ((size_t)64 << 10)

/* --- addresses -------------------------------------------------------------
 */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* Atoms of such characters, apart by dots. */
static bool is_dotted(struct pp_str text, const char *more)
{
    char before = '.';

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '.' ? before == '.'
                     : !is_alphanumeric(c) && (!c || !strchr(more, c)))
            return false;
        before = c;
    }
    return before != '.';
}

bool mail_is_address(struct pp_str text)
{
    size_t at = pp_str_find(text, '@');

    return text.n <= ADDRESS_BYTES && at > 0 && at <= 64 &&
           is_dotted(pp_str_sub(text, 0, at), "!#$%&'*+/=?^_`{|}~-") &&
           is_dotted(pp_str_sub(text, at + 1, text.n), "-");
}

int mail_read_mailbox(struct pp_str text, struct pp_str *name_out,
                      struct pp_str *address_out, struct pp_err *err)
{
    size_t open;

    text = pp_str_trim(text);
    open = pp_str_find(text, '<');
    *name_out = pp_str_sub(text, 0, 0);
    *address_out = text;
    if (open < text.n && text.p[text.n - 1] == '>') {
        *name_out = pp_str_trim(pp_str_sub(text, 0, open));
        *address_out = pp_str_sub(text, open + 1, text.n - open - 2);
    }
    if (mail_is_address(*address_out))
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "no sender: Name <address> or address is wanted");
}

/* --- headers ---------------------------------------------------------------
 */

static bool is_plain(struct pp_str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < 0x20 || value.p[i] > 0x7E)
            return false;
    return !value.n || !memmem(value.p, value.n, "=?", 2);
}

/* The size of the UTF-8 character at i; value is UTF-8. */
static size_t character_bytes(struct pp_str value, size_t i)
{
    size_t n = 1;

    while (i + n < value.n && ((unsigned char)value.p[i + n] & 0xC0) == 0x80)
        n++;
    return n;
}

static size_t encoded_bytes(struct pp_str character)
{
    char c = character.p[0];

    if (character.n > 1)
        return 3 * character.n;
    return is_alphanumeric(c) || strchr(" !*+-/.,", c) ? 1 : 3;
}

static void add_encoded(struct pp_buf *out, struct pp_str character)
{
    if (encoded_bytes(character) == 1) {
        pp_buf_add_byte(
            out, character.p[0] == ' ' ? '_' : (unsigned char)character.p[0]);
        return;
    }
    for (size_t i = 0; i < character.n; i++)
        pp_buf_printf(out, "=%02X", (unsigned char)character.p[i]);
}

/* Encoded words, none of which cuts a character; column is where it begins. */
static void add_words(struct pp_buf *out, struct pp_str value, size_t column)
{
    const size_t around = strlen("=?UTF-8?Q?") + strlen("?=");

    pp_buf_add_text(out, "=?UTF-8?Q?");
    column += around;
    for (size_t i = 0; i < value.n;) {
        struct pp_str c = pp_str_sub(value, i, character_bytes(value, i));

        if (column + encoded_bytes(c) > LINE_BYTES) {
            pp_buf_add_text(out, "?=\r\n =?UTF-8?Q?");
            column = 1 + around;
        }
        add_encoded(out, c);
        column += encoded_bytes(c);
        i += c.n;
    }
    pp_buf_add_text(out, "?=");
}

/* Of a value without control characters. */
static void add_value(struct pp_buf *out, struct pp_str value, size_t column)
{
    if (is_plain(value) && column + value.n <= LINE_BYTES)
        pp_buf_add_str(out, value);
    else
        add_words(out, value, column);
}

void mail_add_header(struct pp_buf *out, const char *name, struct pp_str value)
{
    struct pp_buf clean;

    pp_buf_init(&clean, HEADER_BYTES);
    pp_template_escape(&clean, pp_str_cut_utf8(value, HEADER_BYTES / 4),
                       PP_TEMPLATE_HEADER);
    pp_buf_printf(out, "%s: ", name);
    add_value(out, pp_str_trim(pp_buf_str(&clean)), strlen(name) + 2);
    pp_buf_add_text(out, "\r\n");
    pp_buf_fini(&clean);
}

/* A name of atoms stays, any other is encoded: quotes need no rules then. */
static bool is_phrase(struct pp_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_alphanumeric(name.p[i]) && name.p[i] != ' ')
            return false;
    return name.n <= 60;
}

static void add_from(struct pp_buf *out, const struct mail *mail)
{
    struct pp_buf clean;

    pp_buf_init(&clean, HEADER_BYTES);
    pp_template_escape(&clean, pp_str_cut_utf8(mail->from_name, 200),
                       PP_TEMPLATE_HEADER);
    pp_buf_add_text(out, "From: ");
    if (clean.n && is_phrase(pp_buf_str(&clean)))
        pp_buf_add_str(out, pp_buf_str(&clean));
    else if (clean.n)
        add_words(out, pp_buf_str(&clean), strlen("From: "));
    if (clean.n) /* a line of its own for what may be long */
        pp_buf_add_text(out, is_phrase(pp_buf_str(&clean)) ? " " : "\r\n ");
    pp_buf_printf(out, "<%.*s>\r\n", PP_ARG(mail->from));
    pp_buf_fini(&clean);
}

void mail_id(struct pp_str key, char id[static MAIL_ID_BYTES])
{
    unsigned char hash[(MAIL_ID_BYTES - 1) / 2];

    crypto_generichash(hash, sizeof(hash), (const unsigned char *)key.p, key.n,
                       NULL, 0);
    sodium_bin2hex(id, MAIL_ID_BYTES, hash, sizeof(hash));
}

static void add_date(struct pp_buf *out, int64_t date_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    pp_buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
                  days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* RFC 2369, and RFC 8058 where one click is enough. */
static void add_unsubscribe(struct pp_buf *out, struct pp_str url)
{
    if (!pp_str_starts(url, PP_LIT("https://")) || url.n > 900)
        return;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= 0x20 || url.p[i] > 0x7E || url.p[i] == '<' ||
            url.p[i] == '>')
            return;
    pp_buf_printf(out,
                  "List-Unsubscribe: <%.*s>\r\n"
                  "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                  PP_ARG(url));
}

static bool is_label(struct pp_str text, const char *more)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_alphanumeric(text.p[i]) && !strchr(more, text.p[i]))
            return false;
    return text.n > 0 && text.n <= 100;
}

/* RFC 2919; RFC 3834 and what Outlook has instead; and who sent it, of what
 * kind, for the feedback loops of those who get many. */
static void add_kind(struct pp_buf *out, const struct mail *mail,
                     struct pp_str domain)
{
    if (is_label(mail->list, ".-"))
        pp_buf_printf(out, "List-Id: <%.*s.%.*s>\r\n", PP_ARG(mail->list),
                      PP_ARG(domain));
    pp_buf_add_text(out, "Auto-Submitted: auto-generated\r\n"
                         "X-Auto-Response-Suppress: All\r\n");
    if (is_label(mail->kind, "_-"))
        pp_buf_printf(out, "Feedback-ID: %.*s:pawprint\r\n",
                      PP_ARG(mail->kind));
}

void mail_add_return_path(struct pp_buf *out, struct pp_str from,
                          struct pp_str bounces, const char *id)
{
    size_t at = pp_str_find(bounces, '@');

    if (bounces.n == 0)
        pp_buf_add_str(out, from);
    else
        pp_buf_printf(out, "%.*s+%s%.*s", PP_ARG(pp_str_sub(bounces, 0, at)),
                      id, PP_ARG(pp_str_sub(bounces, at, bounces.n)));
}

/* --- the body --------------------------------------------------------------
 */

static bool stays(unsigned char c, bool ends_line)
{
    if (c == ' ' || c == '\t')
        return !ends_line;
    return c > 0x20 && c < 0x7F && c != '=';
}

static void add_quoted_line(struct pp_buf *out, struct pp_str line)
{
    size_t column = 0;

    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        bool as_is = stays(c, i + 1 == line.n);
        size_t bytes = as_is ? 1 : 3;

        /* One column is for the = that says that the line goes on. */
        if (column + bytes > LINE_BYTES - 1) {
            pp_buf_add_text(out, "=\r\n");
            column = 0;
        }
        if (as_is)
            pp_buf_add_byte(out, c);
        else
            pp_buf_printf(out, "=%02X", c);
        column += bytes;
    }
    pp_buf_add_text(out, "\r\n");
}

void mail_add_quoted(struct pp_buf *out, struct pp_str text)
{
    struct pp_str line;

    if (text.n && text.p[text.n - 1] == '\n')
        text.n--;
    while (pp_str_split(&text, '\n', &line))
        add_quoted_line(out, line);
}

/* "=_" never stands in quoted-printable, so no body ends a part. */
static void add_part(struct pp_buf *out, const char *id, const char *type,
                     struct pp_str text)
{
    pp_buf_printf(out,
                  "--=_%s\r\nContent-Type: text/%s; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                  id, type);
    mail_add_quoted(out, text);
}

void mail_write(const struct mail *mail, struct pp_buf *out)
{
    struct pp_str domain =
        pp_str_sub(mail->from, pp_str_find(mail->from, '@') + 1, mail->from.n);
    char id[MAIL_ID_BYTES];

    mail_id(mail->key, id);
    add_from(out, mail);
    pp_buf_printf(out, "To: <%.*s>\r\n", PP_ARG(mail->to));
    mail_add_header(out, "Subject", mail->subject);
    add_date(out, mail->date_ms);
    pp_buf_printf(out, "Message-ID: <%s@%.*s>\r\n", id, PP_ARG(domain));
    add_kind(out, mail, domain);
    add_unsubscribe(out, mail->unsubscribe);
    pp_buf_printf(out,
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: multipart/alternative;\r\n"
                  " boundary=\"=_%s\"\r\n\r\n",
                  id);
    add_part(out, id, "plain", mail->text);
    add_part(out, id, "html", mail->html);
    pp_buf_printf(out, "--=_%s--\r\n", id);
}
