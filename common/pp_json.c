#include "pp_json.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pp_time.h"

/* What the grammar lets come next. */
enum expects {
    VALUE,       /* any value */
    FIRST_KEY,   /* a key, or the end of an empty object */
    KEY,         /* a key, after a comma */
    FIRST_VALUE, /* a value, or the end of an empty array */
    MORE,        /* a comma or an end */
    NOTHING,     /* only blanks */
    FAILED,
};

#define NUMBER_BYTES 64 /* longer ones have digits that no double holds */

void pp_json_init(struct pp_json *json, struct pp_str text,
                  struct pp_arena *arena, int max_depth)
{
    assert(max_depth <= PP_JSON_DEPTH_MAX);
    *json = (struct pp_json){
        .p = text.p,
        .start = text.p,
        .end = text.n ? text.p + text.n : text.p,
        .arena = arena,
        .max_depth = max_depth,
        .expects = VALUE,
    };
}

static enum pp_json_token fail(struct pp_json *json, const char *error)
{
    json->error = error;
    json->expects = FAILED;
    return PP_JSON_ERROR;
}

static void skip_blanks(struct pp_json *json)
{
    while (json->p < json->end && (*json->p == ' ' || *json->p == '\n' ||
                                   *json->p == '\r' || *json->p == '\t'))
        json->p++;
}

/* After a value: within an object or array more may come. */
static void value_done(struct pp_json *json)
{
    json->expects = json->depth ? MORE : NOTHING;
}

/* --- text ----------------------------------------------------------------- */

static int hex4(const char *p)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];

        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value |= (c | 32) - 'a' + 10;
        else
            return -1;
    }
    return value;
}

