"""Whether a Prometheus watches all pods and has all rules.

    kubectl get prometheusrules,pods -o json | python3 -m cluster.watched URL

Every pod of ours that runs has to be a target that is up, with the labels that
rules go by; each rule has to be loaded and evaluated. Prints numbers; exit code
1 and what is missing otherwise.
"""
import json
import sys
import urllib.parse
import urllib.request

from kit import stack

# The operator's reloader looks every three minutes at what it missed.
RELOAD_S = 240


def ask(path, **words):
    url = f"{sys.argv[1]}/api/v1/{path}?{urllib.parse.urlencode(words)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def pods_in(objects):
    """(service, pod) of each that runs one of our services."""
    return {(labels["app.kubernetes.io/component"], one["metadata"]["name"])
            for one in objects if one["kind"] == "Pod"
            and one["status"]["phase"] == "Running"
            and (labels := one["metadata"]["labels"]).get(
                "app.kubernetes.io/name") == "pawprint"}


def up():
    return {(one["metric"]["service"], one["metric"]["pod"])
            for one in ask("query", query='up{job="pawprint"} == 1')["result"]}


def alerts_in(objects):
    return sorted(rule["alert"] for one in objects
                  if one["kind"] == "PrometheusRule"
                  for group in one["spec"]["groups"] for rule in group["rules"])


def rules():
    return [rule for group in ask("rules")["groups"] for rule in group["rules"]]


def evaluated(wanted):
    """Their names are those, and each was evaluated."""
    return sorted(rule["name"] for rule in rules()
                  if rule["health"] == "ok") == wanted


def main():
    objects = json.load(sys.stdin)["items"]
    pods, wanted = pods_in(objects), alerts_in(objects)
    assert pods and wanted, "no pods, or no rules"
    try:
        stack.until("all are targets", lambda: up() == pods, RELOAD_S)
        stack.until("all rules are evaluated", lambda: evaluated(wanted), 60)
    except AssertionError as error:
        sys.exit(f"{error}: missing {pods - up()}, unknown {up() - pods}, rules "
                 f"{[rule for rule in rules() if rule['health'] != 'ok']}")
    firing = sorted({one["labels"]["alertname"]
                     for one in ask("alerts")["alerts"]
                     if one["state"] == "firing"})
    print(f"{len(pods)} pods of {len({name for name, _ in pods})} services, "
          f"{len(wanted)} rules, firing: {', '.join(firing)}")


if __name__ == "__main__":
    main()
