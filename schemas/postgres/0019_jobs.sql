-- Usage as it stood at the end of each quarter of an hour, kept by the job
-- usage.snapshot; a row never changes. Accounts that use nothing have none.
CREATE TABLE usage_snapshot (
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    at timestamptz NOT NULL CHECK (extract(epoch FROM at)::bigint % 900 = 0), -- the quarter's end
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    used bigint NOT NULL, -- of the window, until then
    in_quarter bigint NOT NULL, -- of that, or of the window before, in the quarter
    monthly_limit bigint NOT NULL, -- credits included; -1: unlimited
    state text NOT NULL CHECK (state IN ('ok', 'grace', 'rejecting', 'blocked', 'closed')),
    taken_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (account_id, at)
);
CREATE INDEX usage_snapshot_at ON usage_snapshot (at);

-- Two more reasons to tell people: a run that found too little to do, and
-- reports that do not arrive. 0: never for this reason.
ALTER TABLE job
    ADD COLUMN items text NOT NULL DEFAULT '', -- the number of a run that says how much it did
    ADD COLUMN min_items bigint NOT NULL DEFAULT 0,
    ADD COLUMN min_delivered_percent int NOT NULL DEFAULT 98 CHECK (min_delivered_percent BETWEEN 0 AND 100); -- of report
-- When a run may first begin, where that is later than it is planned for.
ALTER TABLE job_run ADD COLUMN starts_at timestamptz;
CREATE INDEX notification_report ON notification (created_at) WHERE kind IN ('report', 'report_empty');

-- What nobody needs any more, a page at a time: as many rows as are asked for,
-- at most, of one thing. How old a thing has to be stands here, so that who may
-- call this may take away nothing else. Dead runs stay until somebody has
-- tried them again or discarded them.
CREATE FUNCTION housekeeping(thing text, most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
'DECLARE
    gone bigint;
BEGIN
    CASE thing
    WHEN ''job_runs'' THEN
        DELETE FROM job_run WHERE ctid = ANY (ARRAY(SELECT ctid FROM job_run
            WHERE state IN (''done'', ''skipped'') AND finished_at < pp_now() - interval ''90 days''
            LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''message_texts'' THEN
        UPDATE notification SET facts = ''{}'' WHERE notification_id = ANY (ARRAY(SELECT notification_id FROM notification
            WHERE facts <> ''{}'' AND finished_at < pp_now() - interval ''30 days''
            LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''login_links'' THEN
        DELETE FROM login_link WHERE ctid = ANY (ARRAY(SELECT ctid FROM login_link
            WHERE expires_at < pp_now() - interval ''1 day'' LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''login_sessions'' THEN
        DELETE FROM login_session WHERE ctid = ANY (ARRAY(SELECT ctid FROM login_session
            WHERE expires_at < pp_now() - interval ''1 day'' LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''billing_calls'' THEN
        DELETE FROM billing_call WHERE ctid = ANY (ARRAY(SELECT ctid FROM billing_call
            WHERE created_at < pp_now() - interval ''24 hours'' LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''outbox_rows'' THEN
        DELETE FROM outbox WHERE id = ANY (ARRAY(SELECT id FROM outbox
            WHERE sent_at < clock_timestamp() - interval ''7 days'' LIMIT most FOR UPDATE SKIP LOCKED));
    WHEN ''usage_snapshots'' THEN
        DELETE FROM usage_snapshot WHERE ctid = ANY (ARRAY(SELECT ctid FROM usage_snapshot
            WHERE at < pp_now() - interval ''90 days'' LIMIT most FOR UPDATE SKIP LOCKED));
    END CASE;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END';
REVOKE EXECUTE ON FUNCTION housekeeping FROM PUBLIC;
CREATE INDEX job_run_over ON job_run (finished_at) WHERE state IN ('done', 'skipped');
CREATE INDEX notification_text ON notification (finished_at) WHERE facts <> '{}';

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_reports'') THEN CREATE ROLE pawprint_reports LOGIN; END IF; END';
DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_meter'') THEN CREATE ROLE pawprint_meter LOGIN; END IF; END';

GRANT SELECT, INSERT ON usage_snapshot TO pawprint_meter; -- never changed
GRANT SELECT ON usage_snapshot TO pawprint_reports;
GRANT EXECUTE ON FUNCTION housekeeping TO pawprint_reports;
