-- How many days the events of a site are kept. Few classes, since each is a
-- partition of its own a month in ClickHouse.
ALTER TABLE site ADD COLUMN retention_days int NOT NULL DEFAULT 400
    CHECK (retention_days IN (90, 400, 1100));
