"""The server that is open in ``top``: its details, of which a screen may show a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.output.screen import ScreenLine
from ldirectord_py.cli.output.server_details import detail_lines
from ldirectord_py.cli.output.table_layout import MIN_WIDTH, Layout, wrapped

CLOSING_KEYS: Final = frozenset(("q", "escape", "enter"))


class OpenedServer:
    """Its state: the last answer about the server, which of its lines a screen begins with, and how many there are."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        self._first = 0
        self._count = 1
        self._length = 1

    @property
    def full_name(self) -> str:
        """The name by which the daemon is asked for it."""
        return next((f"{real['virtual']}/{real['real']}" for real in self._reals()), "")

    def press(self, key: str) -> bool:
        """Do what a key says here; return whether it closes the server."""
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -self._count, "pagedown": self._count}
        far = {"home": -self._length, "end": self._length}
        self._first += (steps | far).get(key, 0)
        self._limit()
        return key in CLOSING_KEYS

    def lines(self, columns: int, count: int) -> list[ScreenLine]:
        """Return as many lines as the screen has room for."""
        texts = [line for text in self._texts() for line in wrapped(text, max(MIN_WIDTH, columns))]
        self._count, self._length = count, len(texts)
        self._limit()
        shown = texts[self._first : self._first + count]
        return [*map(ScreenLine, shown), *[ScreenLine("")] * (count - len(shown))]

    def _limit(self) -> None:
        self._first = max(0, min(self._first, self._length - self._count))

    def _texts(self) -> Sequence[str]:
        return [text for real in self._reals() for text in detail_lines(real, self.answer, Layout())]

    def _reals(self) -> Sequence[Mapping[str, Any]]:
        return [real for virtual in self.answer["virtuals"] for real in virtual["reals"]]
