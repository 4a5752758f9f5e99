-- What customers want to be told of, by site. docs/alerts.md says what each
-- kind measures; pp_alert decides.
CREATE TABLE alert_rule (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    site_id text NOT NULL REFERENCES site ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('usage', 'spike', 'drop', 'no_data', 'lcp', 'inp', 'cls', 'ttfb')),
    threshold double precision NOT NULL CHECK (threshold > 0 AND threshold < 1e12),
    window_s int NOT NULL CHECK (window_s BETWEEN 60 AND 86400), -- that is looked at
    least bigint NOT NULL CHECK (least >= 0), -- events or samples, below which it says nothing
    repeat text NOT NULL DEFAULT 'once' CHECK (repeat IN ('once', 'hourly', 'daily')),
    quiet_from time, -- in the account's zone
    quiet_until time,
    channel text NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'slack', 'webhook', 'sms')),
    target text, -- as notification.target
    snoozed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    CHECK (channel NOT IN ('webhook', 'sms') OR target IS NOT NULL)
);
CREATE INDEX alert_rule_of_account ON alert_rule (account_id);

-- struct pp_alert. Whoever decides about a rule locks the rule's row first.
CREATE TABLE alert_state (
    alert_id bigint PRIMARY KEY REFERENCES alert_rule ON DELETE CASCADE,
    firing boolean NOT NULL,
    told boolean NOT NULL, -- the last message said that it fires
    calm int NOT NULL, -- how often in a row it did not hold
    episode bigint NOT NULL,
    messages bigint NOT NULL, -- of this episode
    since_at timestamptz,
    resolved_at timestamptz,
    sent_at timestamptz,
    value double precision,
    evaluated_at timestamptz NOT NULL
);

-- What the staff's rules saw last: struct staff of the meter.
CREATE TABLE staff_alert_state (
    name text PRIMARY KEY, -- of the rule, and of what it looks at
    value bigint NOT NULL,
    since_at timestamptz, -- NULL: it does not happen
    held_at timestamptz, -- last seen
    told boolean NOT NULL DEFAULT false,
    episode bigint NOT NULL DEFAULT 0, -- how often it was told
    seen_at timestamptz NOT NULL DEFAULT pp_now()
);

-- Quiet hours are of the wall clock in the account's zone: half-open, and over
-- midnight when they end before they begin.
CREATE FUNCTION alert_is_quiet(at timestamptz, zone text, quiet_from time, quiet_until time) RETURNS boolean
LANGUAGE sql STABLE AS
'SELECT CASE WHEN quiet_from IS NULL OR quiet_from = quiet_until THEN false
    WHEN quiet_from < quiet_until THEN (at AT TIME ZONE zone)::time >= quiet_from AND (at AT TIME ZONE zone)::time < quiet_until
    ELSE (at AT TIME ZONE zone)::time >= quiet_from OR (at AT TIME ZONE zone)::time < quiet_until END';

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_meter'') THEN CREATE ROLE pawprint_meter LOGIN; END IF; END';

-- FOR UPDATE needs the right to change a column.
GRANT SELECT, UPDATE (snoozed_until) ON alert_rule TO pawprint_meter;
GRANT SELECT, INSERT, UPDATE ON alert_state, staff_alert_state TO pawprint_meter;
GRANT SELECT (zone, created_at) ON account TO pawprint_meter;
GRANT SELECT (created_at) ON site TO pawprint_meter;
