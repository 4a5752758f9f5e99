#!/usr/bin/env python3
"""Puts the numbered SQL of every store into the program that applies it.

    embed.py OUTDIR

writes OUTDIR/migrations.c from schemas/postgres/NNNN_*.sql and
schemas/clickhouse/NNNN_*.sql, in order. No two have one number.
"""
import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def c_text(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return "\n".join(f'        "{line}\\n"' for line in escaped.rstrip("\n").split("\n"))


def rows(store):
    last = 0
    for path in sorted(glob.glob(f"{HERE}/{store}/*.sql")):
        name = os.path.basename(path)
        number = int(name[:4]) if re.fullmatch(r"[0-9]{4}_[a-z0-9_]+\.sql", name) else 0
        if number <= last:
            sys.exit(f"embed.py: {store}/{name}: expected a number above {last:04d}")
        last = number
        with open(path, encoding="utf-8") as file:
            yield f'    {{"{store}", {number}, "{name}",\n{c_text(file.read())}}},\n'


def main():
    body = "".join(row for store in ("postgres", "clickhouse") for row in rows(store))
    with open(os.path.join(sys.argv[1], "migrations.c"), "w", encoding="utf-8") as file:
        file.write("/* Made by schemas/embed.py: change the SQL. */\n#include \"migrations.h\"\n\n"
                   f"const struct migration migrations[] = {{\n{body}    {{0}},\n}};\n")


if __name__ == "__main__":
    main()
