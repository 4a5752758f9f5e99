#!/usr/bin/env python3
"""Makes C structs and straight-line Avro codecs from a schema.

    gen.py schemas/hit.avsc OUTDIR

writes OUTDIR/hit.h and OUTDIR/hit.c. Every schema in history/ gets a decoder
of its own that fills the current struct: fields it lacks get their default,
fields that are gone are read and dropped. What a schema may not use here, or
an evolution that is not allowed, is an error with the field's name.
"""
import glob
import json
import os
import sys
import textwrap

SCALARS = {  # Avro type: (C type, getter, putter)
    "string": ("struct pp_str", "pp_avro_get_string(&in)", "pp_avro_put_bytes(out, {})"),
    "bytes": ("struct pp_str", "pp_avro_get_bytes(&in)", "pp_avro_put_bytes(out, {})"),
    "long": ("int64_t", "pp_avro_get_long(&in)", "pp_avro_put_long(out, {})"),
    "int": ("int32_t", "pp_avro_get_int(&in)", "pp_avro_put_long(out, {})"),
    "double": ("double", "pp_avro_get_double(&in)", "pp_avro_put_double(out, {})"),
    "boolean": ("bool", "pp_avro_get_boolean(&in)", "pp_avro_put_boolean(out, {})"),
}
MAP = ("struct pp_avro_map", "pp_avro_get_map(&in)", "pp_avro_put_map(out, {})")


def fail(schema, field, why):
    sys.exit(f"gen.py: {schema['name']}.{field['name']}: {why}")


def is_optional(avro):
    return isinstance(avro, list)


def inner(avro):
    return avro[1] if is_optional(avro) else avro


def check(schema):
    for field in schema["fields"]:
        avro = field["type"]
        if not field.get("doc"):
            fail(schema, field, "has no doc")
        if is_optional(avro) and (avro[0] != "null" or len(avro) != 2 or inner(avro) not in SCALARS):
            fail(schema, field, 'a union has to be ["null", SCALAR]')
        if is_optional(avro) and field.get("default", 0) is not None:
            fail(schema, field, 'a union needs "default": null')
        access(schema, field)


def access(schema, field):
    """C type, expression that reads it, statement that writes {}."""
    avro = inner(field["type"])
    if isinstance(avro, dict):
        if avro["type"] == "enum":
            name = f"enum {avro['name']}"
            count = len(avro["symbols"])
            return (name, f"({name})pp_avro_get_enum(&in, {count})", "pp_avro_put_long(out, (int64_t){})")
        if avro == {"type": "map", "values": "string"}:
            return MAP
    elif avro in SCALARS:
        return SCALARS[avro]
    fail(schema, field, f"type {json.dumps(avro)} is not one this generator knows")


def canonical(schema):
    """Parsing Canonical Form [Avro specification]."""
    def walk(node, space):
        if isinstance(node, str):
            return json.dumps(node)
        if isinstance(node, list):
            return "[" + ",".join(walk(n, space) for n in node) + "]"
        space = node.get("namespace", space)
        if node["type"] in ("record", "enum"):
            name = node["name"] if "." in node["name"] or not space else f"{space}.{node['name']}"
            head = f'{{"name":{json.dumps(name)},"type":"{node["type"]}",'
            if node["type"] == "enum":
                return head + '"symbols":' + json.dumps(node["symbols"], separators=(",", ":")) + "}"
            fields = (f'{{"name":"{f["name"]}","type":{walk(f["type"], space)}}}' for f in node["fields"])
            return head + '"fields":[' + ",".join(fields) + "]}"
        return f'{{"type":"map","values":{walk(node["values"], space)}}}'
    return walk(schema, None)


def fingerprint(text):
    empty = 0xC15D213AA4D7A795
    fp = empty
    for byte in text.encode():
        fp ^= byte
        for _ in range(8):
            fp = (fp >> 1) ^ (empty if fp & 1 else 0)
    return fp


def comment(text, indent=""):
    lines = textwrap.wrap(text, 74 - len(indent))
    if len(lines) == 1:
        return f"{indent}/* {lines[0]} */\n"
    return f"{indent}/*\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def header(schema):
    name = schema["name"]
    guard = f"{name.upper()}_H"
    out = [f"/* Made by schemas/gen.py from {name}.avsc: change that. */\n",
           f"#ifndef {guard}\n#define {guard}\n\n#include <stdbool.h>\n#include <stdint.h>\n\n#include \"pp_avro.h\"\n\n"]
    for field in schema["fields"]:
        avro = inner(field["type"])
        if isinstance(avro, dict) and avro["type"] == "enum":
            symbols = "".join(f"    {avro['name'].upper()}_{s},\n" for s in avro["symbols"])
            out.append(f"enum {avro['name']} {{\n{symbols}}};\n\n")
    out.append(comment(schema["doc"]))
    out.append(f"struct {name} {{\n")
    for field in schema["fields"]:
        out.append(comment(field["doc"], "    "))
        if is_optional(field["type"]):
            out.append(f"    bool has_{field['name']};\n")
        out.append(f"    {access(schema, field)[0]} {field['name']};\n")
    out.append("};\n\n")
    out.append(f"#define {name.upper()}_FINGERPRINT UINT64_C(0x{fingerprint(canonical(schema)):016x})\n\n")
    out.append(comment("The schema as it is published, and in Parsing Canonical Form."))
    out.append(f"extern const char {name}_schema[];\nextern const char {name}_canonical[];\n\n")
    out.append(comment("Adds the record's body to out, without a frame. Text has to be UTF-8."))
    out.append(f"void {name}_encode(const struct {name} *{name}, struct pp_buf *out);\n\n")
    out.append(comment(
        "Reads a whole body written under the schema of that fingerprint. Text and bytes point into body. "
        "PP_ERR_INVALID: these bytes are no such record. PP_ERR_AGAIN: this program does not know the schema; "
        "a newer one may."))
    out.append(f"int {name}_decode(uint64_t fingerprint, struct pp_str body,\n"
               f"                struct {name} *{name}_out, struct pp_err *err);\n\n#endif\n")
    return "".join(out)


