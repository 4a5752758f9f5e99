#!/usr/bin/env python3
"""Puts the numbered SQL of every store into the program that applies it.

    embed.py OUTDIR

writes OUTDIR/migrations.c from schemas/postgres/NNNN_*.sql and
schemas/clickhouse/NNNN_*.sql, in order. Numbers start at 1 and have no gap.
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
    for number, path in enumerate(sorted(glob.glob(f"{HERE}/{store}/*.sql")), 1):
        name = os.path.basename(path)
        if not re.fullmatch(f"{number:04d}_[a-z0-9_]+\\.sql", name):
            sys.exit(f"embed.py: {store}/{name}: expected number {number:04d}")
        with open(path, encoding="utf-8") as file:
            yield f'    {{"{store}", {number}, "{name}",\n{c_text(file.read())}}},\n'


def main():
    body = "".join(row for store in ("postgres", "clickhouse") for row in rows(store))
    with open(os.path.join(sys.argv[1], "migrations.c"), "w", encoding="utf-8") as file:
        file.write("/* Made by schemas/embed.py: change the SQL. */\n#include \"migrations.h\"\n\n"
                   f"const struct migration migrations[] = {{\n{body}    {{0}},\n}};\n")


if __name__ == "__main__":
    main()
