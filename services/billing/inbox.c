#include "inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_column.h"

#include "effect.h"

#define BODIES_TEXT_BYTES ((size_t)3 << 20)
#define DAY_MS            INT64_C(86400000)
#define KEPT_BYTES        ((size_t)65536)
#define TYPES_BYTES       ((size_t)8192)
#define LOCK_CLASS        "7405"      /* of our advisory locks */
#define TAKEN_WAIT        "2 seconds" /* after a process died in the middle */

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

/* Rows of one statement, and of their bodies the sum, unless one has more. */
#define ROWS_EACH  100
#define BYTES_EACH ((size_t)1 << 20)

enum column {
    ID,
    TYPE,
    LIVE,
    VERSION,
    CREATED,
    OBJECT_TYPE,
    OBJECT_ID,
    CUSTOMER,
    LABEL,
    BODY,
    HASH,
    STATE,
    COLUMNS,
};

static void add_row(struct pp_buf columns[static COLUMNS],
                    const struct inbox_entry *entry)
{
    const struct notice *notice = &entry->notice;
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)entry->body.p,
                       entry->body.n);
    pp_column_text(&columns[ID], pp_str_of(notice->id));
    pp_column_text(&columns[TYPE], pp_str_of(notice->type));
    pp_column_number(&columns[LIVE], notice->is_live);
    pp_column_text(&columns[VERSION], pp_str_of(notice->api_version));
    pp_column_number(&columns[CREATED], notice->created_ms);
    pp_column_text(&columns[OBJECT_TYPE], pp_str_of(notice->object_type));
    pp_column_text(&columns[OBJECT_ID], pp_str_of(notice->object_id));
    pp_column_text(&columns[CUSTOMER], pp_str_of(notice->customer));
    pp_column_text(&columns[LABEL], pp_str_of(entry->label));
    pp_column_hex(&columns[BODY], entry->body);
    pp_column_hex(&columns[HASH],
                  (struct pp_str){(const char *)hash, sizeof(hash)});
    pp_column_plain(&columns[STATE], entry->is_foreign
                                         ? PP_LIT("ignored_livemode")
                                         : PP_LIT("new"));
}

/* Of two of the same id in one statement the first is new. */
static void mark_new(struct inbox_entry *const *entries, size_t count,
                     const struct pp_pg_rows *rows)
{
    for (int row = 0; row < rows->count; row++) {
        size_t i = 0;

        while (i < count &&
               strcmp(entries[i]->notice.id, pp_pg_text(rows, row, 0)) != 0)
            i++;
        if (i < count)
            entries[i]->is_new = true;
    }
}

static int insert(struct pp_pg *pg, struct pp_buf columns[static COLUMNS],
                  struct pp_pg_rows *rows, struct pp_err *err)
{
    const char *values[COLUMNS];

    for (int i = 0; i < COLUMNS; i++)
        values[i] = pp_column_end(&columns[i]);
    if (!values[BODY])
        return pp_err_set(err, PP_ERR_INVALID, "the body is too large");
    return pp_pg_query_often(
        pg,
        "INSERT INTO stripe_event (event_id, type, livemode, api_version, "
        "created_at, object_type, object_id, customer_id, secret_label, body, "
        "sha256, state, finished_at) SELECT id, type, live <> 0, version, "
        "pp_at(created), object_type, object_id, customer, label, decode(body, "
        "'hex'), decode(hash, 'hex'), state, CASE WHEN state <> 'new' THEN "
        "pp_now() END FROM unnest($1::text[], $2::text[], $3::int[], "
        "$4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], "
        "$9::text[], $10::text[], $11::text[], $12::text[]) AS e (id, type, "
        "live, version, created, object_type, object_id, customer, label, "
        "body, hash, state) ON CONFLICT (event_id) DO NOTHING RETURNING "
        "event_id",
        COLUMNS, values, rows, err);
}

/* How many of them go into one statement. */
static size_t fitting(struct inbox_entry *const *entries, size_t count)
{
    size_t bytes = entries[0]->body.n, n = 1;

    while (n < count && n < ROWS_EACH &&
           bytes + entries[n]->body.n <= BYTES_EACH)
        bytes += entries[n++]->body.n;
    return n;
}

