"""Readers of values: what they return, warn of and refuse."""

from __future__ import annotations

from typing import Any

import pytest

from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.lines import Line
from ldirectord_py.config.number_values import integer, seconds
from ldirectord_py.config.string_values import free_text, maybe_quoted_string, nonempty, quoted_string, virtualhost
from ldirectord_py.config.values import (
    Reader,
    ValueContext,
    choice_reader,
    list_choices,
    quotes_closed,
    strict_word,
    strip_comment,
    suggest,
    word_reader,
    yes_no,
)


def read(reader: Reader, raw: str) -> tuple[Any, list[str]]:
    """Return the value and the warnings."""
    warnings: list[Diagnostic] = []
    context = ValueContext(Line(1, 0, 1, "name", True, raw, 6, False, "a.cf"), warnings.append, {})
    return reader(raw, context), [warning.what for warning in warnings]


def refusal(reader: Reader, raw: str) -> str:
    with pytest.raises(InvalidValue) as caught:
        read(reader, raw)
    return str(caught.value)


colour = choice_reader(lambda context: ("red", "green"), r"\w+", str.lower)


@pytest.mark.parametrize(
    ("reader", "raw", "value", "warnings"),
    [
        (strict_word, "a", "a", []),
        (strict_word, '"a"', "a", ["the quotes are not needed here"]),
        (strict_word, "a # b", "a", ["a comment follows a"]),
        (strict_word, "a ", "a", ["blanks follow a"]),
        (strict_word, "a\r", "a", []),
        (yes_no, "no", False, []),
        (integer(1, 9), "007", 7, []),
        (integer(1, 9), "5s", 5, ['"5s" is read as 5']),
        (integer(1, 9), "in 5", 5, ['"in 5" is read as 5']),
        (seconds(9), "0.1", 0.1, []),
        (seconds(9), "00.50", 0.5, []),
        (seconds(9), "0.333333333333333333", 1 / 3, []),
        (seconds(9), "7.0", 7, ['"7.0" is read as 7']),
        (seconds(9), "007", 7, []),
        (seconds(9), ".5", 5, ['".5" is read as 5']),
        (seconds(9), "every 0.5 s", 0.5, ['"every 0.5 s" is read as 0.5']),
        (seconds(9), "1.5", 1, ['"1.5" is read as 1']),
        (seconds(9), "5.", 5, ['"5." is read as 5']),
        (seconds(9), "5,5", 5, ['"5,5" is read as 5']),
        (seconds(9), "1e3", 1, ['"1e3" is read as 1']),
        (seconds(9, zero=True), "0.0", 0, []),
        (seconds(9, leading=True), "5s", 5, ['"5s" is read as 5']),
        (word_reader("[a-z]+"), "rr!", "rr", ['"rr!" is read as rr']),
        (colour, "Red # 1", "red", []),
        (free_text, "a\tb ", "a    b ", []),
        (free_text, "a # b", "a", []),
        (free_text, "a\r", "a\r", ["the carriage return at the end becomes part of the value"]),
        (nonempty, '"a" #b', '"a"', []),
        (nonempty, "a#b", "a#b", []),
        (virtualhost, '"www" x', "www", []),
        (quoted_string, '"a" # b', "a", []),
        (quoted_string, '"a # b"', "a # b", ["a # in quotes starts no comment here, though it does in the original"]),
        (quoted_string, '"a" b', "a", ["the text after the closing quote is ignored"]),
        (quoted_string, "a", "a", ["the value is not quoted"]),
        (maybe_quoted_string, "a", "a", []),
        (maybe_quoted_string, "'a'", "a", ["single quotes are read like double ones"]),
    ],
)
def test_a_value_is_read(reader: Reader, raw: str, value: object, warnings: list[str]) -> None:
    assert read(reader, raw) == (value, warnings)


@pytest.mark.parametrize(
    ("reader", "raw", "reason"),
    [
        (yes_no, "y", 'name must be yes or no, not "y"'),
        (integer(1, 9), "x", "name needs a number"),
        (integer(1, 9), "10", "name must be from 1 to 9"),
        (integer(1, 9, leading=True), "x5", "name needs a number"),
        (integer(1, 9), "9" * 99, "name must be from 1 to 9"),
        (seconds(9), "x", "name needs a number"),
        (seconds(9), "0", "name must be from 0.1 to 9"),
        (seconds(9), "0.09", "name must be from 0.1 to 9"),
        (seconds(9), "10", "name must be from 0.1 to 9"),
        (seconds(9, zero=True), "0.05", "name must be 0, or from 0.1 to 9"),
        (seconds(9, leading=True), "x5", "name needs a number"),
        (seconds(9), "9" * 999, "name must be from 0.1 to 9"),
        (word_reader("[a-z]+"), "7", 'name cannot be "7"'),
        (colour, "blue", 'name cannot be "blue"'),
        (nonempty, " # a", "name is empty"),
        (quoted_string, '"a', "the string is not closed"),
        (quoted_string, '""', "name is empty"),
        (quoted_string, "a#b", "a # in a value without quotes is ambiguous"),
        (quoted_string, "'a'", "single quotes do not enclose a string"),
        (maybe_quoted_string, "'a", "single quotes do not enclose a string"),
        (maybe_quoted_string, "\u201ca\u201d", "typographic quotes do not enclose a string"),
    ],
)
def test_a_value_is_refused(reader: Reader, raw: str, reason: str) -> None:
    assert refusal(reader, raw) == reason


@pytest.mark.parametrize(
    ("raw", "spaced", "kept"),
    [('"#" #', False, '"#" '), ("a#b", False, "a"), ("a#b #c", True, "a#b "), ("a", True, "a"), ("#", True, "")],
)
def test_a_comment_starts_at_a_sign_outside_of_quotes(raw: str, spaced: bool, kept: str) -> None:
    assert strip_comment(raw, quotes_closed, spaced=spaced) == kept


@pytest.mark.parametrize(("raw", "kind"), [("10", int), ("10.0", int), ("0.5", float)])
def test_whole_seconds_are_integers_and_are_shown_as_such(raw: str, kind: type) -> None:
    assert type(read(seconds(99), raw)[0]) is kind


def test_the_closest_word_is_suggested_if_one_is_close() -> None:
    words = ("scheduler", "service")
    assert suggest("Sheduler", words) == 'did you mean "scheduler"?'
    assert suggest("nothing", words) == suggest("s" * 41, words) == ""


def test_choices_are_listed_in_words() -> None:
    assert [list_choices(words) for words in (("a",), ("a", "b"), ("a", "b", "c"))] == ["a", "a or b", "a, b or c"]
