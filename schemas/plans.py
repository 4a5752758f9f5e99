#!/usr/bin/env python3
"""Puts the plan catalogue into the library.

    plans.py OUTDIR

writes OUTDIR/plans.c from schemas/plans.json, as its text: pp_plans reads it
the way it reads an operator's own file.
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    with open(f"{HERE}/plans.json", encoding="utf-8") as file:
        lines = file.read().splitlines()
    body = "\n".join("    " + json.dumps(line + "\n") for line in lines)
    with open(os.path.join(sys.argv[1], "plans.c"), "w", encoding="utf-8") as file:
        file.write("/* Made by schemas/plans.py: change plans.json. */\n"
                   "#include \"pp_plans.h\"\n\n"
                   f"const char pp_plans_built_in[] =\n{body};\n")


if __name__ == "__main__":
    main()
