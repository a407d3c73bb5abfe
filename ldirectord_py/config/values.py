"""Readers of values: from the text after the ``=`` to a value; lenient if the meaning is clear."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.lines import TAB, Line

TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"

HASH_IN_QUOTES = (
    "a # in quotes starts no comment here, though it does in the original",
    "keep that in mind if you go back to it",
)

MIN_SECONDS = 0.1
"""The shortest interval or timeout: about three ticks of our clocks."""

_BOOLEANS = {"true": "yes", "false": "no"}
_DIGITS = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"([0-9]*)\.[0-9]+|([0-9]+)")
_MAX_DIGITS = 10


class ValueContext(NamedTuple):
    """The context of a value: its line, a function that reports warnings, the kinds of service, and the section."""

    line: Line
    warn: Callable[[Diagnostic], None]
    kinds: Mapping[str, Kind]
    ipv6: bool = False
    mark: bool = False
    daemon: bool = False


Reader = Callable[[str, ValueContext], Any]
"""Reads a value; raises InvalidValue if it cannot; warns if the original would read another value."""


@lru_cache(maxsize=1024)
def suggest(word: str, words: tuple[str, ...]) -> str:
    """Return ``did you mean "..."?`` with the most similar word, "" if none is similar.

    Cached: 0.13 ms a call, 1.3 s for a mistake that is repeated in 10,000 lines.
    """
    found = get_close_matches(word.lower(), words, 1, 0.6) if len(word) <= 40 else []
    return f'did you mean "{found[0]}"?' if found else ""


def list_choices(words: Collection[str]) -> str:
    """Return ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def unquoted_word(raw: str, context: ValueContext | None = None) -> str:
    """Return a value without comment and trailing blanks; an exact value as it is."""
    if context is not None and context.line.exact:
        return raw
    return raw.partition("#")[0].rstrip()


def strip_comment(raw: str, closed: Callable[[int], bool], *, spaced: bool = False) -> str:
    """Return a value without comment.

    A ``#`` starts a comment if ``closed`` accepts the number of quotes before it and, if ``spaced``, a blank precedes.
    """
    start, quotes, cut = 0, 0, raw.find("#")
    while cut >= 0:
        quotes += raw.count('"', start, cut)
        if closed(quotes) and not (spaced and raw[cut - 1 : cut].strip()):
            return raw[:cut]
        start, cut = cut, raw.find("#", cut + 1)
    return raw


def quotes_closed(quotes: int) -> bool:
    """Return whether no quote is open after this number of quotes."""
    return quotes % 2 == 0


def unquoted(text: str, context: ValueContext) -> str:
    """Return the text without enclosing quotes, which the original would take as a part of it."""
    if context.line.exact or len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    context.warn(Diagnostic("the quotes are not needed here", "leave them out"))
    return text[1:-1]


def strict_word(raw: str, context: ValueContext) -> str:
    """Return a value that the original accepts only without quotes, blanks or a comment after it."""
    text = unquoted(unquoted_word(raw, context), context)
    if context.line.exact:
        return text
    if "#" in raw:
        context.warn(Diagnostic(f"a comment follows {text}", "put it on a separate line"))
    elif raw.rstrip("\r") != unquoted_word(raw):
        context.warn(Diagnostic(f"blanks follow {text}", "remove them"))
    return text


def yes_no(raw: str, context: ValueContext) -> bool:
    """Read ``yes`` or ``no``; in YAML also ``true`` or ``false``."""
    text, name = strict_word(raw, context), context.line.name
    if context.line.exact:
        text = _BOOLEANS.get(text, text)
    if text not in {"yes", "no"}:
        raise InvalidValue(f'{name} must be yes or no, not "{text}"', f"write {name}=yes or {name}=no")
    return text == "yes"


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
    """Reads the first number in a value, with or without decimals, from MIN_SECONDS to ``high``.

    ``zero``: 0 is accepted too; ``leading``: the number has to be at the start.
    """

    high: int
    zero: bool = False
    leading: bool = False

    def __call__(self, raw: str, context: ValueContext) -> float:
        """Return the seconds, an int where they are whole; raises InvalidValue."""
        text, name = unquoted(unquoted_word(raw, context), context), context.line.name
        found = _DECIMAL.match(text) if self.leading else _DECIMAL.search(text)
        bounds = f"{'0, or ' if self.zero else ''}from {MIN_SECONDS} to {self.high}"
        if found is None:
            raise InvalidValue(f"{name} needs a number", f"write {name}=SECONDS, {bounds}")
        whole = (found[1] or found[2] or "").lstrip("0")
        seconds = float(found[0]) if len(whole) <= _MAX_DIGITS else math.inf
        if not (MIN_SECONDS <= seconds <= self.high or (self.zero and not seconds)):
            raise InvalidValue(f"{name} must be {bounds}", "correct the number", found.start())
        value = int(seconds) if seconds.is_integer() else seconds
        if found[0] != text or text.startswith("."):
            context.warn(Diagnostic(f'"{text}" is read as {value}', f"write {name}={value}"))
        return value


def seconds(high: int, *, zero: bool = False, leading: bool = False) -> SecondsReader:
    """Return a reader of a time in seconds up to ``high``; ``zero``: 0 is accepted too."""
    return SecondsReader(high, zero, leading)


