-- What Stripe told, and what an account's profile keeps of it. docs/billing.md
-- says what follows from which event.

-- Every event that was taken, once: its row is there before Stripe gets its
-- 200, and workers of `billing` do it afterwards. 90 days later body is let go.
CREATE TABLE stripe_event (
    event_id text PRIMARY KEY CHECK (event_id ~ '^[A-Za-z0-9_-]{1,255}$'),
    type text NOT NULL,
    livemode boolean NOT NULL,
    api_version text NOT NULL DEFAULT '',
    created_at timestamptz, -- by Stripe's clock, in whole seconds: no order
    object_type text NOT NULL DEFAULT '',
    object_id text NOT NULL DEFAULT '',
    customer_id text NOT NULL DEFAULT '',
    secret_label text NOT NULL DEFAULT '', -- empty: we fetched it
    body bytea,
    sha256 bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT pp_now(),
    state text NOT NULL DEFAULT 'new' CHECK (state IN (
        'new',
        'failed', -- and is tried again at next_at
        'done',
        'ignored', -- of a type, or a customer, that is none of ours
        'ignored_livemode', -- of the other mode
        'dead')), -- too often failed; `pawprint billing dead retry`
    attempts int NOT NULL DEFAULT 0, -- that count: not while Stripe is away
    next_at timestamptz NOT NULL DEFAULT pp_now(),
    last_error text NOT NULL DEFAULT '',
    finished_at timestamptz
);
CREATE INDEX stripe_event_open ON stripe_event (next_at)
    WHERE state IN ('new', 'failed');
CREATE INDEX stripe_event_dead ON stripe_event (received_at)
    WHERE state = 'dead';
CREATE INDEX stripe_event_of_customer ON stripe_event (customer_id, received_at);
CREATE INDEX stripe_event_received ON stripe_event (received_at);

-- Rightly signed and yet no event: the last of them, for people to look at.
CREATE TABLE stripe_unreadable (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_label text NOT NULL,
    why text NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT pp_now()
);

CREATE FUNCTION stripe_event_notify() RETURNS trigger
LANGUAGE plpgsql AS
'BEGIN NOTIFY stripe_event; RETURN NULL; END';
CREATE TRIGGER stripe_event_notify AFTER INSERT ON stripe_event
FOR EACH STATEMENT EXECUTE FUNCTION stripe_event_notify();

-- Of a subscription, as it was when Stripe was last asked. Version rises only
-- when something of it that one can see has changed.
ALTER TABLE billing_profile
    ADD COLUMN stripe_customer_id text,
    ADD COLUMN livemode boolean NOT NULL DEFAULT false,
    ADD COLUMN stripe_subscription_id text,
    ADD COLUMN subscription_status text, -- Stripe's word; NULL: there is none
    ADD COLUMN stripe_price_id text,
    ADD COLUMN current_period_start timestamptz,
    ADD COLUMN current_period_end timestamptz,
    ADD COLUMN cancel_at_period_end boolean NOT NULL DEFAULT false,
    ADD COLUMN cancel_at timestamptz,
    ADD COLUMN trial_start timestamptz,
    ADD COLUMN trial_end timestamptz,
    ADD COLUMN past_due_since timestamptz, -- when we first saw it
    ADD COLUMN action_required_at timestamptz, -- the payer has to do something
    ADD COLUMN fetched_at timestamptz,
    -- Asking Stripe takes a number first. An answer is applied only where none
    -- with a higher one was: so the last that is applied was asked for after
    -- every event that led to it, whoever was slow, or died.
    ADD COLUMN ask_number bigint NOT NULL DEFAULT 0,
    ADD COLUMN applied_number bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT billing_profile_period
        CHECK (current_period_end > current_period_start);
CREATE UNIQUE INDEX billing_profile_customer ON billing_profile (livemode, stripe_customer_id);

-- How far the sweep has read Stripe's list of events that it could not deliver,
-- and what the nightly comparison found.
CREATE TABLE billing_sweep (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    swept_to timestamptz,
    compared_at timestamptz,
    drift bigint NOT NULL DEFAULT 0
);
INSERT INTO billing_sweep DEFAULT VALUES;

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_billing'') THEN CREATE ROLE pawprint_billing LOGIN; END IF; END';

GRANT SELECT, INSERT, UPDATE, DELETE ON stripe_event TO pawprint_billing;
GRANT SELECT, INSERT, DELETE ON stripe_unreadable TO pawprint_billing;
GRANT SELECT, UPDATE ON billing_profile, billing_sweep TO pawprint_billing;
GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO pawprint_billing;
GRANT USAGE ON SEQUENCE job_fence TO pawprint_billing;
-- What pp_capacity_run() needs, of another's profile too.
GRANT SELECT (account_id, name, owner_mail, zone, blocked_at, blocked_reason, closed_at) ON account TO pawprint_billing;
GRANT SELECT ON capacity_override, capacity_credit, capacity_clock, installation, usage_bucket, usage_correction TO pawprint_billing;
GRANT SELECT, INSERT ON plan_in_force, capacity_transition, notification TO pawprint_billing;
GRANT SELECT, INSERT, UPDATE ON account_capacity TO pawprint_billing;
GRANT SELECT, UPDATE ON usage_watch TO pawprint_billing;
GRANT INSERT ON outbox TO pawprint_billing;
ALTER ROLE pawprint_billing SET statement_timeout = '30s';
ALTER ROLE pawprint_billing SET idle_in_transaction_session_timeout = '10s';
