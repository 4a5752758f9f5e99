"""The examples for Flux: valid, leading to each other, and to the chart."""
import json
import os
import re
import subprocess
import tempfile

import yaml

from helm import chart
from helm.test_5_kinds import MINORS, kubeconform

FLUX = chart.ROOT / "helm/examples/flux"


def objects():
    return {item["kind"]: item for path in sorted(FLUX.glob("*.yaml")) for item in yaml.safe_load_all(path.read_text())}


def everything():
    return "\n---\n".join(path.read_text() for path in sorted(FLUX.glob("*.yaml")))


def test_the_examples_for_flux_are_valid():
    said, summary = kubeconform(everything(), MINORS[-1])
    assert summary["valid"] == len(objects()) == 6, [entry for entry in said if entry["status"] != "statusValid"]


def test_a_misspelt_field_of_an_example_for_flux_is_found():
    items = list(objects().values())
    for item in items:
        item["spec"]["mispelt"] = "x"
    said, _ = kubeconform(yaml.safe_dump_all(items), MINORS[-1])
    assert {entry["kind"] for entry in said if "mispelt" in entry["msg"]} == set(objects()), said


def test_the_values_of_the_release_are_values_of_the_chart():
    release = objects()["HelmRelease"]
    images = {spec["containers"][0]["image"] for _, spec in chart.pods(chart.objects(release["spec"]["values"]))}
    tag = release["spec"]["values"]["image"]["tag"]
    assert images and all(re.fullmatch(rf"registry\.example/pawprint/[a-z]+:{tag}", image) for image in images), images


def test_labels_are_valid_in_the_version_that_flux_makes_of_the_chart():
    """It installs VERSION+DIGEST; a label has no plus."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([chart.tool("helm"), "package", chart.CHART, "--version", "0.1.0+0123456789ab", "--destination", folder], check=True, capture_output=True)
        items = chart.objects(objects()["HelmRelease"]["spec"]["values"], f"{folder}/pawprint-0.1.0+0123456789ab.tgz")
    labels = {text for item in items for text in item["metadata"]["labels"].values()}
    assert "pawprint-0.1.0_0123456789ab" in labels
    assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", text) for text in labels), labels


def test_objects_of_flux_name_each_other():
    items = objects()
    assert {item["metadata"]["namespace"] for item in items.values()} == {"pawprint"}
    name = lambda kind: items[kind]["metadata"]["name"]
    assert items["HelmRelease"]["spec"]["chartRef"] == {"kind": "OCIRepository", "name": name("OCIRepository")}
    assert items["ImagePolicy"]["spec"]["imageRepositoryRef"]["name"] == name("ImageRepository")
    assert items["ImageUpdateAutomation"]["spec"]["sourceRef"] == {"kind": "GitRepository", "name": name("GitRepository")}
    mark = re.search(r"tag: \S+  # (\{.*\})", (FLUX / "release.yaml").read_text())[1]
    assert json.loads(mark) == {"$imagepolicy": f"pawprint:{name('ImagePolicy')}:tag"}


def test_the_policy_takes_the_newest_build_of_main_and_nothing_else():
    filter_ = objects()["ImagePolicy"]["spec"]["filterTags"]
    group = filter_["extract"].removeprefix("$")
    tags = ["main-0123456-1764000000", "main-fedcba9-1764000009", "main-aaaaaaa-999", "dev", "0.1.0", "main-0123456", "topic-0123456-1799999999"]
    times = {tag: int(found[group]) for tag in tags if (found := re.search(filter_["pattern"], tag))}
    assert max(times, key=times.get) == "main-fedcba9-1764000009" and len(times) == 3, times


def test_tags_of_the_workflow_are_those_that_the_policy_takes():
    """Its step that makes names, run as it stands."""
    workflow = chart.read(chart.ROOT / ".github/workflows/images.yaml")
    step = next(step for step in workflow["jobs"]["push"]["steps"] if step["name"] == "names")
    with tempfile.NamedTemporaryFile("r") as said:
        subprocess.run(["bash", "-euc", step["run"]], check=True, cwd=chart.ROOT, env={**os.environ, "REGISTRY": "registry.example/Owner", "GITHUB_ENV": said.name})
        made = dict(line.rstrip("\n").split("=", 1) for line in said)
    assert made["PAWPRINT_REGISTRY"] == "registry.example/owner/"
    assert re.fullmatch(objects()["ImagePolicy"]["spec"]["filterTags"]["pattern"], made["PAWPRINT_TAG"]), made


def test_a_release_that_fails_is_rolled_back():
    release = objects()["HelmRelease"]["spec"]
    remediation = release["upgrade"]["remediation"]
    assert remediation["strategy"] == "rollback" and remediation["remediateLastFailure"] and release["test"]["enable"]
