#include "pp_dsn.h"

#include <string.h>

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

const char *pp_dsn_kind_name(enum pp_dsn_kind kind)
{
    static const char *const names[] = {
        [PP_DSN_PERMANENT] = "permanent",
        [PP_DSN_TRANSIENT] = "transient",
        [PP_DSN_DELIVERED] = "delivered",
        [PP_DSN_NO_REPORT] = "no_report",
        [PP_DSN_NO_STATUS] = "no_status",
        [PP_DSN_NO_MESSAGE_ID] = "no_message_id",
    };

    return names[kind];
}

/* --- lines and headers -----------------------------------------------------
 */

static const struct pp_str nothing = {"", 0};

/* Takes a line off rest, its end taken away; false: there is none left. */
static bool take_line(struct pp_str *rest, struct pp_str *line)
{
    size_t end;

    if (rest->n == 0)
        return false;
    end = pp_str_find(*rest, '\n');
    *line = pp_str_sub(*rest, 0, end);
    *rest = pp_str_sub(*rest, end + 1, rest->n);
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool is_folded(struct pp_str line)
{
    return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

static bool is_prefix(struct pp_str text, struct pp_str prefix)
{
    return pp_str_eq_nocase(pp_str_sub(text, 0, prefix.n), prefix);
}

/* Up to the first empty line; what comes behind it is in *rest. */
static struct pp_str take_headers(struct pp_str *rest)
{
    struct pp_str all = *rest, line;

    while (take_line(rest, &line))
        if (line.n == 0)
            break;
    return pp_str_sub(all, 0, all.n - rest->n);
}

/*
 * The value of the first header of that name, with the lines that it goes on
 * in; empty when there is none.
 */
static struct pp_str header(struct pp_str headers, struct pp_str name)
{
    struct pp_str line;

    while (take_line(&headers, &line)) {
        struct pp_str before, value;

        if (!is_prefix(line, name) || line.n <= name.n || line.p[name.n] != ':')
            continue;
        /* Not pp_str_sub(): an empty one could not grow by the next line. */
        value = (struct pp_str){line.p + name.n + 1, line.n - name.n - 1};
        before = headers;
        while (take_line(&headers, &line) && is_folded(line)) {
            value.n = (size_t)(line.p + line.n - value.p);
            before = headers;
        }
        headers = before;
        return pp_str_trim(value);
    }
    return nothing;
}

/* --- parts -----------------------------------------------------------------
 */

/* The value of a parameter of a header, without its quotes. */
static struct pp_str parameter(struct pp_str value, struct pp_str name)
{
    struct pp_str rest = value, part;

    pp_str_split(&rest, ';', &part);
    while (pp_str_split(&rest, ';', &part)) {
        part = pp_str_trim(part);
        if (!is_prefix(part, name) || part.n <= name.n || part.p[name.n] != '=')
            continue;
        part = pp_str_trim(pp_str_sub(part, name.n + 1, part.n));
        if (part.n && part.p[0] == '"') {
            part = pp_str_sub(part, 1, part.n);
            part = pp_str_sub(part, 0, pp_str_find(part, '"'));
        }
        return part;
    }
    return nothing;
}

/* Is it the line that ends a part? last says that none follows. */
static bool is_boundary(struct pp_str line, struct pp_str boundary, bool *last)
{
    struct pp_str rest;

    if (!pp_str_starts(line, PP_LIT("--")) ||
        !pp_str_starts(pp_str_sub(line, 2, line.n), boundary))
        return false;
    rest = pp_str_sub(line, 2 + boundary.n, line.n);
    *last = pp_str_starts(rest, PP_LIT("--"));
    return *last || pp_str_trim(rest).n == 0;
}

/*
 * Takes the next part off rest: what stands before the next line of the
 * boundary, or the end. The first one is the preamble.
 */
static bool take_part(struct pp_str *rest, struct pp_str boundary,
                      struct pp_str *part)
{
    struct pp_str all = *rest, before = *rest, line;
    bool last = false;

    if (all.n == 0)
        return false;
    while (take_line(rest, &line)) {
        if (is_boundary(line, boundary, &last)) {
            *part = pp_str_sub(all, 0, all.n - before.n);
            if (last)
                *rest = nothing;
            return true;
        }
        before = *rest;
    }
    *part = all;
    return true;
}

static bool has_type(struct pp_str headers, struct pp_str type)
{
    struct pp_str value = header(headers, PP_LIT("Content-Type"));

    return is_prefix(value, type) &&
           (value.n == type.n || strchr("; \t\r\n", value.p[type.n]));
}

/* --- fields ----------------------------------------------------------------
 */

/* "rfc822; ann@example.com" and "smtp; 550 no such user". */
static struct pp_str without_type(struct pp_str value)
{
    size_t semicolon = pp_str_find(value, ';');

    return semicolon == value.n
               ? value
               : pp_str_trim(pp_str_sub(value, semicolon + 1, value.n));
}

static struct pp_str without_brackets(struct pp_str value)
{
    size_t open = pp_str_find(value, '<');

    if (open == value.n)
        return value;
    value = pp_str_sub(value, open + 1, value.n);
    return pp_str_trim(pp_str_sub(value, 0, pp_str_find(value, '>')));
}

static struct pp_str first_word(struct pp_str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (strchr(" \t\r\n(", value.p[i]))
            return pp_str_sub(value, 0, i);
    return value;
}

static size_t digits(struct pp_str text)
{
    size_t n = 0;

    while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    return n;
}

/* class.subject.detail [RFC 3463 2] */
static bool is_status(struct pp_str text)
{
    if (text.n < 5 || !memchr("245", text.p[0], 3) || text.p[1] != '.')
        return false;
    for (int i = 0; i < 2; i++) {
        size_t n;

        text = pp_str_sub(text, pp_str_find(text, '.') + 1, text.n);
        n = digits(text);
        if (n < 1 || n > 3 || (i == 0 && (n == text.n || text.p[n] != '.')))
            return false;
        if (i == 1 && n != text.n)
            return false;
    }
    return true;
}

/*
 * Fields about the mail as a whole come first, then some for each recipient,
 * apart by empty lines. [RFC 3464 2.1]
 */
static void read_status(struct pp_str part, struct pp_dsn *dsn)
{
    while (part.n) {
        struct pp_str fields = take_headers(&part);
        struct pp_str action = header(fields, PP_LIT("Action"));
        struct pp_str line;

        if (action.n == 0)
            continue;
        dsn->action = first_word(action);
        dsn->status = first_word(header(fields, PP_LIT("Status")));
        dsn->recipient = without_brackets(
            without_type(header(fields, PP_LIT("Final-Recipient"))));
        line = without_type(header(fields, PP_LIT("Diagnostic-Code")));
        dsn->diagnostic = nothing;
        take_line(&line, &dsn->diagnostic);
        return;
    }
}

/* --- the whole -------------------------------------------------------------
 */

static void read_part(struct pp_str part, struct pp_dsn *dsn)
{
    struct pp_str headers = take_headers(&part);

    if (has_type(headers, PP_LIT("message/delivery-status")) ||
        has_type(headers, PP_LIT("message/global-delivery-status"))) {
        read_status(part, dsn);
        return;
    }
    if (has_type(headers, PP_LIT("message/rfc822")) ||
        has_type(headers, PP_LIT("text/rfc822-headers")) ||
        has_type(headers, PP_LIT("message/global")) ||
        has_type(headers, PP_LIT("message/global-headers")))
        dsn->message_id =
            without_brackets(header(take_headers(&part), PP_LIT("Message-ID")));
}

/* Of an address that was made for one mail: what stands behind its plus. */
static struct pp_str of_return_path(struct pp_str to)
{
    struct pp_str address = without_brackets(to);
    size_t plus = pp_str_find(address, '+');

    return plus < address.n ? pp_str_sub(address, plus + 1, address.n)
                            : nothing;
}

static enum pp_dsn_kind kind_of(const struct pp_dsn *dsn)
{
    bool is_failed = pp_str_eq_nocase(dsn->action, PP_LIT("failed"));
    bool is_delayed = pp_str_eq_nocase(dsn->action, PP_LIT("delayed"));

    if (!is_status(dsn->status) || dsn->action.n == 0)
        return PP_DSN_NO_STATUS;
    if (dsn->message_id.n == 0)
        return PP_DSN_NO_MESSAGE_ID;
    if (!is_failed && !is_delayed)
        return PP_DSN_DELIVERED;
    if (is_failed && dsn->status.p[0] == '5' &&
        !pp_str_eq(dsn->status, PP_LIT("5.4.4")))
        return PP_DSN_PERMANENT;
    return PP_DSN_TRANSIENT;
}

void pp_dsn_read(struct pp_str mail, struct pp_dsn *dsn_out)
{
    struct pp_str headers = take_headers(&mail);
    struct pp_str type = header(headers, PP_LIT("Content-Type"));
    struct pp_str boundary = parameter(type, PP_LIT("boundary"));
    struct pp_str part;

    *dsn_out = (struct pp_dsn){
        .kind = PP_DSN_NO_REPORT,
        .message_id = nothing,
        .recipient = nothing,
        .action = nothing,
        .status = nothing,
        .diagnostic = nothing,
    };
    if (!has_type(headers, PP_LIT("multipart/report")) || boundary.n == 0 ||
        boundary.n > BOUNDARY_MAX || !take_part(&mail, boundary, &part))
        return;
    while (take_part(&mail, boundary, &part))
        read_part(part, dsn_out);
    if (dsn_out->message_id.n == 0)
        dsn_out->message_id = of_return_path(header(headers, PP_LIT("To")));
    dsn_out->kind = kind_of(dsn_out);
}
