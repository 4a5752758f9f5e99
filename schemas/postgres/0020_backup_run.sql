-- What backups, looks at them and drills came to: what `pawprint` writes down
-- at their end, and `reports` exports as ages. A backup is good when a drill
-- has restored it.
CREATE TABLE backup_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('backup', 'verify', 'drill', 'restore')),
    backup text NOT NULL, -- its id, or empty where it was not found
    backup_at timestamptz, -- when that one began
    state text NOT NULL CHECK (state IN ('done', 'failed')),
    error text NOT NULL DEFAULT '',
    row_count bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX backup_run_of_kind ON backup_run (kind, state, finished_at);

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_reports'') THEN CREATE ROLE pawprint_reports LOGIN; END IF; END';

GRANT SELECT ON backup_run TO pawprint_reports;
