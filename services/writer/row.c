#include "row.h"

#include <stdio.h>

#include "pp_mem.h"

#define SQL_BYTES 2048

/* The columns in the order of schemas/clickhouse/0003_retention.sql. */
enum column {
    SITE_ID,
    EVENT_AT,
    EVENT_ID,
    ACCOUNT_ID,
    RECEIVED_AT,
    KIND,
    NAME,
    VISITOR,
    VISIT_ID,
    HOSTNAME,
    PATHNAME,
    REFERRER_HOST,
    SOURCE,
    UTM_SOURCE,
    UTM_MEDIUM,
    UTM_CAMPAIGN,
    BROWSER,
    BROWSER_VERSION,
    OS,
    DEVICE,
    COUNTRY,
    LANGUAGE,
    BOT,
    VALUE,
    TTFB_MS,
    DOM_MS,
    LOAD_MS,
    PROPS,
    KAFKA_EPOCH,
    KAFKA_PARTITION,
    KAFKA_OFFSET,
    RETENTION_DAYS,
    VALID_UNTIL,
    COLUMN_COUNT,
};

#define LOW(name_)                                                             \
    {                                                                          \
        .name = (name_), .type = "LowCardinality(String)",                     \
        .kind = NATIVE_LOW_CARDINALITY                                         \
    }
#define TEXT(name_)                                                            \
    {                                                                          \
        .name = (name_), .type = "String", .kind = NATIVE_STRING               \
    }
#define FIXED(name_, type_, bytes_)                                            \
    {                                                                          \
        .name = (name_), .type = (type_), .kind = NATIVE_FIXED,                \
        .bytes = (bytes_)                                                      \
    }
#define NULLABLE(name_, type_, bytes_)                                         \
    {                                                                          \
        .name = (name_), .type = "Nullable(" type_ ")",                        \
        .kind = NATIVE_NULLABLE_FIXED, .bytes = (bytes_)                       \
    }

static const struct native_column columns[COLUMN_COUNT] = {
    [SITE_ID] = LOW("site_id"),
    [EVENT_AT] = FIXED("event_at", "DateTime64(3, 'UTC')", 8),
    [EVENT_ID] = TEXT("event_id"),
    [ACCOUNT_ID] = LOW("account_id"),
    [RECEIVED_AT] = FIXED("received_at", "DateTime64(3, 'UTC')", 8),
    [KIND] = LOW("kind"),
    [NAME] = LOW("name"),
    [VISITOR] = NULLABLE("visitor", "Int64", 8),
    [VISIT_ID] = NULLABLE("visit_id", "Int64", 8),
    [HOSTNAME] = LOW("hostname"),
    [PATHNAME] = TEXT("pathname"),
    [REFERRER_HOST] = LOW("referrer_host"),
    [SOURCE] = LOW("source"),
    [UTM_SOURCE] = LOW("utm_source"),
    [UTM_MEDIUM] = LOW("utm_medium"),
    [UTM_CAMPAIGN] = LOW("utm_campaign"),
    [BROWSER] = LOW("browser"),
    [BROWSER_VERSION] = LOW("browser_version"),
    [OS] = LOW("os"),
    [DEVICE] = LOW("device"),
    [COUNTRY] = LOW("country"),
    [LANGUAGE] = LOW("language"),
    [BOT] = FIXED("bot", "UInt8", 1),
    [VALUE] = NULLABLE("value", "Float64", 8),
    [TTFB_MS] = NULLABLE("ttfb_ms", "Int32", 4),
    [DOM_MS] = NULLABLE("dom_ms", "Int32", 4),
    [LOAD_MS] = NULLABLE("load_ms", "Int32", 4),
    [PROPS] = {.name = "props",
               .type = "Map(String, String)",
               .kind = NATIVE_MAP},
    [KAFKA_EPOCH] = FIXED("kafka_epoch", "Int64", 8),
    [KAFKA_PARTITION] = FIXED("kafka_partition", "Int32", 4),
    [KAFKA_OFFSET] = FIXED("kafka_offset", "Int64", 8),
    [RETENTION_DAYS] = FIXED("retention_days", "UInt16", 2),
    [VALID_UNTIL] = {.name = "valid_until",
                     .type = "DateTime64(3, 'UTC')",
                     .kind = NATIVE_CONSTANT,
                     .bytes = 8},
};

static const char *const kinds[] = {
    [EVENT_KIND_PAGEVIEW] = "pageview",
    [EVENT_KIND_CUSTOM] = "custom",
    [EVENT_KIND_TIMING] = "timing",
    [EVENT_KIND_VITAL] = "vital",
};

_Static_assert(COLUMN_COUNT == ROW_COLUMNS, "row.h says how many");

/* Other types of a table with the same bytes in a block. */
static const struct {
    enum column column;
    const char *type;
} same_bytes[] = {
    {EVENT_AT, "Int64"},
    {RECEIVED_AT, "Int64"},
    {VALID_UNTIL, "Int64"},
    {PROPS, "Array(String)"}, /* as long as nobody has any: row_fits() */
};

