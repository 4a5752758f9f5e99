/*
 * Log lines: walks the format of the pairs with the arguments at hand and
 * builds one JSON object in a fixed buffer. The end of the buffer is reserved
 * for what closes the object, so that a line is valid however much is cut.
 */
#include "pp_log.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_str.h"
#include "pp_time.h"

#define LINE_END      (PP_LOG_LINE_BYTES - 2) /* before the closing "}\n" */
#define PRECISION_MAX 17                      /* all that a double has */
#define NUMBER_BYTES  352 /* -DBL_MAX with %.17f has 328 characters */

static const char *const level_names[] = {"debug", "info", "warn", "error",
                                          "fatal"};

static struct {
    const char *service;
    enum pp_log_level level;
    int fd;
} the_log = {"pawprint", PP_LOG_INFO, STDOUT_FILENO};

struct line {
    char p[PP_LOG_LINE_BYTES];
    size_t n;
    size_t stop; /* what is being added ends here at the latest */
    bool cut;    /* something did not fit, so nothing more is added */
};

/* Where we are in the pairs. */
struct walk {
    const char *fmt;
    va_list args;
};

/* One conversion, parsed. */
struct spec {
    char length; /* 0, 'h', 'l', 'L' for ll, 'z', 'j', 't' */
    char type;
    int precision; /* -1 when there is none */
};

/* One conversion, done. */
struct value {
    struct pp_str text; /* an argument's, or points into room */
    bool number;        /* may stand without quotes */
    bool null;
    char room[NUMBER_BYTES];
};

/* --- the line ------------------------------------------------------------ */

/* Adds all of it or nothing. */
static void put(struct line *line, const char *p, size_t n)
{
    if (line->cut || line->n + n > line->stop) {
        line->cut = true;
        return;
    }
    memcpy(line->p + line->n, p, n);
    line->n += n;
}

static void put_ascii(struct line *line, unsigned char byte)
{
    char text[8];
    int n;

    if (byte == '"' || byte == '\\')
        n = snprintf(text, sizeof(text), "\\%c", byte);
    else if (byte == '\n')
        n = snprintf(text, sizeof(text), "\\n");
    else if (byte < 0x20 || byte == 0x7F)
        n = snprintf(text, sizeof(text), "\\u%04x", byte);
    else
        n = snprintf(text, sizeof(text), "%c", byte);
    put(line, text, (size_t)n);
}

/* How many bytes the first character has; 0 when it is not UTF-8. */
static size_t character_bytes(struct pp_str text)
{
    unsigned char lead = (unsigned char)text.p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;

    return n <= text.n && pp_str_is_utf8(pp_str_sub(text, 0, n)) ? n : 0;
}

static void put_escaped(struct line *line, struct pp_str text)
{
    while (text.n > 0 && !line->cut) {
        size_t n = character_bytes(text);

        if (n == 1)
            put_ascii(line, (unsigned char)text.p[0]);
        else if (n == 0)
            put(line, "\xEF\xBF\xBD", 3);
        else
            put(line, text.p, n);
        text = pp_str_sub(text, n == 0 ? 1 : n, text.n);
    }
}

/* From here to text_end(), what is put is one string, cut when too long. */
static void text_begin(struct line *line)
{
    size_t longest = line->n + 1 + PP_LOG_VALUE_BYTES;

    line->stop = LINE_END - 1;
    put(line, "\"", 1);
    if (longest < line->stop && !line->cut)
        line->stop = longest;
}

static void text_end(struct line *line)
{
    line->p[line->n++] = '"'; /* its place was kept by text_begin() */
    line->cut = false;
    line->stop = LINE_END;
}

/* False, with nothing added, when there is no room for the key and a "". */
static bool key_put(struct line *line, struct pp_str key)
{
    size_t start = line->n;

    line->cut = false;
    line->stop = LINE_END - 2;
    put(line, start == 0 ? "{\"" : ",\"", 2);
    put_escaped(line, key);
    put(line, "\":", 2);
    if (!line->cut) {
        line->stop = LINE_END;
        return true;
    }
    line->n = start;
    return false;
}

static void pair_put(struct line *line, const char *key, const char *text)
{
    if (!key_put(line, pp_str_of(key)))
        return;
    text_begin(line);
    put_escaped(line, pp_str_of(text));
    text_end(line);
}

