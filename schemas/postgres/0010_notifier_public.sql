-- What people and mail servers answer to messages: by links in mails, and by
-- mails that come back. docs/notifier.md says which messages can be opted out
-- of.

-- Of a mail, without its domain: by that, one that comes back is known again.
ALTER TABLE delivery ADD COLUMN message_id text;
CREATE INDEX delivery_message_id ON delivery (message_id) WHERE message_id IS NOT NULL;

-- Who an address is in opt_out: its first 128 bits are enough.
CREATE FUNCTION address_hash(address text) RETURNS text
LANGUAGE sql IMMUTABLE AS
'SELECT left(encode(sha256(convert_to(lower(address), ''UTF8'')), ''hex''), 32)';

-- Who wants no more mails of a kind. It names no address, and it outlives the
-- account: a link in an old mail still has something to say then.
CREATE TABLE opt_out (
    account_id text NOT NULL, -- '': mails that belong to no account
    kind text NOT NULL CHECK (kind IN ('usage_warning', 'grace_reminder', 'announcement')),
    address_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (account_id, kind, address_hash)
);

-- What mail servers reported about mails that they had taken.
CREATE TABLE bounce (
    notification_id bigint NOT NULL REFERENCES notification ON DELETE CASCADE,
    status text NOT NULL, -- RFC 3463: '5.1.1'
    permanent boolean NOT NULL,
    diagnostic text NOT NULL, -- what the server said, clipped
    reported_at timestamptz NOT NULL DEFAULT pp_now(),
    PRIMARY KEY (notification_id, status, permanent)
);

-- Records a report about the mail with that id. The notifier may not insert
-- messages; this one, which tells the staff, it may cause. Says what was done:
-- 'suppressed', 'logged', 'repeated', or 'unknown' when no mail has that id.
CREATE FUNCTION bounce_record(mail_id text, mail_status text, is_permanent boolean, said text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
'DECLARE
    came_back record;
BEGIN
    SELECT d.notification_id, d.channel, lower(d.target) AS target, n.kind, n.account_id INTO came_back
        FROM delivery d JOIN notification n USING (notification_id)
        WHERE d.message_id = mail_id ORDER BY d.fence DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN ''unknown'';
    END IF;
    INSERT INTO bounce (notification_id, status, permanent, diagnostic)
        VALUES (came_back.notification_id, mail_status, is_permanent, said) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN ''repeated'';
    END IF;
    IF NOT is_permanent THEN
        RETURN ''logged'';
    END IF;
    INSERT INTO suppression (channel, target, code, answer)
        VALUES (came_back.channel, came_back.target, 0, btrim(mail_status || '' '' || said)) ON CONFLICT DO NOTHING;
    IF came_back.kind = ''capacity_depleted'' THEN
        INSERT INTO notification (business_key, kind, account_id, facts)
            VALUES (''bounce/'' || came_back.notification_id || ''/staff'', ''staff_alert'', came_back.account_id,
                jsonb_build_object(''what'', ''The mail about a depleted account came back'', ''detail'',
                    ''Status '' || mail_status || '': nothing more is mailed to that address, and the grace runs. ''
                    || ''Somebody has to tell the owner in another way.''))
            ON CONFLICT (business_key) DO NOTHING;
    END IF;
    RETURN ''suppressed'';
END';
REVOKE EXECUTE ON FUNCTION bounce_record FROM PUBLIC;

DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_notifier'') THEN CREATE ROLE pawprint_notifier LOGIN; END IF; END';

GRANT EXECUTE ON FUNCTION bounce_record TO pawprint_notifier;
GRANT SELECT, INSERT, DELETE ON opt_out TO pawprint_notifier;
GRANT SELECT (alert_id, account_id, site_id, kind, snoozed_until), UPDATE (snoozed_until) ON alert_rule TO pawprint_notifier;
