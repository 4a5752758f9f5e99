"""What others say of what is rendered: Helm, Kubernetes' schemas, kube-score; and golden files."""
import difflib
import json
import subprocess

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


def kubeconform(path, minor):
    core = chart.TOOLS / "schemas" / minor
    if not core.exists():
        raise NotRun(f"schemas of Kubernetes {minor} are not there: tests/helm/install")
    done = subprocess.run(
        [chart.tool("kubeconform"), "-strict", "-output", "json", "-summary",
         "-schema-location", f"{core}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
         "-schema-location", f"{chart.TOOLS}/schemas/crd/{{{{.ResourceKind}}}}_{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}.json"],
        input=chart.template(path), capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_every_object_is_valid_for_three_minors_and_none_is_skipped():
    count = 0
    for minor in MINORS:
        for path in chart.VALUES:
            said = kubeconform(path, minor)
            summary = said["summary"]
            assert summary["invalid"] + summary["errors"] + summary["skipped"] == 0, f"{path.name} {minor}: {said['resources']}"
            assert summary["valid"] == len(chart.objects(path)), f"{path.name} {minor}: {summary}"
            count += summary["valid"]
    return f"{count} objects"


def test_a_misspelt_field_of_any_kind_of_object_is_found():
    """That the check above can fail: one field more in each kind."""
    import tempfile  # pylint: disable=import-outside-toplevel
    import yaml  # pylint: disable=import-outside-toplevel
    kinds = {}
    for path in chart.VALUES:
        for item in chart.objects(path):
            kinds.setdefault(item["kind"], item)
    core = chart.TOOLS / "schemas" / MINORS[-1]
    if not core.exists():
        raise NotRun(f"schemas of Kubernetes {MINORS[-1]} are not there: tests/helm/install")
    for kind, item in kinds.items():
        item = json.loads(json.dumps(item))
        item.get("spec", item)["mispelt"] = "x"
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(item, file)
            file.flush()
            done = subprocess.run(
                [chart.tool("kubeconform"), "-strict", "-schema-location", f"{core}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
                 "-schema-location", f"{chart.TOOLS}/schemas/crd/{{{{.ResourceKind}}}}_{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}.json",
                 file.name], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "mispelt" in done.stdout, f"{kind}: {done.stdout}{done.stderr}"
    return f"{len(kinds)} kinds"


def test_kube_score_has_nothing_to_say():
    for path in chart.VALUES:
        done = subprocess.run([chart.tool("kube-score"), "score", "--output-format", "ci", "-"],
                              input=chart.template(path), capture_output=True, text=True, check=False)
        bad = [line for line in done.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]
        assert not bad and done.stdout, "\n".join([path.name, *bad[:20], done.stderr])
