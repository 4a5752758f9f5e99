#include "pp_str.h"

#include <string.h>
#include <strings.h>

struct pp_str pp_str_of(const char *text)
{
    return (struct pp_str){text, text ? strlen(text) : 0};
}

bool pp_str_eq(struct pp_str a, struct pp_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool pp_str_eq_nocase(struct pp_str a, struct pp_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        char x = a.p[i], y = b.p[i];

        if (x >= 'A' && x <= 'Z')
            x = (char)(x + 32);
        if (y >= 'A' && y <= 'Z')
            y = (char)(y + 32);
        if (x != y)
            return false;
    }
    return true;
}

bool pp_str_starts(struct pp_str text, struct pp_str prefix)
{
    return text.n >= prefix.n &&
           pp_str_eq((struct pp_str){text.p, prefix.n}, prefix);
}

bool pp_str_ends(struct pp_str text, struct pp_str suffix)
{
    return text.n >= suffix.n &&
           pp_str_eq(pp_str_sub(text, text.n - suffix.n, suffix.n), suffix);
}

size_t pp_str_find(struct pp_str text, char byte)
{
    const char *at = text.n ? memchr(text.p, byte, text.n) : NULL;

    return at ? (size_t)(at - text.p) : text.n;
}

struct pp_str pp_str_sub(struct pp_str text, size_t start, size_t count)
{
    if (start >= text.n)
        return (struct pp_str){NULL, 0};
    if (count > text.n - start)
        count = text.n - start;
    return (struct pp_str){text.p + start, count};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pp_str pp_str_trim(struct pp_str text)
{
    while (text.n && is_blank(text.p[0])) {
        text.p++;
        text.n--;
    }
    while (text.n && is_blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

bool pp_str_split(struct pp_str *rest, char separator, struct pp_str *part)
{
    size_t at;

    if (!rest->p)
        return false;
    at = pp_str_find(*rest, separator);
    *part = (struct pp_str){rest->p, at};
    if (at == rest->n)
        *rest = (struct pp_str){NULL, 0};
    else
        *rest = (struct pp_str){rest->p + at + 1, rest->n - at - 1};
    return true;
}

bool pp_str_int64(struct pp_str text, int64_t *out)
{
    bool negative = text.n && text.p[0] == '-';
    int64_t value = 0;

    if (text.n == (size_t)negative)
        return false;
    for (size_t i = negative; i < text.n; i++) {
        int digit = text.p[i] - '0';

        if (digit < 0 || digit > 9)
            return false;
        /* Counted downwards, since the lowest number has no opposite. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}

/* Length of the well-formed character at p, or 0. [RFC 3629, section 4] */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t len;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return len;
}

/* Of fewer than eight bytes: the last of them once more where they overlap. */
static bool is_short_ascii(const unsigned char *p, size_t n)
{
    uint32_t first, last;

    if (n < sizeof(first))
        return n == 0 || (p[0] | p[n / 2] | p[n - 1]) < 0x80;
    memcpy(&first, p, sizeof(first));
    memcpy(&last, p + n - sizeof(last), sizeof(last));
    return !((first | last) & UINT32_C(0x80808080));
}

/* By eight bytes, the last of them once more where they overlap. */
static bool is_ascii(const unsigned char *p, size_t n)
{
    uint64_t any = 0, eight;

    if (n < sizeof(eight))
        return is_short_ascii(p, n);
    for (size_t i = 0; i + sizeof(eight) <= n; i += sizeof(eight)) {
        memcpy(&eight, p + i, sizeof(eight));
        any |= eight;
    }
    memcpy(&eight, p + n - sizeof(eight), sizeof(eight));
    return !((any | eight) & UINT64_C(0x8080808080808080));
}

bool pp_str_is_utf8(struct pp_str text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t len;

    if (is_ascii(p, text.n))
        return true;
    for (size_t i = 0; i < text.n; i += len) {
        len = utf8_length(p + i, text.n - i);
        if (len == 0)
            return false;
    }
    return true;
}

struct pp_str pp_str_cut_utf8(struct pp_str text, size_t max)
{
    if (text.n <= max)
        return text;
    while (max > 0 && ((unsigned char)text.p[max] & 0xC0) == 0x80)
        max--;
    return (struct pp_str){text.p, max};
}
