#include "pp_rollup_sql.h"

/* The lines are those of the statements. */
/* clang-format off */

/* --- what is counted -------------------------------------------------------
 */

#define DAY "{day:Date}"
#define MIDNIGHT "toDateTime64({day:Date}, 3, 'UTC')"
#define OF_DAY                                                                 \
    " FROM events WHERE event_at >= " MIDNIGHT " AND event_at < " MIDNIGHT     \
    " + toIntervalDay(1) "
#define LEVELS "0.5, 0.75, 0.95, 0.99"

/*
 * How a vital or timing is summed up: within 1 % of the true value, whatever
 * the order in which rows and states come together.
 */
#define STATE(column, condition)                                               \
    "quantilesDDState(0.01, " LEVELS ")(if(" condition ", " column             \
    ", NULL)), "
#define SPEED                                                                  \
    STATE("ttfb_ms", "kind = 'timing'") STATE("dom_ms", "kind = 'timing'")     \
    STATE("load_ms", "kind = 'timing'")                                        \
    STATE("value", "kind = 'vital' AND name = 'LCP'")                          \
    STATE("value", "kind = 'vital' AND name = 'INP'")                          \
    STATE("value", "kind = 'vital' AND name = 'CLS'")                          \
    STATE("value", "kind = 'vital' AND name = 'FCP'")                          \
    STATE("value", "kind = 'vital' AND name = 'TTFB'")
#define SPEED_COLUMNS                                                          \
    "ttfb_ms, dom_ms, load_ms, lcp_ms, inp_ms, cls, fcp_ms, vital_ttfb_ms"
#define COUNTS                                                                 \
    "count(), countIf(kind = 'pageview'), countIf(kind = 'custom'), "          \
    "uniqState(if(kind = 'pageview', visitor, NULL)), uniqState(if(kind = "    \
    "'pageview', visit_id, NULL)), "
#define COUNT_COLUMNS "events, pageviews, custom_events, visitors, visits, "
#define PROOF "count(), sum(" PP_ROLLUP_ROW_HASH ") "
#define PROOF_COLUMNS ", row_count, checksum"

/* The minute and the hour differ in nothing else. */
#define BY_TIME(column, start)                                                 \
    "INSERT INTO %s (site_id, " column ", bot, " COUNT_COLUMNS SPEED_COLUMNS   \
    PROOF_COLUMNS ") SELECT site_id, " start "(event_at) AS start, bot, "      \
    COUNTS SPEED PROOF OF_DAY "GROUP BY site_id, start, bot"

/* --- dimensions of the day -------------------------------------------------
 */

/*
 * Attributes of an event. GROUPING SETS counts by each of them in one pass;
 * grouping() has a bit a column, the first column's the highest, which is 0
 * where it is the one that is grouped by.
 */
#define EVENT_COLUMNS                                                          \
    "pathname, hostname, source, referrer_host, utm_source, utm_medium, "      \
    "utm_campaign, country, browser, os, device, language, event_name"
#define SETS(keys, first)                                                      \
    "(" keys "), (" keys ", " first "), (" keys ", hostname), (" keys          \
    ", source), (" keys ", referrer_host), (" keys ", utm_source), (" keys     \
    ", utm_medium), (" keys ", utm_campaign), (" keys ", country), (" keys     \
    ", browser), (" keys ", os), (" keys ", device), (" keys ", language), "
#define NAMES(first, last)                                                     \
    "['" first                                                                 \
    "', 'hostname', 'source', 'referrer_host', 'utm_source', 'utm_medium', "   \
    "'utm_campaign', 'country', 'browser', 'os', 'device', 'language', '"      \
    last "']"
/* What is not grouped by is empty, so one of these at most is not. */
#define VALUE(first, last)                                                     \
    "concat(" first                                                            \
    ", hostname, source, referrer_host, utm_source, utm_medium, "              \
    "utm_campaign, country, browser, os, device, language, " last ")"
#define DIMENSION(columns, names)                                              \
    "arrayElement(arrayConcat(['all'], arrayReverse(" names                    \
    ")), toUInt8(if(grouping(" columns                                         \
    ") = 8191, 1, 2 + toUInt8(log2(8191 - grouping(" columns ") + 0.5)))))"

