"""Errors and warnings about a line, with hint and position, collected in a list of Problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from posixpath import normpath
from typing import NamedTuple

from ldirectord_py.config.lines import YAML_SUFFIXES, Line
from ldirectord_py.errors import Problem, Severity

_ASSIGNMENT = re.compile(r"\b([a-z][a-z0-9]+)=(?=\S)")


class Diagnostic(NamedTuple):
    """The error of a value, a hint how to fix it, and its position: ``offset`` characters from the start."""

    what: str
    hint: str
    offset: int = 0

    def shifted(self, by: int) -> Diagnostic:
        """Return the diagnostic for a value that starts ``by`` characters earlier."""
        return Diagnostic(self.what, self.hint, self.offset + by)

    def problem(self, line: Line, severity: Severity) -> Problem:
        """Return the diagnostic as a Problem of that line."""
        return Problem(line.file, line.number, line.column + self.offset, self.what, self.hint, severity)


class InvalidValue(Exception):  # noqa: N818  the parser turns it into a Problem; it never escapes
    """A value cannot be read; carries the Diagnostic that says why."""

    def __init__(self, what: str, hint: str, offset: int = 0) -> None:
        super().__init__(what)
        self.diagnostic = Diagnostic(what, hint, offset)


def add_warnings(problems: list[Problem], line: Line, *diagnostics: Diagnostic) -> None:
    """Append warnings at their places in the line."""
    problems.extend(diagnostic.problem(line, Severity.WARNING) for diagnostic in diagnostics)


def add_error(problems: list[Problem], line: Line, diagnostic: Diagnostic) -> None:
    """Append an error at its place in the line."""
    problems.append(diagnostic.problem(line, Severity.ERROR))


def in_order(problems: Iterable[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    """Return the problems without duplicates, ordered by file as in ``files``, then by line and column.

    Those of files in YAML have ``NAME: VALUE`` where others have ``NAME=VALUE``.
    """
    rank = {normpath(file): index for index, file in enumerate(files)}
    unique = dict.fromkeys(_in_words_of_yaml(each) if each.file.endswith(YAML_SUFFIXES) else each for each in problems)
    return tuple(sorted(unique, key=lambda each: (rank.get(normpath(each.file), 0), each.line, each.column)))


def _in_words_of_yaml(problem: Problem) -> Problem:
    what, hint = (_ASSIGNMENT.sub(r"\1: ", text) for text in (problem.what, problem.hint))
    return problem._replace(what=what, hint=hint)