bool inbox_is_one(struct inbox_entry *const *entries, size_t count)
{
    if (count == 0 || fitting(entries, count) < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (entries[i]->is_foreign)
            return false;
    return true;
}

static int add_some(struct pp_pg *pg, struct inbox_entry *const *entries,
                    size_t count, struct pp_err *err)
{
    struct pp_buf columns[COLUMNS];
    struct pp_pg_rows rows = {0};
    int result;

    for (int i = 0; i < COLUMNS; i++)
        pp_column_begin(&columns[i], BODIES_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        entries[i]->is_new = false;
        add_row(columns, entries[i]);
    }
    result = insert(pg, columns, &rows, err);
    if (result == 0)
        mark_new(entries, count, &rows);
    pp_pg_rows_fini(&rows);
    for (int i = 0; i < COLUMNS; i++)
        pp_buf_fini(&columns[i]);
    return result;
}

/* Once a day, or a whole wrong installation would flood its staff. */
static int tell_of_mode(struct pp_pg *pg, const struct inbox_entry *entry,
                        struct pp_err *err)
{
    char key[64];

    if (!entry->is_foreign || !entry->is_new)
        return 0;
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

int inbox_add(struct pp_pg *pg, struct inbox_entry *const *entries,
              size_t count, struct pp_err *err)
{
    for (size_t i = 0; i < count;) {
        size_t n = fitting(entries + i, count - i);

        if (add_some(pg, entries + i, n, err) < 0)
            return -1;
        i += n;
    }
    for (size_t i = 0; i < count; i++)
        if (tell_of_mode(pg, entries[i], err) < 0)
            return -1;
    return 0;
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

/* --- locks ---------------------------------------------------------------- */

int inbox_lock(struct pp_pg *pg, const char *customer, struct pp_err *err)
{
    return pp_pg_exec(pg,
                      "SELECT pg_advisory_lock(" LOCK_CLASS ", hashtext($1))",
                      1, &customer, err);
}

void inbox_unlock(struct pp_pg *pg, const char *customer)
{
    struct pp_err err = {0};

    /* Where the connection is gone, so is the lock. */
    (void)pp_pg_exec_often(
        pg, "SELECT pg_advisory_unlock(" LOCK_CLASS ", hashtext($1))", 1,
        &customer, &err);
}

static int try_lock(struct pp_pg *pg, const char *key, bool *got,
                    struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query_often(
        pg, "SELECT pg_try_advisory_lock(" LOCK_CLASS ", hashtext($1))", 1,
        &key, &rows, err);

    *got = result == 0 && pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return result;
}

/* --- taking out ----------------------------------------------------------- */

#define OPEN "state IN ('new', 'failed') AND next_at <= pp_now()"

/* Whose it is has not to be found out first. */
#define IS_KNOWN "(customer_id <> '' OR object_id = '')"

/* The event that is due first, locked; 0: there is none. */
static int find_due(struct pp_pg *pg, struct inbox_lot *lot, bool *is_quiet,
                    struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query_often(
        pg,
        "SELECT event_id, customer_id, type, " IS_KNOWN " FROM stripe_event "
        "WHERE " OPEN " ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        0, NULL, &rows, err);

    if (result == 0 && rows.count == 1) {
        struct effect effect = effect_of(pp_str_of(pp_pg_text(&rows, 0, 2)));

        snprintf(lot->ids[0], sizeof(lot->ids[0]), "%s",
                 pp_pg_text(&rows, 0, 0));
        snprintf(lot->customer, sizeof(lot->customer), "%s",
                 pp_pg_text(&rows, 0, 1));
        snprintf(lot->key, sizeof(lot->key), "%s",
                 lot->customer[0] ? lot->customer : lot->ids[0]);
        *is_quiet = effect_is_quiet(&effect) && pp_pg_bool(&rows, 0, 3);
        result = 1;
    }
    pp_pg_rows_fini(&rows);
    return result;
}

/* Nobody's lock is needed: they say nothing that could be outdated. */
static int finish_quiet(struct pp_pg *pg, struct inbox_lot *lot,
                        struct pp_err *err)
{
    struct pp_pg_rows rows = {0};
    struct pp_buf types;
    struct effect effect;
    const char *value;
    int result;

    pp_column_begin(&types, TYPES_BYTES);
    for (size_t i = 0; (effect = effect_at(i)).type; i++)
        if (effect_is_quiet(&effect))
            pp_column_text(&types, pp_str_of(effect.type));
    value = pp_column_end(&types);
    result = pp_pg_query_often(
        pg,
        "UPDATE stripe_event SET state = 'done', attempts = attempts + 1, "
        "last_error = '', finished_at = pp_now() WHERE event_id IN (SELECT "
        "event_id FROM stripe_event WHERE " OPEN " AND type = ANY "
        "($1::text[]) AND " IS_KNOWN " ORDER BY next_at LIMIT 500 FOR UPDATE "
        "SKIP LOCKED)",
        1, &value, &rows, err);
    lot->done_count = (int)rows.changed;
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&types);
    return result;
}

#define TAKE                                                                   \
    "UPDATE stripe_event SET attempts = attempts + 1, next_at = pp_now() + "   \
    "interval '" TAKEN_WAIT "' WHERE "

/* All that is due of the same customer: one answer of Stripe's does for all. */
static int take_all(struct pp_pg *pg, struct inbox_lot *lot, struct pp_err *err)
{
    const char *values[] = {lot->ids[0], lot->customer};
    struct pp_pg_rows rows;
    int result;

    if (lot->customer[0])
        result = pp_pg_query_often(
            pg,
            TAKE
            "event_id IN (SELECT event_id FROM stripe_event WHERE customer_id "
            "= $2 AND " OPEN " ORDER BY event_id <> $1, received_at LIMIT 50 "
            "FOR UPDATE SKIP LOCKED) RETURNING event_id",
            2, values, &rows, err);
    else
        result = pp_pg_query_often(pg, TAKE "event_id = $1 RETURNING event_id",
                                   1, values, &rows, err);
    for (int i = 0; result == 0 && i < rows.count && i < INBOX_TAKEN_MAX; i++)
        snprintf(lot->ids[lot->count++], sizeof(lot->ids[0]), "%s",
                 pp_pg_text(&rows, i, 0));
    pp_pg_rows_fini(&rows);
    return result;
}

static int come_again(struct pp_pg *pg, const struct inbox_lot *lot,
                      struct pp_err *err)
{
    const char *values[] = {lot->ids[0]};

    return pp_pg_exec(pg,
                      "UPDATE stripe_event SET next_at = pp_now() + interval "
                      "'200 milliseconds' WHERE event_id = $1",
                      1, values, err);
}

static int take_in_transaction(struct pp_pg *pg, enum inbox_taken *taken,
                               struct inbox_lot *lot, bool *locked,
                               struct pp_err *err)
{
    bool is_quiet = false;
    int found = find_due(pg, lot, &is_quiet, err);

    if (found <= 0)
        return found;
    if (is_quiet) {
        *taken = INBOX_DONE;
        return finish_quiet(pg, lot, err);
    }
    if (try_lock(pg, lot->key, locked, err) < 0)
        return -1;
    *taken = *locked ? INBOX_TAKEN : INBOX_OTHERS;
    return *locked ? take_all(pg, lot, err) : come_again(pg, lot, err);
}

int inbox_take(struct pp_pg *pg, enum inbox_taken *taken_out,
               struct inbox_lot *lot_out, struct pp_err *err)
{
    bool locked = false;
    int result;

    *taken_out = INBOX_NONE;
    *lot_out = (struct inbox_lot){.count = 0};
    /* A server that crashes forgets the attempt, and whatever came of it. */
    if (pp_pg_begin_unsynced(pg, err) < 0)
        return -1;
    result = take_in_transaction(pg, taken_out, lot_out, &locked, err);
    if (result == 0 && pp_pg_commit(pg, err) == 0)
        return 0;
    pp_pg_rollback(pg);
    if (locked)
        inbox_unlock(pg, lot_out->key);
    *taken_out = INBOX_NONE;
    return -1;
}

/* --- how it ended --------------------------------------------------------- */

int inbox_finish(struct pp_pg *pg, const char *event_id, const char *state,
                 const char *why, struct pp_err *err)
{
    const char *values[] = {event_id, state, why};

    return pp_pg_exec_often(
        pg,
        "UPDATE stripe_event SET state = $2, last_error = $3, finished_at = "
        "pp_now() WHERE event_id = $1 AND state IN ('new', 'failed')",
        3, values, err);
}

/* Seconds before the next attempt: 22 hours in all, a fifth of each random. */
#define PAUSES                                                                 \
    "(ARRAY[1, 5, 30, 120, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800])"

static int tell_of_dead(struct pp_pg *pg, const char *event_id, const char *why,
                        struct pp_err *err)
{
    char key[300], detail[900];

    snprintf(key, sizeof(key), "stripe/dead/%s", event_id);
    snprintf(detail, sizeof(detail),
             "%s: %s. See `pawprint billing dead list`.", event_id, why);
    return inbox_tell_staff(
        pg, key, NULL, "An event of Stripe's could not be done", detail, err);
}

int inbox_fail(struct pp_pg *pg, const char *event_id, const char *why,
               bool *is_dead_out, struct pp_err *err)
{
    const char *values[] = {event_id, why};
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        pg,
        "UPDATE stripe_event SET last_error = $2, state = CASE WHEN attempts "
        ">= 12 THEN 'dead' ELSE 'failed' END, finished_at = CASE WHEN attempts "
        ">= 12 THEN pp_now() END, next_at = pp_now() + interval '1 second' * "
        "(0.8 + 0.4 * random()) * " PAUSES "[least(greatest(attempts, 1), 12)] "
        "WHERE event_id = $1 AND state IN ('new', 'failed') RETURNING state = "
        "'dead'",
        2, values, &rows, err);

    *is_dead_out = result == 0 && rows.count == 1 && pp_pg_bool(&rows, 0, 0);
    pp_pg_rows_fini(&rows);
    return *is_dead_out ? tell_of_dead(pg, event_id, why, err) : result;
}

int inbox_postpone(struct pp_pg *pg, const struct inbox_lot *lot,
                   int64_t wait_ms, const char *why, struct pp_err *err)
{
    char wait[24];

    snprintf(wait, sizeof(wait), "%" PRId64, wait_ms);
    for (int i = 0; i < lot->count; i++) {
        const char *values[] = {lot->ids[i], why, wait};

        if (pp_pg_exec(pg,
                       "UPDATE stripe_event SET state = 'failed', attempts = "
                       "greatest(attempts - 1, 0), last_error = $2, next_at = "
                       "pp_now() + $3::bigint * interval '1 millisecond' WHERE "
                       "event_id = $1 AND state IN ('new', 'failed')",
                       3, values, err) < 0)
            return -1;
    }
    return 0;
}

int inbox_set_customer(struct pp_pg *pg, const char *event_id,
                       const char *customer, struct pp_err *err)
{
    const char *values[] = {event_id, customer};

    return pp_pg_exec(pg,
                      "UPDATE stripe_event SET customer_id = $2, next_at = "
                      "pp_now(), attempts = greatest(attempts - 1, 0) WHERE "
                      "event_id = $1",
                      2, values, err);
}

int inbox_put_back(struct pp_pg *pg, const char *event_id, const char *state,
                   bool *is_there_out, struct pp_err *err)
{
    const char *values[] = {event_id, state};
    struct pp_pg_rows rows;
    int result =
        pp_pg_query(pg,
                    "UPDATE stripe_event SET state = 'new', attempts "
                    "= 0, next_at = pp_now(), finished_at = NULL WHERE "
                    "event_id = $1 AND state = coalesce($2, state)",
                    2, values, &rows, err);

    *is_there_out = result == 0 && rows.changed == 1;
    pp_pg_rows_fini(&rows);
    if (!*is_there_out)
        return result;
    return pp_pg_exec(pg, "NOTIFY stripe_event", 0, NULL, err);
}

/* --- around --------------------------------------------------------------- */

int inbox_look(struct pp_pg *pg, struct inbox_waiting *out, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result = pp_pg_query(
        pg,
        "SELECT count(*) FILTER (WHERE state <> 'dead'), coalesce(extract("
        "epoch FROM pp_now() - min(received_at) FILTER (WHERE state <> 'dead'"
        ")), 0)::bigint, count(*) FILTER (WHERE state = 'dead') FROM "
        "stripe_event WHERE state IN ('new', 'failed', 'dead')",
        0, NULL, &rows, err);

    if (result == 0)
        *out = (struct inbox_waiting){pp_pg_int64(&rows, 0, 0),
                                      pp_pg_int64(&rows, 0, 1),
                                      pp_pg_int64(&rows, 0, 2)};
    pp_pg_rows_fini(&rows);
    return result;
}

int inbox_forget(struct pp_pg *pg, struct pp_err *err)
{
    if (pp_pg_exec(pg,
                   "UPDATE stripe_event SET body = NULL WHERE body IS NOT NULL "
                   "AND received_at < pp_now() - interval '90 days' AND state "
                   "NOT IN ('new', 'failed')",
                   0, NULL, err) < 0)
        return -1;
    return pp_pg_exec(pg,
                      "DELETE FROM stripe_event WHERE received_at < pp_now() - "
                      "interval '400 days' AND state NOT IN ('new', 'failed')",
                      0, NULL, err);
}
