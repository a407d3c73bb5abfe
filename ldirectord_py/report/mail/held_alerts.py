"""The alerts about servers while all may be failing: they wait, and one alert of all replaces those of the failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from ldirectord_py.address import Address
from ldirectord_py.config.model import Virtual
from ldirectord_py.report.mail.message import Alert

MAX_HELD: Final = 10_000
"""Alerts that wait; more of them are sent at once."""

AddAlert = Callable[[Virtual, Alert], None]


class Doubt(Protocol):
    """Whether the director doubts itself, as nearly all servers fail together."""

    def is_suspected(self) -> bool:
        """Return whether it may soon."""

    def is_doubted(self, address: Address) -> bool:
        """Return whether it does, with this server."""


class _Held(NamedTuple):
    virtual: Virtual
    alert: Alert
    servers: tuple[Address, ...]


class HeldAlerts:
    """Its state: the alerts that wait."""

    def __init__(self, add: AddAlert, doubt: Doubt) -> None:
        self._add = add
        self._doubt = doubt
        self._held: list[_Held] = []

    def add(self, virtual: Virtual, alert: Alert, servers: Iterable[Address]) -> None:
        """Pass an alert about these servers on; drop it if any is doubted, and hold it while all may be soon."""
        if any(map(self._doubt.is_doubted, servers)):
            return
        if len(self._held) < MAX_HELD and (self._held or self._doubt.is_suspected()):
            self._held.append(_Held(virtual, alert, tuple(servers)))
        else:
            self._add(virtual, alert)

    def drop_doubted(self) -> None:
        """Drop what waits about servers that are doubted."""
        self._held = [each for each in self._held if not any(map(self._doubt.is_doubted, each.servers))]

    def tick(self) -> None:
        """Pass on what waits, unless all servers may still be failing."""
        if self._held and not self._doubt.is_suspected():
            self.flush()

    def flush(self) -> None:
        """Pass on what waits."""
        held, self._held = self._held, []
        for each in held:
            self._add(each.virtual, each.alert)