#define DAY_OF_EVENTS                                                          \
    "INSERT INTO %s (site_id, day, bot, dimension, value, " COUNT_COLUMNS      \
    SPEED_COLUMNS PROOF_COLUMNS ") SELECT site_id, " DAY ", bot, "             \
    DIMENSION(EVENT_COLUMNS, NAMES("pathname", "event_name")) ", "            \
    VALUE("pathname", "event_name") ", " COUNTS SPEED PROOF                    \
    "FROM (SELECT *, if(kind = 'custom', toString(name), '') AS event_name"    \
    OF_DAY ") GROUP BY GROUPING SETS (" SETS("site_id, bot", "pathname")      \
    "(site_id, bot, event_name))"

/*
 * Attributes of a visit: how it began, and the page on which it ended. One
 * without a pageview began nowhere: it is in the sums alone.
 */
#define VISIT_COLUMNS                                                          \
    "entry_page, hostname, source, referrer_host, utm_source, utm_medium, "    \
    "utm_campaign, country, browser, os, device, language, exit_page"
#define ONLY_PAGES(what)                                                       \
    "if(dimension IN ('entry_page', 'exit_page'), sum(" what "), 0)"
#define BOUNCE "pageview_count = 1 AND custom_count = 0"

#define DAY_OF_VISITS                                                          \
    "INSERT INTO %s (site_id, day, bot, dimension, value, visits_started, "    \
    "bounces, duration_ms" PROOF_COLUMNS ") SELECT site_id, " DAY ", 0, "      \
    DIMENSION(VISIT_COLUMNS, NAMES("entry_page", "exit_page"))               \
    " AS dimension, " VALUE("entry_page", "exit_page")                         \
    ", countIf(pageview_count > 0), countIf(" BOUNCE                           \
    "), sumIf(dateDiff('millisecond', first_time, last_time), pageview_count " \
    "> 0), " ONLY_PAGES("row_total") ", " ONLY_PAGES("checksum_total")        \
    " FROM (SELECT site_id, argMinMerge(entry) AS e, e.1 AS entry_page, e.2 "  \
    "AS hostname, e.3 AS source, e.4 AS referrer_host, e.5 AS utm_source, "    \
    "e.6 AS utm_medium, e.7 AS utm_campaign, e.8 AS country, e.9 AS browser, " \
    "e.10 AS os, e.11 AS device, e.12 AS language, argMaxMerge(exit) AS "      \
    "exit_page, uniqExactMerge(pageviews) AS pageview_count, "                 \
    "uniqExactMerge(custom_events) AS custom_count, min(first_at) AS "         \
    "first_time, max(last_at) AS last_time, max(row_count) + "                 \
    "max(row_count_next) AS row_total, max(checksum) + max(checksum_next) AS " \
    "checksum_total FROM visits WHERE day = " DAY                              \
    " GROUP BY site_id, visit_id) GROUP BY GROUPING SETS ("                    \
    SETS("site_id", "entry_page") "(site_id, exit_page)) HAVING "               \
    "countIf(pageview_count > 0) > 0 OR dimension IN ('entry_page', "          \
    "'exit_page')"

/* --- visits ----------------------------------------------------------------
 */

/*
 * A visit stands on day N when it has events on N and none on N - 1, with its
 * events of N and of N + 1. Of one that goes on through a third day, each
 * further day is a row of its own. So a row needs the events of four days and
 * no more, and every event is in exactly one row.
 *
 * Each row is decided by one scan, that is by one state of `events`. So what
 * is counted twice or not at all shows in the sums of row_count.
 */
#define BEFORE_LAST "event_at < " MIDNIGHT " - toIntervalDay(1)"
#define LAST                                                                   \
    "event_at >= " MIDNIGHT " - toIntervalDay(1) AND event_at < " MIDNIGHT
#define TODAY                                                                  \
    "event_at >= " MIDNIGHT " AND event_at < " MIDNIGHT                        \
    " + toIntervalDay(1)"
#define NEXT "event_at >= " MIDNIGHT " + toIntervalDay(1)"
#define ON "event_at >= " MIDNIGHT
#define WINDOW(days)                                                           \
    "event_at >= " MIDNIGHT " - toIntervalDay(2) AND event_at < " MIDNIGHT     \
    " + toIntervalDay(" days ") "
