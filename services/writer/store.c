#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#include "body.h"

#define ASK_MS       10000
#define PRESENT_MS   120000
#define BODY_BYTES   ((size_t)256 << 20)
#define SQL_BYTES    ((size_t)256 << 10)
#define MARK         "/* pawprint writer */"
#define FENCE        "`fence`" /* as its messages quote the name */
#define SETTINGS_MAX 12

struct store {
    struct pp_clickhouse *clickhouse;
    struct pp_buf body, sql;
    struct pp_buf piece; /* of the body, not compressed yet */
    int insert_ms;
    bool knows_tokens; /* the server knows the setting */
    bool knows_async;
    bool knows_partitions;
    uint64_t sent_bytes;
};

int store_open(struct store **store_out,
               const struct pp_clickhouse_access *access, struct pp_err *err)
{
    struct store *store = pp_calloc(1, sizeof(*store));

    *store_out = store;
    pp_buf_init(&store->body, BODY_BYTES);
    pp_buf_init(&store->piece, BODY_BYTES);
    pp_buf_init(&store->sql, SQL_BYTES);
    store->insert_ms = 30000;
    return pp_clickhouse_open(&store->clickhouse, access, err);
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    pp_clickhouse_close(&(*store)->clickhouse);
    pp_buf_fini(&(*store)->body);
    pp_buf_fini(&(*store)->piece);
    pp_buf_fini(&(*store)->sql);
    free(*store);
    *store = NULL;
}

/* --- questions -------------------------------------------------------------
 */

static int ask(struct store *store, const char *sql, int timeout_ms,
               struct pp_str *answer_out, struct pp_err *err)
{
    const struct pp_clickhouse_call call = {.sql = sql,
                                            .timeout_ms = timeout_ms};

    return pp_clickhouse_run(store->clickhouse, &call, answer_out, err);
}

/* The next number of an answer: ended by a tab or the end of its line. */
static bool next_number(struct pp_str *rest, int64_t *out)
{
    struct pp_str part = *rest;
    size_t n = 0;

    while (n < part.n && part.p[n] != '\t' && part.p[n] != '\n')
        n++;
    part.n = n;
    *rest = pp_str_sub(*rest, n + 1, rest->n);
    return pp_str_int64(part, out);
}

static int odd_answer(struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_AGAIN,
                      "clickhouse: an answer that cannot be read");
}

int store_look(struct store *store, struct store_facts *facts_out,
               struct pp_err *err)
{
    static const char sql[] =
        "SELECT countIf(name = 'insert_deduplication_token'),"
        " countIf(name = 'async_insert'),"
        " countIf(name = 'throw_on_max_partitions_per_insert_block')"
        " FROM system.settings";
    static const char table[] =
        "SELECT position(engine_full, 'Replicated') > 0 OR"
        " position(engine_full, 'non_replicated_deduplication_window') > 0,"
        " position(create_table_query, 'CONSTRAINT fence ') > 0,"
        " position(engine_full, 'fsync_after_insert = 1') > 0"
        " FROM system.tables WHERE database = currentDatabase()"
        " AND name = 'events'";
    int64_t values[6];
    struct pp_str answer;

    *facts_out = (struct store_facts){0};
    if (ask(store, "SELECT version()", ASK_MS, &answer, err) < 0)
        return -1;
    snprintf(facts_out->version, sizeof(facts_out->version), "%.*s",
             PP_ARG(pp_str_trim(answer)));
    if (ask(store, sql, ASK_MS, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < 3; i++)
        if (!next_number(&answer, &values[i]))
            return odd_answer(err);
    if (ask(store, table, ASK_MS, &answer, err) < 0)
        return -1;
    if (!answer.n)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "clickhouse: no table events: run pawprint migrate");
    for (size_t i = 3; i < 6; i++)
        if (!next_number(&answer, &values[i]))
            return odd_answer(err);
    store->knows_tokens = values[0];
    store->knows_async = values[1];
    store->knows_partitions = values[2];
    facts_out->tokens = values[0] && values[3];
    facts_out->fenced = values[4];
    facts_out->synced = values[5];
    return 0;
}

