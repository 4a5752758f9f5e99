# Sourced by run: the chart's CronJobs make a backup, drill it, and bring all back
# when Postgres and ClickHouse are lost (docs/DISASTER.md). The bucket is rclone's.
product+=(-f "$here/long/backups-values.yaml")

make_bucket() {
    "$cluster" program pawprint.cluster/rclone:here rclone &&
        on create secret generic pawprint-backups --from-literal=s3-key=here \
            --from-literal=s3-secret=of-a-bucket-in-a-pod --from-literal="backup-key=$(openssl rand -hex 32)" &&
        on apply -f "$here/long/bucket.yaml" && on rollout status deployment/bucket --timeout=60s &&
        "$cluster" helm upgrade "${product[@]}"
}

by_job() { # CRONJOB: as if its time had come; its last line is told
    local end=$((SECONDS + 300)) state=
    on create job "$1-now" --from="cronjob/pawprint-$1" || return 1
    until [[ $state = *Complete* || $state = *Failed* ]]; do
        [ $SECONDS -lt $end ] || return 1
        sleep 1
        state=$(on get job "$1-now" -o 'jsonpath={.status.conditions[*].type}')
    done
    on logs "job/$1-now" | tee >(tail -n 1 >>"$said")
    [[ $state = *Complete* ]]
}

rows() { # of the site, and how many different ones
    (cd "$root/tests" && PYTHONDONTWRITEBYTECODE=1 "$cluster" run python3 -c 'import sys
from kit import stack
print(*stack.clickhouse(f"SELECT count(), uniqExact(event_id) FROM events WHERE site_id = {sys.argv[1]!r}")[0])' "$site")
}

lose_stores() { # and everything in them, while nothing of ours runs
    rows_before=$(rows)
    if on get scaledobjects -o name; then
        on annotate scaledobjects --all autoscaling.keda.sh/paused=true || return 1
    fi
    on scale deployments,statefulsets -l app.kubernetes.io/name=pawprint --replicas=0 &&
        on wait --for=delete pods -l app.kubernetes.io/name=pawprint,app.kubernetes.io/component!=backups \
            --field-selector=status.phase=Running --timeout=120s &&
        on delete pod postgres-0 clickhouse-0 &&
        on rollout status statefulset/postgres --timeout=120s &&
        on rollout status statefulset/clickhouse --timeout=120s &&
        ! rows && "$cluster" helm upgrade "${devstack[@]}"
}

start_again() {
    local end=$((SECONDS + 120))
    on annotate scaledobjects --all autoscaling.keda.sh/paused- 2>/dev/null
    "$cluster" helm upgrade "${product[@]}" || return 1
    until [ "$(rows)" = "$rows_before" ]; do
        [ $SECONDS -lt $end ] || { echo "before: $rows_before, now: $(rows)"; return 1; }
        sleep 1
    done
    echo "$rows_before rows" >"$said"
}

needed 'there is a bucket, and the chart has its CronJobs' make_bucket
needed 'the CronJob backup makes one' by_job backup
step 'the CronJob drill restores and compares it' by_job drill
step 'hits come after it' under_traffic perfect sleep 5
needed 'Postgres and ClickHouse are lost' lose_stores
needed 'the CronJob restore, by hand, brings them back' by_job restore
step 'what came after the backup comes back from Kafka: as many rows as before' start_again
step 'hits are taken again' under_traffic perfect sleep 5
step 'the books balance after it, too' balanced
