"""Readers of numbers and of times in seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.values import ValueContext, unquoted, unquoted_word

MIN_SECONDS = 0.1
"""The shortest interval or timeout: about three ticks of our clocks."""

_DIGITS = re.compile(r"[0-9]+")
_SECONDS = re.compile(r"0+\.[0-9]+|[0-9]+")
"""As ldirectord, which reads the first whole number and refuses 0: only a time that begins with 0 has decimals."""
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class IntegerReader:
    """Reads the first number in a value, from ``low`` to ``high``; ``leading``: at its start only."""

    low: int
    high: int
    leading: bool = False

    def __call__(self, raw: str, context: ValueContext) -> int:
        """Return the number; raises InvalidValue."""
        text, name = unquoted(unquoted_word(raw, context), context), context.line.name
        found = _DIGITS.match(text) if self.leading else _DIGITS.search(text)
        if found is None:
            raise InvalidValue(f"{name} needs a number", f"write {name}=N, N from {self.low} to {self.high}")
        digits = found[0]
        if len(digits.lstrip("0")) > _MAX_DIGITS or not self.low <= int(digits) <= self.high:
            raise InvalidValue(f"{name} must be from {self.low} to {self.high}", "correct the number", found.start())
        if digits != text:
            context.warn(Diagnostic(f'"{text}" is read as {int(digits)}', f"write {name}={int(digits)}"))
        return int(digits)


def integer(low: int, high: int, *, leading: bool = False) -> IntegerReader:
    """Return a reader of the first number in a value, from ``low`` to ``high``; ``leading``: at its start only."""
    return IntegerReader(low, high, leading)


@dataclass(frozen=True, slots=True)
class SecondsReader:
    """Reads the first whole number in a value, or decimals from MIN_SECONDS to 1, up to ``high``.

    ``zero``: 0 is accepted too; ``leading``: the number has to be at the start.
    """

    high: int
    zero: bool = False
    leading: bool = False

    def __call__(self, raw: str, context: ValueContext) -> float:
        """Return the seconds, an int where they are whole; raises InvalidValue."""
        text, name = unquoted(unquoted_word(raw, context), context), context.line.name
        found = _SECONDS.match(text) if self.leading else _SECONDS.search(text)
        bounds = f"{'0, or ' if self.zero else ''}from {MIN_SECONDS} to {self.high}"
        if found is None:
            raise InvalidValue(f"{name} needs a number", f"write {name}=SECONDS, {bounds}")
        seconds = float(found[0])  # that of thousands of digits is infinite
        if not (MIN_SECONDS <= seconds <= self.high or (self.zero and not seconds)):
            raise InvalidValue(f"{name} must be {bounds}", "correct the number", found.start())
        value = int(seconds) if seconds.is_integer() else seconds
        if found[0] != text:
            context.warn(Diagnostic(f'"{text}" is read as {value}', f"write {name}={value}"))
        return value


def seconds(high: int, *, zero: bool = False, leading: bool = False) -> SecondsReader:
    """Return a reader of a time in seconds up to ``high``; ``zero``: 0 is accepted too."""
    return SecondsReader(high, zero, leading)
