-- What has to be done at a time, and what came of it: one row per job, scope
-- and instant that it was planned for. Any number of processes claim rows with
-- FOR UPDATE SKIP LOCKED and hold them by a lease. fence rises with every
-- claim: whoever lost the lease and does not know yet holds an older one.
CREATE TABLE job_run (
    job text NOT NULL,
    scope text NOT NULL DEFAULT '', -- what it is for, when there are several
    scheduled_for timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'due'
        CHECK (state IN ('due', 'running', 'done', 'failed', 'dead')), -- failed is tried again
    alone boolean NOT NULL DEFAULT false, -- none other of job and scope meanwhile
    attempt int NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT pp_now(),
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    worker text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    started_at timestamptz,
    finished_at timestamptz,
    error text NOT NULL DEFAULT '',
    numbers jsonb NOT NULL DEFAULT '{}', -- what the run says of itself
    PRIMARY KEY (job, scope, scheduled_for)
);
CREATE UNIQUE INDEX job_run_alone ON job_run (job, scope)
    WHERE alone AND state IN ('due', 'running', 'failed');
CREATE INDEX job_run_open ON job_run (job, scheduled_for)
    WHERE state IN ('due', 'running', 'failed');
CREATE SEQUENCE job_fence;

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_reports'') THEN CREATE ROLE pawprint_reports LOGIN; END IF; END';

GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO pawprint_reports;
GRANT USAGE ON SEQUENCE job_fence TO pawprint_reports;
GRANT SELECT ON installation TO pawprint_reports; -- pp_now() reads it
ALTER ROLE pawprint_reports SET statement_timeout = '30s';