/* --- conversions --------------------------------------------------------- */

static int take_precision(struct walk *walk)
{
    int precision = 0;

    if (*walk->fmt == '*') {
        walk->fmt++;
        return va_arg(walk->args, int);
    }
    for (; *walk->fmt >= '0' && *walk->fmt <= '9'; walk->fmt++)
        if (precision < PP_LOG_LINE_BYTES)
            precision = precision * 10 + (*walk->fmt - '0');
    return precision;
}

static char take_length(struct walk *walk)
{
    char length = 0;

    while (*walk->fmt != '\0' && strchr("hlzjt", *walk->fmt)) {
        length = length == 'l' ? 'L' : *walk->fmt;
        walk->fmt++;
    }
    return length;
}

/* Takes a conversion off the format, which stands behind its '%'. */
static struct spec take_spec(struct walk *walk)
{
    struct spec spec = {.precision = -1};

    while (*walk->fmt != '\0' && strchr("-+ #0", *walk->fmt))
        walk->fmt++;
    (void)take_precision(walk); /* the width looks the same */
    if (*walk->fmt == '.') {
        walk->fmt++;
        spec.precision = take_precision(walk);
    }
    spec.length = take_length(walk);
    spec.type = *walk->fmt;
    if (spec.type != '\0')
        walk->fmt++;
    return spec;
}

static intmax_t take_signed(struct walk *walk, char length)
{
    switch (length) {
    case 'l':
        return va_arg(walk->args, long);
    case 'L':
        return va_arg(walk->args, long long);
    case 'z':
        return va_arg(walk->args, ssize_t);
    case 'j':
        return va_arg(walk->args, intmax_t);
    case 't':
        return va_arg(walk->args, ptrdiff_t);
    default:
        return va_arg(walk->args, int);
    }
}

static uintmax_t take_unsigned(struct walk *walk, char length)
{
    switch (length) {
    case 'l':
        return va_arg(walk->args, unsigned long);
    case 'L':
        return va_arg(walk->args, unsigned long long);
    case 'z':
        return va_arg(walk->args, size_t);
    case 'j':
        return va_arg(walk->args, uintmax_t);
    case 't':
        return (uintmax_t)va_arg(walk->args, ptrdiff_t);
    default:
        return va_arg(walk->args, unsigned);
    }
}

static int double_text(struct value *value, struct spec spec, double number)
{
    int precision = spec.precision;

    if (!isfinite(number)) {
        value->null = true;
        return snprintf(value->room, NUMBER_BYTES, "null");
    }
    if (precision < 0)
        precision = 6; /* as printf has it */
    if (precision > PRECISION_MAX)
        precision = PRECISION_MAX;
    if (spec.type == 'f')
        return snprintf(value->room, NUMBER_BYTES, "%.*f", precision, number);
    if (spec.type == 'e')
        return snprintf(value->room, NUMBER_BYTES, "%.*e", precision, number);
    return snprintf(value->room, NUMBER_BYTES, "%.*g", precision, number);
}

static struct pp_str take_text(struct walk *walk, struct spec spec,
                               struct value *value)
{
    const char *p = va_arg(walk->args, const char *);

    if (!p) {
        value->null = true;
        return PP_LIT("null");
    }
    if (spec.precision < 0)
        return pp_str_of(p);
    return (struct pp_str){p, strnlen(p, (size_t)spec.precision)};
}

/* False for a conversion we don't know, since then all behind it is lost. */
static bool take_value(struct walk *walk, struct value *value)
{
    struct spec spec = take_spec(walk);
    int n;

    value->null = false;
    value->number = spec.type != '\0' && strchr("diufge", spec.type) != NULL;
    switch (spec.type) {
    case 'd':
    case 'i':
        n = snprintf(value->room, NUMBER_BYTES, "%jd",
                     take_signed(walk, spec.length));
        break;
    case 'u':
        n = snprintf(value->room, NUMBER_BYTES, "%ju",
                     take_unsigned(walk, spec.length));
        break;
    case 'x':
        n = snprintf(value->room, NUMBER_BYTES, "%jx",
                     take_unsigned(walk, spec.length));
        break;
    case 'f':
    case 'g':
    case 'e':
        n = double_text(value, spec, va_arg(walk->args, double));
        break;
    case 'c':
        value->room[0] = (char)va_arg(walk->args, int);
        n = 1;
        break;
    case '%':
        value->room[0] = '%';
        n = 1;
        break;
    case 's':
        if (spec.length != 0)
            return false;
        value->text = take_text(walk, spec, value);
        return true;
    default:
        return false;
    }
    value->text = (struct pp_str){value->room, (size_t)n};
    return true;
}

