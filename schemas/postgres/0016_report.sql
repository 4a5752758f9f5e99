-- Who gets reports of a site, and the numbers that he got: docs/reports.md.
CREATE TABLE report_subscription (
    subscription_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    site_id text NOT NULL REFERENCES site ON DELETE CASCADE,
    every text NOT NULL CHECK (every IN ('day', 'week', 'month')),
    minute int NOT NULL DEFAULT 540 CHECK (minute BETWEEN 0 AND 1439), -- by the site's clock
    weekday int NOT NULL DEFAULT 1 CHECK (weekday BETWEEN 1 AND 7), -- of a weekly one: 1 is Monday
    channel text NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'slack', 'webhook')),
    recipient text NOT NULL CHECK (length(recipient) BETWEEN 3 AND 500),
    state text NOT NULL CHECK (state IN (
        'unconfirmed', -- asked, and did not answer yet
        'active',
        'paused',
        'disabled', -- nothing arrives there
        'unsubscribed')), -- only the recipient changes that
    reason text NOT NULL DEFAULT '', -- why it is disabled
    quiet boolean NOT NULL DEFAULT false, -- that nobody came has been said
    last_date date, -- of the last occurrence that was put among the jobs
    next_at timestamptz NOT NULL DEFAULT '-infinity', -- of the next; or it has to be reckoned
    confirmed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE UNIQUE INDEX report_subscription_once
    ON report_subscription (site_id, every, channel, lower(recipient));
CREATE INDEX report_subscription_due ON report_subscription (next_at) WHERE state = 'active';
CREATE INDEX report_subscription_recipient ON report_subscription (channel, lower(recipient));
CREATE INDEX report_subscription_account ON report_subscription (account_id);

-- Another zone of a site is another instant of the same occurrence.
CREATE FUNCTION report_reckon() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
'BEGIN UPDATE report_subscription SET next_at = ''-infinity'' WHERE site_id = NEW.site_id; RETURN NULL; END';
REVOKE EXECUTE ON FUNCTION report_reckon FROM PUBLIC;
CREATE TRIGGER report_reckon AFTER UPDATE OF zone ON site
FOR EACH ROW WHEN (OLD.zone <> NEW.zone) EXECUTE FUNCTION report_reckon();

-- One a subscription and period, with the numbers as they were then.
CREATE TABLE report_run (
    subscription_id bigint NOT NULL REFERENCES report_subscription ON DELETE CASCADE,
    period_first date NOT NULL,
    period_end date NOT NULL, -- the first that is not in it
    zone text NOT NULL,
    numbers jsonb NOT NULL,
    frozen_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (subscription_id, period_first)
);

-- What an erased site's reports said is erased with it.
CREATE FUNCTION report_forget() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
'BEGIN
    DELETE FROM report_subscription WHERE site_id = NEW.site_id;
    DELETE FROM notification WHERE site_id = NEW.site_id AND kind IN (''report'', ''report_empty'', ''report_confirm'');
    RETURN NULL;
END';
REVOKE EXECUTE ON FUNCTION report_forget FROM PUBLIC;
CREATE TRIGGER report_forget AFTER UPDATE OF status ON site
FOR EACH ROW WHEN (NEW.status = 'erased' AND OLD.status <> 'erased') EXECUTE FUNCTION report_forget();

-- A report whose process died, or was cut off, after the final dot of its mail
-- may have arrived: a second one is worse than none.
ALTER TABLE notification DROP CONSTRAINT notification_state_check,
    ADD CONSTRAINT notification_state_check
    CHECK (state IN ('due', 'sending', 'sent', 'failed', 'suppressed', 'unknown'));
ALTER TABLE delivery ADD COLUMN at_dot boolean NOT NULL DEFAULT false; -- of a report; from before it

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_reports'') THEN CREATE ROLE pawprint_reports LOGIN; END IF; END';
DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_notifier'') THEN CREATE ROLE pawprint_notifier LOGIN; END IF; END';

GRANT SELECT ON report_subscription TO pawprint_reports;
GRANT UPDATE (state, reason, quiet, last_date, next_at) ON report_subscription TO pawprint_reports;
GRANT SELECT, INSERT ON report_run TO pawprint_reports;
GRANT SELECT, INSERT ON notification TO pawprint_reports;
GRANT SELECT ON suppression TO pawprint_reports;
GRANT SELECT (site_id, account_id, name, zone, status) ON site TO pawprint_reports;
GRANT SELECT (subscription_id, site_id, every, state, confirmed_at) ON report_subscription TO pawprint_notifier;
GRANT UPDATE (state, next_at, last_date, confirmed_at) ON report_subscription TO pawprint_notifier;
