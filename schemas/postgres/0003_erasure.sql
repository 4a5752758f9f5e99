-- The receipt of each erasure: what was erased, when, and how much was there.
CREATE TABLE erasure (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id text NOT NULL REFERENCES site,
    reason text NOT NULL CHECK (reason IN ('asked', 'restored')),
    tables text[] NOT NULL, -- of ClickHouse, that were searched
    rows_before bigint NOT NULL, -- all that were found and deleted
    rows_after bigint NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX erasure_of_site ON erasure (site_id);

-- The writers refuse what is erased: it may never be anything else again.
CREATE FUNCTION site_stays_erased() RETURNS trigger
LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''site % is erased, for ever'', OLD.site_id USING ERRCODE = ''check_violation''; END';
CREATE TRIGGER site_stays_erased BEFORE UPDATE ON site
FOR EACH ROW WHEN (OLD.status = 'erased' AND NEW.status <> 'erased')
EXECUTE FUNCTION site_stays_erased();
CREATE TRIGGER erased_site_is_kept BEFORE DELETE ON site
FOR EACH ROW WHEN (OLD.status = 'erased')
EXECUTE FUNCTION site_stays_erased();

-- Rejected records that were put back onto their topic, so that none is twice.
CREATE TABLE reject_replay (
    epoch bigint NOT NULL, -- of the topic `rejects`
    reject_offset bigint NOT NULL,
    topic text NOT NULL, -- without the prefix, that it went to
    replayed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (epoch, reject_offset)
);