/* --- pairs --------------------------------------------------------------- */

static bool at_end(const struct walk *walk)
{
    return *walk->fmt == ' ' || *walk->fmt == '\0';
}

/* Up to the '=', which is taken too. */
static struct pp_str take_key(struct walk *walk)
{
    struct pp_str key = {walk->fmt, strcspn(walk->fmt, "= ")};

    walk->fmt += key.n;
    if (*walk->fmt == '=')
        walk->fmt++;
    return key;
}

/*
 * Adds the value of the key that was just put. Arguments are taken also when
 * nothing more fits, so that the pairs after it get theirs. False when they
 * can't, since a conversion is unknown.
 */
static bool value_put(struct line *line, struct walk *walk)
{
    struct value value = {0};
    bool first = true, known = true;

    while (!at_end(walk) && known) {
        const char *start = walk->fmt++;

        if (*start == '%')
            known = take_value(walk, &value);
        else
            value.text = (struct pp_str){start, 1};
        if (!known)
            value.text = PP_LIT("?");
        if (*start == '%' && known && first && at_end(walk) &&
            (value.number || value.null)) {
            put(line, value.text.p, value.text.n);
            return true;
        }
        if (first)
            text_begin(line);
        first = false;
        put_escaped(line, value.text);
    }
    if (first)
        text_begin(line);
    text_end(line);
    return known;
}

static void pairs_put(struct line *line, struct walk *walk)
{
    bool known = true;

    while (known) {
        size_t start;
        struct pp_str key;

        walk->fmt += strspn(walk->fmt, " ");
        if (*walk->fmt == '\0')
            return;
        start = line->n;
        key = take_key(walk);
        if (!key_put(line, key))
            return;
        known = value_put(line, walk);
        if (line->cut)
            line->n = start; /* a number that is cut would be another one */
    }
}

static void line_write(struct line *line)
{
    ssize_t n;

    memcpy(line->p + line->n, "}\n", 2);
    line->n += 2;
    do
        n = write(the_log.fd, line->p, line->n);
    while (n < 0 && errno == EINTR);
}

static void log_event(enum pp_log_level level, const char *event,
                      struct walk *walk)
{
    struct line line;
    char at[PP_WALL_TEXT_BYTES];
    int saved = errno;

    if (level < the_log.level)
        return;
    line.n = 0;
    pp_wall_text(pp_wall_now(), at);
    pair_put(&line, "at", at);
    pair_put(&line, "level", level_names[level]);
    pair_put(&line, "service", the_log.service);
    pair_put(&line, "event", event);
    if (walk->fmt)
        pairs_put(&line, walk);
    line_write(&line);
    errno = saved;
}

#define LOG_AT(level)                                                          \
    struct walk walk = {.fmt = pairs};                                         \
                                                                               \
    va_start(walk.args, pairs);                                                \
    log_event(level, event, &walk);                                            \
    va_end(walk.args)

void pp_debug(const char *event, const char *pairs, ...)
{
    LOG_AT(PP_LOG_DEBUG);
}

void pp_info(const char *event, const char *pairs, ...)
{
    LOG_AT(PP_LOG_INFO);
}

void pp_warn(const char *event, const char *pairs, ...)
{
    LOG_AT(PP_LOG_WARN);
}

void pp_error(const char *event, const char *pairs, ...)
{
    LOG_AT(PP_LOG_ERROR);
}

void pp_fatal(const char *event, const char *pairs, ...)
{
    LOG_AT(PP_LOG_FATAL);
}

void pp_log_open(const char *service, enum pp_log_level level)
{
    the_log.service = service;
    the_log.level = level;
}

void pp_log_to(int fd)
{
    the_log.fd = fd;
}

bool pp_log_level_of(const char *text, enum pp_log_level *level_out)
{
    for (size_t i = 0; i < PP_COUNT(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level_out = (enum pp_log_level)i;
            return true;
        }
    }
    return false;
}
