"""The chart as Helm renders it. Paths are those of the checkout."""
import copy
import functools
import os
import pathlib
import subprocess
import tempfile

import yaml

from helm import NotRun

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/pawprint"
DEVSTACK = ROOT / "helm/pawprint-devstack"
VALUES = sorted((ROOT / "tests/helm/values").glob("*.yaml"))
GOLDEN = ROOT / "tests/helm/golden"
TOOLS = pathlib.Path(os.environ.get("HELM_TOOLS", ROOT / "build/helm"))
RELEASE, NAMESPACE = "pawprint", "web"
POD_KINDS = ("Deployment", "StatefulSet", "Job", "CronJob", "Pod")


class Refused(Exception):
    """Helm did not render it; the message is Helm's."""


def tool(name):
    path = TOOLS / "bin" / name
    if not path.exists():
        reason = TOOLS / f"{name}.missing"
        raise NotRun(reason.read_text().strip() if reason.exists() else f"{name} is not there: tests/helm/install")
    return str(path)


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def default_values():
    return read(CHART / "values.yaml")


def programs():
    return read(CHART / "files/programs.yaml")


def merged(below, above):
    """As Helm lays one set of values over another."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return copy.deepcopy(above)
    result = copy.deepcopy(below)
    for key, value in above.items():
        result[key] = merged(result.get(key), value)
    return result


def template(values, of=CHART):
    """The text that Helm makes of a chart and values (a path, or a dict)."""
    if isinstance(values, dict):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(values, file)
            file.flush()
            return template(file.name, of)
    done = subprocess.run([tool("helm"), "template", RELEASE, str(of), "--namespace", NAMESPACE, "--values", str(values)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def objects(values, of=CHART):
    return [item for item in yaml.safe_load_all(template(values, of)) if item]


@functools.cache
def objects_of(name):
    return objects(ROOT / f"tests/helm/values/{name}.yaml")


def refused(values):
    """Why Helm refuses values; fails when it does not."""
    try:
        template(values)
    except Refused as why:
        return str(why)
    raise AssertionError("it was rendered")


def pods(items):
    """Yields (object, pod spec) of all that has pods."""
    for item in items:
        if item["kind"] in POD_KINDS:
            spec = item["spec"]
            if item["kind"] == "CronJob":
                spec = spec["jobTemplate"]["spec"]
            yield item, spec if item["kind"] == "Pod" else spec["template"]["spec"]


def environment(items, container):
    """{name: text} of a container; {name: (secret, key)} where it is secret."""
    maps = {item["metadata"]["name"]: item["data"] for item in items if item["kind"] == "ConfigMap"}
    result = {}
    for source in container.get("envFrom", []):
        result.update(maps[source["configMapRef"]["name"]])
    for entry in container.get("env", []):
        if "value" in entry:
            result[entry["name"]] = entry["value"]
        elif "secretKeyRef" in entry["valueFrom"]:
            ref = entry["valueFrom"]["secretKeyRef"]
            result[entry["name"]] = (ref["name"], ref["key"])
        else:
            result[entry["name"]] = ("field", entry["valueFrom"]["fieldRef"]["fieldPath"])
    return result


def files(spec):
    """{path: (secret or config map, key)} of what the first container can read."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    result = {}
    for mount in spec["containers"][0].get("volumeMounts", []):
        volume = volumes[mount["name"]]
        sources = [entry["secret"] for entry in volume.get("projected", {}).get("sources", [])]
        sources += [volume[kind] for kind in ("secret", "configMap") if kind in volume]
        for source in sources:
            for entry in source["items"]:
                result[f"{mount['mountPath']}/{entry['path']}"] = (source.get("name") or source["secretName"], entry["key"])
    return result


def write_golden():
    GOLDEN.mkdir(exist_ok=True)
    for path in VALUES:
        (GOLDEN / path.name).write_text(template(path), encoding="utf-8")
    return 0
