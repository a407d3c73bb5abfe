"""What a terminal shows: colours where they are wanted, durations and times for people."""

from __future__ import annotations

import os
import select
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from itertools import accumulate
from typing import Final, TextIO

STANDARD_OUTPUT: Final = 1

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"))


class Colour(StrEnum):
    """A colour as its number in ANSI's sequences; each stands beside a word or a mark that says the same."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    MAGENTA = "35"
    INVERSE = "7"


def wants_colour(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether to colour what is printed to a stream: only on a terminal that can, and not with NO_COLOR set."""
    env = os.environ if environment is None else environment
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM", "dumb") != "dumb"


def coloured(text: str, colour: Colour, *, enabled: bool) -> str:
    """Return a text in a colour, or as it is."""
    return f"\x1b[{colour.value}m{text}\x1b[0m" if enabled and colour.value and text else text


def short_duration(seconds: float) -> str:
    """Return a duration in its one or two largest units: ``4s``, ``3m12s``, ``2d4h``."""
    whole = int(seconds)
    for (size, unit), (smaller, small_unit) in zip(_UNITS, (*_UNITS[1:], (1, "s")), strict=True):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{unit}{rest}{small_unit}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def short_latency(seconds: float) -> str:
    """Return a duration of a check: ``0.21ms``, ``12ms``, ``3.0s``."""
    if seconds >= 1:
        return f"{seconds:.1f}s"
    return f"{seconds * 1000:.0f}ms" if seconds >= 0.01 else f"{seconds * 1000:.2g}ms"


def printable_line(text: str) -> str:
    """Return a text of others on one line, with control characters as ``?``: it cannot reach the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def cut(text: str, columns: int) -> str:
    """Return as much of a text as so many columns of a terminal hold; letters of East Asia take two."""
    if text.isascii():
        return text[:columns]
    ends = accumulate(map(_width, text))
    return "".join(letter for letter, end in zip(text, ends, strict=True) if end <= columns)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def stop_without_reader() -> None:
    """Raise BrokenPipeError if whoever read the standard output has gone: without it, only a write would tell."""
    poll = select.poll()
    poll.register(STANDARD_OUTPUT, 0)  # errors are always reported
    if any(events & select.POLLERR for _, events in poll.poll(0)):
        raise BrokenPipeError