static char *put_utf8(char *to, int c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

/* The character of a \u at p, and how many bytes it takes; 0 when wrong. */
static size_t unicode_escape(const char *p, const char *end, int *c)
{
    int low;

    if (end - p < 6 || (*c = hex4(p + 2)) < 0)
        return 0;
    if (*c < 0xD800 || *c > 0xDFFF)
        return 6;
    if (*c > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 0;
    low = hex4(p + 8);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* Length of the escape at p, 0 when it is none; its bytes go to *to. */
static size_t escape(const char *p, const char *end, char **to)
{
    static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
    const char *at;
    size_t n;
    int c;

    if (end - p < 2)
        return 0;
    if (p[1] == 'u') {
        n = unicode_escape(p, end, &c);
        if (n)
            *to = put_utf8(*to, c);
        return n;
    }
    at = p[1] ? strchr(from, p[1]) : NULL;
    if (!at)
        return 0;
    *(*to)++ = is[at - from];
    return 2;
}

/* Copies a text that has escapes; it never grows. */
static bool unescape(struct pp_json *json, struct pp_str raw)
{
    char *copy = pp_arena_alloc(json->arena, raw.n), *to = copy;
    const char *end = raw.p + raw.n;

    if (!copy) {
        fail(json, "too much text");
        return false;
    }
    for (const char *p = raw.p; p < end;) {
        size_t n = 1;

        if (*p != '\\')
            *to++ = *p;
        else if ((n = escape(p, end, &to)) == 0) {
            fail(json, "a wrong escape");
            return false;
        }
        p += n;
    }
    json->str = (struct pp_str){copy, (size_t)(to - copy)};
    return true;
}

/* Behind the opening quote; leaves the text in str. */
static bool text(struct pp_json *json)
{
    const char *from = json->p, *p = from;
    bool escaped = false, ascii = true;

    for (; p < json->end && *p != '"'; p++) {
        unsigned char c = (unsigned char)*p;

        if (c < 0x20) {
            fail(json, "a control character in a text");
            return false;
        }
        ascii = ascii && c < 0x80;
        if (c == '\\') {
            escaped = true;
            if (++p == json->end)
                break;
        }
    }
    if (p >= json->end) {
        fail(json, "a text without its end");
        return false;
    }
    json->str = (struct pp_str){from, (size_t)(p - from)};
    json->p = p + 1;
    if (!ascii && !pp_str_is_utf8(json->str)) {
        fail(json, "not UTF-8");
        return false;
    }
    return !escaped || unescape(json, json->str);
}

/* --- numbers and words ---------------------------------------------------- */

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static enum pp_json_token number(struct pp_json *json)
{
    const char *p = json->p, *end = json->end, *from;

    if (*p == '-')
        p++;
    from = p;
    p = digits(p, end);
    if (p == from || (*from == '0' && p - from > 1))
        return fail(json, "not a number");
    if (p < end && *p == '.') {
        from = ++p;
        p = digits(p, end);
        if (p == from)
            return fail(json, "not a number");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, end);
        if (p == from)
            return fail(json, "not a number");
    }
    json->str = (struct pp_str){json->p, (size_t)(p - json->p)};
    json->p = p;
    value_done(json);
    return PP_JSON_NUMBER;
}

static enum pp_json_token word(struct pp_json *json, struct pp_str expected,
                               enum pp_json_token token)
{
    struct pp_str rest = {json->p, (size_t)(json->end - json->p)};

    if (!pp_str_starts(rest, expected))
        return fail(json, "not a value");
    json->p += expected.n;
    value_done(json);
    return token;
}

/* --- structure ------------------------------------------------------------ */

static enum pp_json_token open_level(struct pp_json *json, bool object)
{
    if (json->depth == json->max_depth)
        return fail(json, "nested too deeply");
    json->p++;
    json->is_object = json->is_object << 1 | object;
    json->depth++;
    json->expects = object ? FIRST_KEY : FIRST_VALUE;
    return object ? PP_JSON_OBJECT : PP_JSON_ARRAY;
}

static enum pp_json_token close_level(struct pp_json *json)
{
    bool object = json->is_object & 1;

    json->p++;
    json->is_object >>= 1;
    json->depth--;
    value_done(json);
    return object ? PP_JSON_OBJECT_END : PP_JSON_ARRAY_END;
}

static enum pp_json_token key(struct pp_json *json)
{
    if (*json->p != '"')
        return fail(json, "a key was expected");
    json->p++;
    if (!text(json))
        return PP_JSON_ERROR;
    skip_blanks(json);
    if (json->p == json->end || *json->p != ':')
        return fail(json, "a colon was expected");
    json->p++;
    json->expects = VALUE;
    return PP_JSON_KEY;
}

static enum pp_json_token value(struct pp_json *json)
{
    switch (*json->p) {
    case '{':
        return open_level(json, true);
    case '[':
        return open_level(json, false);
    case '"':
        json->p++;
        if (!text(json))
            return PP_JSON_ERROR;
        value_done(json);
        return PP_JSON_STRING;
    case 't':
        return word(json, PP_LIT("true"), PP_JSON_TRUE);
    case 'f':
        return word(json, PP_LIT("false"), PP_JSON_FALSE);
    case 'n':
        return word(json, PP_LIT("null"), PP_JSON_NULL);
    default:
        return number(json);
    }
}

/* Behind a value: takes the comma, or finds the end. */
static bool takes_comma(struct pp_json *json)
{
    if (*json->p != ',')
        return false;
    json->p++;
    json->expects = json->is_object & 1 ? KEY : VALUE;
    skip_blanks(json);
    return true;
}

enum pp_json_token pp_json_next(struct pp_json *json)
{
    bool object = json->is_object & 1;
    char end = object ? '}' : ']';

    if (json->expects == FAILED)
        return PP_JSON_ERROR;
    skip_blanks(json);
    if (json->expects == NOTHING)
        return json->p == json->end ? PP_JSON_END
                                    : fail(json, "something behind the value");
    if (json->p == json->end)
        return fail(json, "the end is missing");
    if (json->expects != VALUE && json->expects != KEY && *json->p == end)
        return close_level(json);
    if (json->expects == MORE) {
        if (!takes_comma(json))
            return fail(json, "a comma or an end was expected");
        if (json->p == json->end)
            return fail(json, "the end is missing");
    }
    if (json->expects == KEY || json->expects == FIRST_KEY)
        return key(json);
    return value(json);
}

bool pp_json_skip(struct pp_json *json, enum pp_json_token token)
{
    int depth = json->depth;

    if (token == PP_JSON_KEY)
        token = pp_json_next(json);
    if (token == PP_JSON_ERROR)
        return false;
    if (token != PP_JSON_OBJECT && token != PP_JSON_ARRAY)
        return true;
    if (depth == json->depth)
        depth--; /* token is the one that opened this level */
    while (json->depth > depth)
        if (pp_json_next(json) == PP_JSON_ERROR)
            return false;
    return true;
}

size_t pp_json_at(const struct pp_json *json)
{
    return (size_t)(json->p - json->start);
}

bool pp_json_int64(struct pp_str number, int64_t *out)
{
    return pp_str_int64(number, out);
}

bool pp_json_double(struct pp_str number, double *out)
{
    static locale_t plain;
    char copy[NUMBER_BYTES];

    if (number.n >= sizeof(copy))
        return false;
    if (!plain)
        plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    memcpy(copy, number.p, number.n);
    copy[number.n] = '\0';
    *out = strtod_l(copy, NULL, plain);
    return isfinite(*out);
}

/* --- writing -------------------------------------------------------------- */

/* How many bytes from p on need no escape. */
static size_t plain_run(struct pp_str text, size_t at)
{
    size_t i = at;

    while (i < text.n && (unsigned char)text.p[i] >= 0x20 &&
           (unsigned char)text.p[i] < 0x80 && text.p[i] != '"' &&
           text.p[i] != '\\' && text.p[i] != 0x7F)
        i++;
    return i - at;
}

/* Adds the one character at at that is not plain; returns its length. */
static size_t add_special(struct pp_buf *out, struct pp_str text, size_t at)
{
    unsigned char c = (unsigned char)text.p[at];

    if (c < 0x80) {
        if (c == '"' || c == '\\')
            pp_buf_printf(out, "\\%c", c);
        else
            pp_buf_printf(out, "\\u%04x", c);
        return 1;
    }
    for (size_t n = 2; n <= 4; n++) {
        struct pp_str character = pp_str_sub(text, at, n);

        if (character.n == n && pp_str_is_utf8(character)) {
            pp_buf_add_str(out, character);
            return n;
        }
    }
    pp_buf_add_text(out, "\xEF\xBF\xBD");
    return 1;
}

void pp_json_add_str(struct pp_buf *out, struct pp_str text)
{
    pp_buf_add_byte(out, '"');
    for (size_t at = 0; at < text.n;) {
        size_t run = plain_run(text, at);

        pp_buf_add(out, text.p + at, run);
        at += run;
        if (at < text.n)
            at += add_special(out, text, at);
    }
    pp_buf_add_byte(out, '"');
}

void pp_json_add_instant(struct pp_buf *out, const char *name, int64_t at_ms)
{
    char text[PP_WALL_TEXT_BYTES];

    if (at_ms == 0)
        return;
    pp_wall_text((struct pp_wall){at_ms}, text);
    pp_buf_printf(out, ",\"%s\":\"%s\"", name, text);
}
