#ifndef PP_STR_H
#define PP_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A borrowed piece of text: pointer and length, owned by someone else, valid
 * as long as the owner says. May hold any bytes and is not NUL-terminated.
 * p may be NULL when n is 0. Pure functions; safe from any thread.
 */
struct pp_str {
    const char *p;
    size_t n;
};

/* A string literal as pp_str, and a pp_str as the arguments of "%.*s". */
#define PP_LIT(literal) ((struct pp_str){(literal), sizeof(literal) - 1})
#define PP_ARG(str)     (int)(str).n, (str).p

/* Borrows a NUL-terminated text; NULL is the empty text. */
struct pp_str pp_str_of(const char *text);

bool pp_str_eq(struct pp_str a, struct pp_str b);
bool pp_str_eq_nocase(struct pp_str a, struct pp_str b); /* ASCII only */
bool pp_str_starts(struct pp_str text, struct pp_str prefix);
bool pp_str_ends(struct pp_str text, struct pp_str suffix);

/* Index of the first such byte, or text.n when there is none. */
size_t pp_str_find(struct pp_str text, char byte);

/* From start, at most count bytes; clamped to what is there. */
struct pp_str pp_str_sub(struct pp_str text, size_t start, size_t count);

/* Without blanks, tabs and line ends on both sides. */
struct pp_str pp_str_trim(struct pp_str text);

/*
 * Takes the part before the next separator off *rest into *part; the last
 * part has none behind it. Returns false when nothing is left.
 */
bool pp_str_split(struct pp_str *rest, char separator, struct pp_str *part);

/* A whole decimal number that fits, without blanks; false when it is not. */
bool pp_str_int64(struct pp_str text, int64_t *out);

/* Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate. */
bool pp_str_is_utf8(struct pp_str text);

/* The longest prefix of at most max bytes that cuts no UTF-8 character. */
struct pp_str pp_str_cut_utf8(struct pp_str text, size_t max);

#endif