int store_clock(struct store *store, struct store_clock *out,
                struct pp_err *err)
{
    struct pp_str answer;
    int64_t up_s;

    if (ask(store, "SELECT toUnixTimestamp64Milli(now64(3)), uptime()", ASK_MS,
            &answer, err) < 0)
        return -1;
    if (!next_number(&answer, &out->now_ms) || !next_number(&answer, &up_s))
        return odd_answer(err);
    out->started_ms = out->now_ms - up_s * 1000;
    return 0;
}

int store_running(struct store *store, int64_t before_ms, int *count_out,
                  struct pp_err *err)
{
    struct pp_str answer;
    int64_t count;

    pp_buf_reset(&store->sql);
    pp_buf_printf(&store->sql,
                  "SELECT count() FROM system.processes WHERE"
                  " startsWith(query, 'INSERT') AND position(query, '%s') > 0"
                  " AND elapsed > (toUnixTimestamp64Milli(now64(3)) - %" PRId64
                  ") / 1000%c",
                  MARK, before_ms, '\0');
    if (ask(store, store->sql.p, ASK_MS, &answer, err) < 0)
        return -1;
    if (!next_number(&answer, &count))
        return odd_answer(err);
    *count_out = (int)count;
    return 0;
}

/* Lines of partition and offset. */
static int read_rows(struct pp_str answer, struct batch_stored **list_out,
                     size_t *count_out, struct pp_err *err)
{
    struct batch_stored *list = NULL;
    size_t count = 0, capacity = 0;
    int64_t partition;

    while (answer.n) {
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            list = pp_realloc(list, capacity * sizeof(*list));
        }
        if (!next_number(&answer, &partition) ||
            !next_number(&answer, &list[count].offset)) {
            free(list);
            return odd_answer(err);
        }
        list[count++].partition = (int32_t)partition;
    }
    *list_out = list;
    *count_out = count;
    return 0;
}

int store_newest(struct store *store, int64_t epoch,
                 struct batch_stored **list_out, size_t *count_out,
                 struct pp_err *err)
{
    struct pp_str answer;

    pp_buf_reset(&store->sql);
    pp_buf_printf(&store->sql,
                  "SELECT kafka_partition, max(kafka_offset) FROM events"
                  " WHERE kafka_epoch = %" PRId64 " GROUP BY kafka_partition%c",
                  epoch, '\0');
    if (ask(store, store->sql.p, PRESENT_MS, &answer, err) < 0)
        return -1;
    return read_rows(answer, list_out, count_out, err);
}

int store_present(struct store *store, int64_t epoch,
                  const struct store_range *ranges, size_t range_count,
                  struct batch_stored **list_out, size_t *count_out,
                  struct pp_err *err)
{
    struct pp_str answer;

    pp_buf_reset(&store->sql);
    pp_buf_printf(&store->sql,
                  "SELECT kafka_partition, kafka_offset FROM events"
                  " WHERE kafka_epoch = %" PRId64 " AND (0",
                  epoch);
    for (size_t i = 0; i < range_count; i++)
        pp_buf_printf(&store->sql,
                      " OR (kafka_partition = %d AND kafka_offset >= %" PRId64
                      " AND kafka_offset < %" PRId64 ")",
                      ranges[i].partition, ranges[i].first, ranges[i].end);
    pp_buf_add_text(&store->sql, ") ORDER BY 1, 2");
    pp_buf_add_byte(&store->sql, '\0');
    if (ask(store, store->sql.p, PRESENT_MS, &answer, err) < 0)
        return -1;
    return read_rows(answer, list_out, count_out, err);
}

/* --- inserts ---------------------------------------------------------------
 */

