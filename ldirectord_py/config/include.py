"""``include``: the further files of a configuration, in order, within bounds, none inside of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Protocol

from ldirectord_py.config.lines import Diagnostic, InvalidValue, Line, Report, Text
from ldirectord_py.config.values import ValueContext, maybe_quoted_string
from ldirectord_py.errors import ConfigError, Problem

MAX_DEPTH = 16
MAX_FILES = 1000
MAX_TOTAL_LENGTH = 64 * 2**20  # characters
"""How deep files may include each other, and how many and how much may be included in all."""

WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read for a configuration, by the names of its files, its own first; None for what cannot be read.

    ``matches`` are the files that a folder's pattern found, ``others`` hold what is no configuration.
    """

    texts: dict[str, bytes | None] = field(default_factory=dict)
    matches: dict[tuple[str, str], tuple[str, ...] | None] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)


class Source(Protocol):
    """Where files come from."""

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return the files that a pattern with wildcards matches, sorted, as seen from the folder; ConfigError."""
        ...

    def text(self, file: str) -> Text:
        """Return what a file holds; ConfigError where it cannot be read."""
        ...


class Nowhere:
    """A source without files."""

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return nothing."""
        return ()

    def text(self, file: str) -> Text:
        """Raise ConfigError."""
        raise ConfigError((Problem(file, 1, 1, "there are no files here", "leave it out"),))


NOWHERE = Nowhere()


@dataclass(frozen=True, slots=True)
class Texts:
    """A configuration's own file, and where those come from that it includes."""

    main: Text
    source: Source = NOWHERE


def in_order(problems: Iterable[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    """Return the problems by file, in the order in which those were read, and by place; each once."""
    rank: Mapping[str, int] = {normpath(file): index for index, file in enumerate(files)}
    found = dict.fromkeys(problems)
    return tuple(sorted(found, key=lambda problem: (rank.get(normpath(problem.file), 0), problem.line, problem.column)))


class Includes:
    """Reads the files that ``include`` names; its state: those read so far, how often in all, and how much."""

    def __init__(self, texts: Texts, report: Report) -> None:
        self._source = texts.source
        self._report = report
        self._read = {normpath(texts.main.file): texts.main.file}
        self._count = 0
        self._sum = 0

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files of the configuration in the order in which they were first read."""
        return tuple(self._read.values())

    def texts(self, line: Line, within: Sequence[str]) -> Iterator[Text]:
        """Yield the files that a line names; ``within`` are those under way, each included by the one before."""
        try:
            files = self._files(
                maybe_quoted_string(line.value, ValueContext(line, partial(self._report.warn, line), {})), within[-1]
            )
        except InvalidValue as refusal:
            self._report.refuse(line, refusal.diagnostic)
            return
        for file in files:
            try:
                text = self._text(file, within, line)
            except InvalidValue as refusal:
                self._report.refuse(line, refusal.diagnostic)
            else:
                yield text

    def _files(self, pattern: str, within: str) -> Iterable[str]:
        folder = PurePosixPath(within).parent
        if not WILDCARDS.intersection(pattern):
            return (str(folder / pattern),)
        try:
            return [str(folder / file) for file in self._source.matches(str(folder), pattern)]
        except ConfigError as error:
            raise _refusal(pattern, error) from error

    def _text(self, file: str, within: Sequence[str], line: Line) -> Text:
        name = normpath(file)
        if name in map(normpath, within):
            chain = " includes ".join((*within, file))
            raise InvalidValue(f"{file} is included while it is read: {chain}", "remove one of these")
        if len(within) > MAX_DEPTH:
            raise InvalidValue(f"files include each other more than {MAX_DEPTH} deep", "include them from one file")
        self._count += 1
        self._bound()
        try:
            text = self._source.text(file)
        except ConfigError as error:
            raise _refusal(file, error) from error
        self._sum += len(text.text)
        self._bound()
        if name in self._read:
            self._report.warn(line, Diagnostic(f"{file} is read once more", "include it in one place"))
        self._read.setdefault(name, file)
        return text

    def _bound(self) -> None:
        if self._count > MAX_FILES:
            raise InvalidValue(f"more than {MAX_FILES} files are included", "put them together")
        if self._sum > MAX_TOTAL_LENGTH:
            raise InvalidValue(f"the files included are larger than {MAX_TOTAL_LENGTH >> 20} MB in all", "include less")


def _refusal(what: str, error: ConfigError) -> InvalidValue:
    problem = error.problems[0]
    return InvalidValue(f"cannot include {what}: {problem.what}", problem.hint)
