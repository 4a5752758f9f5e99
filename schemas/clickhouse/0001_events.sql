-- One row per event. The Kafka identity (epoch, partition, offset) proves that
-- a record was stored; event_id proves that it was counted once.
--
-- ClickHouse takes one statement at a time: each ends with a semicolon at the
-- end of its line.
CREATE TABLE events
(
    site_id LowCardinality(String),
    event_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    account_id LowCardinality(String),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    name LowCardinality(String),
    visitor Nullable(Int64) CODEC(ZSTD(1)),
    visit_id Nullable(Int64) CODEC(ZSTD(1)),
    hostname LowCardinality(String),
    pathname String CODEC(ZSTD(1)),
    referrer_host LowCardinality(String),
    source LowCardinality(String),
    utm_source LowCardinality(String),
    utm_medium LowCardinality(String),
    utm_campaign LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    os LowCardinality(String),
    device LowCardinality(String),
    country LowCardinality(String),
    language LowCardinality(String),
    bot UInt8 CODEC(T64, ZSTD(1)),
    value Nullable(Float64) CODEC(ZSTD(1)),
    ttfb_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    dom_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    load_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    props Map(String, String) CODEC(ZSTD(1)),
    kafka_epoch Int64 CODEC(Delta, ZSTD(1)),
    kafka_partition Int32 CODEC(Delta, ZSTD(1)),
    kafka_offset Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_at)
ORDER BY (site_id, event_at);
