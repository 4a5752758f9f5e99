#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define ASK_MS       10000
#define PRESENT_MS   120000
#define INSERT_MS    30000
#define FORGOTTEN_MS 40000 /* no writer waits so long */
#define SQL_BYTES    ((size_t)256 << 10)
#define MARK         "/* pawprint writer */"
#define FENCE        "`fence`" /* as its messages quote the name */
#define SETTINGS_MAX 12

struct store {
    struct pp_clickhouse *clickhouse;
    struct pp_buf sql;
    struct store_facts facts;
    uint64_t sent_bytes;
};

int store_open(struct store **store_out,
               const struct pp_clickhouse_access *access, struct pp_err *err)
{
    struct store *store = pp_calloc(1, sizeof(*store));

    *store_out = store;
    pp_buf_init(&store->sql, SQL_BYTES);
    return pp_clickhouse_open(&store->clickhouse, access, err);
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    pp_clickhouse_close(&(*store)->clickhouse);
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

/* Numbers of one line. */
static int ask_numbers(struct store *store, const char *sql, int64_t *values,
                       size_t count, struct pp_err *err)
{
    struct pp_str answer;

    if (ask(store, sql, ASK_MS, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!next_number(&answer, &values[i]))
            return odd_answer(err);
    return 0;
}

static int look_at_server(struct store *store, struct store_facts *facts,
                          struct pp_err *err)
{
    static const char settings[] =
        "SELECT countIf(name = 'insert_deduplication_token'),"
        " countIf(name = 'async_insert'),"
        " countIf(name = 'max_partitions_per_insert_block')"
        " FROM system.settings";
    struct pp_str answer;
    int64_t values[3];

    if (ask(store, "SELECT version()", ASK_MS, &answer, err) < 0)
        return -1;
    snprintf(facts->version, sizeof(facts->version), "%.*s",
             PP_ARG(pp_str_trim(answer)));
    facts->is_old = strtol(facts->version, NULL, 10) < 20;
    if (ask_numbers(store, settings, values, 3, err) < 0)
        return -1;
    facts->knows_tokens = values[0];
    facts->knows_async = values[1];
    facts->knows_partitions = values[2];
    return 0;
}

static int look_at_table(struct store *store, struct store_facts *facts,
                         struct pp_err *err)
{
    static const char columns[] =
        "SELECT name, type FROM system.columns WHERE"
        " database = currentDatabase() AND table = 'events'";
    static const char engine[] =
        "SELECT position(engine_full, 'Replicated') > 0 OR"
        " position(engine_full, 'non_replicated_deduplication_window') > 0,"
        " position(create_table_query, 'CONSTRAINT fence ') > 0 OR"
        " position(create_table_query, '`fence` ') > 0 OR"
        " position(create_table_query, ' fence ') > 0,"
        " position(engine_full, 'fsync_after_insert = 1') > 0"
        " FROM system.tables WHERE database = currentDatabase()"
        " AND name = 'events'";
    struct pp_str answer;
    int64_t values[3];

    if (ask(store, columns, ASK_MS, &answer, err) < 0)
        return -1;
    if (!answer.n)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "clickhouse: no table events: run pawprint migrate");
    if (row_types_of(answer, &facts->types, err) < 0 ||
        ask_numbers(store, engine, values, 3, err) < 0)
        return -1;
    facts->tokens = facts->knows_tokens && values[0];
    facts->fenced = values[1];
    facts->synced = values[2];
    return 0;
}

int store_look(struct store *store, struct store_facts *facts_out,
               struct pp_err *err)
{
    struct store_facts facts = {0};

    if (look_at_server(store, &facts, err) < 0 ||
        look_at_table(store, &facts, err) < 0)
        return -1;
    *facts_out = facts;
    store_learn(store, &facts);
    return 0;
}

void store_learn(struct store *store, const struct store_facts *facts)
{
    store->facts = *facts;
}

/* The server's clock in milliseconds. */
static const char *now_of(const struct store *store)
{
    return store->facts.is_old ? "toInt64(now()) * 1000"
                               : "toUnixTimestamp64Milli(now64(3))";
}

int store_clock(struct store *store, struct store_clock *out,
                struct pp_err *err)
{
    int64_t values[2];

    pp_buf_reset(&store->sql);
    pp_buf_printf(&store->sql, "SELECT %s, toInt64(uptime())%c", now_of(store),
                  '\0');
    if (ask_numbers(store, store->sql.p, values, 2, err) < 0)
        return -1;
    out->now_ms = values[0];
    out->started_ms = values[0] - values[1] * 1000;
    return 0;
}

/* Inserts that began before an instant and run for longer than at_least_ms. */
static void add_inserts(struct store *store, int64_t before_ms,
                        int64_t at_least_ms)
{
    pp_buf_printf(&store->sql,
                  " query LIKE 'INSERT%%' AND position(query, '%s') > 0"
                  " AND elapsed * 1000 > %s - %" PRId64
                  " AND elapsed * 1000 > %" PRId64,
                  MARK, now_of(store), before_ms, at_least_ms);
}

/* The connection that they came by may be dead without anybody knowing. */
static int end_forgotten(struct store *store, int64_t before_ms,
                         struct pp_err *err)
{
    struct pp_str answer;

    pp_buf_reset(&store->sql);
    pp_buf_add_text(&store->sql, "KILL QUERY WHERE");
    add_inserts(store, before_ms, FORGOTTEN_MS);
    pp_buf_add_text(&store->sql, " ASYNC");
    pp_buf_add_byte(&store->sql, '\0');
    return ask(store, store->sql.p, ASK_MS, &answer, err);
}

int store_running(struct store *store, int64_t before_ms, int *count_out,
                  struct pp_err *err)
{
    int64_t values[2];

    pp_buf_reset(&store->sql);
    pp_buf_printf(&store->sql,
                  "SELECT count(), countIf(elapsed * 1000 > %d) FROM"
                  " system.processes WHERE",
                  FORGOTTEN_MS);
    add_inserts(store, before_ms, 0);
    pp_buf_add_byte(&store->sql, '\0');
    if (ask_numbers(store, store->sql.p, values, 2, err) < 0)
        return -1;
    *count_out = (int)values[0];
    return values[1] > 0 ? end_forgotten(store, before_ms, err) : 0;
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

static void add_ranges(struct store *store, int64_t epoch,
                       const struct store_range *ranges, size_t count)
{
    pp_buf_printf(&store->sql,
                  " FROM events WHERE kafka_epoch = %" PRId64 " AND (0", epoch);
    for (size_t i = 0; i < count; i++)
        pp_buf_printf(&store->sql,
                      " OR (kafka_partition = %d AND kafka_offset >= %" PRId64
                      " AND kafka_offset < %" PRId64 ")",
                      ranges[i].partition, ranges[i].first, ranges[i].end);
    pp_buf_add_text(&store->sql, ")");
}

static int ask_rows(struct store *store, struct batch_stored **list_out,
                    size_t *count_out, struct pp_err *err)
{
    struct pp_str answer;

    pp_buf_add_byte(&store->sql, '\0');
    if (store->sql.overflow)
        return pp_err_set(err, PP_ERR_FATAL, "too many partitions to ask for");
    if (ask(store, store->sql.p, PRESENT_MS, &answer, err) < 0)
        return -1;
    return read_rows(answer, list_out, count_out, err);
}

int store_newest(struct store *store, int64_t epoch,
                 const struct store_range *ranges, size_t range_count,
                 struct batch_stored **list_out, size_t *count_out,
                 struct pp_err *err)
{
    pp_buf_reset(&store->sql);
    pp_buf_add_text(&store->sql, "SELECT kafka_partition, max(kafka_offset)");
    add_ranges(store, epoch, ranges, range_count);
    pp_buf_add_text(&store->sql, " GROUP BY kafka_partition");
    return ask_rows(store, list_out, count_out, err);
}

int store_present(struct store *store, int64_t epoch,
                  const struct store_range *ranges, size_t range_count,
                  struct batch_stored **list_out, size_t *count_out,
                  struct pp_err *err)
{
    pp_buf_reset(&store->sql);
    pp_buf_add_text(&store->sql, "SELECT kafka_partition, kafka_offset");
    add_ranges(store, epoch, ranges, range_count);
    pp_buf_add_text(&store->sql, " ORDER BY kafka_partition, kafka_offset");
    return ask_rows(store, list_out, count_out, err);
}

/* --- inserts ---------------------------------------------------------------
 */

const char *store_verdict_name(enum store_verdict verdict)
{
    static const char *const names[STORE_VERDICTS] = {
        [STORE_STORED] = "stored",   [STORE_WAIT] = "wait",
        [STORE_DOUBT] = "doubt",     [STORE_LATE] = "late",
        [STORE_ROW] = "row",         [STORE_LAYOUT] = "layout",
        [STORE_ACCESS] = "access",   [STORE_CROWDED] = "crowded",
        [STORE_UNKNOWN] = "unknown",
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
    case 254:
    case 279:
    case 285:
    case 286:
    case 290:
    case 999:
    case 1000:
        return STORE_WAIT;
    case 252:
        return STORE_CROWDED;
    case 0: /* no answer, or one that was cut */
    case 3: /* the body ended early */
    case 33:
    case 40:  /* a checksum */
    case 159: /* a time limit */
    case 209:
    case 210:
    case 236:
    case 271:
    case 319: /* "unknown status of insert" */
    case 394:
        return STORE_DOUBT;
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
    case 395: /* throwIf, the fence of an old server: nothing else throws */
        return STORE_LATE;
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
        return STORE_UNKNOWN;
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
    if (store->facts.knows_async) {
        settings[n++] = (struct pp_clickhouse_value){"async_insert", "0"};
        settings[n++] =
            (struct pp_clickhouse_value){"min_insert_block_size_rows", "0"};
        settings[n++] =
            (struct pp_clickhouse_value){"min_insert_block_size_bytes", "0"};
    }
    /* More than one part an insert would be a bug of ours: refuse it. */
    if (store->facts.knows_partitions)
        settings[n++] = (struct pp_clickhouse_value){
            "max_partitions_per_insert_block", "1"};
    if (store->facts.knows_tokens)
        settings[n++] =
            (struct pp_clickhouse_value){"insert_deduplication_token", token};
    settings[n] = (struct pp_clickhouse_value){0};
}

/*
 * A server may answer 200 to a body that never came. Views may add to what it
 * says, nothing takes from it.
 */
static enum store_verdict check_written(const struct store *store, size_t rows,
                                        struct pp_err *err)
{
    int64_t written = pp_clickhouse_written(store->clickhouse);

    if (written < 0 || written >= (int64_t)rows)
        return STORE_STORED;
    pp_err_set(err, PP_ERR_AGAIN,
               "clickhouse: it says that it wrote %" PRId64 " of %zu rows",
               written, rows);
    return STORE_DOUBT;
}

void store_prepare(struct body *body, struct native *block,
                   const struct store_facts *facts)
{
    row_set_types(block, &facts->types);
    body_begin(body, block);
}

enum store_verdict store_insert(struct store *store, struct native *block,
                                struct body *body, const char *token,
                                struct pp_err *err)
{
    struct pp_clickhouse_value settings[SETTINGS_MAX];
    struct pp_clickhouse_call call = {.settings = settings,
                                      .timeout_ms = INSERT_MS};
    struct pp_str answer;

    if (!row_fits(block, &store->facts.types, err))
        return STORE_LAYOUT;
    store_prepare(body, block, &store->facts);
    call.data = body_end(body, block);
    if (body->frames.overflow) {
        pp_err_set(err, PP_ERR_FATAL, "a block is too large");
        return STORE_LAYOUT;
    }
    pin(store, token, settings);
    call.sql = row_insert_sql();
    store->sent_bytes += call.data.n;
    if (pp_clickhouse_run(store->clickhouse, &call, &answer, err) < 0)
        return store_judge(pp_clickhouse_code(store->clickhouse), err->msg);
    return check_written(store, native_rows(block), err);
}

const struct store_facts *store_known(const struct store *store)
{
    return &store->facts;
}

uint64_t store_sent_bytes(const struct store *store)
{
    return store->sent_bytes;
}
