"""Fills the histories of a daemon before a soak, with what the soak would fill them with in some ten minutes.

Otherwise a soak measures how they fill: the journal takes 10,000 entries, each server that flaps 20 transitions.
Nothing else is kept of an event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.journal import MAX_ENTRIES
from ldirectord_py.desired import real_key
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Checked

if TYPE_CHECKING:
    from ldirectord_py.config.model import Config, Real, Virtual
    from ldirectord_py.daemon.run import Daemon

HANGING_PORT: Final = 8090
TLS_PORT: Final = 8443
"""The ports of the servers that flap in a soak (``site.py``)."""

_UP: Final = HealthState(True, 1, 0)
_DOWN: Final = HealthState(False, 0, 1)
_STEPS: Final = (
    (Transition(_UP, _DOWN), ReasonCode.L4TOUT, "no answer within 2 s (connected)"),
    (Transition(_DOWN, _UP), ReasonCode.L7OK, "HTTP 200"),
)


def fill(daemon: Daemon, config: Config) -> None:
    """Fill the histories of a daemon with transitions of the servers that flap."""
    ports = (HANGING_PORT, TLS_PORT)
    servers = [(virtual, real) for virtual in config.virtuals for real in virtual.reals if real.port in ports]
    for event in _events(servers):
        daemon.journal(event)
        daemon.transitions(event)
        if daemon.journal.last >= MAX_ENTRIES:
            return


def _events(servers: Sequence[tuple[Virtual, Real]]) -> Iterator[Checked]:
    for transition, code, reason in cycle(_STEPS):
        for virtual, real in servers:
            yield Checked(real_key(virtual, real), virtual, real, transition, reason, code=code)
