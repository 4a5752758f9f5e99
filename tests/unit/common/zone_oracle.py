#!/usr/bin/env python3
"""Says what Python's zoneinfo knows about every zone from 2000 to 2040.

    zone_oracle.py FOLDER STEP_HOURS

Looks at each zone every STEP_HOURS and halves the time between two looks that
differ until the second of the change is known. So it finds changes without
reading them from the file; two that cancel each other between two looks are
seen only if our own reader does not miss them, since both lists are compared.

    zone NAME OFFSET_S      at the beginning; then of this zone
    change AT_S OFFSET_S    every change
    local LOCAL_S AT_S LAST_AT_S SHOWN    around them; SHOWN is 0 once, 1 never
                            (AT_S then is the end of the gap), 2 twice
"""
import hashlib
import os
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

NO_ZONES = {"Factory", "localtime"}  # what the folder has beside the world's
EPOCH = datetime(1970, 1, 1)
FIRST = int(datetime(2000, 1, 1, tzinfo=timezone.utc).timestamp())
LAST = int(datetime(2041, 1, 1, tzinfo=timezone.utc).timestamp())


def offset_at(zone, at):
    delta = datetime.fromtimestamp(at, zone).utcoffset()
    return delta.days * 86400 + delta.seconds


def change_between(zone, low, high):
    """The first instant at which the offset is no longer that of low."""
    before = offset_at(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def changes(zone, step):
    at, offset = FIRST, offset_at(zone, FIRST)
    while at < LAST:
        after = min(at + step, LAST)
        while offset_at(zone, after) != offset:
            at = change_between(zone, at, after)
            offset = offset_at(zone, at)
            yield at, offset
        at = after


def local(zone, local_s, change):
    """One line about a local time, by the rules of PEP 495 for fold."""
    clock = EPOCH + timedelta(seconds=local_s)
    folds = [local_s - int(clock.replace(tzinfo=zone, fold=fold).utcoffset()
                           .total_seconds()) for fold in (0, 1)]
    if folds[0] == folds[1]:
        return f"local {local_s} {folds[0]} {folds[0]} 0\n"
    if folds[0] < folds[1]:
        return f"local {local_s} {folds[0]} {folds[1]} 2\n"
    return f"local {local_s} {change} {change} 1\n"


def describe(path, step):
    """All about one file but its name."""
    with open(path, "rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    before = offset_at(zone, FIRST)
    lines = [f" {before}\n"]
    for at, offset in changes(zone, step):
        lines.append(f"change {at} {offset}\n")
        low, high = sorted((at + before, at + offset))
        middle = (low + high) // 2
        lines += [local(zone, local_s, at) for local_s in
                  (low - 1, low, low + 1, middle, high - 1, high, high + 1)]
        before = offset
    return "".join(lines)


def main():
    folder, step = sys.argv[1], int(sys.argv[2]) * 3600
    zoneinfo.reset_tzpath([folder])
    known = {}  # many names are for one file
    for name in sorted(zoneinfo.available_timezones() - NO_ZONES):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue  # a Python package of zones has others, too
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).digest()
        if digest not in known:
            known[digest] = describe(path, step)
        sys.stdout.write(f"zone {name}{known[digest]}")


main()