/* A column of that name in the lines of a table; its type. */
static bool type_in(struct pp_str table, const char *name,
                    struct pp_str *type_out)
{
    struct pp_str line, word;

    while (pp_str_split(&table, '\n', &line))
        if (pp_str_split(&line, '\t', &word) &&
            pp_str_eq(word, pp_str_of(name))) {
            *type_out = line;
            return true;
        }
    return false;
}

int row_types_of(struct pp_str table, struct row_types *out, struct pp_err *err)
{
    struct pp_str type;

    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!type_in(table, columns[i].name, &type))
            return pp_err_set(err, PP_ERR_AGAIN,
                              "clickhouse: the table events has no column %s: "
                              "run pawprint migrate",
                              columns[i].name);
        out->names[i] = columns[i].type;
        for (size_t j = 0; j < PP_COUNT(same_bytes); j++)
            if (same_bytes[j].column == i &&
                pp_str_eq(type, pp_str_of(same_bytes[j].type)))
                out->names[i] = same_bytes[j].type;
    }
    return 0;
}

void row_set_types(struct native *block, const struct row_types *types)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        native_set_type(block, i, types->names[i]);
}

bool row_fits(const struct native *block, const struct row_types *types,
              struct pp_err *err)
{
    if (types->names[PROPS] == columns[PROPS].type ||
        native_pairs(block, PROPS) == 0)
        return true;
    pp_err_set(err, PP_ERR_AGAIN,
               "clickhouse: events have properties, and the table's props is "
               "no Map(String, String)");
    return false;
}

struct native *row_block_new(void)
{
    return native_new(columns, COLUMN_COUNT);
}

const char *row_insert_sql(void)
{
    static char sql[SQL_BYTES];
    size_t n;

    if (sql[0])
        return sql;
    n = (size_t)snprintf(sql, sizeof(sql), "INSERT INTO events (");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        n += (size_t)snprintf(sql + n, sizeof(sql) - n, "%s%s", i ? ", " : "",
                              columns[i].name);
    snprintf(sql + n, sizeof(sql) - n, ") /* pawprint writer */ FORMAT Native");
    return sql;
}

void row_set_valid_until(struct native *block, int64_t until_ms)
{
    native_set_constant(block, VALID_UNTIL, &until_ms);
}

/* Each value is a partition of its own a month: strangers choose none. */
uint16_t row_retention_days(const struct event *event)
{
    static const uint16_t classes[] = {90, 400, 1100};

    for (size_t i = 0; i < PP_COUNT(classes); i++)
        if (event->retention_days <= classes[i])
            return classes[i];
    return classes[PP_COUNT(classes) - 1];
}

static void put_optional(struct native *block, enum column column, bool has,
                         const void *value)
{
    if (has)
        native_put(block, column, value);
    else
        native_put_null(block, column);
}

void row_put(struct native *block, const struct event *event,
             const struct row_identity *identity)
{
    const uint8_t bot = event->bot;
    const uint16_t days = row_retention_days(event);

    native_put_str(block, SITE_ID, event->site_id);
    native_put(block, EVENT_AT, &event->event_at_ms);
    native_put_str(block, EVENT_ID, event->event_id);
    native_put_str(block, ACCOUNT_ID, event->account_id);
    native_put(block, RECEIVED_AT, &event->received_at_ms);
    native_put_str(block, KIND, pp_str_of(kinds[event->kind]));
    native_put_str(block, NAME, event->name);
    put_optional(block, VISITOR, event->has_visitor, &event->visitor);
    put_optional(block, VISIT_ID, event->has_visit_id, &event->visit_id);
    native_put_str(block, HOSTNAME, event->hostname);
    native_put_str(block, PATHNAME, event->pathname);
    native_put_str(block, REFERRER_HOST, event->referrer_host);
    native_put_str(block, SOURCE, event->source);
    native_put_str(block, UTM_SOURCE, event->utm_source);
    native_put_str(block, UTM_MEDIUM, event->utm_medium);
    native_put_str(block, UTM_CAMPAIGN, event->utm_campaign);
    native_put_str(block, BROWSER, event->browser);
    native_put_str(block, BROWSER_VERSION, event->browser_version);
    native_put_str(block, OS, event->os);
    native_put_str(block, DEVICE, event->device);
    native_put_str(block, COUNTRY, event->country);
    native_put_str(block, LANGUAGE, event->language);
    native_put(block, BOT, &bot);
    put_optional(block, VALUE, event->has_value, &event->value);
    put_optional(block, TTFB_MS, event->has_ttfb_ms, &event->ttfb_ms);
    put_optional(block, DOM_MS, event->has_dom_ms, &event->dom_ms);
    put_optional(block, LOAD_MS, event->has_load_ms, &event->load_ms);
    native_put_map(block, PROPS, event->props);
    native_put(block, KAFKA_EPOCH, &identity->epoch);
    native_put(block, KAFKA_PARTITION, &identity->partition);
    native_put(block, KAFKA_OFFSET, &identity->offset);
    native_put(block, RETENTION_DAYS, &days);
    native_end_row(block);
}
