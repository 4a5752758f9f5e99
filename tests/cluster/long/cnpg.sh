# Sourced by run: the product on a Postgres of CloudNativePG, two servers, in a
# namespace of its own; nothing there uses the devstack's.
cnpg_image=${PAWPRINT_CNPG_IMAGE:-ghcr.io/cloudnative-pg/postgresql:17}
namespace=pawprint-cnpg
devstack=("${devstack[@]/#pawprint-try/$namespace}")
product=(pawprint "$root/helm/pawprint" -f "$devstack_chart/pawprint.yaml" -f "$here/pawprint.yaml"
    -f "$here/long/cnpg-values.yaml" --namespace "$namespace" --set "image.tag=$PAWPRINT_TAG"
    --set "cnpg.imageName=$cnpg_image" --wait --wait-for-jobs --timeout 600s)

cnpg_runs() {
    "$root/tests/standins/with-engine" "$here/standin" cnpg "$cnpg_image" &&
        "$cluster" program "$(image_in cnpg ghcr.io/cloudnative-pg/cloudnative-pg)" cnpg-manager manager operator/manager_amd64 &&
        "$cluster" kubectl apply --server-side -f "$bin/cnpg.yaml" &&
        "$cluster" kubectl -n cnpg-system rollout status deployment/cnpg-controller-manager --timeout=180s
}

make_secrets() { # as docs/deploy/kubernetes.md says
    local role user
    make_namespace || return 1
    for role in owner billing meter notifier relay reports; do
        user=pawprint_$role
        [ "$role" != owner ] || user=pawprint
        on create secret generic "postgres-$role" --type=kubernetes.io/basic-auth \
            --from-literal="username=$user" --from-literal="password=$(openssl rand -hex 16)" &&
            on label secret "postgres-$role" cnpg.io/reload=true || return 1
    done
}

make_volumes() {
    mkdir -p "$state/volumes/1" "$state/volumes/2" &&
        sed "s,FOLDER,$state/volumes," "$here/long/cnpg.yaml" | "$cluster" kubectl apply -f -
}

servers_are_ready() { # COUNT
    on wait "--for=jsonpath={.status.readyInstances}=$1" clusters.postgresql.cnpg.io/pawprint-postgres --timeout=600s
}

primary() { on get clusters.postgresql.cnpg.io pawprint-postgres -o 'jsonpath={.status.currentPrimary}'; }
sql() { on exec "$(primary)" -c postgres -- psql -qXAt -F' ' -d pawprint -c "$1"; }

# Whoever has a connection, except the operator's own. Billing is off here.
roles_use_tls() {
    local role
    sql "SELECT usename, count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
        WHERE usename LIKE 'pawprint%' AND ssl GROUP BY 1 ORDER BY 1" | tee "$said"
    for role in meter notifier relay reports; do
        grep -q "^pawprint_$role " "$said" || return 1
    done
    [ "$(sql "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename LIKE 'pawprint%' AND NOT ssl")" = 0 ]
}

its_password() { # the relay's, as Postgres keeps it
    sql "SELECT rolpassword FROM pg_authid WHERE rolname = 'pawprint_relay'"
}
another_password() {
    local before end=$((SECONDS + 60))
    before=$(its_password)
    on patch secret postgres-relay -p "{\"stringData\": {\"password\": \"$(openssl rand -hex 16)\"}}" || return 1
    until [ "$(its_password)" != "$before" ]; do
        [ $SECONDS -lt $end ] || return 1
        sleep 1
    done
    on rollout restart deployment/pawprint-relay && rolled relay
}

sites() { pawprint site list --json; }

the_other_takes_over() {
    local before end=$((SECONDS + 180)) now
    before=$(primary)
    on delete pod "$before" --grace-period=0 --force || return 1
    until now=$(primary) && [ "$now" != "$before" ] && sql 'SELECT 1'; do
        [ $SECONDS -lt $end ] || return 1
        sleep 1
    done
    servers_are_ready 2 && rolled "${services[@]}" && echo "$before, then $now" >>"$said"
}

all_servers_go() { # none is left to take over: what they had is on their volumes
    local before
    before=$(sites)
    on delete pods -l cnpg.io/cluster=pawprint-postgres && servers_are_ready 2 && rolled "${services[@]}" &&
        [ "$(sites)" = "$before" ] && [ -n "$before" ]
}

uninstalled_and_back() {
    local before
    before=$(sites)
    "$cluster" helm uninstall pawprint --namespace "$namespace" --wait --timeout 180s &&
        servers_are_ready 2 && "$cluster" helm install "${product[@]}" && [ "$(sites)" = "$before" ] && [ -n "$before" ]
}

needed 'CloudNativePG runs' cnpg_runs
needed 'there is a secret for each role, a namespace that enforces restricted pod security, and volumes' eval 'make_secrets && make_volumes'
needed 'the devstack runs there' "$cluster" helm install "${devstack[@]}"
needed 'the product runs: the operator makes its Postgres, jobs its stores' "$cluster" helm install "${product[@]}"
needed 'the Cluster gets its second server' servers_are_ready 2
needed 'helm test: a real hit goes in and is read back' helm_test
step 'each service has connections as a role of its own, all by TLS' roles_use_tls
step 'another password in a secret becomes that of the role, and the service goes on with it' another_password
needed 'an account and a site are made' make_site
name_services
step 'the primary is deleted by force under traffic: the other takes over' under_traffic perfect the_other_takes_over
step 'both servers are deleted: the sites are still there' all_servers_go
step 'traffic' under_traffic perfect sleep 5
step 'the books balance' balanced
step 'the Cluster stays when the release is deleted, and the next one takes it up' uninstalled_and_back
step 'helm test again' helm_test