#define PEOPLE "AND NOT bot AND visit_id IS NOT NULL "
#define ORDER "(event_at, event_id, " PP_ROLLUP_ROW_HASH ")"

/* Cheap to ask of all visits; nearly none is left to look at. */
#define ENDS_OF_THREE_DAYS                                                     \
    "min(event_at) < " MIDNIGHT " - toIntervalDay(1) AND max(event_at) >= "    \
    MIDNIGHT

#define VISIT_TABLE_COLUMNS                                                    \
    "(day, site_id, visit_id, first_at, last_at, entry, exit, pageviews, "     \
    "custom_events, row_count, checksum, row_count_next, checksum_next) "
#define ENTRY                                                                  \
    "CAST((pathname, toString(hostname), toString(source), "                   \
    "toString(referrer_host), toString(utm_source), toString(utm_medium), "    \
    "toString(utm_campaign), toString(country), toString(browser), "           \
    "toString(os), toString(device), toString(language)), 'Tuple(pathname "    \
    "String, hostname String, source String, referrer_host String, "           \
    "utm_source String, utm_medium String, utm_campaign String, country "      \
    "String, browser String, os String, device String, language String)')"
#define VISIT_VALUES                                                           \
    DAY ", site_id, assumeNotNull(visit_id) AS visit, minIf(event_at, " ON     \
    "), maxIf(event_at, " ON "), argMinStateIf(" ENTRY ", " ORDER              \
    ", kind = 'pageview' AND " ON "), argMaxStateIf(pathname, " ORDER          \
    ", kind = 'pageview' AND " ON "), uniqExactStateIf(" PP_ROLLUP_ROW_HASH    \
    ", kind = 'pageview' AND " ON "), uniqExactStateIf(" PP_ROLLUP_ROW_HASH    \
    ", kind = 'custom' AND " ON "), countIf(" TODAY "), sumIf("                \
    PP_ROLLUP_ROW_HASH ", " TODAY "), countIf(" NEXT "), sumIf("               \
    PP_ROLLUP_ROW_HASH ", " NEXT ") FROM events "

#define VISITS_THAT_BEGIN                                                      \
    "INSERT INTO %s " VISIT_TABLE_COLUMNS "SELECT " VISIT_VALUES "WHERE "      \
    WINDOW("2") PEOPLE "GROUP BY site_id, visit HAVING countIf(" TODAY         \
    ") > 0 AND countIf(" LAST ") = 0"

#define VISITS_OF_A_THIRD_DAY                                                  \
    "INSERT INTO %s " VISIT_TABLE_COLUMNS "SELECT " VISIT_VALUES "WHERE "      \
    WINDOW("1") PEOPLE                                                         \
    "AND (site_id, visit_id) IN (SELECT site_id, visit_id FROM events WHERE "  \
    WINDOW("1") PEOPLE "GROUP BY site_id, visit_id HAVING "                    \
    ENDS_OF_THREE_DAYS ") GROUP BY site_id, visit HAVING countIf(" TODAY       \
    ") > 0 AND countIf(" LAST ") > 0 AND countIf(" BEFORE_LAST ") > 0"

const struct pp_rollup_sql pp_rollup_sql[PP_ROLLUP_TABLES] = {
    [PP_ROLLUP_VISITS] = {"visits", {VISITS_THAT_BEGIN, VISITS_OF_A_THIRD_DAY}},
    [PP_ROLLUP_MINUTE] = {"rollup_minute",
                          {BY_TIME("minute", "toStartOfMinute"), 0}},
    [PP_ROLLUP_HOUR] = {"rollup_hour", {BY_TIME("hour", "toStartOfHour"), 0}},
    [PP_ROLLUP_DAY] = {"rollup_day", {DAY_OF_EVENTS, DAY_OF_VISITS}},
};

/* --- comparing -------------------------------------------------------------
 */

#define BETWEEN(column)                                                        \
    " WHERE " column " >= {from:Date} AND " column " <= {to:Date} "
#define SUMS(what, day, table)                                                 \
    "SELECT '" what "', " day " AS d, sum(row_count), sum(checksum) FROM "     \
    table " WHERE d >= {from:Date} AND d <= {to:Date} "
#define RAW_DAYS                                                               \
    " FROM events WHERE event_at >= toDateTime64({from:Date}, 3, 'UTC') AND "  \
    "event_at < toDateTime64({to:Date}, 3, 'UTC') + toIntervalDay(1) "

