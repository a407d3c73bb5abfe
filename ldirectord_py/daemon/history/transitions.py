"""The last transitions of each server that ever came up or went down, and how many there were."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from typing import Any, Final, NamedTuple

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.desired import real_keys
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.report.events import Checked, ConfigInForce, Event

KEPT_TRANSITIONS: Final = 20
"""Transitions of each server that are kept."""


class PastTransition(NamedTuple):
    """A server came ``up`` or went down: when, in seconds of the monotonic clock, and why.

    ``number``: how often it had come up or gone down by then.
    """

    at: float
    up: bool
    code: ReasonCode
    words: str
    number: int


_FIELDS: Final = len(PastTransition._fields)
_AT_FIELD: Final = PastTransition._fields.index("at")
_NUMBER_FIELD: Final = PastTransition._fields.index("number")


class TransitionHistory:
    """A Listener. Its state: the transitions of each server, the latest first, which it keeps over reloads.

    The transitions of a server are one tuple of the fields of all: half the memory of a tuple of PastTransitions.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._transitions: dict[DestinationKey, tuple[Any, ...]] = {}

    def __call__(self, event: Event) -> None:
        """Keep a transition; forget the servers that a configuration no longer has."""
        if isinstance(event, Checked):
            step = event.transition
            if step.rose or step.fell or step.first_failure:
                self._add(event)
        elif isinstance(event, ConfigInForce) and self._transitions:
            self._keep(real_keys(event.config))

    def transitions(self, key: DestinationKey) -> Sequence[PastTransition]:
        """Return the transitions of a server, the latest first."""
        fields = self._transitions.get(key, ())
        return [PastTransition(*fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS)]

    def since(self, key: DestinationKey) -> float | None:
        """Return when the server got its present state; None if it has had it since this daemon knows it."""
        fields = self._transitions.get(key)
        return fields[_AT_FIELD] if fields else None

    def count(self, key: DestinationKey) -> int:
        """Return how often the server came up or went down since this daemon knows it."""
        fields = self._transitions.get(key)
        return fields[_NUMBER_FIELD] if fields else 0

    def _add(self, event: Checked) -> None:
        key, step = event.key, event.transition
        count = self.count(key) + (not step.first_failure)
        latest = PastTransition(self._clock(), step.after.up, event.code, event.reason, count)
        self._transitions[key] = latest + self._transitions.get(key, ())[: (KEPT_TRANSITIONS - 1) * _FIELDS]

    def _keep(self, keys: Container[DestinationKey]) -> None:
        self._transitions = {key: each for key, each in self._transitions.items() if key in keys}
