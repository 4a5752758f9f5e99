# Sourced by run, last of all: Flux's own controllers do what helm/examples/flux
# says, in a namespace and with a devstack of its own (../flux.py says what is
# changed). The chart comes from a registry in the cluster, always as its own files
# here, under a new version with a small change.
namespace=flux-pawprint
charts=registry.$namespace.svc.cluster.local:5000

flux_runs() {
    local one
    for one in source-controller helm-controller; do
        "$cluster" program "$(image_in "$one" "fluxcd/$one")" "$one" || return 1
        # In one namespace, and as the user of its own image, which this one does not name.
        sed -e 's/\(source\|helm\)-system$/flux-system/' -e 's/^\( *\)runAsNonRoot: true$/&\n\1runAsUser: 65534/' \
            "$bin/$one.yaml" | "$cluster" kubectl apply --server-side -f - || return 1
    done
    for one in source-controller helm-controller; do
        "$cluster" kubectl -n flux-system rollout status "deployment/$one" --timeout=120s || return 1
    done
}

registry_runs() {
    make_namespace && "$cluster" program pawprint.cluster/crane:here crane &&
        on apply -f "$here/long/registry.yaml" && on rollout status deployment/registry --timeout=60s &&
        on create secret docker-registry registry --docker-server="$charts" --docker-username=here --docker-password=here &&
        on create secret generic pawprint-billing --from-literal=stripe-key=here --from-literal=stripe-webhook-secrets=here
}

