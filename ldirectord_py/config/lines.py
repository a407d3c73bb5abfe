"""Splits text into lines: number, indentation, name and value; comments and blank lines are skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ldirectord_py.errors import Problem, Severity

TAB = 4
"""Columns of a tab."""
MAX_LINE_LENGTH = 65536
"""Characters."""
YAML_SUFFIXES = (".yaml", ".yml")
"""Files of these names are in YAML."""

_LINE = re.compile(r"([ \t\r\f\v]*)([^\s=]*)[ \t\r\f\v]*(=?)[ \t\r\f\v]*", re.ASCII)


class Line(NamedTuple):
    """A line that is neither blank nor a comment; ``value`` is all text after the ``=``, comment and blanks included.

    ``indent`` counts columns. ``start`` and ``column`` are the columns of name and value, from 1.
    ``gap`` is true if a blank line precedes. ``exact``: the value has neither quotes nor a comment, and ``parts`` are
    the further keys of a real server, each as a line: so in a file of YAML.
    """

    number: int
    indent: int
    start: int
    name: str
    equals: bool
    value: str
    column: int
    gap: bool
    file: str
    exact: bool = False
    parts: tuple[Line, ...] = ()

    def seen_from(self, other: Line) -> str:
        """Return ``line 3``, or ``line 3 of FILE`` if the other line is in another file."""
        return f"line {self.number}" if self.file == other.file else f"line {self.number} of {self.file}"


class Text(NamedTuple):
    """A configuration file: the name that messages use, and its text."""

    file: str
    text: str


def split_lines(text: Text) -> Iterator[Line]:
    """Yield the lines of a file that are neither blank nor comments."""
    gap = False
    for number, raw in enumerate(text.text.removeprefix("\ufeff").split("\n"), 1):
        found = _LINE.match(raw)
        assert found is not None  # noqa: S101  every part may be empty
        blanks, name, equals = found.groups()
        end = found.end()
        if end == len(raw) and not (name or equals):
            gap = True
        elif not name.startswith("#"):
            start = len(blanks)
            indent = start + blanks.count("\t") * (TAB - 1)
            yield Line(number, indent, start + 1, name, bool(equals), raw[end:], end + 1, gap, text.file)
            gap = False


def file_warnings(source: Text) -> Iterator[Problem]:
    """Yield problems of the whole text: byte order mark, CR LF line ends, NUL characters, lines that are too long."""
    file, text = source.file, source.text
    if text.startswith("\ufeff"):
        yield _problem(file, 1, "the file starts with a byte order mark", "save it without one")
    if "\r\n" in text:
        number = text.count("\n", 0, text.index("\r\n")) + 1
        yield _problem(file, number, "the line ends in CR LF", "convert the file, for instance with dos2unix")
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        what = "the line holds a NUL: this is not a text file"
        yield _problem(file, number, what, "save it as plain text", Severity.ERROR)
    for number, raw in enumerate(text.split("\n"), 1) if len(text) > MAX_LINE_LENGTH else ():
        if len(raw) > MAX_LINE_LENGTH:
            what = f"the line has more than {MAX_LINE_LENGTH} characters"
            yield _problem(file, number, what, "split it", Severity.ERROR)


def _problem(file: str, number: int, what: str, hint: str, severity: Severity = Severity.WARNING) -> Problem:
    return Problem(file, number, 1, what, hint, severity)
