"""The JSON Schema of a configuration in YAML, from the table of directives: `python -m harness.schema` writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.directives import DIRECTIVES, MAX_CHANGES, MAX_INT, Directive, Scope
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import AlertStatus, CheckType, Expire
from ldirectord_py.config.number_values import MIN_SECONDS, IntegerReader, SecondsReader
from ldirectord_py.config.real_parts import FORWARDS
from ldirectord_py.config.server_lines import MAX_IPVSADM_WEIGHT, MAX_THRESHOLD
from ldirectord_py.config.values import ChoiceReader, ValueContext, yes_no
from ldirectord_py.config.yaml_lines import REALS, VIRTUALS

ROOT = Path(__file__).parents[2]
FILE = ROOT / "etc" / "ldirectord.schema.json"
PAGE = ROOT / "docs" / "configuration.md"

Schema = dict[str, Any]

HOST = "[A-Za-z0-9._-]+"
HOST6 = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*)"
PORT = r"[A-Za-z0-9_-]+"
METHOD = f"({'|'.join(FORWARDS)})"
TEXT: Schema = {"type": "string", "pattern": "^[^\n]+$"}
ANY_TEXT: Schema = {"type": "string", "pattern": "^[^\n]*$"}
YES_NO: Schema = {"enum": ["yes", "no", True, False]}
STATE = f"({'|'.join(AlertStatus)})"
STATUS = "[2-9][0-9][0-9](-[2-9][0-9][0-9])?"


def number(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def seconds(*, zero: bool = False) -> Schema:
    below = {"type": "number", "minimum": MIN_SECONDS, "maximum": 1}
    return {"anyOf": [number(1, MAX_INT), below, *([{"enum": [0]}] if zero else [])]}


def text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


def one_or_list(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def words(*choices: str) -> Schema:
    return {"enum": list(choices)}


GROUP: Schema = {"anyOf": [number(0, 2**32 - 2), text(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")]}

# The values of directives with a reader of their own; the lines that name servers have their own grammar.
SPECIAL: Mapping[str, Schema] = {
    "callback": TEXT,
    "checkcount": number(1, MAX_INT),
    "checktype": {"anyOf": [words(*(each for each in map(str, CheckType) if each != "combined")), number(0, MAX_INT)]},
    "comment": ANY_TEXT,
    "controlgroup": GROUP,
    "emailalertstatus": {"anyOf": [words("all", "none"), one_or_list(text(STATE)), text(f"{STATE}(, *{STATE})*")]},
    "execute": one_or_list(text(r"""([^\s'"\\]+|"[^"\\]+"|'[^']+')""")),
    "expire": {"enum": [*Expire, True, False]},
    "expectstatus": {"anyOf": [number(200, 999), one_or_list(text(STATUS)), text(f"{STATUS}(,{STATUS})*")]},
    "fallback": text(rf"{HOST}(:{PORT})?( {METHOD})?"),
    "fallback6": text(rf"{HOST6}(:{PORT})?( {METHOD})?"),
    "flapthreshold": {"anyOf": [number(2, MAX_CHANGES), words("off")]},
    "include": one_or_list(TEXT),
    "listen": {"anyOf": [number(1, 65535), text(r"(([0-9.]+|\[[0-9A-Fa-f:.]+\]):)?[0-9]+")]},
    "listenuser": text(r"[A-Za-z_][A-Za-z0-9_.-]*\$?"),
    "load": ANY_TEXT,
    "logformat": words("text", "json"),
    "notifysecretfile": text("(none|/.+)"),
    "notifyurl": text("(none|https?://[!-~]+)"),
    "netmask": {"anyOf": [number(1, 128), text(r"[0-9.]+")]},
    "panic": {"anyOf": [number(1, 100), words("off")]},
    "persistent": number(0, MAX_INT),
    "reconcile": {"anyOf": [*seconds()["anyOf"], words("off")]},
    "schedflags": one_or_list(text("[^\\s'\"]+")),
    "scheduler": text("[a-z]+"),
    "servicename": ANY_TEXT,
    "slowstart": {"anyOf": [*seconds()["anyOf"], words("off")]},
    "statusgroup": GROUP,
    "smtp": text(rf"({HOST}|{HOST6})(:[0-9]+)?"),
    "supervised": YES_NO,
    "tlsname": text(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"),
    "virtual": {"anyOf": [number(0, 2**32 - 1), text(rf"{HOST}:{PORT}")]},
    "virtual6": {"anyOf": [number(0, 2**32 - 1), text(rf"{HOST6}:{PORT}")]},
    "virtualhost": ANY_TEXT,
}


def value_schema(row: Directive) -> Schema:
    """Return the schema of a value."""
    if row.name in SPECIAL:
        return SPECIAL[row.name]
    if row.read is yes_no:
        return YES_NO
    if isinstance(row.read, IntegerReader):
        return number(row.read.low, row.read.high)
    if isinstance(row.read, SecondsReader):
        return seconds(zero=row.read.zero)
    if isinstance(row.read, ChoiceReader):
        line = Line(1, 0, 1, row.name, True, "", 1, False, "")
        return words(*dict.fromkeys(each for mark in (False, True) for each in choices(row.read, line, mark=mark)))
    return TEXT


def choices(read: ChoiceReader, line: Line, *, mark: bool) -> list[str]:
    return list(read.words(ValueContext(line, print, KINDS, mark=mark)))


def descriptions() -> dict[str, str]:
    """Return the first sentence of each section of docs/configuration.md, without marks."""
    parts = re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        name, _, rest = part.partition("\n")
        prose = rest.split("\n\n")[1].replace("\n", " ")
        assert not prose.startswith("```"), name
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", prose).replace("`", "")
        found[name] = re.split(r"(?<=[.:]) (?=[A-Z])", plain)[0]
    return found


def real_schema(name: str) -> Schema:
    """Return the schema of a real server: a mapping, or the text of a line of ldirectord.cf."""
    server = rf"{HOST6}(:{PORT})?" if name == "real6" else rf"{HOST}(->{HOST})?(:{PORT})?"
    properties: Schema = {
        name: text(server),
        "forward": words(*FORWARDS),
        "weight": number(0, MAX_IPVSADM_WEIGHT),
        "request": ANY_TEXT,
        "receive": ANY_TEXT,
        "lower": number(0, MAX_THRESHOLD),
        "upper": number(0, MAX_THRESHOLD),
    }
    pairs = {"request": ["receive"], "receive": ["request"]}
    mapping = closed(properties, [name, "forward"]) | {"dependentRequired": pairs}
    return {"anyOf": [mapping, text(rf"{server} +{METHOD}( .*)?")]}


def closed(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def virtual_schema(header: str, shown: Mapping[str, str]) -> Schema:
    """Return the schema of a virtual."""
    ipv6 = header == "virtual6"
    others = {"real", "real6", "fallback" if ipv6 else "fallback6"}
    rows = [row for row in DIRECTIVES.values() if row.scope is not Scope.GLOBAL and row.name not in others]
    properties = {row.name: described(row, shown) for row in (DIRECTIVES[header], *rows)}
    properties[REALS] = {"type": "array", "items": real_schema("real6" if ipv6 else "real")}
    return closed(properties, [header])


def described(row: Directive, shown: Mapping[str, str]) -> Schema:
    return {"description": shown[row.name], **value_schema(row)}


def json_schema() -> Schema:
    """Return the schema of a file."""
    shown = descriptions()
    headers = {"virtual", "virtual6"}
    rows = [row for row in DIRECTIVES.values() if row.scope is not Scope.VIRTUAL and row.name not in headers]
    include = closed({"include": described(DIRECTIVES["include"], shown)}, ["include"])
    items = {"anyOf": [virtual_schema("virtual", shown), virtual_schema("virtual6", shown), include]}
    properties = {row.name: described(row, shown) for row in rows}
    properties[VIRTUALS] = {"description": "The virtual services.", "type": "array", "items": items}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made by tests/harness/schema.py: run make man",
        "title": "ldirectord in YAML",
        **closed(properties, []),
    }


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text())
