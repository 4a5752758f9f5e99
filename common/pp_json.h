#ifndef PP_JSON_H
#define PP_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_str.h"

/*
 * Reads and writes JSON within limits. [RFC 8259]
 *
 * The reader is strict: UTF-8 only, no control characters in text, no leading
 * zeros, no trailing commas, no lone surrogates, nothing behind the value. It
 * hands out one token after the other and keeps no tree; nesting beyond the
 * limit is an error, and costs no stack. One thread at a time.
 */
enum pp_json_token {
    PP_JSON_ERROR, /* error says why, at where; every later token is this */
    PP_JSON_END,   /* of the document: all of it was right */
    PP_JSON_OBJECT,
    PP_JSON_OBJECT_END,
    PP_JSON_ARRAY,
    PP_JSON_ARRAY_END,
    PP_JSON_KEY,    /* str holds it; its value is the next token */
    PP_JSON_STRING, /* str holds it */
    PP_JSON_NUMBER, /* str holds its text */
    PP_JSON_TRUE,
    PP_JSON_FALSE,
    PP_JSON_NULL,
};

#define PP_JSON_DEPTH_MAX 64

struct pp_json {
    struct pp_str str; /* of the last token; points into the text, or, when
                          it had escapes, into the arena */
    const char *error; /* constant text, or NULL */
    const char *p;     /* where the next token begins */
    const char *end;
    const char *start;
    struct pp_arena *arena;
    int max_depth;
    int depth;
    uint64_t is_object; /* a bit for each level */
    int expects;        /* what may come: pp_json's own */
};

/*
 * text is borrowed for as long as tokens of it are used. arena takes the texts
 * that had escapes, never more than text has bytes. max_depth is at most
 * PP_JSON_DEPTH_MAX.
 */
void pp_json_init(struct pp_json *json, struct pp_str text,
                  struct pp_arena *arena, int max_depth);

enum pp_json_token pp_json_next(struct pp_json *json);

/*
 * Passes over the rest of the value that token began; for a token that is a
 * value by itself there is no rest. False on error.
 */
bool pp_json_skip(struct pp_json *json, enum pp_json_token token);

/* Offset of the next byte: behind the last token. */
size_t pp_json_at(const struct pp_json *json);

/* A number's text as a whole number that fits; false when it is none. */
bool pp_json_int64(struct pp_str number, int64_t *out);

/* As a double, whatever the locale; false when it is beyond all of them. */
bool pp_json_double(struct pp_str number, double *out);

/*
 * Adds text in quotes, escaped. Bytes that are not UTF-8 become U+FFFD, so
 * that what comes out is always JSON.
 */
void pp_json_add_str(struct pp_buf *out, struct pp_str text);

/* Adds ,"name":"2026-11-25T12:00:00.000Z", or nothing at the instant 0. */
void pp_json_add_instant(struct pp_buf *out, const char *name, int64_t at_ms);

#endif
