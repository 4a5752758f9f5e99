-- How much an account may use in grace at most, where its plan says so: more is
-- refused before the grace is over. NULL: all is taken until then.
ALTER TABLE plan_in_force
    ADD COLUMN grace_ceiling bigint CHECK (grace_ceiling > 0);

-- Of which sites an account was refused events: told when it is taken again.
GRANT SELECT (account_id) ON site TO pawprint_meter;
