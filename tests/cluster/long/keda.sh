# Sourced by run: KEDA has as many consumers run as their lag asks for, of the
# group as Kafka knows it (enricher) and of what they say themselves (writer, meter).
consumers=(enricher writer meter)
product+=(-f "$here/long/keda-values.yaml")

keda_runs() {
    local one
    "$cluster" program "$(image_in keda ghcr.io/kedacore/keda)" keda &&
        "$cluster" program "$(image_in keda ghcr.io/kedacore/keda-metrics-apiserver)" keda-adapter &&
        "$cluster" kubectl apply --server-side -f "$bin/keda.yaml" || return 1
    for one in keda-operator keda-metrics-apiserver; do
        "$cluster" kubectl -n keda rollout status "deployment/$one" --timeout=180s || return 1
    done
    "$cluster" kubectl wait --for=condition=Available apiservice/v1beta1.external.metrics.k8s.io --timeout=60s
}

scalers_know_the_lag() { # a ScaledObject is Ready before anything was asked
    "$cluster" helm upgrade "${product[@]}" && on wait --for=condition=Ready scaledobjects --all --timeout=90s &&
        on wait --for=condition=ScalingActive "${consumers[@]/#/hpa/keda-hpa-pawprint-}" --timeout=120s
}

how_many() { on get pods -l "app.kubernetes.io/component=$1" --field-selector status.phase=Running -o name | wc -l; }
numbers_of() { local one; for one in "${consumers[@]}"; do echo "$one $(how_many "$one")"; done; }
await_consumers() { # SECONDS more|one
    local end=$((SECONDS + $1))
    until numbers_of | awk -v wanted="$2" '{ if (wanted == "one" ? $2 != 1 : $2 < 2) missing = 1 } END { exit missing }'; do
        [ $SECONDS -lt $end ] || { numbers_of; on describe hpa; return 1; }
        sleep 1
    done
    numbers_of >>"$said"
}

needed 'KEDA runs' keda_runs
needed 'there is a ScaledObject for each consumer, and it knows the lag' scalers_know_the_lag
needed 'without traffic there is one of each consumer' await_consumers 300 one
rate=2000
step 'under traffic their lag makes them more' under_traffic perfect await_consumers 180 more
rate=400
step 'without lag they become one again' await_consumers 400 one
