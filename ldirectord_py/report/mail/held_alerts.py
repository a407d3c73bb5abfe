"""The alerts about servers while all may be failing: they wait, and one alert of all replaces them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ldirectord_py.config.model import Virtual
from ldirectord_py.report.mail.message import Alert

MAX_HELD: Final = 10_000
"""Alerts that wait; more of them are sent at once."""

AddAlert = Callable[[Virtual, Alert], None]


class HeldAlerts:
    """Its state: the alerts that wait, and whether the director doubts itself.

    ``is_suspected`` returns whether all servers may be failing, so that it may soon.
    """

    def __init__(self, add: AddAlert, is_suspected: Callable[[], bool]) -> None:
        self._add = add
        self._is_suspected = is_suspected
        self._held: list[tuple[Virtual, Alert]] = []
        self._doubting = False

    def add(self, virtual: Virtual, alert: Alert) -> None:
        """Pass an alert about a server on; drop it while the director doubts itself, and hold it while it may soon."""
        if self._doubting:
            return
        if len(self._held) < MAX_HELD and (self._held or self._is_suspected()):
            self._held.append((virtual, alert))
        else:
            self._add(virtual, alert)

    def set_doubting(self, *, doubting: bool) -> None:
        """Drop what waits, and all that comes until the doubt is over."""
        self._doubting = doubting
        self._held.clear()

    def tick(self) -> None:
        """Pass on what waits, unless all servers may still be failing."""
        if self._held and not self._is_suspected():
            self.flush()

    def flush(self) -> None:
        """Pass on what waits."""
        held, self._held = self._held, []
        for virtual, alert in held:
            self._add(virtual, alert)
