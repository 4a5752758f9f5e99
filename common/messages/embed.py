#!/usr/bin/env python3
"""Puts the texts of messages into the library.

    embed.py OUTDIR

writes OUTDIR/messages.c from the *.txt, one for each kind, layout.html and
report.html.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def c_text(path):
    escaped = path.read_text(encoding="utf-8").replace("\\", "\\\\")
    escaped = escaped.replace('"', '\\"').replace("?", "\\?")
    return "\n".join(f'    "{line}\\n"' for line in escaped.rstrip("\n").split("\n"))


def main():
    rows = "".join(f'    {{"{path.stem}",\n{c_text(path)}}},\n'
                   for path in sorted(HERE.glob("*.txt")))
    text = ("/* Made by common/messages/embed.py: change the texts. */\n"
            "#include \"pp_message.h\"\n#include \"pp_report_view.h\"\n\n"
            f"const struct pp_message_source pp_message_sources[] = {{\n{rows}    {{0}},\n}};\n\n"
            f"const char pp_message_layout[] =\n{c_text(HERE / 'layout.html')};\n\n"
            f"const char pp_report_parts[] =\n{c_text(HERE / 'report.html')};\n")
    (pathlib.Path(sys.argv[1]) / "messages.c").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