def word_reader(
    pattern: str, fold: Callable[[str], str] = str, hint: str = "write a word"
) -> Callable[[str, ValueContext], str]:
    """Return a reader of the first match of ``pattern`` in the value, folded; the rest is ignored with a warning."""
    search = re.compile(pattern, re.ASCII).search

    def read(raw: str, context: ValueContext) -> str:
        text, name = unquoted(unquoted_word(raw, context), context), context.line.name
        found = search(text)
        if found is None:
            raise InvalidValue(f'{name} cannot be "{text}"', hint)
        if found[0] != text:
            context.warn(Diagnostic(f'"{text}" is read as {found[0]}', f"write {name}={found[0]}"))
        return fold(found[0])

    return read


@dataclass(frozen=True, slots=True)
class ChoiceReader:
    """Reads one of the words that ``words`` returns for the context: the first match of ``pattern``, folded."""

    words: Callable[[ValueContext], Collection[str]]
    pattern: str
    fold: Callable[[str], str]
    read_word: Reader

    def __call__(self, raw: str, context: ValueContext) -> str:
        """Return the word; raises InvalidValue."""
        allowed, name = self.words(context), context.line.name
        found = re.search(self.pattern, unquoted_word(raw, context), re.ASCII)
        got = self.fold(found[0]) if found else unquoted_word(raw, context)
        if got not in allowed:
            hint = suggest(got, tuple(allowed)) or f"write {list_choices(allowed)}"
            raise InvalidValue(f'{name} cannot be "{got}"', hint)
        word: str = self.read_word(raw, context)
        return word


def choice_reader(
    words: Callable[[ValueContext], Collection[str]], pattern: str, fold: Callable[[str], str] = str
) -> ChoiceReader:
    """Return a reader of one of the words that ``words`` returns for the context."""
    return ChoiceReader(words, pattern, fold, word_reader(pattern, fold))


def free_text(raw: str, context: ValueContext) -> str:
    """Read free text; keep trailing blanks, as in the original, unless a comment follows."""
    if context.line.exact:
        return raw
    kept, sign, _ = raw.partition("#")
    if not sign and kept.endswith("\r"):
        context.warn(Diagnostic("the carriage return at the end becomes part of the value", "remove it", len(kept) - 1))
    return (kept.rstrip() if sign else kept).replace("\t", " " * TAB)


def nonempty(raw: str, context: ValueContext) -> str:
    """Read text that is not empty, with its quotes; a comment needs a blank before it."""
    value = raw if context.line.exact else strip_comment(raw, quotes_closed, spaced=True).strip()
    if not value:
        raise InvalidValue(f"{context.line.name} is empty", "give it a value or leave the line out")
    return value


def virtualhost(raw: str, context: ValueContext) -> str:
    """Read a host name with or without quotes; ignore text after the closing quote."""
    if context.line.exact:
        return raw
    return free_text(raw, context).removeprefix('"').partition('"')[0]


def quoted_string(raw: str, context: ValueContext) -> str:
    """Read a string that the original requires to be quoted; the last quote of the line ends it."""
    return _string(raw, context, quotes_optional=False)


def maybe_quoted_string(raw: str, context: ValueContext) -> str:
    """Read a string with or without quotes."""
    return _string(raw, context, quotes_optional=True)


def _string(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    if context.line.exact:
        value = raw
    elif raw.startswith('"'):
        value = _quoted(raw, context)
    else:
        value = _unquoted(raw, context, quotes_optional=quotes_optional)
    if not value:
        raise InvalidValue(f"{context.line.name} is empty", "give it a value or leave the line out")
    return value.replace("\t", " " * TAB)


def _quoted(raw: str, context: ValueContext) -> str:
    kept = strip_comment(raw, lambda quotes: quotes != 1)
    end = kept.rfind('"')
    if end == 0:
        raise InvalidValue("the string is not closed", 'end it with "')
    if "#" in kept[:end]:
        context.warn(Diagnostic(*HASH_IN_QUOTES, kept.index("#")))
    if kept[end + 1 :].strip():
        context.warn(Diagnostic("the text after the closing quote is ignored", "remove it", end + 1))
    return kept[1:end]


def _unquoted(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    name = context.line.name
    if raw and raw[0] in TYPOGRAPHIC_QUOTES:
        raise InvalidValue("typographic quotes do not enclose a string", f'write {name}="..." with plain quotes')
    if raw.startswith("'"):
        return _single_quoted(raw, context, quotes_optional=quotes_optional)
    if not quotes_optional and re.search(r"\S#", raw):
        raise InvalidValue("a # in a value without quotes is ambiguous", f'write {name}="..."')
    value = unquoted_word(raw)
    if value and not quotes_optional:
        context.warn(Diagnostic("the value is not quoted", f'write {name}="..."'))
    return value


def _single_quoted(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    """Remove single quotes from a command or a path, since the original passes some of them to a shell."""
    name, value = context.line.name, unquoted_word(raw)
    if not quotes_optional or len(value) < 2 or not value.endswith("'"):
        raise InvalidValue("single quotes do not enclose a string", f'write {name}="..."')
    context.warn(Diagnostic("single quotes are read like double ones", f'write {name}="..."'))
    return value[1:-1]
