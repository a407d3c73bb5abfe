"""``include``: expands a configuration and the files that it includes to one stream of lines, within limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath
from posixpath import normpath
from typing import NamedTuple, Protocol

from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue, add_error, add_warnings
from ldirectord_py.config.lines import YAML_SUFFIXES, Line, Text, file_warnings, split_lines
from ldirectord_py.config.string_values import maybe_quoted_string
from ldirectord_py.config.values import ValueContext
from ldirectord_py.errors import ConfigError, Problem

MAX_DEPTH = 16
"""Files that include each other, the outermost not counted."""
MAX_FILES = 1000
"""Files that are included in all, repetitions counted."""
MAX_TOTAL_LENGTH = 64 * 2**20
"""Characters of all included files together."""

WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of all files of a configuration, by name, the main file first; None if a file cannot be read.

    ``matches`` are the files that a pattern matched in a folder; ``others`` are files of another format.
    """

    texts: dict[str, bytes | None] = field(default_factory=dict)
    matches: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A short hash of all files with their names: what configuration this is."""
        found = sha256()
        for name, data in sorted((self.texts | self.others).items()):
            found.update(f"{len(name)} {name} {len(data or b'')} ".encode("utf-8", "surrogateescape"))
            found.update(data or b"")
        return found.hexdigest()[:16]


class Source(Protocol):
    """Finds and reads files."""

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return the files that a pattern with wildcards matches, sorted, relative to the folder.

        Raises ConfigError if the folder cannot be listed.
        """
        ...

    def text(self, file: str) -> Text:
        """Return the text of a file; raises ConfigError if it cannot be read."""
        ...


class NoFiles:
    """A source without files."""

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return nothing."""
        return ()

    def text(self, file: str) -> Text:
        """Raise ConfigError."""
        raise ConfigError((Problem(file, 1, 1, "there are no files here", "leave it out"),))


NO_FILES = NoFiles()


class Texts(NamedTuple):
    """The main file of a configuration, and the source of the files that it includes."""

    main: Text
    source: Source = NO_FILES


class Boundary(Enum):
    """The start or the end of a file in the stream of lines."""

    START = auto()
    END = auto()


Stream = Iterator[Line | Boundary]


class Includes:
    """Expands includes; holds the files read so far, and how many and how much was included."""

    def __init__(self, source: Source, problems: list[Problem]) -> None:
        self._source = source
        self._problems = problems
        self._files: dict[str, str] = {}
        self._count = 0
        self._length = 0

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files in the order in which they were first read."""
        return tuple(self._files.values())

    def expand(self, text: Text, parents: Sequence[str] = ()) -> Stream:
        """Yield the lines of a file; those of an included file follow the ``include`` line, between two boundaries.

        An ``include`` that is indented deeper than the virtual above it is an error, and not expanded.
        """
        self._files.setdefault(normpath(text.file), text.file)
        open_files = (*parents, text.file)
        virtual: Line | None = None
        yield Boundary.START
        for line in lines_of(text, self._problems):
            yield line
            if line.name in {"virtual", "virtual6"} and line.equals:
                virtual = line
            elif line.name == "include" and line.equals and (virtual is None or line.indent <= virtual.indent):
                for included in self._included(line, open_files):
                    yield from self.expand(included, open_files)
        yield Boundary.END

    def _included(self, line: Line, open_files: Sequence[str]) -> Iterator[Text]:
        """Yield the files that an ``include`` names; ``open_files`` include each other, the last has the line."""
        context = ValueContext(line, partial(add_warnings, self._problems, line), {})
        try:
            files = self._find(maybe_quoted_string(line.value, context), open_files[-1])
        except InvalidValue as error:
            add_error(self._problems, line, error.diagnostic)
            return
        for file in files:
            try:
                text = self._text(file, open_files, line)
            except InvalidValue as error:
                add_error(self._problems, line, error.diagnostic)
            else:
                yield text

    def _find(self, pattern: str, including: str) -> Iterable[str]:
        folder = PurePosixPath(including).parent
        if not WILDCARDS.intersection(pattern):
            return (str(folder / pattern),)
        try:
            return [str(folder / file) for file in self._source.matches(str(folder), pattern)]
        except ConfigError as error:
            raise _cannot_include(pattern, error) from error

    def _text(self, file: str, open_files: Sequence[str], line: Line) -> Text:
        name = normpath(file)
        if name in map(normpath, open_files):
            chain = " includes ".join((*open_files, file))
            raise InvalidValue(f"{file} is included while it is read: {chain}", "remove one of these")
        if len(open_files) > MAX_DEPTH:
            raise InvalidValue(f"files include each other more than {MAX_DEPTH} deep", "include them from one file")
        self._count += 1
        self._check_limits()
        try:
            text = self._source.text(file)
        except ConfigError as error:
            raise _cannot_include(file, error) from error
        self._length += len(text.text)
        self._check_limits()
        if name in self._files:
            add_warnings(self._problems, line, Diagnostic(f"{file} is read once more", "include it in one place"))
        return text

    def _check_limits(self) -> None:
        if self._count > MAX_FILES:
            raise InvalidValue(f"more than {MAX_FILES} files are included", "put them together")
        if self._length > MAX_TOTAL_LENGTH:
            limit = MAX_TOTAL_LENGTH >> 20
            raise InvalidValue(f"the files included are larger than {limit} MB in all", "include less")


def lines_of(text: Text, problems: list[Problem]) -> Iterable[Line]:
    """Return the lines of a file, in YAML or not, which its name says; appends the Problems of its form."""
    if text.file.endswith(YAML_SUFFIXES):
        from ldirectord_py.config.yaml_lines import yaml_lines  # noqa: PLC0415  costs 20 ms and 2 MB

        return yaml_lines(text, problems)
    problems.extend(file_warnings(text))
    return split_lines(text)


def _cannot_include(what: str, error: ConfigError) -> InvalidValue:
    problem = error.problems[0]
    return InvalidValue(f"cannot include {what}: {problem.what}", problem.hint)
