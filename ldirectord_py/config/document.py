"""A configuration file as its lines with exact values and comments, of either form: what ``convert`` rewrites."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.comments import Comments, comments_of_cf, comments_of_yaml
from ldirectord_py.config.diagnostics import InvalidValue, in_order
from ldirectord_py.config.include import Boundary, lines_of
from ldirectord_py.config.lines import YAML_SUFFIXES, Line, Text
from ldirectord_py.config.readings import Parts, Reading, SectionContext, read_line
from ldirectord_py.config.sections import split_sections
from ldirectord_py.config.server_lines import parse_virtual
from ldirectord_py.errors import ConfigError, Problem, Severity

REPEATED = frozenset(("execute", "include", "real", "real6"))
"""Directives of which every line counts, and not only the last."""


@dataclass(slots=True)
class Entry:
    """A directive with its exact value; the comments and blank lines ``above`` it, and the comment ``behind`` it."""

    line: Line
    text: str
    parts: Parts = ()
    above: list[str] = field(default_factory=list)
    behind: str = ""


@dataclass(slots=True)
class Block:
    """A virtual with the entries below it, or an ``include`` between two virtuals."""

    header: Entry
    entries: list[Entry] = field(default_factory=list)


class Document(NamedTuple):
    """The entries of the daemon, the virtuals, and the comments at the end."""

    globals: list[Entry]
    blocks: list[Block]
    tail: list[str]


def read_document(text: Text, kinds: Mapping[str, Kind]) -> Document:
    """Return the document of a file, which may include others; raises ConfigError where a line cannot be read."""
    problems: list[Problem] = []
    lines = list(lines_of(text, problems))
    placed = _place(lines, problems)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigError(in_order(problems, (text.file,)))
    sections = {id(line): section for header, inner in placed for line, section in _sections(header, inner, kinds)}
    blocks = [_block(header, inner, sections) for header, inner in placed]
    document = Document(blocks[0].entries, blocks[1:], [])
    document.tail.extend(_attach(document, _comments(text, lines, sections)))
    return document


Placed = list[tuple[Line | None, list[Line]]]


def _place(lines: Sequence[Line], problems: list[Problem]) -> Placed:
    """Return the lines of the daemon, without header, and those of each virtual or ``include`` after the first."""
    found = split_sections((Boundary.START, *lines, Boundary.END), problems)
    daemon = {id(line) for _, line in found.globals}
    virtuals = {id(section.header): [line for _, line in section.entries] for section in found.virtuals}
    placed: Placed = [(None, [])]
    for line in lines:
        if id(line) in virtuals:
            placed.append((line, virtuals[id(line)]))
        elif id(line) in daemon or (line.name == "include" and len(placed) == 1):
            placed[0][1].append(line)
        elif line.name == "include":
            placed.append((line, []))
    return placed


def _sections(
    header: Line | None, inner: Iterable[Line], kinds: Mapping[str, Kind]
) -> Iterator[tuple[Line, SectionContext]]:
    if header is None or header.name == "include":
        section = SectionContext(kinds)
    else:
        section = SectionContext(kinds, False, header.name == "virtual6", parse_virtual(header.value).mark is not None)
    yield from ((line, section) for line in (*inner, *filter(None, (header,))))


def _block(header: Line | None, inner: Sequence[Line], sections: Mapping[int, SectionContext]) -> Block:
    """Return a block; of a directive that is set twice, only the last line counts."""
    last = {line.name: line for line in inner}
    kept = [line for line in inner if line.name in REPEATED or last[line.name] is line]
    entries = [_entry(line, sections[id(line)]) for line in kept]
    return Block(_entry(header, sections[id(header)]) if header else Entry(_NO_LINE, ""), entries)


_NO_LINE = Line(0, 0, 0, "", False, "", 0, False, "")


def _entry(line: Line, section: SectionContext) -> Entry:
    reading = _read_entry(line, section)
    return Entry(line, reading.text, reading.parts)


def _read_entry(line: Line, section: SectionContext) -> Reading:
    try:
        return read_line(line, section)
    except InvalidValue as error:
        raise ConfigError((error.diagnostic.problem(line, Severity.ERROR),)) from None


def _comments(text: Text, lines: Iterable[Line], sections: Mapping[int, SectionContext]) -> Comments:
    if text.file.endswith(YAML_SUFFIXES):
        return comments_of_yaml(text)

    def same_value(line: Line, value: str) -> bool:
        section = sections.get(id(line), SectionContext({}))
        try:
            return read_line(line._replace(value=value), section)[:2] == read_line(line, section)[:2]
        except InvalidValue:
            return False

    return comments_of_cf(text, lines, same_value)


def entries_of(document: Document) -> Iterator[Entry]:
    """Yield all entries."""
    yield from document.globals
    for block in document.blocks:
        yield block.header
        yield from block.entries


def _attach(document: Document, comments: Comments) -> Iterator[str]:
    """Give each comment to the entry behind or below it; yield those below the last."""
    anchors = sorted(
        ((number, entry) for entry in entries_of(document) for number in _numbers(entry.line)), key=lambda pair: pair[0]
    )
    numbers = [number for number, _ in anchors]
    for number, comment in sorted((*comments.whole.items(), *comments.behind.items())):
        at = bisect_left(numbers, number)
        if at == len(anchors):
            yield comment
        elif number in comments.behind and numbers[at] == number and not anchors[at][1].behind:
            anchors[at][1].behind = comment
        else:
            anchors[at][1].above.append(comment)


def _numbers(line: Line) -> set[int]:
    return {line.number, *(part.number for part in line.parts)}
