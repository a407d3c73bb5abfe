"""The screen: only what changed is sent, keys are understood, and the terminal is given back."""

from __future__ import annotations

import os
import pty
import signal
import termios
from collections.abc import Sequence

import pytest

from harness.fakes.mutants import mutants
from harness.screen_emulator import ScreenEmulator
from ldirectord_py.cli.output.screen import LEAVE, Screen, ScreenLine, keys, read_keys, whole_screen
from ldirectord_py.cli.output.terminal import Colour

SIZE = (40, 5)


def plain(texts: Sequence[str]) -> list[ScreenLine]:
    return [ScreenLine(text) for text in texts]


def test_the_terminal_shows_the_lines_whatever_they_were_before() -> None:
    screen, terminal = Screen(), ScreenEmulator(SIZE[1])
    for texts in (
        ["a", "bc", "", "d"],
        ["a", "bcd efg", "x"],
        ["a", "bcd xfg", "x"],
        [],
        ["long" * 20, "1 12s ago b", "  indented"],
        ["long", "1 13s ago b", "  indented "],
        ["long", "1 3s ago b", "é", "1", "2", "3"],
    ):
        terminal.write(screen.changes(plain(texts), SIZE))
        wanted = [text[: SIZE[0]].rstrip() for text in texts[: SIZE[1]]]
        assert terminal.rows == wanted + [""] * (SIZE[1] - len(wanted))


def test_only_what_changed_is_sent() -> None:
    screen = Screen()
    screen.changes(plain(["up 12ms 4s ago  1 0+0  200 OK", "other"]), SIZE)
    assert screen.changes(plain(["up 12ms 6s ago  1 0+0  200 OK", "other"]), SIZE) == "\x1b[1;9H6"
    assert screen.changes(plain(["up 12ms 6s ago  1 0+0  200 OK", "other"]), SIZE) == ""
    assert screen.changes(plain(["up 12ms 6s", "other"]), SIZE) == "\x1b[1;11H\x1b[K"


def test_another_colour_is_sent_with_the_whole_line_and_another_size_with_the_whole_screen() -> None:
    screen = Screen()
    screen.changes(plain(["web1"]), SIZE)
    assert screen.changes([ScreenLine("web1", Colour.RED)], SIZE) == "\x1b[1;1H\x1b[31mweb1\x1b[0m"
    assert screen.changes([ScreenLine("web1", Colour.RED)], (20, 5)).startswith("\x1b[2J")
    mono = Screen(colour=False)
    assert "\x1b[31m" not in mono.changes([ScreenLine("web1", Colour.RED)], SIZE)


def test_letters_that_a_terminal_has_not_or_that_are_wide_break_no_line() -> None:
    wide = "why: \u30c7\u30a3\u30b9\u30af"
    assert Screen().changes(plain([wide]), (9, 1)).endswith("\x1b[1;1H\x1b[Kwhy: \u30c7\u30a3")
    assert Screen(encoding="ascii").changes(plain([wide]), (9, 1)).endswith("\x1b[1;1Hwhy: \\u30")
    screen = Screen()
    screen.changes(plain([f"{wide} 1s"]), SIZE)
    assert screen.changes(plain([f"{wide} 2s"]), SIZE) == f"\x1b[1;1H\x1b[K{wide} 2s"


@pytest.mark.parametrize(
    ("data", "pressed"),
    [
        ("q", ["q"]),
        ("\x1b[A\x1b[B", ["up", "down"]),
        ("\x1bOA", ["up"]),
        ("\x1b[5~\x1b[6~", ["pageup", "pagedown"]),
        ("\x1b", ["escape"]),
        ("ab\r\x7f", ["a", "b", "enter", "backspace"]),
        ("\x1b[99;5R", []),
        ("é\x01", ["é"]),
    ],
)
def test_keys_are_understood(data: str, pressed: list[str]) -> None:
    assert list(keys(data)) == pressed


def test_whatever_comes_from_a_terminal_is_some_keys() -> None:
    for data in mutants([b"\x1b[A\x1b[1;5Dq/web\r"], 500):
        assert all(keys(data.decode(errors="ignore")))


def test_the_end_of_a_terminal_is_told() -> None:
    read, write = os.pipe()
    os.write(write, b"ab")
    assert read_keys(read) == ["a", "b"]
    os.close(write)
    with pytest.raises(EOFError):
        read_keys(read)
    os.close(read)


def use_and_end(slave: int, number: signal.Signals | None) -> None:
    """Take the whole terminal, and end by a signal or an error."""
    before = termios.tcgetattr(slave)
    with whole_screen(slave):
        assert termios.tcgetattr(slave) != before
        if number is not None:
            signal.raise_signal(number)
        raise ZeroDivisionError


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back(capsys: pytest.CaptureFixture[str], number: signal.Signals | None) -> None:
    master, slave = pty.openpty()
    before, handler = termios.tcgetattr(slave), signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises((ZeroDivisionError, SystemExit)):
            use_and_end(slave, number)
        assert termios.tcgetattr(slave) == before
        assert signal.getsignal(signal.SIGTERM) == handler
        assert capsys.readouterr().out.endswith(LEAVE)
    finally:
        os.close(master)
        os.close(slave)
