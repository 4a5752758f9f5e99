"""What operators are asked for: topics by Strimzi, servers of Postgres by CloudNativePG."""
import json
import re
import subprocess

from helm import NotRun, chart
from helm.test_2_refusals import says

EVERYTHING = chart.ROOT / "tests/helm/values/everything.yaml"


def changed(**values):
    return chart.merged(chart.read(EVERYTHING), values)


def made_by_the_program(prefix, partitions):
    """{topic: (partitions, settings)} that `pawprint topics` would create."""
    binary = chart.ROOT / "build/bin/pawprint"
    if not binary.exists():
        raise NotRun(f"{binary} is not there: make all")
    done = subprocess.run([binary, "topics", "list", "--json", "--partitions", str(partitions)],
                          env={"PAWPRINT_TOPIC_PREFIX": prefix}, capture_output=True, text=True, check=True)
    return {topic["name"]: (topic["partitions"], topic["config"]) for topic in json.loads(done.stdout)}


def topics_in(items):
    return [item for item in items if item["kind"] == "KafkaTopic"]


def test_topics_of_strimzi_are_those_that_the_program_makes():
    for prefix, partitions in (("acme.", 16), ("pawprint.", 3)):
        scale = {name: {"scale": {"lag": {"enabled": False}, "cpu": {"enabled": False}}} for name in ("enricher", "writer", "meter")}
        items = chart.objects(changed(topicPrefix=prefix, topics={"partitions": partitions}, services=scale))
        mine = {item["spec"]["topicName"]: (item["spec"]["partitions"], item["spec"]["config"]) for item in topics_in(items)}
        source = made_by_the_program(prefix, partitions)
        assert mine == source, f"files/topics.yaml: {sorted(set(mine) ^ set(source)) or [name for name in mine if mine[name] != source[name]]}"
        job = next(spec["containers"][0]["args"] for item, spec in chart.pods(items) if "topics" in item["metadata"]["name"])
        assert job == ["topics", "--partitions", str(partitions), "--replicas", str(topics_in(items)[0]["spec"]["replicas"])], job
    return f"{len(source)} topics"


def test_topics_belong_to_the_cluster_and_are_where_its_operator_looks():
    for item in topics_in(chart.objects_of("everything")):
        assert item["metadata"]["namespace"] == "kafka" and item["metadata"]["labels"]["strimzi.io/cluster"] == "acme"
    values = changed(topics={"strimzi": {"namespace": ""}})
    assert {item["metadata"]["namespace"] for item in topics_in(chart.objects(values))} == {chart.NAMESPACE}


def test_data_outlives_the_release():
    kept = [item for item in chart.objects_of("everything") if item["kind"] in ("KafkaTopic", "Cluster")]
    assert len(kept) == 8 and all(item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for item in kept)


def test_the_cluster_has_the_database_and_the_roles_that_pods_ask_for():
    items = chart.objects_of("everything")
    cluster = next(item for item in items if item["kind"] == "Cluster")
    database = cluster["spec"]["bootstrap"]["initdb"]["database"]
    roles = {role["name"]: role["passwordSecret"]["name"] for role in cluster["spec"]["managed"]["roles"]}
    asked = {}
    for _, spec in chart.pods(items):
        env = chart.environment(items, spec["containers"][0])
        if "PAWPRINT_POSTGRES_DSN" in env:
            dsn = dict(part.split("=", 1) for part in env["PAWPRINT_POSTGRES_DSN"].split(" "))
            assert (dsn["host"], dsn["dbname"]) == (f"{cluster['metadata']['name']}-rw", database), dsn
            asked[dsn["user"]] = env["PGPASSWORD"]
    assert {user: (secret, "password") for user, secret in roles.items()} == asked


def cluster_with_the_relay_alone():
    services = {name: {"enabled": False} for name in ("billing", "meter", "notifier", "reports")}
    values = changed(services=services)
    del values["connections"]["postgres"]["roles"]["billing"]
    return next(item for item in chart.objects(values) if item["kind"] == "Cluster")


def test_there_are_no_roles_of_services_that_are_off():
    assert [role["name"] for role in cluster_with_the_relay_alone()["spec"]["managed"]["roles"]] == ["acme", "pawprint_relay"]


def test_the_owner_may_alter_each_role_that_migrations_name():
    migrations = "".join(path.read_text() for path in (chart.ROOT / "schemas/postgres").glob("*.sql"))
    named = sorted(set(re.findall(r"ROLE (pawprint_[a-z]+)", migrations)))
    spec = cluster_with_the_relay_alone()["spec"]
    assert spec["bootstrap"]["initdb"]["postInitSQL"] == [f'CREATE ROLE "{name}" LOGIN ADMIN "acme"' for name in named]
    assert spec["managed"]["roles"][0]["inRoles"] == named, "the operator would take away what is not named"
    return f"{len(named)} roles"


def test_operators_are_asked_for_nothing_unless_it_is_wanted():
    for name in ("default", "minimal", "ha", "small", "airgap"):
        assert not {item["kind"] for item in chart.objects_of(name)} & {"KafkaTopic", "Cluster"}, name


def test_topics_of_no_kafka_are_refused():
    says(changed(topics={"strimzi": {"cluster": ""}}), "topics.strimzi.cluster")


def test_a_cluster_that_pods_would_not_find_is_refused():
    says(changed(connections={"postgres": {"host": "postgres.example"}}), "connections.postgres.host", "pawprint-postgres-rw")
    chart.template(changed(connections={"postgres": {"host": "pawprint-postgres-rw.web.svc"}}))


def test_jobs_that_would_run_before_the_cluster_is_there_are_refused():
    says(changed(jobs={"mode": "hook"}), "jobs.mode", "cnpg.enabled")
    chart.template(changed(jobs={"mode": "none"}))


def test_a_role_without_a_secret_of_its_own_is_refused():
    says(changed(connections={"postgres": {"roles": {"relay": {"existingSecret": ""}}}}), "connections.postgres.roles.relay", "password")
    says(changed(connections={"postgres": {"roles": {"owner": {"key": "postgres-owner"}}}}), "connections.postgres.roles.owner")
