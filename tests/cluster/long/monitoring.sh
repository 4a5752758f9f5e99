# Sourced by run: what a Prometheus operator makes of the chart's ServiceMonitor
# and PrometheusRule. The Prometheus stays for KEDA.
# 3.MINOR.PATCH is published as the module v0.3MINOR.PATCH. Debian's knows no Kubernetes.
prometheus_version=$(sed -n 's,^github.com/prometheus/prometheus@v0\.3\([0-9]*\.[0-9]*\) .*,3.\1,p' "$here/operators.txt")
product+=(-f "$here/long/monitoring-values.yaml")

prometheus_operator_runs() {
    "$cluster" program "$(image_in prometheus-operator quay.io/prometheus-operator/prometheus-operator)" prometheus-operator &&
        "$cluster" program "$(image_in prometheus-operator quay.io/prometheus-operator/prometheus-config-reloader)" prometheus-config-reloader bin/prometheus-config-reloader &&
        "$cluster" kubectl apply --server-side -f "$bin/prometheus-operator.yaml" &&
        "$cluster" kubectl rollout status deployment/prometheus-operator --timeout=120s
}

prometheus_runs() {
    "$cluster" program pawprint.cluster/prometheus:here prometheus-server &&
        "$cluster" helm upgrade "${product[@]}" &&
        sed "s,VERSION,$prometheus_version," "$here/long/monitoring.yaml" | on apply -f - &&
        on wait --for=create statefulset/prometheus-here --timeout=60s &&
        on rollout status statefulset/prometheus-here --timeout=120s
}

everything_is_watched() {
    local address
    address=$(on get pod prometheus-here-0 -o 'jsonpath={.status.podIP}')
    on get prometheusrules,pods -o json | (cd "$root/tests" &&
        PYTHONDONTWRITEBYTECODE=1 "$cluster" run python3 -m cluster.watched "http://$address:9090") | tee "$said"
    [ "${PIPESTATUS[1]}" -eq 0 ]
}

needed 'a Prometheus operator runs' prometheus_operator_runs
needed 'it starts a Prometheus' prometheus_runs
step 'every pod is a target by the ServiceMonitor, every rule is loaded and evaluated' everything_is_watched
