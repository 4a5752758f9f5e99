#include "inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define BODY_TEXT_BYTES ((size_t)3 << 20)
#define DAY_MS          INT64_C(86400000)
#define KEPT_BYTES      ((size_t)65536)
#define LOCK_CLASS      "7405"      /* of our advisory locks */
#define TAKEN_WAIT      "2 seconds" /* after a process died in the middle */

/* --- taking in ------------------------------------------------------------ */

int inbox_tell_staff(struct pp_pg *pg, const char *key, const char *account_id,
                     const char *what, const char *detail, struct pp_err *err)
{
    const char *values[] = {key, account_id, what, detail};

    return pp_pg_exec(pg,
                      "INSERT INTO notification (business_key, kind, "
                      "account_id, facts) VALUES ($1, 'staff_alert', $2, "
                      "jsonb_strip_nulls(jsonb_build_object('what', $3::text, "
                      "'detail', $4::text))) ON CONFLICT (business_key) DO "
                      "NOTHING",
                      4, values, err);
}

static void add_hex(struct pp_str body, char hex[static 67])
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)body.p, body.n);
    memcpy(hex, "\\x", 2);
    sodium_bin2hex(hex + 2, 65, hash, sizeof(hash));
}

static int insert(struct pp_pg *pg, struct inbox_entry *entry, const char *body,
                  struct pp_err *err)
{
    const struct notice *notice = &entry->notice;
    char hash[67], created[24];
    const char *values[] = {
        notice->id,
        notice->type,
        notice->is_live ? "true" : "false",
        notice->api_version,
        created,
        notice->object_type,
        notice->object_id,
        notice->customer,
        entry->label,
        body,
        hash,
        entry->is_foreign ? "ignored_livemode" : "new",
    };
    struct pp_pg_rows rows;
    int result;

    snprintf(created, sizeof(created), "%" PRId64, notice->created_ms);
    add_hex(entry->body, hash);
    result = pp_pg_query(
        pg,
        "INSERT INTO stripe_event (event_id, type, livemode, api_version, "
        "created_at, object_type, object_id, customer_id, secret_label, body, "
        "sha256, state, finished_at) VALUES ($1, $2, $3, $4, pp_at($5), $6, "
        "$7, $8, $9, $10, $11, $12, CASE WHEN $12 <> 'new' THEN pp_now() END) "
        "ON CONFLICT (event_id) DO NOTHING",
        12, values, &rows, err);
    entry->is_new = result == 0 && rows.changed == 1;
    pp_pg_rows_fini(&rows);
    return result;
}

int inbox_add(struct pp_pg *pg, struct inbox_entry *entry, struct pp_err *err)
{
    struct pp_buf body;
    char key[64];
    int result;

    pp_buf_init(&body, BODY_TEXT_BYTES);
    pp_pg_add_bytea(&body, entry->body);
    pp_buf_add_byte(&body, '\0');
    result = body.overflow
                 ? pp_err_set(err, PP_ERR_INVALID, "the body is too large")
                 : insert(pg, entry, body.p, err);
    pp_buf_fini(&body);
    if (result < 0 || !entry->is_foreign || !entry->is_new)
        return result;
    /* Once a day, or a whole wrong installation would flood its staff. */
    snprintf(key, sizeof(key), "stripe/livemode/%s/%" PRId64,
             entry->notice.is_live ? "live" : "test",
             entry->notice.created_ms / DAY_MS);
    return inbox_tell_staff(
        pg, key, NULL,
        entry->notice.is_live ? "Stripe sends live events to this test "
                                "installation"
                              : "Stripe sends test events to this live "
                                "installation",
        "They are stored and nothing follows from them.", err);
}

int inbox_add_unreadable(struct pp_pg *pg, struct pp_str body,
                         const char *label, const char *why, struct pp_err *err)
{
    struct pp_buf text;
    const char *values[3] = {label, why, NULL};
    int result;

    pp_buf_init(&text, 2 * KEPT_BYTES + 8);
    pp_pg_add_bytea(&text, pp_str_sub(body, 0, KEPT_BYTES));
    pp_buf_add_byte(&text, '\0');
    values[2] = text.p;
    result = pp_pg_exec(pg,
                        "INSERT INTO stripe_unreadable (secret_label, why, "
                        "body) VALUES ($1, $2, $3)",
                        3, values, err);
    pp_buf_fini(&text);
    if (result < 0)
        return -1;
    return pp_pg_exec(pg,
                      "DELETE FROM stripe_unreadable WHERE id <= (SELECT "
                      "max(id) FROM stripe_unreadable) - 100",
                      0, NULL, err);
}
