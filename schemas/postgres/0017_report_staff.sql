-- What the daily mail to those who run Pawprint is made of.
DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''pawprint_reports'') THEN CREATE ROLE pawprint_reports LOGIN; END IF; END';

GRANT SELECT (account_id, created_at, blocked_at, closed_at) ON account TO pawprint_reports;
GRANT SELECT (account_id, state, blocked, closed) ON account_capacity TO pawprint_reports;
GRANT SELECT ON usage_bucket, usage_refused TO pawprint_reports;
GRANT SELECT (notification_id, state, began_at) ON delivery TO pawprint_reports;
GRANT SELECT (notification_id, permanent, reported_at) ON bounce TO pawprint_reports;
GRANT SELECT (event_id, state, received_at) ON stripe_event TO pawprint_reports;
