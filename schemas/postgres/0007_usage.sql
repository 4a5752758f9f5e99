-- What was counted, and how far. The offsets up to which a topic is counted
-- change in the same transaction as the counts: whatever is read again,
-- nothing is counted twice. Only `meter` writes here.
CREATE TABLE usage_offset (
    topic text NOT NULL, -- without the prefix
    epoch bigint NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, epoch, partition)
);

-- Accepted events by the time of receipt, in buckets of 15 minutes.
CREATE TABLE usage_bucket (
    account_id text NOT NULL, -- owned the site at receipt
    bucket_at timestamptz NOT NULL CHECK (extract(epoch FROM bucket_at)::bigint % 900 = 0),
    site_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('pageview', 'custom', 'timing', 'vital')),
    bot boolean NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (account_id, bucket_at, site_id, kind, bot)
) WITH (fillfactor = 70); -- counters change in place
CREATE INDEX usage_bucket_at ON usage_bucket (bucket_at);

-- What ClickHouse's count of distinct events says differs, as signed rows that
-- stay: a bucket is never written over.
CREATE TABLE usage_correction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    bucket_at timestamptz NOT NULL,
    site_id text NOT NULL,
    kind text NOT NULL,
    bot boolean NOT NULL,
    n bigint NOT NULL CHECK (n <> 0),
    counted bigint NOT NULL, -- buckets and corrections before
    stored bigint NOT NULL, -- in ClickHouse
    created_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX usage_correction_of_account ON usage_correction (account_id, bucket_at);
CREATE INDEX usage_correction_at ON usage_correction (bucket_at);

-- Used events of an account, of half-open time. Windows begin with a quarter
-- of an hour; of any other time the quarters that end in it.
CREATE FUNCTION usage_of(account text, since timestamptz, until timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS
'SELECT coalesce(sum(n), 0)::bigint FROM (
    SELECT n FROM usage_bucket b WHERE b.account_id = account
        AND b.bucket_at > since - interval ''15 minutes'' AND b.bucket_at <= until - interval ''15 minutes''
        AND b.kind IN (''pageview'', ''custom'') AND NOT b.bot
    UNION ALL
    SELECT n FROM usage_correction c WHERE c.account_id = account
        AND c.bucket_at > since - interval ''15 minutes'' AND c.bucket_at <= until - interval ''15 minutes''
        AND c.kind IN (''pageview'', ''custom'') AND NOT c.bot) AS used';

-- Whose capacity has to be looked at after a flush: those that have counted
-- run_at used events since it was last looked at. Whoever looks sets counted to
-- 0, and run_at to what is left until it matters; without that, it is looked at
-- after each flush.
CREATE TABLE usage_watch (
    account_id text PRIMARY KEY,
    counted bigint NOT NULL DEFAULT 0,
    run_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What was not accepted, by hour: refused by the collector, rejected or found
-- a duplicate by the enricher. site_id is empty where it is not known.
CREATE TABLE usage_refused (
    site_id text NOT NULL,
    hour_at timestamptz NOT NULL,
    stage text NOT NULL, -- the service that said so
    reason text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (site_id, hour_at, stage, reason)
) WITH (fillfactor = 70);

-- Records of `counts` that were counted: one that is sent again is not.
CREATE TABLE usage_told (
    instance text NOT NULL,
    sequence bigint NOT NULL,
    told_at timestamptz NOT NULL, -- the record's time
    PRIMARY KEY (instance, sequence)
);
CREATE INDEX usage_told_at ON usage_told (told_at);

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_meter'') THEN CREATE ROLE pawprint_meter LOGIN; END IF; END';

GRANT SELECT, INSERT, UPDATE ON usage_offset, usage_bucket, usage_watch, usage_refused TO pawprint_meter;
GRANT SELECT, INSERT ON usage_correction TO pawprint_meter; -- never changed
GRANT SELECT, INSERT, DELETE ON usage_told TO pawprint_meter;
GRANT SELECT (site_id, status) ON site TO pawprint_meter; -- erased ones keep their usage
GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO pawprint_meter;
GRANT USAGE ON SEQUENCE job_fence TO pawprint_meter;
GRANT SELECT ON installation TO pawprint_meter; -- pp_now() reads it
ALTER ROLE pawprint_meter SET statement_timeout = '60s';
-- One that was stopped inside of a transaction holds rows that its successor
-- has to change.
ALTER ROLE pawprint_meter SET idle_in_transaction_session_timeout = '5s';
