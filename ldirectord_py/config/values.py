"""Readers of values: from the text after the ``=`` to a value; lenient if the meaning is clear.

Here are those of words; ``number_values`` and ``string_values`` have the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.lines import Line

HASH_IN_QUOTES = (
    "a # in quotes starts no comment here, though it does in the original",
    "keep that in mind if you go back to it",
)

BOOLEANS = {"true": "yes", "false": "no"}
"""The words of YAML that stand for ``yes`` and ``no``."""


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
    from difflib import get_close_matches  # noqa: PLC0415  only for errors

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
        text = BOOLEANS.get(text, text)
    if text not in {"yes", "no"}:
        raise InvalidValue(f'{name} must be yes or no, not "{text}"', f"write {name}=yes or {name}=no")
    return text == "yes"


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
