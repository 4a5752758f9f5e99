"""What runs: as the programs want it, and with as few rights as can be."""
import os
import re
import subprocess
import tempfile

from helm import NotRun, chart

# What some programs are given although the list of their settings lacks it.
LIBRARY = {"PGPASSWORD"}
NAMES = [path.stem for path in chart.VALUES]


def documented(program):
    """{setting: whether it has to be set}, as the documents have it."""
    text = (chart.ROOT / "docs/configuration.md").read_text()
    if f"\n## {program}\n" not in text:
        return None
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|", text.split(f"\n## {program}\n")[1].split("\n## ")[0], re.M)
    return {name: default == "required" for name, default in rows}


def plain(name):
    return name.removesuffix("_FILE") if not name.endswith("_CA_FILE") else name


def test_pods_are_given_settings_that_their_program_has_and_all_that_it_needs():
    for name in NAMES:
        items = chart.objects_of(name)
        for _, spec in chart.pods(items):
            container = spec["containers"][0]
            settings = documented(container["name"])
            if settings is None:
                continue  # the command line; test_programs_find_their_settings_right has it
            given = {plain(setting) for setting in chart.environment(items, container)} - LIBRARY
            assert given <= set(settings), f"{name}: {container['name']} has no {given - set(settings)}"
            needed = {setting for setting, required in settings.items() if required}
            assert needed <= given, f"{name}: {container['name']} needs {needed - given}"


def contents(setting, key):
    """What a file that holds a setting might hold."""
    return {"STRIPE_KEY": "sk_test_0123456789abcdef0123", "LINK_KEYS": "k" * 32, "WEBHOOK_SECRET": "w" * 32, "BOUNCE_SECRET": "b" * 32,
            "REDIS_URL": "redis://user:word@redis.example:6379/0", "SLACK_URL": "https://hooks.slack.example/a/b",
            "SCHEMA_REGISTRY_URL": "https://user:word@registry.example:8081",
            "STRIPE_SECRETS": "now whsec_0123456789abcdef0123456789abcdef"}.get(
                next((word for word in ("STRIPE_KEY", "STRIPE_SECRETS", "LINK_KEYS", "WEBHOOK_SECRET", "BOUNCE_SECRET", "REDIS_URL",
                                        "SLACK_URL", "SCHEMA_REGISTRY_URL") if word in setting), ""), key)


def placed(env, folder):
    """The environment with its files in a folder, and written there."""
    result = {}
    for name, value in env.items():
        if isinstance(value, tuple):
            value = value[1] if value[0] != "field" else "pawprint-writer-0"
        elif value.startswith("/etc/"):
            path = os.path.join(folder, value.strip("/").replace("/", "-"))
            with open(path, "w", encoding="utf-8") as file:
                file.write(contents(name, value) + "\n")
            # live keys for an installation that is live
            if "STRIPE_KEY" in name and env.get("PAWPRINT_STRIPE_MODE") == "live":
                with open(path, "w", encoding="utf-8") as file:
                    file.write("sk_live_0123456789abcdef0123\n")
            value = path
        result[name] = value
    return result


