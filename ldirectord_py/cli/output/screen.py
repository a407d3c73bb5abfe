"""The whole screen of a terminal: keys come in, and only what changed goes out, as the link may be slow."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, NoReturn

from ldirectord_py.cli.output.terminal import Colour, coloured, cut
from ldirectord_py.runtime.text import ESCAPED

ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J"
LEAVE: Final = "\x1b[0m\x1b[?25h\x1b[?1049l"

_KEY = re.compile(r"\x1b\[([0-9;]*[A-Za-z~])|\x1bO([A-Za-z])|(\x1b)|(.)", re.DOTALL)
_SEQUENCES: Final = {
    "A": "up",
    "B": "down",
    "H": "home",
    "F": "end",
    "5~": "pageup",
    "6~": "pagedown",
    "1~": "home",
    "4~": "end",
}
_LETTERS: Final = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x1b": "escape"}
_MAX_INPUT: Final = 1024


class ScreenLine(NamedTuple):
    """A line of the screen, in one colour."""

    text: str
    colour: Colour = Colour.PLAIN


class Screen:
    """Its state: the lines that the terminal shows, and its size when they were drawn."""

    def __init__(self, *, colour: bool = True, encoding: str = "utf-8") -> None:
        self._colour = colour
        self._encoding = encoding
        self._shown: list[ScreenLine] = []
        self._size = (0, 0)

    def changes(self, lines: Sequence[ScreenLine], size: tuple[int, int]) -> str:
        """Return what to write so that the terminal of this size (columns, rows) shows these lines."""
        columns, rows = size
        wanted = [line._replace(text=cut(self._encodable(line.text), columns).rstrip()) for line in lines[:rows]]
        wanted += [ScreenLine("")] * (rows - len(wanted))
        parts = []
        if size != self._size:
            parts.append("\x1b[2J")
            self._shown, self._size = [ScreenLine("")] * rows, size
        for row, (before, after) in enumerate(zip(self._shown, wanted, strict=True), 1):
            if before != after:
                parts.append(self._change(row, before, after))
        self._shown = wanted
        return "".join(parts)

    def _encodable(self, text: str) -> str:
        """Return a text as the terminal shows it: with escapes for what its encoding lacks, which take more room."""
        return text.encode(self._encoding, ESCAPED).decode(self._encoding)

    def _change(self, row: int, before: ScreenLine, after: ScreenLine) -> str:
        """Return what turns a line into another: from the first letter that differs to the last.

        A line with letters that may take no column or two is written whole.
        """
        if not (before.text.isascii() and after.text.isascii()):
            return f"\x1b[{row};1H\x1b[K{coloured(after.text, after.colour, enabled=self._colour)}"
        start, end = 0, len(after.text)
        if before.colour == after.colour:
            start = _common(before.text, after.text)
            if len(before.text) == end:
                end -= _common(before.text[start:][::-1], after.text[start:][::-1])
        text = coloured(after.text[start:end], after.colour, enabled=self._colour)
        clear = "\x1b[K" if len(before.text) > len(after.text) else ""
        return f"\x1b[{row};{start + 1}H{text}{clear}"


def _common(one: str, other: str) -> int:
    """Return how many letters two texts have in common at their start."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def keys(data: str) -> Iterator[str]:
    """Yield the keys in what a terminal sent: a letter, or a name such as ``up``; unknown ones are left out."""
    for match in _KEY.finditer(data[:_MAX_INPUT]):
        sequence, application, escape, letter = match.groups()
        if sequence or application:
            if name := _SEQUENCES.get(sequence or application):
                yield name
        elif (key := _LETTERS.get(escape or letter, letter)) and (len(key) > 1 or key.isprintable()):
            yield key


def read_keys(descriptor: int) -> list[str]:
    """Return the keys that were pressed; raises EOFError if the terminal is gone."""
    try:
        data = os.read(descriptor, _MAX_INPUT)
    except OSError:
        data = b""
    if not data:
        raise EOFError
    return list(keys(data.decode(errors="ignore")))


def terminal_size() -> tuple[int, int]:
    """Return the columns and rows of the terminal."""
    columns, rows = shutil.get_terminal_size()
    return columns, rows


@contextmanager
def whole_screen(descriptor: int) -> Iterator[None]:
    """Take the whole terminal, without echo; give it back as it was, whatever ends the block, also a signal."""
    before = termios.tcgetattr(descriptor)
    former = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setcbreak(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[6][termios.VSUSP] = b"\0"  # a stopped process would leave the terminal as it is
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
        sys.stdout.write(ENTER)
        sys.stdout.flush()
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
        for number, handler in former.items():
            signal.signal(number, handler)
        sys.stdout.write(LEAVE)
        sys.stdout.flush()


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)
