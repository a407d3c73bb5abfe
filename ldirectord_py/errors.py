"""The exceptions of the project.

::

    LdirectordError
    +-- ConfigError      the configuration is refused; carries every Problem of the file
    +-- KernelError      the kernel's table cannot be read or written now
    |   +-- NoTableError     the kernel has no IPVS, or denies this process access to it
    +-- CheckFailed      the server did not pass its check; the text is the reason
    |   +-- BadStatus        it answered in its protocol, with an error, a refusal or another status than expected
    |   +-- TlsUnavailable   it has no TLS, which the check asks for
    |   +-- InvalidCheck     the directives of the check make no valid request
    |   +-- DeadlinePassed   it did not answer in time
    +-- Inconclusive     a fault of this host: the check has no verdict
        +-- CannotRun    a program cannot be started
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ldirectord_py.runtime.text import escape_controls


class Severity(StrEnum):
    """Whether a Problem makes the file unusable or is only reported."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """An error or warning at one place of a configuration file; line and column count from 1.

    ``str`` gives one line, with control characters escaped: ``what`` and ``hint`` may quote the file.
    """

    file: str
    line: int
    column: int
    what: str
    hint: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return escape_controls(f"{self.file}:{self.line}:{self.column}: {warning}{self.what}; {self.hint}")


class LdirectordError(Exception):
    """The root of the tree."""


class ConfigError(LdirectordError):
    """A configuration is refused; ``problems`` holds its errors and warnings in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class KernelError(LdirectordError):
    """The kernel's table cannot be read or written now; the text says why and how to fix it."""


class NoTableError(KernelError):
    """The kernel has no IPVS, or denies this process access to it."""


class CheckFailed(LdirectordError):  # noqa: N818  a failed check is a verdict, not an error of ours
    """The server did not pass its check; the text is the reason, short and with the evidence."""


class BadStatus(CheckFailed):
    """The server answered in its protocol, with an error, a refusal or a status that is not expected."""


class TlsUnavailable(CheckFailed):
    """The server has no TLS, which the check asks for."""


class InvalidCheck(CheckFailed):
    """The directives of the check make no valid request; the server was not asked."""


class DeadlinePassed(CheckFailed):
    """A check did not end in time; ``compensated``: its deadline was extended by stalls of this process."""

    def __init__(self, message: str, *, compensated: bool) -> None:
        super().__init__(message)
        self.compensated = compensated


class Inconclusive(LdirectordError):  # noqa: N818  as CheckFailed
    """A fault of this host (no descriptor, no memory, no route of its own) prevented a verdict."""


class CannotRun(Inconclusive):
    """A program that a check needs cannot be started."""

    def __init__(self, program: str, error: OSError) -> None:
        super().__init__(f"cannot run {program}: {(error.strerror or str(error)).lower()}")