def test_programs_find_their_settings_right():
    """Each program's own --check, of the environment that each pod has."""
    checked = 0
    for name in NAMES:
        items = chart.objects_of(name)
        for _, spec in chart.pods(items):
            program = spec["containers"][0]["name"]
            if program == "pawprint":
                continue  # has no --check
            binary = chart.ROOT / "build/bin" / program
            if not binary.exists():
                raise NotRun(f"{binary} is not there: make all")
            with tempfile.TemporaryDirectory() as folder:
                env = placed(chart.environment(items, spec["containers"][0]), folder)
                done = subprocess.run([binary, "--check"], env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{name}: {program}: {done.stdout}{done.stderr}"
            checked += 1
    return f"{checked} pods"


def test_groups_topics_and_offset_policy_are_those_of_the_code():
    common = (chart.ROOT / "common/pp_consumer.c").read_text()
    for name, facts in chart.programs().items():
        if "consumer" not in facts:
            continue
        consumer = facts["consumer"]
        code = "".join(path.read_text() for path in (chart.ROOT / "services" / name).glob("*.c"))
        assert f'.group = "{consumer["group"]}"' in code, name
        assert f'"{consumer["topic"]}"' in code or f'%s{consumer["topic"]}"' in code, name
        assert f'"{consumer["metric"]}"' in code, name
        assert f'"auto.offset.reset", "{consumer["offsetResetPolicy"]}"' in common, name


def test_every_service_of_the_code_is_one_of_the_chart():
    folders = {path.parent.name for path in (chart.ROOT / "services").glob("*/main.c")}
    assert folders == set(chart.programs()), folders ^ set(chart.programs())
    assert folders - {"pawprint"} == set(chart.default_values()["services"])


def test_pods_are_as_restricted_as_can_be():
    for name in NAMES:
        for item, spec in chart.pods(chart.objects_of(name)):
            at = f"{name}: {item['metadata']['name']}"
            rights = spec["securityContext"]
            assert rights["runAsNonRoot"] and rights["runAsUser"] == 65532, at
            assert rights["seccompProfile"] == {"type": "RuntimeDefault"}, at
            assert spec["automountServiceAccountToken"] is False, at
            # PAWPRINT_COLLECTOR_PORT=tcp://... would be what the cluster sets.
            assert spec["enableServiceLinks"] is False, at
            assert not spec.get("initContainers") and len(spec["containers"]) == 1, at
            for word in ("hostNetwork", "hostPID", "hostIPC"):
                assert word not in spec, at
            assert not any("hostPath" in volume for volume in spec.get("volumes", [])), at
            container = spec["containers"][0]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}, at
            for amounts in container["resources"].values():
                assert set(amounts) == {"cpu", "memory", "ephemeral-storage"}, at


def test_services_have_three_probes_and_time_to_end():
    for name in NAMES:
        for item, spec in chart.pods(chart.objects_of(name)):
            if item["kind"] not in ("Deployment", "StatefulSet"):
                continue
            container = spec["containers"][0]
            paths = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
            assert paths == ["/livez", "/livez", "/readyz"]
            before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert spec["terminationGracePeriodSeconds"] - before >= 45, item["metadata"]["name"]
            if container["name"] == "collector":
                assert before > 0  # else balancers send to one that has ended


def test_the_writer_is_a_stateful_set_whose_pods_keep_their_names():
    for name in NAMES:
        items = chart.objects_of(name)
        writer = next(item for item in items if item["metadata"]["name"] == "pawprint-writer" and item["kind"] in chart.POD_KINDS)
        assert writer["kind"] == "StatefulSet"
        env = chart.environment(items, writer["spec"]["template"]["spec"]["containers"][0])
        assert env["PAWPRINT_INSTANCE_ID"] == ("field", "metadata.name")
        assert any(item["kind"] == "Service" and item["metadata"]["name"] == writer["spec"]["serviceName"] for item in items)


def test_only_those_with_a_name_that_stays_are_given_it():
    for name in NAMES:
        items = chart.objects_of(name)
        for item, spec in chart.pods(items):
            has = "PAWPRINT_INSTANCE_ID" in chart.environment(items, spec["containers"][0])
            assert has == (item["kind"] == "StatefulSet"), item["metadata"]["name"]


