-- What Stripe says of an account's invoices, to be shown: no amount is ours.
CREATE TABLE billing_invoice (
    invoice_id text PRIMARY KEY CHECK (invoice_id ~ '^[A-Za-z0-9_-]{1,255}$'),
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    customer_id text NOT NULL,
    number text NOT NULL DEFAULT '', -- a draft has none
    status text NOT NULL, -- Stripe's word
    currency text NOT NULL,
    amount_due bigint NOT NULL, -- in the currency's smallest unit
    amount_paid bigint NOT NULL,
    page_url text NOT NULL DEFAULT '', -- Stripe's page of it
    created_at timestamptz,
    period_start timestamptz,
    period_end timestamptz,
    -- The question of billing_profile.ask_number that it is the answer to: an
    -- answer to an earlier one changes nothing.
    ask_number bigint NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT pp_now()
);
CREATE INDEX billing_invoice_of_account ON billing_invoice (account_id, created_at DESC);

GRANT SELECT, INSERT, UPDATE ON billing_invoice TO pawprint_billing;
