-- Events are kept as many days as their site says. Each class has partitions of
-- its own, so that what is over goes as whole parts: nothing is rewritten.
-- Codecs are chosen by measurement; docs/tables.md has the numbers.
--
-- The order survives a kill between any two statements: run it again. While it
-- moves rows the old table takes none; a writer that is told so waits, asks,
-- and sends again what is not stored.
DROP TABLE IF EXISTS events_before;

DROP TABLE IF EXISTS events_by_retention;

CREATE TABLE events_by_retention
(
    site_id LowCardinality(String) CODEC(ZSTD(1)),
    event_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    account_id LowCardinality(String) CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    name LowCardinality(String) CODEC(ZSTD(1)),
    visitor Nullable(Int64) CODEC(ZSTD(1)),
    visit_id Nullable(Int64) CODEC(ZSTD(1)),
    hostname LowCardinality(String) CODEC(ZSTD(1)),
    pathname String CODEC(ZSTD(1)),
    referrer_host LowCardinality(String) CODEC(ZSTD(1)),
    source LowCardinality(String) CODEC(ZSTD(1)),
    utm_source LowCardinality(String) CODEC(ZSTD(1)),
    utm_medium LowCardinality(String) CODEC(ZSTD(1)),
    utm_campaign LowCardinality(String) CODEC(ZSTD(1)),
    browser LowCardinality(String) CODEC(ZSTD(1)),
    browser_version LowCardinality(String) CODEC(ZSTD(1)),
    os LowCardinality(String) CODEC(ZSTD(1)),
    device LowCardinality(String) CODEC(ZSTD(1)),
    country LowCardinality(String) CODEC(ZSTD(1)),
    language LowCardinality(String) CODEC(ZSTD(1)),
    bot UInt8 CODEC(T64, ZSTD(1)),
    value Nullable(Float64) CODEC(ZSTD(1)),
    ttfb_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    dom_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    load_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    props Map(String, String) CODEC(ZSTD(1)),
    kafka_epoch Int64 CODEC(Delta, ZSTD(1)),
    kafka_partition Int32 CODEC(T64, ZSTD(1)),
    kafka_offset Int64 CODEC(Delta, ZSTD(1)),
    valid_until DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    retention_days UInt16 DEFAULT 400 CODEC(T64, ZSTD(1)),
    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_days, toYYYYMM(event_at))
ORDER BY (site_id, event_at)
TTL toDateTime(event_at) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 1000,
    -- What is inserted is one file, not seventy, until merges make it large.
    min_bytes_for_wide_part = 134217728;

-- Nobody's time is not over: what is sent from here on is refused as late.
ALTER TABLE events DROP CONSTRAINT IF EXISTS fence;

ALTER TABLE events ADD CONSTRAINT fence CHECK valid_until < toDateTime64(0, 3);

ALTER TABLE events ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 400;

INSERT INTO events_by_retention SELECT * FROM events
SETTINGS max_partitions_per_insert_block = 0;

-- A row that was on its way when the table closed would be missing here. What
-- is about to expire does not count: the new table may have dropped it.
SELECT throwIf(
    (SELECT count() FROM events WHERE event_at > now() - toIntervalDay(365))
    != (SELECT count() FROM events_by_retention WHERE event_at > now() - toIntervalDay(365)),
    'rows came while the table was moved: run pawprint migrate again');

ALTER TABLE events_by_retention ADD CONSTRAINT fence CHECK valid_until > now64(3);

RENAME TABLE events TO events_before, events_by_retention TO events;

DROP TABLE events_before;