def test_what_is_scaled_has_no_number_of_replicas_and_one_scaler():
    scaled = 0
    for name in NAMES:
        items = chart.objects_of(name)
        scalers = [(item["spec"]["scaleTargetRef"]["kind"], item["spec"]["scaleTargetRef"]["name"])
                   for item in items if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
        assert len(scalers) == len(set(scalers)), scalers
        there = {(item["kind"], item["metadata"]["name"]): item for item in items if item["kind"] in ("Deployment", "StatefulSet")}
        assert set(scalers) <= set(there), scalers
        for key, item in there.items():
            assert ("replicas" in item["spec"]) != (key in scalers), f"{name}: {key}"
        scaled += len(scalers)
    assert scaled >= 8


def test_a_scaler_that_asks_from_another_namespace_gets_whole_names():
    lag = lambda source: {"scale": {"lag": {"enabled": True, "from": source}}}
    connections = {"kafka": {"brokers": ["kafka:9092", "10.0.0.1:9092", "kafka.example:9092"]},
                   "prometheus": {"url": "http://prometheus-operated:9090"}}
    base = chart.read(chart.ROOT / "tests/helm/values/default.yaml")
    items = chart.objects(chart.merged(base, {"connections": connections,
                                              "services": {"enricher": lag("group"), "meter": lag("metric")}}))
    asked = {item["metadata"]["name"]: item["spec"]["triggers"][0]["metadata"] for item in items if item["kind"] == "ScaledObject"}
    where = items[0]["metadata"]["namespace"]
    assert asked["pawprint-enricher"]["bootstrapServers"] == f"kafka.{where}.svc:9092,10.0.0.1:9092,kafka.example:9092"
    assert asked["pawprint-meter"]["serverAddress"] == f"http://prometheus-operated.{where}.svc:9090"


def test_who_has_no_pods_has_no_lag_so_that_the_first_is_started():
    queries = {trigger["metadata"]["query"] for name in NAMES for item in chart.objects_of(name)
               if item["kind"] == "ScaledObject" for trigger in item["spec"]["triggers"] if trigger["type"] == "prometheus"}
    assert queries
    for query in queries:
        pods = re.search(r"\{.*?\}", query)[0]
        assert query.endswith(f" or 0 * absent(up{pods})"), query


def test_the_internal_port_is_for_nobody_outside():
    for name in NAMES:
        items = chart.objects_of(name)
        for item in items:
            if item["kind"] == "Service":
                internal = [port for port in item["spec"]["ports"] if port["targetPort"] == "internal"]
                assert bool(internal) == item["metadata"]["name"].endswith("-internal")
                assert item["spec"].get("type", "ClusterIP") == "ClusterIP"
            if item["kind"] == "NetworkPolicy":
                for rule in item["spec"].get("ingress", []):
                    assert [port["port"] for port in rule["ports"]] == ["http"] or rule["from"], item["metadata"]["name"]


def backends(item):
    """(service, port) that a route leads to."""
    if item["kind"] == "Ingress":
        for rule in item["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                yield path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"]
    if item["kind"] == "HTTPRoute":
        for rule in item["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                yield backend["name"], backend["port"]


def test_routes_lead_to_public_ports_of_services_that_are_there():
    routed = set()
    for name in NAMES:
        items = chart.objects_of(name)
        public = {item["metadata"]["name"]: item["spec"]["ports"] for item in items
                  if item["kind"] == "Service" and not item["metadata"]["name"].endswith("-internal")}
        for item in items:
            for service, port in backends(item):
                assert [(entry["name"], entry["targetPort"]) for entry in public[service] if port in (entry["name"], entry["port"])] == [
                    ("http", "http")], f"{name}: {service} {port}"
                routed.add((item["kind"], service))
    assert routed == {(kind, f"pawprint-{service}") for kind in ("Ingress", "HTTPRoute") for service in ("collector", "notifier", "billing")}


def test_nothing_is_reached_from_outside_unless_it_is_asked_for():
    for name in ("default", "minimal", "airgap"):
        kinds = {item["kind"] for item in chart.objects_of(name)}
        assert not kinds & {"Ingress", "HTTPRoute", "Certificate"}, name


def test_the_prefix_of_external_dns_is_that_of_the_values():
    routes = [item for item in chart.objects_of("everything") if item["kind"] in ("Ingress", "HTTPRoute")]
    for item in routes:
        notes = item["metadata"]["annotations"]
        assert notes["external-dns.kubernetes.io/ttl"] == "60" and "external-dns.alpha.kubernetes.io/ttl" not in notes
    assert len(routes) == 6


def test_a_certificate_is_for_the_hosts_of_its_route_and_lands_where_the_route_looks():
    for name in ("everything", "ha"):
        items = chart.objects_of(name)
        certificates = {item["metadata"]["name"]: item["spec"] for item in items if item["kind"] == "Certificate"}
        assert set(certificates) == {"pawprint-collector", "pawprint-billing"}
        for item in items:
            if item["kind"] == "Ingress" and item["metadata"]["name"] in certificates:
                certificate = certificates[item["metadata"]["name"]]
                assert item["spec"]["tls"] == [{"hosts": certificate["dnsNames"], "secretName": certificate["secretName"]}]


def test_a_monitor_finds_the_internal_port_of_every_service():
    for name in ("everything", "ha"):
        items = chart.objects_of(name)
        monitor = next(item for item in items if item["kind"] == "ServiceMonitor")["spec"]
        found = [item["metadata"]["name"] for item in items if item["kind"] == "Service"
                 and monitor["selector"]["matchLabels"].items() <= item["metadata"]["labels"].items()
                 and any(port["name"] == monitor["endpoints"][0]["port"] for port in item["spec"]["ports"])]
        assert sorted(found) == sorted(f"pawprint-{service}-internal" for service in chart.default_values()["services"])


def test_nothing_goes_in_or_out_unless_a_policy_says_so():
    for name in NAMES:
        items = chart.objects_of(name)
        policies = [item["spec"] for item in items if item["kind"] == "NetworkPolicy"]
        deny = [spec for spec in policies if "ingress" not in spec and "egress" not in spec]
        assert len(deny) == 1 and deny[0]["policyTypes"] == ["Ingress", "Egress"]
        for item, spec in chart.pods(items):
            template = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item["spec"]
            labels = template["template"]["metadata"]["labels"] if item["kind"] != "Pod" else item["metadata"]["labels"]
            assert deny[0]["podSelector"]["matchLabels"].items() <= labels.items(), item["metadata"]["name"]
            own = [spec for spec in policies if "egress" in spec and spec["podSelector"]["matchLabels"].items() <= labels.items()]
            assert len(own) == 1, item["metadata"]["name"]


def test_where_there_are_no_network_policies_there_are_none():
    values = chart.merged(chart.read(chart.ROOT / "tests/helm/values/default.yaml"), {"networkPolicy": {"enabled": False}})
    assert not [item for item in chart.objects(values) if item["kind"] == "NetworkPolicy"]


def test_a_network_without_a_way_out_leads_only_to_servers():
    for item in chart.objects_of("airgap"):
        if item["kind"] == "NetworkPolicy":
            assert all("to" in rule for rule in item["spec"].get("egress", [])), item["metadata"]["name"]


def test_all_images_come_from_the_registry_that_is_named():
    images = set()
    for name in NAMES:
        registry = chart.read(chart.ROOT / f"tests/helm/values/{name}.yaml").get("global", {}).get("imageRegistry", "")
        for _, spec in chart.pods(chart.objects_of(name)):
            image = spec["containers"][0]["image"]
            assert image.startswith(f"{registry}/pawprint/" if registry else "pawprint/"), image
            images.add(re.split("[:@]", image.rsplit("/", 1)[1])[0])
    assert images == set(chart.programs()), images


def test_services_that_are_off_leave_nothing_behind():
    for item in chart.objects_of("minimal"):
        assert item["metadata"]["labels"]["app.kubernetes.io/component"] not in (
            "meter", "notifier", "reports", "billing", "notifier-internal"), item["metadata"]["name"]
        assert item["kind"] != "PodDisruptionBudget"


def test_what_changes_a_setting_starts_the_pods_anew():
    def sums(**settings):
        values = chart.merged(chart.read(chart.ROOT / "tests/helm/values/default.yaml"), {"services": {"writer": {"settings": settings}}})
        return {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
                for item in chart.objects(values) if item["kind"] in ("Deployment", "StatefulSet")}

    before, after = sums(), sums(PAWPRINT_WRITER_ROWS=7)
    assert [name for name in before if before[name] != after[name]] == ["pawprint-writer"]


def test_the_test_of_a_release_finds_its_collectors_and_may_reach_them():
    for name in NAMES:
        items = chart.objects_of(name)
        pod = next(item for item in items if item["kind"] == "Pod")
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        url = chart.environment(items, pod["spec"]["containers"][0])["PAWPRINT_COLLECTOR_URL"]
        service = next(item for item in items if item["kind"] == "Service" and f"http://{item['metadata']['name']}" == url)
        policies = [item["spec"] for item in items if item["kind"] == "NetworkPolicy"]
        port = next(container["ports"][1] for item, spec in chart.pods(items) for container in spec["containers"]
                    if container["name"] == "collector")
        ways = [rule for spec in policies if spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
                for rule in spec.get("egress", []) if rule.get("to") == [{"podSelector": {"matchLabels": service["spec"]["selector"]}}]]
        assert not policies or [way["ports"][0]["port"] for way in ways] == [port["containerPort"]], name
        doors = [rule.get("from", []) for spec in policies if spec["podSelector"]["matchLabels"] == service["spec"]["selector"]
                 for rule in spec["ingress"] if rule["ports"][0]["port"] == "http"]
        for door in doors:
            assert not door or any(peer.get("podSelector", {}).get("matchLabels", {"no": "one"}).items()
                                   <= pod["metadata"]["labels"].items() for peer in door), name


def test_jobs_of_another_version_are_other_jobs():
    def names(tag):
        values = chart.merged(chart.read(chart.ROOT / "tests/helm/values/everything.yaml"), {"image": {"tag": tag}})
        return {item["metadata"]["name"] for item in chart.objects(values) if item["kind"] == "Job"}

    assert len(names("a")) == 2 and names("a") == names("a") and not names("a") & names("b")
