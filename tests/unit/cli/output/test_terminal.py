"""Colours only where they are wanted; durations and times in a few letters."""

from __future__ import annotations

import io

import pytest

from ldirectord_py.cli.output.terminal import (
    Colour,
    coloured,
    cut,
    printable_line,
    short_duration,
    short_latency,
    wants_colour,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colour_is_for_terminals_without_no_color(environment: dict[str, str], wanted: bool) -> None:
    assert wants_colour(Terminal(), environment) is wanted
    assert not wants_colour(io.StringIO(), environment)


def test_a_text_is_coloured_only_if_enabled() -> None:
    assert coloured("down", Colour.RED, enabled=True) == "\x1b[31mdown\x1b[0m"
    assert coloured("down", Colour.RED, enabled=False) == coloured("down", Colour.PLAIN, enabled=True) == "down"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (192, "3m12s"), (3600, "1h"), (9000, "2h30m"), (187200, "2d4h")],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert short_duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.00021, "0.21ms"), (0.0123, "12ms"), (0.5, "500ms"), (3.04, "3.0s")])
def test_a_latency_has_two_digits(seconds: float, text: str) -> None:
    assert short_latency(seconds) == text


def test_a_text_of_others_is_one_line() -> None:
    assert printable_line("a\x1b[2J\nb\udcffé") == "a?[2J?b?é"


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("disk", 3, "dis"),
        ("é\u0301t\u00e9", 2, "é\u0301t"),
        ("\u30c7\u30a3\u30b9\u30af", 8, "\u30c7\u30a3\u30b9\u30af"),
        ("\u30c7\u30a3\u30b9\u30af", 5, "\u30c7\u30a3"),
        ("a\u30c7b", 2, "a"),
    ],
)
def test_a_text_is_cut_by_the_columns_that_it_takes(text: str, columns: int, shown: str) -> None:
    assert cut(text, columns) == shown
