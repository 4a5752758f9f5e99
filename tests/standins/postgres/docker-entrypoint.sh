#!/bin/bash
# The part of the public image's contract that compose.yaml uses: another
# command runs as it is; the first start makes POSTGRES_USER and POSTGRES_DB.
set -eu
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" && chown postgres "$PGDATA" && chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
user=${POSTGRES_USER:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
    [ -n "${POSTGRES_PASSWORD-}" ] || { echo "POSTGRES_PASSWORD is empty" >&2; exit 1; }
    initdb -U "$user" --pwfile=<(echo "$POSTGRES_PASSWORD") -E UTF8 \
        --locale=C.UTF-8 --auth-host=scram-sha-256 --auth-local=trust >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        echo "CREATE DATABASE \"${POSTGRES_DB:-$user}\"" |
            postgres --single -D "$PGDATA" postgres >/dev/null
    fi
fi
shift
exec postgres -c listen_addresses='*' "$@"