push_chart() { # VERSION [FILE SED]: with that change to that file of it
    local work address code=0
    work=$(mktemp -d)
    address=$(on get service registry -o 'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}')
    cp -rL "$root/helm/pawprint" "$work" && { [ $# -eq 1 ] || sed -i "$3" "$work/pawprint/$2"; } &&
        "$cluster" helm package "$work/pawprint" --version "$1" --destination "$work" &&
        "$cluster" helm push "$work/pawprint-$1.tgz" "oci://$address/charts" --plain-http || code=1
    rm -rf "$work"
    return $code
}

examples() { (cd "$root/tests" && PYTHONDONTWRITEBYTECODE=1 "$python" -m cluster.flux "$namespace" "$charts" "$PAWPRINT_TAG"); }
change_release() { on patch helmrelease pawprint --type merge -p "$1"; }
look_now() { # at what is in the registry, instead of at the end of the interval
    on annotate --overwrite ocirepository/pawprint "reconcile.fluxcd.io/requestedAt=$(date +%s%N)"
}

# VERSION that was tried last; VERSION STATUS PHASES-OF-TESTS of what it is now; conditions that hold.
release() {
    on get helmrelease pawprint -o 'jsonpath={.status.lastAttemptedRevision} {.status.history[0].chartVersion} {.status.history[0].status} {.status.history[0].testHooks.*.phase} {.status.conditions[?(@.status=="True")].type}'
}
await_release() { # SECONDS PATTERN
    local end=$((SECONDS + $1)) now=
    # shellcheck disable=SC2053 # it is a pattern
    until now=$(release) && [[ $now = $2 ]]; do
        [ $SECONDS -lt $end ] || { on describe helmrelease pawprint; return 1; }
        sleep 1
    done
    echo "$now," >>"$said"
}

first_release() { examples | on apply -f - && await_release 400 '0.1.0+* 0.1.0+* deployed Succeeded Ready *'; }

reconcile() { # the release, whether anything changed or not
    local stamp end=$((SECONDS + 60))
    stamp=$(date +%s%N)
    on annotate --overwrite helmrelease/pawprint "reconcile.fluxcd.io/requestedAt=$stamp" || return 1
    until [ "$(on get helmrelease pawprint -o 'jsonpath={.status.lastHandledReconcileAt}')" = "$stamp" ]; do
        [ $SECONDS -lt $end ] || { on describe helmrelease pawprint; return 1; }
        sleep 0.5
    done
}
drifts() { on get events -o 'jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}' | grep Drift; }
nothing_to_put_back() { reconcile && ! drifts; }
hands_off() {
    on scale deployment/pawprint-collector --replicas=0 &&
        on set image deployment/pawprint-enricher '*=pawprint/enricher:of-a-hand' &&
        on delete networkpolicy pawprint-collector && reconcile && rolled collector enricher && drifts &&
        [ "$(replicas collector)" = 2 ] && on get networkpolicy pawprint-collector
}

replicas() { on get deployment "pawprint-$1" -o 'jsonpath={.spec.replicas}'; }
left_alone() {
    local end=$((SECONDS + 60))
    change_release '{"spec": {"suspend": true}}' && on scale deployment/pawprint-notifier --replicas=0 || return 1
    until "$cluster" kubectl -n flux-system logs deployment/helm-controller | grep 'reconciliation is suspended'; do
        [ $SECONDS -lt $end ] || return 1
        sleep 1
    done
    [ "$(replicas notifier)" = 0 ] && change_release '{"spec": {"suspend": false}}' && reconcile &&
        rolled notifier && [ "$(replicas notifier)" -gt 0 ]
}

level() { on get configmap pawprint-collector -o 'jsonpath={.data.PAWPRINT_LOG_LEVEL}'; }
new_version() {
    push_chart 0.1.1 values.yaml 's/^logLevel: info/logLevel: debug/' && look_now &&
        await_release 300 '0.1.1+* 0.1.1+* deployed Succeeded Ready *' && [ "$(level)" = debug ]
}

pods_of_services() { # that are not about to end
    on get pods -l 'app.kubernetes.io/name=pawprint,app.kubernetes.io/component!=jobs' \
        -o go-template='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}'
}

rolled_back() { # VALUES: what is the release's now, with a time in which it can't become ready
    local version
    version=$(release | cut -d' ' -f1)
    change_release "{\"spec\": {\"upgrade\": {\"timeout\": \"40s\"}, \"values\": $1}}" &&
        await_release 400 "$version $version deployed *Stalled*Remediated*" && rolled "${services[@]}"
}
as_before() { # VALUES that take the last ones away; nothing else changes
    change_release "{\"spec\": {\"upgrade\": {\"timeout\": null}, \"values\": $1}}" &&
        await_release 300 '0.1.1+* 0.1.1+* deployed Succeeded Ready *'
}

# Hooks come first, so no service is touched.
no_such_image() {
    local before
    before=$(pods_of_services)
    rolled_back '{"image": {"tag": "not-there"}}' && [ "$(pods_of_services)" = "$before" ] &&
        as_before "{\"image\": {\"tag\": \"$PAWPRINT_TAG\"}}"
}
no_such_services() {
    rolled_back '{"services": {"collector": {"image": {"tag": "not-there"}}, "writer": {"image": {"tag": "not-there"}}}}' &&
        as_before '{"services": {"collector": {"image": null}, "writer": {"image": null}}}'
}

failing_test() {
    push_chart 0.1.2 templates/tests/try.yaml 's/"--wait" "120"/"--wait" "0"/' && look_now &&
        await_release 400 '0.1.2+* 0.1.1+* deployed *Stalled*Remediated*' && rolled "${services[@]}"
}
next_version() { push_chart 0.1.3 && look_now && await_release 300 '0.1.3+* 0.1.3+* deployed Succeeded Ready *' && [ "$(level)" = info ]; }

needed "Flux's source and helm controllers run" flux_runs
needed 'a registry runs, in a namespace that enforces restricted pod security' registry_runs
needed 'the chart is pushed to it' push_chart 0.1.0
needed 'a devstack runs there' "$cluster" helm install "${devstack[@]}" --namespace "$namespace"
needed 'the release of the examples is installed, and its helm test passed' first_release
needed 'an account and a site are made there' make_site
name_services
step 'what nobody changed is not put back' nothing_to_put_back
step 'what hands changed and took away is put back' hands_off
step 'hands are left alone while the release is suspended' left_alone
step 'a new version of the chart is taken under traffic' under_traffic perfect new_version
step 'a version without an image never gets to the services; it is rolled back under traffic' under_traffic perfect no_such_image
step 'a version with two services that do not start is rolled back under traffic' under_traffic perfect no_such_services
step 'a version whose helm test fails is rolled back under traffic' under_traffic perfect failing_test
step 'the next version is taken' under_traffic perfect next_version
step 'the books balance there, too' balanced
