#!/usr/bin/env python3
"""Puts the billing pages into the service.

    embed.py OUTDIR

writes OUTDIR/billing_page.c from page.html, piece by piece, and page.css.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent


def c_text(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return "\n".join(f'    "{line}\\n"' for line in escaped.strip("\n").split("\n"))


def main():
    style = re.sub(r"\n\s*", "\n", (HERE / "page.css").read_text(encoding="utf-8")).strip("\n") + "\n"
    page = (HERE / "page.html").read_text(encoding="utf-8").replace("{{style}}", style)
    parts = re.split(r"^== (\w+)\n", page, flags=re.M)
    rows = "".join(f"    [PAGE_{name.upper()}] =\n{c_text(text)},\n"
                   for name, text in zip(parts[1::2], parts[2::2]))
    text = ("/* Made by services/billing/page/embed.py: change the pages. */\n"
            "#include \"page_pieces.h\"\n\n"
            f"const char *const page_pieces[PAGE_PIECES] = {{\n{rows}}};\n\n"
            f"const char page_style[] =\n{c_text(style)};\n")
    (pathlib.Path(sys.argv[1]) / "billing_page.c").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
