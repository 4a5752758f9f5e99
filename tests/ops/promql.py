"""The metrics and labels that an expression names; enough PromQL for ours."""
import re

from ops.metrics import all_metrics

WORDS = {"and", "or", "unless", "on", "by", "ignoring", "without", "group_left",
         "group_right", "offset", "bool", "sum", "min", "max", "avg", "count"}
# What the scrape adds to each series.
OF_TARGETS = {"job", "instance", "service"}
SUFFIXES = re.compile("_(bucket|sum|count)$")


def selectors(expression):
    """Yields (metric, [(label, operator, value)...])."""
    text = re.sub(r'\b(on|by|ignoring|without|group_left|group_right)\s*\([^)]*\)', " ",
                  expression)
    for name, braces in re.findall(r'(?<![\w$"])([a-z_:]\w*)\s*(?![\w(])(\{[^}]*\})?',
                                   re.sub(r"\[[^\]]*\]|offset \w+", " ", text)):
        if name in WORDS or re.search(rf"{name}\s*=~?\s*\"", text):
            continue
        yield name, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', braces)


def family_of(name):
    metrics = all_metrics()
    if name in metrics:
        return metrics[name]
    family = metrics.get(SUFFIXES.sub("", name))
    return family if family and family.kind == "histogram" else None


def faults(expression):
    """What of it no service has, in words."""
    found = []
    for name, matchers in selectors(expression):
        if name == "up":
            continue
        family = family_of(name)
        if not family:
            found.append(f"no service has {name}")
            continue
        for label, operator, value in matchers:
            if label in OF_TARGETS or value.startswith("$"):
                continue
            wanted = value.split("|") if operator.endswith("~") else [value]
            missing = set(wanted) - family.values(label)
            if missing:
                found.append(f"{name} has no {label}={'|'.join(sorted(missing))}")
    return found