def c_text(name, text):
    lines = textwrap.wrap(text, 70, break_long_words=True, drop_whitespace=False)
    body = "\n".join("    " + json.dumps(line) for line in lines)
    return f"const char {name}[] =\n{body};\n\n"


def encoder(schema):
    name = schema["name"]
    out = [f"void {name}_encode(const struct {name} *{name}, struct pp_buf *out)\n{{\n"]
    for field in schema["fields"]:
        put = access(schema, field)[2].format(f"{name}->{field['name']}")
        if is_optional(field["type"]):
            out.append(f"    pp_avro_put_long(out, {name}->has_{field['name']});\n"
                       f"    if ({name}->has_{field['name']})\n        {put};\n")
        else:
            out.append(f"    {put};\n")
    return "".join(out) + "}\n\n"


def decoder(reader, writer, function):
    """Reads what writer wrote into the struct of reader."""
    known = {f["name"]: f for f in reader["fields"]}
    defaults = ""
    written = {f["name"] for f in writer["fields"]}
    name = reader["name"]
    for field in reader["fields"]:
        if field["name"] in written:
            continue
        if "default" not in field:
            fail(reader, field, "is new and needs a default")
        if field["default"] in (None, {}, "", False):
            continue  # what the empty struct has
        if field["type"] not in ("int", "long"):
            fail(reader, field, "is new and needs null, {}, \"\", false or a whole number as its default")
        defaults += f"    {name}->{field['name']} = {field['default']};\n"
    out = [f"static bool {function}(struct pp_str body, struct {name} *{name})\n{{\n",
           "    struct pp_avro_in in = pp_avro_in(body);\n\n", defaults]
    for field in writer["fields"]:
        target = f"{name}->{field['name']} = "
        if field["name"] not in known:
            target = "(void)"
        elif canonical_type(known[field["name"]]) != canonical_type(field):
            fail(reader, field, "changed its type: a changed meaning gets a new name")
        get = access(writer, field)[1]
        if not is_optional(field["type"]):
            out.append(f"    {target}{get};\n")
        elif target == "(void)":
            out.append(f"    if (pp_avro_get_present(&in))\n        (void){get};\n")
        else:
            out.append(f"    {name}->has_{field['name']} = pp_avro_get_present(&in);\n"
                       f"    if ({name}->has_{field['name']})\n        {target}{get};\n")
    return "".join(out) + "    return !in.bad && in.p == in.end;\n}\n\n"


def canonical_type(field):
    return json.dumps(field["type"], sort_keys=True)


def source(schema, history):
    name = schema["name"]
    writers = {fingerprint(canonical(s)): s for s in history}
    writers[fingerprint(canonical(schema))] = schema
    out = [f"/* Made by schemas/gen.py from {name}.avsc: change that. */\n#include \"{name}.h\"\n\n#include <inttypes.h>\n#include <string.h>\n\n"]
    out.append(c_text(f"{name}_schema", json.dumps(schema, separators=(",", ":"))))
    out.append(c_text(f"{name}_canonical", canonical(schema)))
    out.append(encoder(schema))
    cases = []
    for fp, writer in writers.items():
        out.append(decoder(schema, writer, f"decode_{fp:016x}"))
        cases.append(f"    case UINT64_C(0x{fp:016x}):\n        ok = decode_{fp:016x}(body, {name}_out);\n        break;\n")
    out.append(f"int {name}_decode(uint64_t fingerprint, struct pp_str body,\n"
               f"                struct {name} *{name}_out, struct pp_err *err)\n{{\n    bool ok = false;\n\n"
               f"    memset({name}_out, 0, sizeof(*{name}_out));\n    switch (fingerprint) {{\n" + "".join(cases) +
               "    default:\n        return pp_err_set(err, PP_ERR_AGAIN,\n"
               f"                          \"{name}: schema %016\" PRIx64 \" is not known here\",\n"
               "                          fingerprint);\n    }\n"
               f"    if (!ok)\n        return pp_err_set(err, PP_ERR_INVALID, \"{name}: not a record of its schema\");\n"
               "    return 0;\n}\n")
    return "".join(out)


def main():
    path, outdir = sys.argv[1:3]
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    check(schema)
    history = []
    folder = os.path.join(os.path.dirname(path), "history")
    for old in sorted(glob.glob(os.path.join(folder, f"{schema['name']}.*.avsc"))):
        with open(old, encoding="utf-8") as file:
            history.append(json.load(file))
    for suffix, text in ((".h", header(schema)), (".c", source(schema, history))):
        with open(os.path.join(outdir, schema["name"] + suffix), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
