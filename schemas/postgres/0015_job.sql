-- What jobs there are: each service says it of its own when it starts. Also
-- where a job stands: all its instants before next_at are planned.
CREATE TABLE job (
    job text PRIMARY KEY,
    service text NOT NULL,
    every_s int NOT NULL DEFAULT 0, -- 0: by cron, or only what is added
    cron text NOT NULL DEFAULT '',
    zone text NOT NULL DEFAULT 'UTC', -- of cron
    catch_up text NOT NULL CHECK (catch_up IN ('latest', 'all', 'none', 'must')),
    window_s int NOT NULL DEFAULT 0, -- of all and none
    lease_s int NOT NULL,
    attempts_max int NOT NULL,
    next_at timestamptz,
    skipped bigint NOT NULL DEFAULT 0, -- instants that its policy left out
    skipped_at timestamptz,
    -- When people are told that something is wrong; 0: never for this reason.
    start_grace_s int NOT NULL DEFAULT 120,
    max_run_s int NOT NULL DEFAULT 3600,
    min_run_ms int NOT NULL DEFAULT 0,
    max_runs_an_hour int NOT NULL DEFAULT 0,
    backlog_s int NOT NULL DEFAULT 900,
    paused_at timestamptz,
    paused_reason text NOT NULL DEFAULT '',
    registered_at timestamptz NOT NULL DEFAULT pp_now()
);

-- Whose turn it is when a job has runs of several accounts: a run stands one
-- behind the last of its own account, so a long queue of one account lets the
-- first of another pass.
ALTER TABLE job_run
    ADD COLUMN account_id text NOT NULL DEFAULT '',
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT job_run_state_check,
    ADD CONSTRAINT job_run_state_check CHECK (state IN ('due', 'running',
        'done', 'failed', 'dead', 'skipped')); -- skipped: by hand
CREATE INDEX job_run_turn ON job_run (job, turn, scheduled_for, scope)
    WHERE state IN ('due', 'running', 'failed');
CREATE INDEX job_run_account ON job_run (job, account_id, turn)
    WHERE state IN ('due', 'running', 'failed');
CREATE INDEX job_run_ended ON job_run (job, state, finished_at)
    WHERE state IN ('done', 'dead');

-- What is wrong with jobs, and how often people were told.
CREATE TABLE job_alarm (
    job text NOT NULL,
    kind text NOT NULL,
    since_at timestamptz, -- NULL: all is well
    episode bigint NOT NULL DEFAULT 0,
    messages int NOT NULL DEFAULT 0, -- of this episode
    PRIMARY KEY (job, kind)
);

GRANT SELECT, INSERT, UPDATE ON job_alarm TO pawprint_reports;
GRANT SELECT, INSERT ON notification TO pawprint_reports;
GRANT SELECT, INSERT, UPDATE ON job TO pawprint_reports, pawprint_meter, pawprint_billing;
