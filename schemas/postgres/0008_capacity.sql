-- What an account may use, and whether its hits are taken. pp_capacity decides,
-- in the transaction of whoever changes a plan, a limit, usage or a status;
-- docs/capacity.md says by which rules.

-- Instants as pp_capacity counts them: milliseconds since 1970, 0 for none.
CREATE FUNCTION pp_ms(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE AS
'SELECT coalesce(floor(extract(epoch FROM at) * 1000)::bigint, 0)';
CREATE FUNCTION pp_at(ms bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS
'SELECT CASE WHEN ms <> 0 THEN timestamptz ''1970-01-01 00:00:00+00'' + ms * interval ''1 millisecond'' END';

ALTER TABLE account
    ADD COLUMN blocked_at timestamptz, -- by staff; nothing is taken meanwhile
    ADD COLUMN blocked_reason text,
    ADD COLUMN closed_at timestamptz, -- deleted, or about to be
    ADD CONSTRAINT account_blocked_says_why
        CHECK ((blocked_at IS NULL) = (blocked_reason IS NULL));

-- What is in force of the plan catalogue: a file that changed does nothing
-- until `pawprint capacity apply`.
CREATE TABLE plan_in_force (
    code text PRIMARY KEY,
    monthly_limit bigint CHECK (monthly_limit >= 0), -- NULL: unlimited
    grace_days int NOT NULL CHECK (grace_days BETWEEN 0 AND 31),
    max_alerts int NOT NULL CHECK (max_alerts >= 0),
    applied_at timestamptz NOT NULL DEFAULT pp_now()
);

-- Of every account. Whoever decides about an account locks its row here first.
CREATE TABLE billing_profile (
    account_id text PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    plan_code text NOT NULL DEFAULT 'FREE',
    plan_source text NOT NULL DEFAULT 'default'
        CHECK (plan_source IN ('default', 'staff', 'stripe')),
    pending_plan_code text, -- from the next window on; only shown
    anchor_at timestamptz NOT NULL DEFAULT pp_now(), -- of the usage windows
    version bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX billing_profile_of_plan ON billing_profile (plan_code);

INSERT INTO billing_profile (account_id, anchor_at)
SELECT account_id, created_at FROM account;

CREATE FUNCTION account_gets_profile() RETURNS trigger
LANGUAGE plpgsql AS
'BEGIN INSERT INTO billing_profile (account_id, anchor_at) VALUES (NEW.account_id, NEW.created_at); RETURN NULL; END';
CREATE TRIGGER account_gets_profile AFTER INSERT ON account
FOR EACH ROW EXECUTE FUNCTION account_gets_profile();

-- Instead of the plan's. NULL: as the plan says.
CREATE TABLE capacity_override (
    account_id text PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    monthly_limit bigint CHECK (monthly_limit >= 0),
    unlimited boolean NOT NULL DEFAULT false,
    grace_days int CHECK (grace_days BETWEEN 0 AND 31),
    reason text NOT NULL CHECK (reason <> ''),
    set_at timestamptz NOT NULL DEFAULT pp_now()
);

-- Added to the limit of the usage window that it was given in.
CREATE TABLE capacity_credit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    events bigint NOT NULL CHECK (events > 0),
    reason text NOT NULL CHECK (reason <> ''),
    given_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX capacity_credit_of_account ON capacity_credit (account_id, given_at);

-- struct pp_capacity, and when ClickHouse last confirmed the account's usage.
CREATE TABLE account_capacity (
    account_id text PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    state text NOT NULL CHECK (state IN ('ok', 'grace', 'rejecting')),
    blocked boolean NOT NULL,
    closed boolean NOT NULL,
    version bigint NOT NULL,
    told_at timestamptz,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    monthly_limit bigint NOT NULL, -- credits included; -1: unlimited
    limit_version bigint NOT NULL,
    detected_at timestamptz,
    grace_ends_at timestamptz,
    reject_until timestamptz,
    paused_at timestamptz,
    graces int NOT NULL,
    grace_version bigint NOT NULL,
    last_deadline timestamptz,
    mailed int NOT NULL,
    alerted int NOT NULL,
    counted_at timestamptz,
    CHECK (window_end > window_start),
    CHECK (state <> 'rejecting' OR (grace_ends_at IS NOT NULL AND reject_until IS NOT NULL))
);
CREATE INDEX account_capacity_not_ok ON account_capacity (account_id)
    WHERE state <> 'ok';
CREATE INDEX account_capacity_window ON account_capacity (window_end);
CREATE INDEX account_capacity_told ON account_capacity (told_at);

-- Every decision with what it was made of; rows are only ever added.
CREATE TABLE capacity_transition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    transition text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text NOT NULL,
    used bigint NOT NULL,
    monthly_limit bigint NOT NULL,
    limit_version bigint NOT NULL,
    evidence jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX capacity_transition_of_account ON capacity_transition (account_id, id);

-- The last tick: a clock that jumped refuses nobody until it is steady again.
CREATE TABLE capacity_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_tick_at timestamptz,
    steady boolean NOT NULL DEFAULT false
);
INSERT INTO capacity_clock DEFAULT VALUES;

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_meter'') THEN CREATE ROLE pawprint_meter LOGIN; END IF; END';

-- What pp_capacity_run() and pp_capacity_tick() need. FOR UPDATE needs the
-- right to change a column.
GRANT SELECT (account_id, blocked_at, blocked_reason, closed_at) ON account TO pawprint_meter;
GRANT SELECT ON capacity_override, capacity_credit, installation TO pawprint_meter;
GRANT SELECT, UPDATE (version) ON billing_profile TO pawprint_meter;
GRANT SELECT, INSERT ON plan_in_force, capacity_transition TO pawprint_meter;
GRANT SELECT, INSERT, UPDATE ON account_capacity TO pawprint_meter;
GRANT SELECT, UPDATE ON capacity_clock TO pawprint_meter;
GRANT INSERT ON outbox TO pawprint_meter;
DO 'BEGIN IF to_regclass(''notification'') IS NOT NULL THEN GRANT SELECT, INSERT ON notification TO pawprint_meter; END IF; END';
