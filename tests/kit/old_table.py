"""`events` as ClickHouse 18.16 can have it: no DateTime64, Map or constraint."""

OLD_TABLE = [
    "CREATE DATABASE IF NOT EXISTS pawprint",
    """CREATE TABLE IF NOT EXISTS pawprint.events (
    site_id LowCardinality(String), event_at Int64, event_id String,
    account_id LowCardinality(String), received_at Int64,
    kind LowCardinality(String), name LowCardinality(String),
    visitor Nullable(Int64), visit_id Nullable(Int64),
    hostname LowCardinality(String), pathname String,
    referrer_host LowCardinality(String), source LowCardinality(String),
    utm_source LowCardinality(String), utm_medium LowCardinality(String),
    utm_campaign LowCardinality(String), browser LowCardinality(String),
    browser_version LowCardinality(String), os LowCardinality(String),
    device LowCardinality(String), country LowCardinality(String),
    language LowCardinality(String), bot UInt8, value Nullable(Float64),
    ttfb_ms Nullable(Int32), dom_ms Nullable(Int32), load_ms Nullable(Int32),
    props Array(String), kafka_epoch Int64,
    kafka_partition Int32, kafka_offset Int64, valid_until Int64,
    retention_days UInt16, fence UInt8 MATERIALIZED throwIf(valid_until < toInt64(now()) * 1000))
    ENGINE = MergeTree
    PARTITION BY (retention_days,
                  toYYYYMM(toDateTime(intDiv(event_at, 1000), 'UTC')))
    ORDER BY (site_id, event_at)""",
]
