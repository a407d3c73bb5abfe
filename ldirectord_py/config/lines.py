"""Text to lines: number, indentation, name and value, comments and blank lines left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ldirectord_py.errors import Problem, Severity

TAB = 4  # columns that a tab counts for
MAX_LINE_LENGTH = 65536  # characters of a line

_BLANK = " \t\r\f\v"
_LINE = re.compile(r"([ \t\r\f\v]*)([^\s=]*)[ \t\r\f\v]*(=?)[ \t\r\f\v]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that says something; ``value`` is all that follows the sign, comment and end blanks included.

    ``indent`` counts columns, ``start`` and ``column`` are the columns of name and value from 1;
    ``gap`` tells whether a blank line precedes.
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

    def seen_from(self, other: Line) -> str:
        """Return ``line 3``, or ``line 3 of FILE`` where the other line stands in another file."""
        return f"line {self.number}" if self.file == other.file else f"line {self.number} of {self.file}"


@dataclass(frozen=True, slots=True)
class Text:
    """What a configuration file holds, and the name that messages have for it."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something to say about a value: what is wrong, a hint how to fix it, and where, in characters from its start."""

    what: str
    hint: str
    offset: int = 0

    def shifted(self, by: int) -> Diagnostic:
        """Return the note for a value that starts so many characters earlier."""
        return Diagnostic(self.what, self.hint, self.offset + by)

    def problem(self, line: Line, severity: Severity = Severity.WARNING) -> Problem:
        """Return the note as a Problem of that line."""
        return Problem(line.file, line.number, line.column + self.offset, self.what, self.hint, severity)


Sink = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class Report:
    """Turns the notes of lines into Problems for a sink."""

    sink: Sink

    def warn(self, line: Line, *notes: Diagnostic) -> None:
        """Report warnings at their places in the line."""
        for note in notes:
            self.sink(note.problem(line))

    def refuse(self, line: Line, note: Diagnostic) -> None:
        """Report an error at its place in the line."""
        self.sink(note.problem(line, Severity.ERROR))


class InvalidValue(Exception):  # noqa: N818  an answer that parse turns into a Problem, never an error that escapes
    """A value cannot be read; carries the Diagnostic that says why."""

    def __init__(self, what: str, hint: str, at: int = 0) -> None:
        super().__init__(what)
        self.diagnostic = Diagnostic(what, hint, at)


def split_lines(text: Text) -> Iterator[Line]:
    """Yield the lines of a file that are neither blank nor comments."""
    gap = False
    for number, raw in enumerate(text.text.removeprefix("\ufeff").split("\n"), 1):
        stripped = raw.strip(_BLANK)
        if not stripped:
            gap = True
        elif stripped[0] != "#":
            yield _line(number, raw, gap, text.file)
            gap = False


def _line(number: int, raw: str, gap: bool, file: str) -> Line:
    found = _LINE.match(raw)
    assert found is not None  # noqa: S101  every part may be empty
    blanks, name, equals = found.groups()
    indent = len(blanks.replace("\t", " " * TAB))
    return Line(number, indent, len(blanks) + 1, name, bool(equals), raw[found.end() :], found.end() + 1, gap, file)


def file_warnings(source: Text) -> Iterator[Problem]:
    """Yield what is wrong with the text as such: a mark at its start, foreign line ends, no text at all."""
    file, text = source.file, source.text
    if text.startswith("\ufeff"):
        yield _blemish(file, 1, "the file starts with a byte order mark", "save it without one")
    if "\r\n" in text:
        number = text.count("\n", 0, text.index("\r\n")) + 1
        yield _blemish(file, number, "the line ends in CR LF", "convert the file, for instance with dos2unix")
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        what = "the line holds a NUL: this is not a text file"
        yield _blemish(file, number, what, "write the file anew", Severity.ERROR)
    for number, raw in enumerate(text.split("\n"), 1) if len(text) > MAX_LINE_LENGTH else ():
        if len(raw) > MAX_LINE_LENGTH:
            what = f"the line has more than {MAX_LINE_LENGTH} characters"
            yield _blemish(file, number, what, "split it", Severity.ERROR)


def _blemish(file: str, number: int, what: str, hint: str, severity: Severity = Severity.WARNING) -> Problem:
    return Problem(file, number, 1, what, hint, severity)