const char pp_rollup_compare_sql[] =
    "SELECT s.1, d, s.2, s.3 FROM (SELECT toDate(event_at) AS d, count() AS "
    "n, sum(h) AS c, countIf(in_visit) AS pn, sumIf(h, in_visit) AS pc FROM "
    "(SELECT event_at, " PP_ROLLUP_ROW_HASH
    " AS h, NOT bot AND visit_id IS NOT NULL AS in_visit" RAW_DAYS
    ") GROUP BY d) ARRAY JOIN [('events', n, c), ('people', pn, pc)] AS s "
    "UNION ALL " SUMS("minute", "toDate(minute)", "rollup_minute")
    "GROUP BY d UNION ALL " SUMS("hour", "toDate(hour)", "rollup_hour")
    "GROUP BY d UNION ALL " SUMS("day", "day", "rollup_day")
    "AND dimension = 'all' GROUP BY d UNION ALL "
    SUMS("entry", "day", "rollup_day")
    "AND dimension = 'entry_page' GROUP BY d UNION ALL "
    SUMS("visits", "day", "visits")
    "GROUP BY d UNION ALL SELECT 'age', toDate(partition) AS d, "
    "toUInt64(greatest(0, dateDiff('second', max(modification_time), "
    "now()))), toUInt64(0) FROM system.parts WHERE database = "
    "currentDatabase() AND active AND table = 'rollup_day' AND partition >= "
    "toString({from:Date}) AND partition <= toString({to:Date}) "
    "GROUP BY d UNION ALL SELECT 'next', day AS d, sum(row_count_next), "
    "sum(checksum_next) FROM visits " BETWEEN("day") "GROUP BY d";

/* --- proving ---------------------------------------------------------------
 */

#define FINISHED                                                               \
    "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM (SELECT "
#define EXACT(column, condition)                                               \
    "quantilesDDIf(0.01, " LEVELS ")(" column ", " condition "), "
#define MERGED(column) "quantilesDDMerge(0.01, " LEVELS ")(" column "), "
#define RAW_VALUES                                                             \
    "count(), countIf(kind = 'pageview'), countIf(kind = 'custom'), "          \
    "uniqIf(visitor, kind = 'pageview'), uniqIf(visit_id, kind = 'pageview')," \
    EXACT("ttfb_ms", "kind = 'timing'") EXACT("dom_ms", "kind = 'timing'")     \
    EXACT("load_ms", "kind = 'timing'")                                        \
    EXACT("value", "kind = 'vital' AND name = 'LCP'")                          \
    EXACT("value", "kind = 'vital' AND name = 'INP'")                          \
    EXACT("value", "kind = 'vital' AND name = 'CLS'")                          \
    EXACT("value", "kind = 'vital' AND name = 'FCP'")                          \
    EXACT("value", "kind = 'vital' AND name = 'TTFB'") PROOF
#define MADE_VALUES                                                            \
    "sum(events), sum(pageviews), sum(custom_events), uniqMerge(visitors), "   \
    "uniqMerge(visits), " MERGED("ttfb_ms") MERGED("dom_ms")                   \
    MERGED("load_ms") MERGED("lcp_ms") MERGED("inp_ms") MERGED("cls")          \
    MERGED("fcp_ms") MERGED("vital_ttfb_ms") "sum(row_count), sum(checksum)"

/* Written otherwise than what fills the table, so as not to share its faults.
 */
#define PAIRS                                                                  \
    "[('all', ''), ('pathname', pathname), ('hostname', toString(hostname)), " \
    "('source', toString(source)), ('referrer_host', "                         \
    "toString(referrer_host)), ('utm_source', toString(utm_source)), "         \
    "('utm_medium', toString(utm_medium)), ('utm_campaign', "                  \
    "toString(utm_campaign)), ('country', toString(country)), ('browser', "    \
    "toString(browser)), ('os', toString(os)), ('device', toString(device)), " \
    "('language', toString(language)), ('event_name', if(kind = 'custom', "    \
    "toString(name), ''))]"

