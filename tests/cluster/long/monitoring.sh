# Sourced by run: what a Prometheus operator makes of the chart's ServiceMonitor
# and PrometheusRule. The Prometheus stays for KEDA.
prometheus_image=${PAWPRINT_PROMETHEUS_IMAGE:-$(sed -n 's/.*PAWPRINT_PROMETHEUS_IMAGE:-\(.*\)}$/\1/p' "$root/compose/compose.observability.yaml")}
product+=(-f "$here/long/monitoring-values.yaml")

prometheus_operator_runs() {
    "$cluster" program "$(image_in prometheus-operator quay.io/prometheus-operator/prometheus-operator)" prometheus-operator &&
        "$cluster" program "$(image_in prometheus-operator quay.io/prometheus-operator/prometheus-config-reloader)" prometheus-config-reloader &&
        "$cluster" kubectl apply --server-side -f "$bin/prometheus-operator.yaml" &&
        "$cluster" kubectl rollout status deployment/prometheus-operator --timeout=120s
}

prometheus_runs() {
    local engine=$root/tests/standins/with-engine version
    "$engine" "$here/standin" prometheus "$prometheus_image" || return 1
    version=$("$engine" docker run --rm "$prometheus_image" --version 2>&1 |
        sed -n 's/^prometheus, version \([0-9.]*\).*/\1/p')
    sed -e "s,IMAGE,$prometheus_image,; s,VERSION,$version," "$here/long/monitoring.yaml" | on apply -f - &&
        "$cluster" helm upgrade "${product[@]}" &&
        on rollout status statefulset/prometheus-here --timeout=120s && echo "$version" >"$said"
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
