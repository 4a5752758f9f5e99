-- Stripe's pages speak the account's language.
GRANT SELECT (locale) ON account TO pawprint_billing;
