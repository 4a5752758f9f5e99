"""Makes schemas that kubeconform reads.

    schemas.py core TARGET MINOR...   from the package kubernetes-validate
    schemas.py crds TARGET FOLDER     from definitions of kinds, in YAML

As strict as the server is: what a definition does not name is not allowed.
"""
import importlib.util
import json
import pathlib
import sys

import yaml


def without_ids(node):
    """References lead to the file beside, by name."""
    if isinstance(node, dict):
        node.pop("$id", None)
        if isinstance(node.get("$ref"), str):
            node["$ref"] = node["$ref"].replace("/api/_definitions.json#", "_definitions.json#")
        for inner in node.values():
            without_ids(inner)
    elif isinstance(node, list):
        for inner in node:
            without_ids(inner)


def core(target, minors):
    # Found, not imported: what the package itself needs is not installed.
    package = importlib.util.find_spec("kubernetes_validate").submodule_search_locations[0]
    there = pathlib.Path(package) / "kubernetes-json-schema"
    for minor in minors:
        folder = target / minor
        folder.mkdir(parents=True, exist_ok=True)
        for path in (there / f"v{minor}.0-local-strict").iterdir():
            schema = json.loads(path.read_text(encoding="utf-8"))
            without_ids(schema)
            (folder / path.name).write_text(json.dumps(schema), encoding="utf-8")


def strict(node):
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            node.setdefault("additionalProperties", False)
        if node.get("x-kubernetes-int-or-string"):
            node.pop("type", None)
        for inner in node.values():
            strict(inner)
    elif isinstance(node, list):
        for inner in node:
            strict(inner)


def crds(target, folder):
    yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.yaml")):
        for crd in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if not crd or crd.get("kind") != "CustomResourceDefinition":
                continue
            spec = crd["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                strict(schema)
                schema["properties"]["metadata"] = {"type": "object"}
                name = f"{spec['names']['kind'].lower()}_{spec['group']}_{version['name']}.json"
                (target / name).write_text(json.dumps(schema), encoding="utf-8")


if sys.argv[1] == "core":
    core(pathlib.Path(sys.argv[2]), sys.argv[3:])
else:
    crds(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
