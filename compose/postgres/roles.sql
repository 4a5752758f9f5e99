-- The services' roles, which migrate made, get the password of :word. Those that
-- log in are all roles called pawprint_*.
SELECT format('ALTER ROLE %I PASSWORD %L', rolname, :'word')
FROM pg_roles WHERE rolname LIKE 'pawprint\_%' AND rolcanlogin \gexec
