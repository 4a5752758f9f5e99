"""What others say of what is rendered: Helm, Kubernetes' schemas, kube-score; and golden files."""
import difflib
import json
import subprocess

import yaml

from helm import NotRun, chart

MINORS = ("1.35", "1.36", "1.37")


def test_the_chart_stands_alone():
    chart_yaml = chart.read(chart.CHART / "Chart.yaml")
    assert chart_yaml["apiVersion"] == "v2" and "dependencies" not in chart_yaml
    assert not (chart.CHART / "charts").exists()


def test_lint_finds_nothing():
    for path in chart.VALUES:
        done = subprocess.run([chart.tool("helm"), "lint", "--strict", str(chart.CHART), "--values", str(path)],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{path.name}: {done.stdout}{done.stderr}"


def test_the_same_values_give_the_same_text():
    for path in chart.VALUES:
        assert chart.template(path) == chart.template(path), path.name


def test_golden_files_are_what_is_rendered():
    version = subprocess.run([chart.tool("helm"), "version", "--short"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v4."), f"golden files are Helm 4's, this is {version}"
    assert {path.name for path in chart.GOLDEN.glob("*")} == {path.name for path in chart.VALUES}
    for path in chart.VALUES:
        want, got = (chart.GOLDEN / path.name).read_text().splitlines(), chart.template(path).splitlines()
        difference = list(difflib.unified_diff(want, got, "golden", "rendered", lineterm="", n=2))
        assert not difference, "\n".join([f"{path.name}; tests/helm/run --write-golden takes it over"] + difference[:60])


def kubeconform(text, minor):
    """What it says of each object in text, and how many there are of each status."""
    core = chart.TOOLS / "schemas" / minor
    if not core.exists():
        raise NotRun(f"schemas of Kubernetes {minor} are not there: tests/helm/install")
    done = subprocess.run(
        [chart.tool("kubeconform"), "-strict", "-verbose", "-output", "json", "-summary",
         "-schema-location", f"{core}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
         "-schema-location", f"{chart.TOOLS}/schemas/crd/{{{{.ResourceKind}}}}_{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}.json"],
        input=text, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    return said["resources"], said["summary"]


def test_every_object_is_valid_for_three_minors_and_none_is_skipped():
    text = "\n---\n".join(chart.template(path) for path in chart.VALUES)
    count = sum(len(chart.objects(path)) for path in chart.VALUES)
    for minor in MINORS:
        said, summary = kubeconform(text, minor)
        bad = [entry for entry in said if entry["status"] != "statusValid"]
        assert not bad, f"{minor}: {bad[:5]}"
        assert summary == {"valid": count, "invalid": 0, "errors": 0, "skipped": 0}, f"{minor}: {summary}, not {count}"
    return f"{count} objects, Kubernetes {', '.join(MINORS)}"


def test_a_misspelt_field_of_any_kind_of_object_is_found():
    """That the check above can fail: one field more in each kind."""
    kinds = {}
    for path in chart.VALUES:
        for item in chart.objects(path):
            kinds.setdefault(item["kind"], item)
    for item in kinds.values():
        item.get("spec", item)["mispelt"] = "x"
    said, _ = kubeconform(yaml.safe_dump_all(kinds.values()), MINORS[-1])
    found = {entry["kind"] for entry in said if entry["status"] == "statusInvalid" and "mispelt" in entry["msg"]}
    assert found == set(kinds), set(kinds) - found
    return f"{len(kinds)} kinds"


def test_the_examples_of_secrets_are_valid_and_hold_what_the_chart_asks_for():
    """Beside pods of the default values, which name these secrets."""
    paths = sorted((chart.ROOT / "helm/examples").glob("*.yaml"))
    said, summary = kubeconform("\n---\n".join(path.read_text() for path in paths), MINORS[-1])
    assert summary["valid"] == len(paths) == 2, said
    held = set()
    for item in (chart.read(path) for path in paths):
        keys = item["spec"].get("encryptedData") or [entry["secretKey"] for entry in item["spec"]["data"]]
        held |= {(item["metadata"]["name"], key) for key in keys}
    items, wanted = chart.objects_of("default"), set()
    for _, spec in chart.pods(items):
        wanted |= set(chart.files(spec).values())
        wanted |= {value for value in chart.environment(items, spec["containers"][0]).values()
                   if isinstance(value, tuple) and value[0] != "field"}
    assert held == wanted, held ^ wanted


def test_kube_score_has_nothing_to_say():
    """But of how many there are: it does not know that KEDA scales, and small is for one node."""
    for path in chart.VALUES:
        done = subprocess.run([chart.tool("kube-score"), "score", "--output-format", "ci", "--min-replicas-deployment", "1",
                               "--min-replicas-hpa", "1", "-"],
                              input=chart.template(path), capture_output=True, text=True, check=False)
        bad = [line for line in done.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]
        assert not bad and done.stdout, "\n".join([path.name, *bad[:20], done.stderr])


def test_there_are_two_of_everything_where_one_node_may_go():
    for name in ("default", "ha", "everything", "airgap"):
        for item in chart.objects_of(name):
            if item["kind"] in ("Deployment", "StatefulSet"):
                assert item["spec"].get("replicas", 2) >= 2, item["metadata"]["name"]