#define ONE_VISIT                                                              \
    "SELECT site_id, assumeNotNull(visit_id) AS visit, "                       \
    "arrayMin(groupArrayIf(event_at, mine)) AS first, "                        \
    "arrayMax(groupArrayIf(event_at, mine)) AS last, "                         \
    "arraySort(groupArrayIf((event_at, event_id, " PP_ROLLUP_ROW_HASH          \
    ", pathname, toString(source), toString(utm_campaign), "                   \
    "toString(country)), mine AND kind = 'pageview')) AS pages, countIf(mine " \
    "AND kind = 'custom') AS customs, countIf(mine) AS n, sumIf("              \
    PP_ROLLUP_ROW_HASH                                                         \
    ", mine) AS c FROM (SELECT *, min(toDate(event_at)) OVER w AS began, "     \
    "groupUniqArray(toDate(event_at)) OVER w AS days, event_at >= " MIDNIGHT   \
    " AND (" TODAY " OR NOT has(days, " DAY                                    \
    " - 1)) AS mine FROM events WHERE " WINDOW("2") PEOPLE                     \
    "WINDOW w AS (PARTITION BY site_id, visit_id)) GROUP BY site_id, visit "   \
    "HAVING has(groupUniqArray(toDate(event_at)), " DAY                        \
    ") AND (NOT has(groupUniqArray(toDate(event_at)), " DAY                    \
    " - 1) OR has(groupUniqArray(toDate(event_at)), " DAY " - 2))"

const struct pp_rollup_proof pp_rollup_proofs[] = {
    {"minute",
     FINISHED "site_id, toStartOfMinute(event_at) AS t, bot, " RAW_VALUES
     OF_DAY "GROUP BY site_id, t, bot)",
     FINISHED "site_id, minute, bot, " MADE_VALUES
     " FROM rollup_minute WHERE toDate(minute) = " DAY
     " GROUP BY site_id, minute, bot)"},
    {"hour",
     FINISHED "site_id, toStartOfHour(event_at) AS t, bot, " RAW_VALUES
     OF_DAY "GROUP BY site_id, t, bot)",
     FINISHED "site_id, hour, bot, " MADE_VALUES
     " FROM rollup_hour WHERE toDate(hour) = " DAY
     " GROUP BY site_id, hour, bot)"},
    {"day",
     FINISHED "site_id, bot, d.1, d.2, " RAW_VALUES "FROM (SELECT *" OF_DAY
     ") ARRAY JOIN " PAIRS " AS d GROUP BY site_id, bot, d.1, d.2)",
     FINISHED "site_id, bot, dimension, value, " MADE_VALUES
     " FROM rollup_day WHERE day = " DAY
     " AND dimension NOT IN ('entry_page', 'exit_page') GROUP BY site_id, "
     "bot, dimension, value)"},
    {"visits",
     FINISHED
     "site_id, visit, first, last, pages[1].4, pages[1].5, pages[1].6, "
     "pages[1].7, pages[-1].4, length(pages), customs, n, c FROM (" ONE_VISIT
     "))",
     FINISHED
     "site_id, visit_id, min(first_at), max(last_at), argMinMerge(entry).1, "
     "argMinMerge(entry).3, argMinMerge(entry).7, argMinMerge(entry).8, "
     "argMaxMerge(exit), uniqExactMerge(pageviews), "
     "uniqExactMerge(custom_events), max(row_count) + max(row_count_next), "
     "max(checksum) + max(checksum_next) FROM visits WHERE day = " DAY
     " GROUP BY site_id, visit_id)"},
    {"started",
     FINISHED
     "site_id, d.1, d.2, count(), countIf(length(pages) = 1 AND customs = 0), "
     "sum(dateDiff('millisecond', first, last)) FROM (" ONE_VISIT
     ") ARRAY JOIN [('all', ''), ('entry_page', pages[1].4), ('exit_page', "
     "pages[-1].4), ('source', pages[1].5), ('utm_campaign', pages[1].6), "
     "('country', pages[1].7)] AS d WHERE notEmpty(pages) GROUP BY site_id, "
     "d.1, d.2)",
     FINISHED
     "site_id, dimension, value, sum(visits_started), sum(bounces), "
     "sum(duration_ms) FROM rollup_day WHERE day = " DAY
     " AND dimension IN ('all', 'entry_page', 'exit_page', 'source', "
     "'utm_campaign', 'country') GROUP BY site_id, dimension, value HAVING "
     "sum(visits_started) > 0)"},
    {0},
};
