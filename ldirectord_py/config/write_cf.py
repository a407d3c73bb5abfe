"""A document as ldirectord.cf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.diagnostics import InvalidValue
from ldirectord_py.config.document import Block, Document, Entry
from ldirectord_py.config.lines import TAB, Text, split_lines
from ldirectord_py.config.readings import Reading, SectionContext, read_line, real_line
from ldirectord_py.config.server_lines import parse_virtual
from ldirectord_py.errors import ConfigError, Problem

INDENT = " " * TAB


def to_cf_form(document: Document, kinds: Mapping[str, Kind]) -> str:
    """Return the text of an ldirectord.cf; raises ConfigError for values that it cannot hold."""
    lines = list(_entries(document.globals, SectionContext(kinds), ""))
    for block in document.blocks:
        lines += _block(block, kinds)
    lines += _whole(document.tail, "")
    return "\n".join(lines).strip("\n") + "\n"


def _block(block: Block, kinds: Mapping[str, Kind]) -> Iterator[str]:
    name, text = block.header.line.name, block.header.text
    yield from _entries([block.header], SectionContext(kinds), "")
    if name != "include":
        section = SectionContext(kinds, False, name == "virtual6", parse_virtual(text).mark is not None)
        yield from _entries(block.entries, section, INDENT)


def _entries(entries: list[Entry], section: SectionContext, indent: str) -> Iterator[str]:
    for entry in entries:
        value, behind = _value(entry, section)
        yield from _whole([*entry.above, *([] if behind else filter(None, [entry.behind]))], indent)
        yield f"{indent}{entry.line.name}={value}{behind}"


def _whole(comments: list[str], indent: str) -> Iterator[str]:
    """Yield comments; blank lines only between virtuals, of several one."""
    before = None
    for comment in comments:
        if comment or (before != "" and not indent):
            yield f"{indent}{comment}" if comment else ""
        before = comment


def _value(entry: Entry, section: SectionContext) -> tuple[str, str]:
    """Return the value as written, and its comment if that may follow it."""
    text = real_line(entry.text, entry.parts) if entry.parts else entry.text
    wanted = Reading(entry.text, entry.parts)
    read = {each: found for each in (text, f'"{text}"') if (found := _reading_of(entry, each, section))}
    same = [(found.warnings, each) for each, found in read.items() if found[:2] == wanted[:2]]
    if not same:
        line = entry.line
        what = f"ldirectord.cf cannot hold this value of {line.name}"
        raise ConfigError((Problem(line.file, line.number, line.column, what, "write another"),))
    _, value = min(same, key=lambda pair: pair[0])
    behind = f"  {entry.behind}" if entry.behind else ""
    return value, behind if behind and _reading_of(entry, value + behind, section) == read[value] else ""


def _reading_of(entry: Entry, value: str, section: SectionContext) -> Reading | None:
    """Return what a line with this value means, None if it means nothing."""
    lines = list(split_lines(Text("", f"{entry.line.name}={value}")))
    try:
        return read_line(lines[0], section) if len(lines) == 1 else None
    except InvalidValue:
        return None
