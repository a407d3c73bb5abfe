"""The names of mutants: the function, and its changed line as wdiff writes it, ``a [-<-]{+<=+} b``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")
_REMOVED: Final = re.compile(r"\[-(.*?)-\]")
_ADDED: Final = re.compile(r"\{\+.*?\+\}")


def marked(old: str, new: str) -> str:
    """Return the lines that differ as one line, with what ``old`` has in [-...-] and what ``new`` has in {+...+}."""
    head, before, after, _ = _apart(old.splitlines(), new.splitlines())
    start, removed, added, end = _apart(_words(before), _words(after))
    if not (start or end) and head:  # nothing beside it would tell where it is
        start = [f"{head[-1].strip()} "]
    return "".join((*start, _enclosed("[-", removed, "-]"), _enclosed("{+", added, "+}"), *end))


def original(name: str) -> str:
    """Return the text of the module that a mutant's name quotes."""
    return _REMOVED.sub(r"\1", _ADDED.sub("", name.partition(": ")[2]))


def collapsed(source: str) -> str:
    """Return a source as one line, in which each ``original`` is found."""
    return " ".join(line.strip() for line in source.splitlines())


def _words(lines: Sequence[str]) -> list[str]:
    return _WORDS.findall(" ".join(line.strip() for line in lines))


def _enclosed(opening: str, words: Sequence[str], closing: str) -> str:
    return f"{opening}{''.join(words)}{closing}" if words else ""


def _apart(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return what both begin with, what each has between, and what both end with."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    return (
        list(old[:start]),
        list(old[start : len(old) - end]),
        list(new[start : len(new) - end]),
        list(old[len(old) - end :]),
    )


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many items both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
