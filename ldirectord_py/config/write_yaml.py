"""A document as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml

from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.config.document import Block, Document, Entry
from ldirectord_py.config.number_values import IntegerReader, SecondsReader
from ldirectord_py.config.values import yes_no
from ldirectord_py.config.yaml_lines import LISTS, REALS, VIRTUALS
from ldirectord_py.errors import ConfigError, Problem

ENTRY, REAL = "    ", "      "
"""The indentation of the entries of a virtual, and of its real servers."""

NUMBERS: Final = frozenset(
    (
        *("virtual", "virtual6", "weight", "lower", "upper"),
        *("checkcount", "checktype", "flapthreshold", "panic", "persistent", "reconcile", "slowstart"),
        *(row.name for row in DIRECTIVES.values() if isinstance(row.read, IntegerReader | SecondsReader)),
    )
)
"""The directives whose values may be numbers; other values that look like numbers are quoted."""
TRUTHS: Final = frozenset(row.name for row in DIRECTIVES.values() if row.read is yes_no) | {"supervised"}
"""The directives whose values are yes or no."""

_PLAIN = re.compile(r"[A-Za-z0-9/_.](?:[A-Za-z0-9/_.@%+~>-]|:(?=[^\s,\]}])|=| (?=[^\s#:-]))*")
_NUMBER = re.compile(r"0(?:\.[0-9]+)?|[1-9][0-9]*")
_LIKE_A_NUMBER: Final = re.compile(r"[-+]?[0-9.][0-9a-fA-FxXoO_.+-]*")
_RESOLVER: Final[Any] = yaml.resolver.Resolver()
_NO_TEXT: Final = frozenset(("y", "n", "true", "false", "null", "on", "off"))


def to_yaml_form(document: Document) -> str:
    """Return the text of a file in YAML; raises ConfigError for values that YAML cannot hold."""
    lines = [*_entries(document.globals, ""), *_virtuals(document.blocks), *_comments(document.tail, "")]
    return "\n".join(lines).strip("\n") + "\n"


def _entries(entries: list[Entry], indent: str) -> Iterator[str]:
    """Yield the lines of directives; those that may be there several times become a list at the first."""
    listed: set[str] = set()
    for entry in entries:
        name = entry.line.name
        same = [each for each in entries if each.line.name == name] if name in LISTS else [entry]
        if len(same) == 1:
            yield from _commented(entry, f"{indent}{name}: {_value(entry)}", indent)
        elif name not in listed:
            listed.add(name)
            yield f"{indent}{name}:"
            for each in same:
                yield from _commented(each, f"{indent}  - {_value(each)}", f"{indent}  ")


def _virtuals(blocks: list[Block]) -> Iterator[str]:
    if blocks:
        if blocks[0].header.above[:1] == [""]:  # a blank line before the list, and not at its start
            yield blocks[0].header.above.pop(0)
        yield f"{VIRTUALS}:"
    for block in blocks:
        header = block.header
        yield from _commented(header, f"  - {header.line.name}: {_value(header)}", "  ")
        reals = [entry for entry in block.entries if entry.line.name.startswith("real")]
        others = [entry for entry in block.entries if not entry.line.name.startswith("real")]
        first = block.entries.index(reals[0]) if reals else 0
        yield from _entries(others[:first], ENTRY)
        if reals:
            yield f"{ENTRY}{REALS}:"
        for real in reals:
            yield from _commented(real, f"{REAL}- {_flow_mapping(real)}", REAL)
        yield from _entries(others[first:], ENTRY)


def _flow_mapping(entry: Entry) -> str:
    pairs = [(entry.line.name, entry.text), *entry.parts]
    return "{" + ", ".join(f"{name}: {_scalar(name, text, entry)}" for name, text in pairs) + "}"


def _value(entry: Entry) -> str:
    return _scalar(entry.line.name, entry.text, entry)


def _commented(entry: Entry, text: str, indent: str) -> Iterator[str]:
    yield from _comments(entry.above, indent)
    yield f"{text}  {_printable(entry.behind)}" if entry.behind else text


def _comments(above: Iterable[str], indent: str) -> Iterator[str]:
    """Yield comments and blank lines, of several blank lines one."""
    before = None
    for comment in above:
        if comment or before != "":
            yield f"{indent}{_printable(comment)}" if comment else ""
        before = comment


def _printable(comment: str) -> str:
    return "".join(char if _is_printable(char) else "\ufffd" for char in comment)


def _scalar(name: str, text: str, entry: Entry) -> str:
    """Return the text as a scalar that every version of YAML reads as this text, number or truth value."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _cannot(entry, "has bytes that are not UTF-8, which YAML cannot hold", "save the file as UTF-8")
    if (name in NUMBERS and _NUMBER.fullmatch(text)) or (name in TRUTHS and text in ("yes", "no")):
        return text
    if _PLAIN.fullmatch(text) and not _has_type(text):
        return text
    if text and all(_is_printable(char) for char in text):
        return '"' + text + '"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _has_type(text: str) -> bool:
    implied = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    return implied != "tag:yaml.org,2002:str" or text.lower() in _NO_TEXT or bool(_LIKE_A_NUMBER.fullmatch(text))


def _is_printable(char: str) -> bool:
    return not yaml.reader.Reader.NON_PRINTABLE.match(char) and char not in "\r\n\x85\u2028\u2029\ufeff"


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if _is_printable(char) else f"\\U{ord(char):08x}"


def _cannot(entry: Entry, what: str, hint: str) -> ConfigError:
    line = entry.line
    return ConfigError((Problem(line.file, line.number, line.column, f"{line.name} {what}", hint),))