const char *store_verdict_name(enum store_verdict verdict)
{
    static const char *const names[STORE_VERDICTS] = {
        [STORE_STORED] = "stored", [STORE_WAIT] = "wait",
        [STORE_DOUBT] = "doubt",   [STORE_LATE] = "late",
        [STORE_ROW] = "row",       [STORE_LAYOUT] = "layout",
        [STORE_ACCESS] = "access",
    };

    return names[verdict];
}

enum store_verdict store_judge(int code, const char *message)
{
    switch (code) {
    case 202: /* too many queries */
    case 203:
    case 241: /* memory */
    case 242: /* read-only */
    case 243: /* disk full */
    case 252: /* too many parts */
    case 254:
    case 279:
    case 285:
    case 286:
    case 290:
    case 999:
    case 1000:
        return STORE_WAIT;
    case 10: /* no such column in a block, unknown table, ... */
    case 16:
    case 20:
    case 36:
    case 44:
    case 46:
    case 47:
    case 50:
    case 60:
    case 62:
    case 81:
    case 115:
        return STORE_LAYOUT;
    case 192:
    case 193:
    case 194:
    case 195:
    case 291:
    case 497:
    case 516:
        return STORE_ACCESS;
    case 395: /* throwIf */
    case 469: /* a constraint */
        return strstr(message, FENCE) ? STORE_LATE : STORE_ROW;
    case 6:
    case 27:
    case 38:
    case 41:
    case 53:
    case 69:
    case 70:
    case 72:
    case 117:
    case 131:
    case 321:
    case 349:
        return STORE_ROW;
    default:
        return STORE_DOUBT;
    }
}

/* Pinned, so that no profile of the server changes what an insert is. */
static void pin(const struct store *store, const char *token,
                struct pp_clickhouse_value settings[SETTINGS_MAX])
{
    size_t n = 0;

    settings[n++] = (struct pp_clickhouse_value){"decompress", "1"};
    settings[n++] =
        (struct pp_clickhouse_value){"max_insert_block_size", "10000000"};
    settings[n++] = (struct pp_clickhouse_value){"query_id", token};
    if (store->knows_async)
        settings[n++] = (struct pp_clickhouse_value){"async_insert", "0"};
    if (store->knows_async) {
        settings[n++] =
            (struct pp_clickhouse_value){"min_insert_block_size_rows", "0"};
        settings[n++] =
            (struct pp_clickhouse_value){"min_insert_block_size_bytes", "0"};
    }
    /* More than one part an insert would be a bug of ours: refuse it. */
    settings[n++] =
        (struct pp_clickhouse_value){"max_partitions_per_insert_block", "1"};
    if (store->knows_tokens)
        settings[n++] =
            (struct pp_clickhouse_value){"insert_deduplication_token", token};
    settings[n] = (struct pp_clickhouse_value){0};
}

enum store_verdict store_insert(struct store *store, struct native *block,
                                const char *token, struct pp_err *err)
{
    struct pp_clickhouse_value settings[SETTINGS_MAX];
    struct pp_clickhouse_call call = {.settings = settings,
                                      .timeout_ms = store->insert_ms};
    struct pp_str answer;

    pp_buf_reset(&store->body);
    body_write(block, &store->piece, &store->body);
    if (store->body.overflow) {
        pp_err_set(err, PP_ERR_FATAL, "a block is too large");
        return STORE_LAYOUT;
    }
    pin(store, token, settings);
    call.sql = row_insert_sql();
    call.data = pp_buf_str(&store->body);
    store->sent_bytes += call.data.n;
    if (pp_clickhouse_run(store->clickhouse, &call, &answer, err) == 0)
        return STORE_STORED;
    return store_judge(pp_clickhouse_code(store->clickhouse), err->msg);
}

uint64_t store_sent_bytes(const struct store *store)
{
    return store->sent_bytes;
}
