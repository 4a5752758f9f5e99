#ifndef PP_TOKEN_H
#define PP_TOKEN_H

#include <stdbool.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * Secrets that let somebody act for an account: the token of a program, the
 * link that opens the account's pages once, and the session that a link began,
 * which is a cookie.
 *
 * Each is a prefix that says which kind it is and 256 random bits, so that it
 * can be kept as a plain SHA-256: nobody finds it by trying. Pure but for
 * pp_token_make(); any thread. pp_token_pg.h keeps them.
 */
enum pp_token_kind {
    PP_TOKEN_PROGRAM, /* pp_... */
    PP_TOKEN_LINK,    /* pl_... */
    PP_TOKEN_SESSION, /* ps_... */
};

#define PP_TOKEN_CHARS 46 /* three of the prefix, 43 of Base64 for URLs */
#define PP_TOKEN_SHOWN 9  /* of them that may be shown: 36 bits */

struct pp_token {
    char text[PP_TOKEN_CHARS + 1];
};

/* A new one. PP_ERR_FATAL: the system gives no random bytes. */
int pp_token_make(enum pp_token_kind kind, struct pp_token *token_out,
                  struct pp_err *err);

/* Whether text has the form of that kind: what has not is known to nobody. */
bool pp_token_is(enum pp_token_kind kind, struct pp_str text);

/* SHA-256 of the text, as Postgres writes a bytea. */
#define PP_TOKEN_HASH_BYTES 67
void pp_token_hash(struct pp_str text, char hash_out[PP_TOKEN_HASH_BYTES]);

/*
 * What a form of a session's pages carries, to show that the page was ours: a
 * hash of the session's secret, which no other site knows.
 */
#define PP_TOKEN_FORM_BYTES 44
void pp_token_form(struct pp_str session, char form_out[PP_TOKEN_FORM_BYTES]);

/* Whether given is that; takes the same time whatever differs. */
bool pp_token_form_is(struct pp_str session, struct pp_str given);

/* What its holder may do: an owner everything, billing only billing. */
enum pp_token_role { PP_TOKEN_OWNER, PP_TOKEN_BILLING, PP_TOKEN_ROLES };

const char *pp_token_role_name(enum pp_token_role role);
bool pp_token_role_of(struct pp_str name, enum pp_token_role *role_out);

#endif
