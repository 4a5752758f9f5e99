#ifndef PP_LINK_H
#define PP_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * Signed tokens for links in mails: whoever holds one may do one thing to one
 * row, until an instant, without a login.
 *
 *   token = UNTIL "." ID "." MAC
 *
 * UNTIL is seconds since 1970 in hexadecimal, ID is Base64 for URLs, and MAC
 * is HMAC-SHA256 over what the link is for and all that stands before it. So
 * a link to snooze is worth nothing as one to unsubscribe. A token says
 * nothing secret, but is one: it belongs in no log. Pure; any thread.
 */
#define PP_LINK_KEY_MIN   32  /* characters of a key */
#define PP_LINK_KEYS_MAX  4   /* that are good at the same time */
#define PP_LINK_ID_MAX    200 /* bytes of an id */
#define PP_LINK_BYTES_MAX 400 /* of a token, with its NUL */

/* The first one signs, all of them are believed. They point into a text. */
struct pp_link_keys {
    struct pp_str list[PP_LINK_KEYS_MAX];
    size_t count;
};

/*
 * Keys apart by commas, blanks around them ignored; an empty text has none.
 * PP_ERR_FATAL: one is too short, or there are too many; err names none.
 */
int pp_link_keys_read(const char *text, struct pp_link_keys *keys_out,
                      struct pp_err *err);

/* For pp_config: what the text has to be, or NULL when it is right. */
const char *pp_link_keys_wrong(const char *text);

/*
 * Writes the token and its NUL. -1: it does not fit, the key is too short, id
 * is empty or too long, or until_s is not after 1970.
 */
int pp_link_make(struct pp_str key, const char *what, const char *id,
                 int64_t until_s, char *out, size_t size);

/*
 * The id of a token that one of the keys signed for what, NUL-terminated.
 * PP_ERR_INVALID: it is none of ours; PP_ERR_DENIED: it was, until now_s. How
 * long it takes says nothing about where a signature differs.
 */
int pp_link_read(const struct pp_link_keys *keys, const char *what,
                 struct pp_str token, int64_t now_s, char *id_out, size_t size,
                 struct pp_err *err);

#endif
