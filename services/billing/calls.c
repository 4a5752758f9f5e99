#include "calls.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define ANSWER_BYTES ((size_t)16 << 10)

#define LOST "interval '1 minute'"

/* SHA-256 of path and body, as Postgres writes a bytea. */
static void hash_of(struct pp_str what, struct pp_str body,
                    char hash_out[2 + 2 * crypto_hash_sha256_BYTES + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)what.p, what.n);
    crypto_hash_sha256_update(&state, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)body.p, body.n);
    crypto_hash_sha256_final(&state, hash);
    memcpy(hash_out, "\\x", 2);
    sodium_bin2hex(hash_out + 2, 2 * sizeof(hash) + 1, hash, sizeof(hash));
}

static enum web_result result_of(const char *name)
{
    for (int i = 0; i < WEB_RESULTS; i++)
        if (strcmp(web_result_name((enum web_result)i), name) == 0)
            return (enum web_result)i;
    return WEB_NOT_READY; /* of a newer version */
}

/* What there is already under the key. */
static int look(struct pp_pg *pg, const char *const *values,
                enum calls_found *found_out, enum web_result *result_out,
                struct pp_buf *answer_out, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    result = pp_pg_query(pg,
                         "SELECT request = $3::bytea, status IS NOT NULL, "
                         "coalesce(result, ''), coalesce(answer, '') FROM "
                         "billing_call WHERE account_id = $1 AND key = $2",
                         3, values, &rows, err);
    if (result == 0 && (rows.count == 0 || !pp_pg_bool(&rows, 0, 0))) {
        *found_out = rows.count == 0 ? CALLS_RUNNING : CALLS_OTHER;
    } else if (result == 0 && !pp_pg_bool(&rows, 0, 1)) {
        *found_out = CALLS_RUNNING;
    } else if (result == 0) {
        *found_out = CALLS_ANSWERED;
        *result_out = result_of(pp_pg_text(&rows, 0, 2));
        pp_buf_add_text(answer_out, pp_pg_text(&rows, 0, 3));
    }
    pp_pg_rows_fini(&rows);
    return result;
}

int calls_begin(struct pp_pg *pg, const char *account_id, const char *key,
                struct pp_str what, struct pp_str body,
                enum calls_found *found_out, enum web_result *result_out,
                struct pp_buf *answer_out, struct pp_err *err)
{
    char hash[2 + 2 * crypto_hash_sha256_BYTES + 1];
    const char *values[] = {account_id, key, hash};
    struct pp_pg_rows rows;
    bool is_new;

    hash_of(what, body, hash);
    if (pp_pg_exec(pg,
                   "DELETE FROM billing_call WHERE account_id = $1 AND "
                   "created_at < pp_now() - interval '24 hours'",
                   1, values, err) < 0)
        return -1;
    if (pp_pg_query(pg,
                    "INSERT INTO billing_call AS c (account_id, key, request) "
                    "VALUES ($1, $2, $3::bytea) ON CONFLICT (account_id, key) "
                    "DO UPDATE SET created_at = pp_now() WHERE c.status IS "
                    "NULL AND c.request = EXCLUDED.request AND c.created_at < "
                    "pp_now() - " LOST,
                    3, values, &rows, err) < 0) {
        pp_pg_rows_fini(&rows);
        return -1;
    }
    is_new = rows.changed == 1;
    pp_pg_rows_fini(&rows);
    if (is_new) {
        *found_out = CALLS_NEW;
        return 0;
    }
    return look(pg, values, found_out, result_out, answer_out, err);
}

int calls_keep(struct pp_pg *pg, const char *account_id, const char *key,
               enum web_result result, struct pp_str answer, struct pp_err *err)
{
    char status[16];
    struct pp_buf text;
    const char *values[] = {account_id, key, status, web_result_name(result),
                            NULL};
    int kept;

    snprintf(status, sizeof(status), "%u", web_result_status(result));
    pp_buf_init(&text, ANSWER_BYTES);
    pp_buf_add_str(&text, answer);
    pp_buf_add_byte(&text, '\0');
    values[4] = text.p;
    kept = pp_pg_exec(pg,
                      "UPDATE billing_call SET status = $3::int, result = $4, "
                      "answer = $5 WHERE account_id = $1 AND key = $2",
                      5, values, err);
    pp_buf_fini(&text);
    return kept;
}

int calls_forget(struct pp_pg *pg, const char *account_id, const char *key,
                 struct pp_err *err)
{
    const char *values[] = {account_id, key};

    return pp_pg_exec(pg,
                      "DELETE FROM billing_call WHERE account_id = $1 AND key "
                      "= $2 AND status IS NULL",
                      2, values, err);
}
