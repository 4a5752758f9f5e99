-- Who may act for an account from outside, and what the billing pages keep of
-- a checkout that was begun.

-- A secret that a program shows. Only its SHA-256 is here: it has 256 random
-- bits, so nobody finds it from that.
CREATE TABLE account_token (
    token_id text PRIMARY KEY CHECK (token_id ~ '^[a-z0-9]{12}$'),
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'billing')),
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    prefix text NOT NULL, -- its beginning, to tell it from others
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    last_used_at timestamptz, -- to the minute
    revoked_at timestamptz
);
CREATE INDEX account_token_of_account ON account_token (account_id);

-- A link that opens the account's pages, once.
CREATE TABLE login_link (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'billing')),
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX login_link_of_account ON login_link (account_id);

-- What a link began: the cookie's hash. No visitor of a customer's site ever
-- gets one.
CREATE TABLE login_session (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'billing')),
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX login_session_of_account ON login_session (account_id);

-- One row per account that ever pressed "upgrade". Its lock is held while
-- Stripe is asked, so that however often the button is pressed there is one
-- customer and one open session. The nonce stands in the idempotency keys that
-- Stripe gets: it is written down before Stripe is asked, and a process that
-- takes over asks again with the same.
CREATE TABLE billing_checkout (
    account_id text PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    nonce text NOT NULL,
    nonce_at timestamptz NOT NULL DEFAULT pp_now(),
    session_id text, -- NULL: none is open
    plan_code text,
    period text CHECK (period IN ('month', 'year')),
    url text,
    expires_at timestamptz,
    CHECK ((session_id IS NULL) = (url IS NULL))
);

-- Answers to callers that sent an Idempotency-Key, for 24 hours. status is
-- NULL while the call runs.
CREATE TABLE billing_call (
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request bytea NOT NULL, -- SHA-256 of path and body
    status int,
    result text,
    answer text,
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX billing_call_at ON billing_call (created_at);

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_billing'') THEN CREATE ROLE pawprint_billing LOGIN; END IF; END';

GRANT SELECT, UPDATE (last_used_at) ON account_token TO pawprint_billing;
GRANT SELECT, UPDATE (used_at) ON login_link TO pawprint_billing;
GRANT SELECT, INSERT, UPDATE (ended_at), DELETE ON login_session TO pawprint_billing;
GRANT DELETE ON login_link TO pawprint_billing;
GRANT SELECT, INSERT, UPDATE ON billing_checkout TO pawprint_billing;
GRANT SELECT, INSERT, UPDATE, DELETE ON billing_call TO pawprint_billing;
-- What the page shows.
GRANT SELECT (account_id, name, owner_mail, zone, blocked_at, closed_at) ON account TO pawprint_billing;
GRANT SELECT ON billing_profile, account_capacity, capacity_transition, installation TO pawprint_billing;
GRANT SELECT (site_id, account_id) ON site TO pawprint_billing;
DO 'BEGIN IF to_regclass(''usage_refused'') IS NOT NULL THEN GRANT SELECT ON usage_bucket, usage_correction, usage_refused TO pawprint_billing; END IF; END';
