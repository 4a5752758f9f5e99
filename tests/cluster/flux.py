"""The examples for Flux, with the addresses, secrets and images of here.

    python3 -m cluster.flux NAMESPACE REGISTRY TAG

What is not such a thing is as it is in helm/examples/flux; image automation and
the Git repository it writes to are left out.
"""
import sys

import yaml

from helm import chart

FLUX = chart.ROOT / "helm/examples/flux"
VALUES = (chart.DEVSTACK / "pawprint.yaml",
          chart.ROOT / "tests/cluster/pawprint.yaml")


def main():
    namespace, registry, tag = sys.argv[1:]
    items = {item["kind"]: item for name in ("source", "release")
             for item in yaml.safe_load_all((FLUX / f"{name}.yaml").read_text())}
    source, release = items["OCIRepository"], items["HelmRelease"]
    source["spec"].update(url=f"oci://{registry}/charts/pawprint", insecure=True)
    for above in (*map(chart.read, VALUES),
                  {"global": {"imageRegistry": ""}, "image": {"tag": tag}}):
        release["spec"]["values"] = chart.merged(release["spec"]["values"], above)
    for item in (source, release):
        item["metadata"]["namespace"] = namespace
    print(yaml.safe_dump_all([source, release]))


if __name__ == "__main__":
    main()
