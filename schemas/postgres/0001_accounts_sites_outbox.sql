-- Accounts and their sites, the outbox through which every change of them
-- reaches Kafka, and what identifies this installation's topics.

-- The time that every decision goes by. Only a database that says of itself
-- that it is a test may shift it.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    is_test boolean NOT NULL DEFAULT false,
    clock_shift interval NOT NULL DEFAULT '0',
    CHECK (is_test OR clock_shift = '0')
);
INSERT INTO installation DEFAULT VALUES;

CREATE FUNCTION pp_now() RETURNS timestamptz
LANGUAGE sql STABLE AS
'SELECT now() + clock_shift FROM installation';

CREATE TABLE account (
    account_id text PRIMARY KEY CHECK (account_id ~ '^[a-z0-9]{1,32}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    owner_mail text NOT NULL CHECK (owner_mail ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    zone text NOT NULL DEFAULT 'UTC', -- IANA time zone
    locale text NOT NULL DEFAULT 'en',
    created_at timestamptz NOT NULL DEFAULT pp_now()
);

CREATE TABLE site (
    site_id text PRIMARY KEY CHECK (site_id ~ '^[a-z0-9]{1,32}$'),
    account_id text NOT NULL REFERENCES account,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'paused', 'deleted', 'erased')),
    origins text[] NOT NULL DEFAULT '{}', -- hostnames; empty means any
    zone text NOT NULL DEFAULT 'UTC',
    version bigint NOT NULL DEFAULT 1, -- rises with every change
    changed_at timestamptz NOT NULL DEFAULT pp_now(),
    created_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX site_of_account ON site (account_id);

-- A change of state and its row here are one transaction. Only the relay
-- sends rows, and marks a row when every replica of Kafka has it. Rows of one
-- key are written under the lock of the row that changed, so their ids are in
-- the order of their transactions; across keys they need not be.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL, -- without the prefix
    key bytea NOT NULL,
    value bytea, -- a framed Avro record
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE FUNCTION outbox_notify() RETURNS trigger
LANGUAGE plpgsql AS
'BEGIN NOTIFY outbox; RETURN NULL; END';
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();

-- One row per topic: a topic that was made anew has offsets that start again,
-- and another epoch, so that no record is taken for one that is stored.
CREATE TABLE topic (
    name text PRIMARY KEY,
    epoch bigint NOT NULL CHECK (epoch > 0),
    created_at timestamptz NOT NULL DEFAULT pp_now()
);
