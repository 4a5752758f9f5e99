-- What reports and the dashboard read instead of `events`. Nothing here is an
-- authority: the job of `reports` makes each day of each table anew from
-- `events` in a staging table and puts it in place with REPLACE PARTITION, so a
-- partition is always wholly the old one or wholly the new one. No
-- materialised view fills them: one that a crash cut short is never repaired.
--
-- row_count and checksum say which rows of `events` a row was made of: the
-- checksum is the sum of sipHash64(kafka_epoch, kafka_partition, kafka_offset).
-- docs/tables.md says what is counted how.
--
-- A visit stands on the day of its first event, and holds its events of that
-- day and of the next. Inserting the same events once more changes nothing.
CREATE TABLE visits
(
    day Date CODEC(Delta, ZSTD(1)),
    site_id LowCardinality(String) CODEC(ZSTD(1)),
    visit_id Int64 CODEC(ZSTD(1)),
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),
    entry AggregateFunction(argMin,
        Tuple(pathname String, hostname String, source String, referrer_host String,
            utm_source String, utm_medium String, utm_campaign String, country String,
            browser String, os String, device String, language String),
        Tuple(DateTime64(3, 'UTC'), String, UInt64)) CODEC(ZSTD(1)),
    exit AggregateFunction(argMax, String, Tuple(DateTime64(3, 'UTC'), String, UInt64)) CODEC(ZSTD(1)),
    pageviews AggregateFunction(uniqExact, UInt64) CODEC(ZSTD(1)),
    custom_events AggregateFunction(uniqExact, UInt64) CODEC(ZSTD(1)),
    row_count SimpleAggregateFunction(max, UInt64) CODEC(T64, ZSTD(1)),
    checksum SimpleAggregateFunction(max, UInt64) CODEC(NONE),
    row_count_next SimpleAggregateFunction(max, UInt64) CODEC(T64, ZSTD(1)),
    checksum_next SimpleAggregateFunction(max, UInt64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (site_id, visit_id);

-- The minutes of the last 48 hours, by whole days: a merge would take single
-- minutes away from a day otherwise.
CREATE TABLE rollup_minute
(
    site_id LowCardinality(String) CODEC(ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    bot UInt8 CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    pageviews SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    custom_events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    visits AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    dom_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    load_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    lcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    inp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    cls AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    fcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    vital_ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    row_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    checksum SimpleAggregateFunction(sum, UInt64) CODEC(NONE)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (site_id, minute, bot)
TTL toStartOfDay(minute) + toIntervalDay(3)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE rollup_hour
(
    site_id LowCardinality(String) CODEC(ZSTD(1)),
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    bot UInt8 CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    pageviews SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    custom_events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    visits AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    dom_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    load_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    lcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    inp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    cls AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    fcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    vital_ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    row_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    checksum SimpleAggregateFunction(sum, UInt64) CODEC(NONE)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(hour)
ORDER BY (site_id, hour, bot);

-- One row a value of each dimension; the dimension 'all' has the value ''.
-- visits_started, bounces and duration_ms are of the visits that stand on this
-- day in `visits`, by how each began; 'entry_page' and 'exit_page' have nothing
-- else, and row_count and checksum of those visits' rows.
CREATE TABLE rollup_day
(
    site_id LowCardinality(String) CODEC(ZSTD(1)),
    day Date CODEC(Delta, ZSTD(1)),
    dimension LowCardinality(String) CODEC(ZSTD(1)),
    value String CODEC(ZSTD(1)),
    bot UInt8 CODEC(T64, ZSTD(1)),
    events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    pageviews SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    custom_events SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    visitors AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    visits AggregateFunction(uniq, Nullable(Int64)) CODEC(ZSTD(1)),
    visits_started SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bounces SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    duration_ms SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    dom_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    load_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Int32)) CODEC(ZSTD(1)),
    lcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    inp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    cls AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    fcp_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    vital_ttfb_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.75, 0.95, 0.99), Nullable(Float64)) CODEC(ZSTD(1)),
    row_count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    checksum SimpleAggregateFunction(sum, UInt64) CODEC(NONE)
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (site_id, day, dimension, value, bot);
