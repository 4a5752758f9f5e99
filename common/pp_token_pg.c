#include "pp_token_pg.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

/* Twelve characters of a-z0-9, which only name a token. */
static void make_id(char id_out[PP_TOKEN_ID_BYTES])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (int i = 0; i < PP_TOKEN_ID_BYTES - 1; i++)
        id_out[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
    id_out[PP_TOKEN_ID_BYTES - 1] = '\0';
}

static int changed(struct pp_pg *pg, const char *sql, int count,
                   const char *const *values, int64_t *changed_out,
                   struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(pg, sql, count, values, &rows, err);

    *changed_out = rows.changed;
    pp_pg_rows_fini(&rows);
    return result;
}

/* The one row that a secret's hash leads to: account, role, blocked, closed. */
static int find(struct pp_pg *pg, const char *sql, enum pp_token_kind kind,
                struct pp_str text, struct pp_token_holder *holder_out,
                struct pp_err *err)
{
    char hash[PP_TOKEN_HASH_BYTES];
    const char *values[] = {hash};
    struct pp_pg_rows rows;
    int result;

    if (!pp_token_is(kind, text))
        return pp_err_set(err, PP_ERR_DENIED, "no such secret");
    pp_token_hash(text, hash);
    result = pp_pg_query(pg, sql, 1, values, &rows, err);
    if (result == 0 && (rows.count != 1 ||
                        !pp_token_role_of(pp_str_of(pp_pg_text(&rows, 0, 1)),
                                          &holder_out->role)))
        result = pp_err_set(err, PP_ERR_DENIED, "no such secret");
    if (result == 0) {
        snprintf(holder_out->account_id, sizeof(holder_out->account_id), "%s",
                 pp_pg_text(&rows, 0, 0));
        holder_out->blocked = pp_pg_bool(&rows, 0, 2);
        holder_out->closed = pp_pg_bool(&rows, 0, 3);
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int pp_token_create(struct pp_pg *pg, const char *account_id,
                    enum pp_token_role role, const char *name,
                    struct pp_token *token_out, char id_out[PP_TOKEN_ID_BYTES],
                    struct pp_err *err)
{
    char hash[PP_TOKEN_HASH_BYTES], prefix[PP_TOKEN_SHOWN + 1];
    const char *values[] = {id_out, account_id, pp_token_role_name(role),
                            name,   prefix,     hash};
    int64_t count;

    if (pp_token_make(PP_TOKEN_PROGRAM, token_out, err) < 0)
        return -1;
    make_id(id_out);
    snprintf(prefix, sizeof(prefix), "%.*s", PP_TOKEN_SHOWN, token_out->text);
    pp_token_hash(pp_str_of(token_out->text), hash);
    if (changed(pg,
                "INSERT INTO account_token (token_id, account_id, role, name, "
                "prefix, hash) SELECT $1, account_id, $3, $4, $5, $6::bytea "
                "FROM account WHERE account_id = $2",
                6, values, &count, err) < 0)
        return -1;
    if (count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no account %s",
                          account_id);
    return 0;
}

int pp_token_find(struct pp_pg *pg, struct pp_str token,
                  struct pp_token_holder *holder_out, struct pp_err *err)
{
    return find(
        pg,
        "WITH found AS (SELECT * FROM account_token WHERE hash = $1::bytea AND "
        "revoked_at IS NULL), used AS (UPDATE account_token AS t SET "
        "last_used_at = pp_now() FROM found WHERE t.token_id = found.token_id "
        "AND (found.last_used_at IS NULL OR found.last_used_at < pp_now() - "
        "interval '1 minute')) SELECT account_id, role, blocked_at IS NOT "
        "NULL, closed_at IS NOT NULL FROM found JOIN account USING "
        "(account_id)",
        PP_TOKEN_PROGRAM, token, holder_out, err);
}

int pp_token_revoke(struct pp_pg *pg, const char *account_id,
                    const char *token_id, struct pp_err *err)
{
    const char *values[] = {account_id, token_id};
    int64_t count;

    if (changed(pg,
                "UPDATE account_token SET revoked_at = pp_now() WHERE "
                "account_id = $1 AND token_id = $2 AND revoked_at IS NULL",
                2, values, &count, err) < 0)
        return -1;
    if (count == 0)
        return pp_err_set(err, PP_ERR_INVALID,
                          "account %s has no token %s that is valid",
                          account_id, token_id);
    return 0;
}

int pp_token_link_create(struct pp_pg *pg, const char *account_id,
                         enum pp_token_role role, struct pp_token *token_out,
                         struct pp_err *err)
{
    char hash[PP_TOKEN_HASH_BYTES], seconds[16];
    const char *values[] = {hash, account_id, pp_token_role_name(role),
                            seconds};
    int64_t count;

    if (pp_token_make(PP_TOKEN_LINK, token_out, err) < 0)
        return -1;
    pp_token_hash(pp_str_of(token_out->text), hash);
    snprintf(seconds, sizeof(seconds), "%d", PP_TOKEN_LINK_S);
    if (changed(pg,
                "INSERT INTO login_link (hash, account_id, role, expires_at) "
                "SELECT $1::bytea, account_id, $3, pp_now() + $4::int * "
                "interval '1 second' FROM account WHERE account_id = $2",
                4, values, &count, err) < 0)
        return -1;
    if (count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "there is no account %s",
                          account_id);
    return 0;
}

int pp_token_link_find(struct pp_pg *pg, struct pp_str link,
                       struct pp_token_holder *holder_out, struct pp_err *err)
{
    return find(pg,
                "SELECT account_id, role, blocked_at IS NOT NULL, closed_at IS "
                "NOT NULL FROM login_link JOIN account USING (account_id) "
                "WHERE hash = $1::bytea AND used_at IS NULL AND expires_at > "
                "pp_now()",
                PP_TOKEN_LINK, link, holder_out, err);
}

/* One statement: of two that come at once, the second finds it used. */
int pp_token_link_use(struct pp_pg *pg, struct pp_str link,
                      struct pp_token *session_out, struct pp_err *err)
{
    char hash[PP_TOKEN_HASH_BYTES], session[PP_TOKEN_HASH_BYTES], seconds[16];
    const char *values[] = {hash, session, seconds};
    int64_t count;

    if (!pp_token_is(PP_TOKEN_LINK, link))
        return pp_err_set(err, PP_ERR_DENIED, "no such secret");
    if (pp_token_make(PP_TOKEN_SESSION, session_out, err) < 0)
        return -1;
    pp_token_hash(link, hash);
    pp_token_hash(pp_str_of(session_out->text), session);
    snprintf(seconds, sizeof(seconds), "%d", PP_TOKEN_SESSION_S);
    if (changed(pg,
                "WITH used AS (UPDATE login_link SET used_at = pp_now() WHERE "
                "hash = $1::bytea AND used_at IS NULL AND expires_at > "
                "pp_now() RETURNING account_id, role) INSERT INTO "
                "login_session (hash, account_id, role, expires_at) SELECT "
                "$2::bytea, account_id, role, pp_now() + $3::int * interval "
                "'1 second' FROM used",
                3, values, &count, err) < 0)
        return -1;
    return count == 1 ? 0 : pp_err_set(err, PP_ERR_DENIED, "no such secret");
}

int pp_token_session_find(struct pp_pg *pg, struct pp_str session,
                          struct pp_token_holder *holder_out,
                          struct pp_err *err)
{
    return find(pg,
                "SELECT account_id, role, blocked_at IS NOT NULL, closed_at IS "
                "NOT NULL FROM login_session JOIN account USING (account_id) "
                "WHERE hash = $1::bytea AND ended_at IS NULL AND expires_at > "
                "pp_now()",
                PP_TOKEN_SESSION, session, holder_out, err);
}

int pp_token_session_end(struct pp_pg *pg, struct pp_str session,
                         struct pp_err *err)
{
    char hash[PP_TOKEN_HASH_BYTES];
    const char *values[] = {hash};

    pp_token_hash(session, hash);
    return pp_pg_exec(pg,
                      "UPDATE login_session SET ended_at = pp_now() WHERE hash "
                      "= $1::bytea AND ended_at IS NULL",
                      1, values, err);
}
