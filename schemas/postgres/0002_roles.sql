-- One role per service, with the least that it needs; the owner of the tables
-- migrates and decides. A role has no password until somebody gives it one:
-- ALTER ROLE pawprint_relay PASSWORD '...'. Roles belong to the whole server,
-- so another installation may have made them already.
DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_relay'') THEN CREATE ROLE pawprint_relay LOGIN; END IF; END';

GRANT SELECT, DELETE, UPDATE (sent_at) ON outbox TO pawprint_relay;
