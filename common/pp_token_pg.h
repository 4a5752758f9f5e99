#ifndef PP_TOKEN_PG_H
#define PP_TOKEN_PG_H

#include <stdbool.h>

#include "pp_pg.h"
#include "pp_token.h"

/*
 * Tokens, login links and sessions in Postgres, by their hashes. Time is
 * pp_now(). PP_ERR_DENIED: the secret is not known, or not valid any more;
 * nobody is told which. One thread at a time.
 */
#define PP_TOKEN_ID_BYTES      13
#define PP_TOKEN_ACCOUNT_BYTES 33
#define PP_TOKEN_LINK_S        600
#define PP_TOKEN_SESSION_S     3600

/* Whom a secret stands for. */
struct pp_token_holder {
    char account_id[PP_TOKEN_ACCOUNT_BYTES];
    enum pp_token_role role;
    bool blocked, closed; /* the account is */
};

/*
 * A new token of an account. token_out is the only place where it ever stands;
 * id_out names it. PP_ERR_INVALID: there is no such account.
 */
int pp_token_create(struct pp_pg *pg, const char *account_id,
                    enum pp_token_role role, const char *name,
                    struct pp_token *token_out, char id_out[PP_TOKEN_ID_BYTES],
                    struct pp_err *err);

/* Whose a token is; notes, to the minute, that it was used. */
int pp_token_find(struct pp_pg *pg, struct pp_str token,
                  struct pp_token_holder *holder_out, struct pp_err *err);

/* PP_ERR_INVALID: the account has no such token, or it is revoked. */
int pp_token_revoke(struct pp_pg *pg, const char *account_id,
                    const char *token_id, struct pp_err *err);

/* A link, valid for PP_TOKEN_LINK_S seconds. PP_ERR_INVALID as above. */
int pp_token_link_create(struct pp_pg *pg, const char *account_id,
                         enum pp_token_role role, struct pp_token *token_out,
                         struct pp_err *err);

/* Whose it is, without using it up. */
int pp_token_link_find(struct pp_pg *pg, struct pp_str link,
                       struct pp_token_holder *holder_out, struct pp_err *err);

/* Uses it up and begins a session of PP_TOKEN_SESSION_S seconds. */
int pp_token_link_use(struct pp_pg *pg, struct pp_str link,
                      struct pp_token *session_out, struct pp_err *err);

int pp_token_session_find(struct pp_pg *pg, struct pp_str session,
                          struct pp_token_holder *holder_out,
                          struct pp_err *err);

/* One that is not there has ended already. */
int pp_token_session_end(struct pp_pg *pg, struct pp_str session,
                         struct pp_err *err);

#endif
