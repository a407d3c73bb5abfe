"""The servers as the request ``watch`` describes them, kept up to date in the form of an answer to ``show``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ldirectord_py.runtime.times import iso_time
from ldirectord_py.trouble import WHICH

ServerFields = dict[str, Any]

_CHANGES: Final = frozenset(("virtuals", "reals", "results", "connections", "more", "id"))
"""What of an update is no field of the answer as a whole."""


@dataclass(slots=True)
class ReplicaChanges:
    """What an answer has changed: everything, or the rows of these servers and virtuals, results, or connections.

    Servers are given by their numbers.
    """

    everything: bool = False
    reals: list[int] = field(default_factory=list)
    virtuals: list[str] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)


class ServerReplica:
    """Its state: the ``answer``, its servers by number, and when the last result of each came (monotonic clock).

    ``updated_at`` is when the daemon was heard last, None before the first answer.
    """

    def __init__(self, which: str = "all") -> None:
        self.answer: ServerFields | None = None
        self.reals: dict[int, ServerFields] = {}
        self.updated_at: float | None = None
        self._is_wanted = WHICH[which]
        self._virtuals: dict[str, ServerFields] = {}
        self._result_times: dict[int, float] = {}

    def apply(self, message: Mapping[str, Any], now: float) -> ReplicaChanges | None:
        """Apply an answer to ``watch``; return what has changed, None for one that does not fit.

        ``now``: of the monotonic clock.
        """
        self.updated_at = now
        if message.get("whole"):
            return self._replace(dict(message), now)
        if self.answer is None or "results" not in message:
            return None
        self.answer.update({name: value for name, value in message.items() if name not in _CHANGES})
        changes = ReplicaChanges()
        self._apply_results(message["results"], now, changes)
        self._apply_connections(message["connections"], changes)
        for virtual in message["virtuals"]:
            self._virtuals[virtual["virtual"]].update(virtual)
            changes.virtuals.append(virtual["virtual"])
        for real in message["reals"]:
            self._apply_row(real, now)
            changes.reals.append(real["number"])
        return changes

    def virtual(self, name: str) -> ServerFields:
        """Return a virtual by its name."""
        return self._virtuals[name]

    def result_at(self, number: int) -> float | None:
        """Return when the last result of a server came (monotonic clock), None before the first one."""
        return self._result_times.get(number)

    def set_ages(self, now: float, wall: float) -> None:
        """Compute the ages of the last results, and when they came; ``wall``: ``now`` in seconds since the epoch."""
        for number, at in self._result_times.items():
            observed = self.reals[number]["observed"]
            observed["age"] = round(max(0.0, now - at), 3)
            observed["at"] = iso_time(wall - (now - at))

    def _replace(self, answer: ServerFields, now: float) -> ReplicaChanges:
        self.answer = answer
        self._virtuals = {virtual["virtual"]: virtual for virtual in answer["virtuals"]}
        self.reals = {real["number"]: real for virtual in answer["virtuals"] for real in virtual["reals"]}
        self._result_times = {
            number: at for number, real in self.reals.items() if (at := _result_time(real, now)) is not None
        }
        return ReplicaChanges(everything=True)

    def _apply_row(self, real: ServerFields, now: float) -> None:
        number = real["number"]
        known, reals = self.reals.get(number), self._virtuals[real["virtual"]]["reals"]
        self._result_times.pop(number, None)
        if not self._is_wanted(real["trouble"]):
            if known is not None:
                del self.reals[number]
                reals[:] = [each for each in reals if each is not known]
            return
        if known is None:
            self.reals[number] = real
            reals.append(real)
        else:
            known.update(real)
        if (at := _result_time(real, now)) is not None:
            self._result_times[number] = at

    def _apply_results(self, flat: Sequence[int], now: float, changes: ReplicaChanges) -> None:
        for number, age, duration in _tuples(flat, 3):
            if (real := self.reals.get(number)) is None:
                continue
            observed = real["observed"]
            observed["latency"], observed["age"] = duration / 1_000_000, age / 1000
            self._result_times[number] = now - age / 1000
            changes.results.append(number)
            if observed["overdue"]:  # the row was made just after the last update
                observed["overdue"] = False
                self._apply_row({**real, "trouble": [word for word in real["trouble"] if word != "overdue"]}, now)
                changes.reals.append(number)

    def _apply_connections(self, flat: Sequence[int], changes: ReplicaChanges) -> None:
        for number, active, inactive, persistent in _tuples(flat, 4):
            real = self.reals.get(number)
            if real is not None and real["kernel"] is not None:
                real["kernel"].update(active=active, inactive=inactive, persistent=persistent)
                changes.connections.append(number)


def _result_time(real: Mapping[str, Any], now: float) -> float | None:
    age = real["observed"]["age"]
    return None if age is None else now - age


def _tuples(flat: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    return zip(*[iter(flat)] * size, strict=True)
