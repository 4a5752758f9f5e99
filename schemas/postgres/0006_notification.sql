-- Messages to people: one row per message, whoever decided that it is to be
-- sent, in his own transaction; business_key makes that once. Only the
-- notifier changes rows afterwards. No reference to account: what was sent
-- is kept also when its account is gone.
CREATE TABLE notification (
    notification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_key text NOT NULL UNIQUE CHECK (length(business_key) BETWEEN 1 AND 300),
    kind text NOT NULL, -- one of common/messages
    account_id text,
    site_id text,
    channel text NOT NULL DEFAULT 'mail'
        CHECK (channel IN ('mail', 'slack', 'webhook', 'sms')),
    target text, -- NULL: the owner's mail, or the setting's webhook
    facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
    state text NOT NULL DEFAULT 'due'
        CHECK (state IN ('due', 'sending', 'sent', 'failed', 'suppressed')),
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    attempts int NOT NULL DEFAULT 0, -- that count; not while the relay is away
    not_before timestamptz NOT NULL DEFAULT pp_now(), -- when sending: the lease's end
    fence bigint NOT NULL DEFAULT 0, -- rises with every claim
    handed_over_at timestamptz, -- the other side took it, for the first time
    finished_at timestamptz
);
CREATE INDEX notification_open ON notification (not_before)
    WHERE state IN ('due', 'sending');
CREATE INDEX notification_of_account ON notification (account_id, created_at);

-- Every attempt, written down before it begins: one that its process did not
-- live to finish is 'lost', and its message may have gone out.
CREATE TABLE delivery (
    notification_id bigint NOT NULL REFERENCES notification ON DELETE CASCADE,
    fence bigint NOT NULL, -- of the claim it belongs to
    channel text NOT NULL,
    target text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'trying' CHECK (state IN (
        'trying',
        'sent',
        'again', -- refused for now
        'away', -- the relay could not be reached: it does not count
        'doubtful', -- cut off after the last byte, before the answer
        'lost',
        'failed', -- refused for good
        'suppressed')),
    code int NOT NULL DEFAULT 0, -- of SMTP or HTTP; 0: there was no answer
    answer text NOT NULL DEFAULT '', -- what the other side said, clipped
    took_ms bigint,
    worker text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (notification_id, fence)
);

-- Who gets nothing more: addresses that do not exist, endpoints that are gone.
CREATE TABLE suppression (
    channel text NOT NULL,
    target text NOT NULL, -- in lower case for mail
    code int NOT NULL,
    answer text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (channel, target)
);

CREATE FUNCTION notification_notify() RETURNS trigger
LANGUAGE plpgsql AS
'BEGIN NOTIFY notification; RETURN NULL; END';
CREATE TRIGGER notification_notify AFTER INSERT ON notification
FOR EACH STATEMENT EXECUTE FUNCTION notification_notify();

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_notifier'') THEN CREATE ROLE pawprint_notifier LOGIN; END IF; END';

GRANT SELECT ON notification TO pawprint_notifier;
GRANT UPDATE (state, attempts, not_before, fence, handed_over_at, finished_at)
    ON notification TO pawprint_notifier;
GRANT SELECT, INSERT, UPDATE ON delivery TO pawprint_notifier;
GRANT SELECT, INSERT ON suppression TO pawprint_notifier;
GRANT SELECT (account_id, name, owner_mail, zone) ON account TO pawprint_notifier;
GRANT SELECT (site_id, name) ON site TO pawprint_notifier;
GRANT SELECT ON installation TO pawprint_notifier; -- pp_now() reads it
ALTER ROLE pawprint_notifier SET statement_timeout = '30s';
