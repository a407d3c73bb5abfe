"""The changes from one table to another, for people and programs: each with the connections that it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ldirectord_py.config.model import virtual_id
from ldirectord_py.ipvs.diff import Op, Verb, diff
from ldirectord_py.ipvs.ipvsadm import command, values
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, Service, ServiceKey, Table, service_of
from ldirectord_py.runtime.text import count_of

SIGNS: Final = {Verb.ADD: "+", Verb.EDIT: "~", Verb.DELETE: "-"}

Connections = Mapping[DestinationKey, int]


class Effect(StrEnum):
    """What a change does to the connections of a server."""

    NONE = "none"
    ENDS = "ends"  # the row is removed: the kernel forgets them, or drops their packets
    STARVES = "starves"  # weight 0: they go on, and no new ones come


@dataclass(frozen=True, slots=True)
class Change:
    """An op, the row before it, and how many connections it ends or keeps from getting successors."""

    op: Op
    before: Row | None
    effect: Effect = Effect.NONE
    connections: int = 0

    def __str__(self) -> str:
        line = f"{SIGNS[self.op.verb]} {command(self.op)}"
        notes = "; ".join(filter(None, (self._edit(), self._consequence())))
        return f"{line}  # {notes}" if notes else line

    def as_json(self) -> dict[str, Any]:
        """Return the change in plain values."""
        after = None if self.op.verb is Verb.DELETE else values(self.op.row)
        before = None if self.before is None else values(self.before)
        change: dict[str, Any] = {
            "verb": self.op.verb.value,
            "command": command(self.op),
            "before": before,
            "after": after,
        }
        change["virtual"] = virtual_id(service_of(self.op.row.key))
        return {**change, "effect": self.effect.value, "connections": self.connections}

    def _edit(self) -> str:
        if self.op.verb is not Verb.EDIT or self.before is None:
            return ""
        return f"{values(self.before)} -> {values(self.op.row)}"

    def _consequence(self) -> str:
        if not self.connections:
            return ""
        words = count_of(self.connections, "connection")
        return f"ends {words}" if self.effect is Effect.ENDS else f"{words} there, no new ones"


def changes(current: Table, final: Table, connections: Connections, order: Iterable[ServiceKey] = ()) -> list[Change]:
    """Return the changes from one table to the other, service by service: first those of ``order``.

    The changes of a service are in the order in which they are written, a server before the one that it replaces.
    """
    by_service: dict[ServiceKey, list[Op]] = {key: [] for key in order}
    for op in diff(current, final):
        by_service.setdefault(service_of(op.row.key), []).append(op)
    held = _destinations(current)
    return [_change(op, current, held, connections) for ops in by_service.values() for op in ops]


def totals(found: Sequence[Change]) -> dict[str, int]:
    """Return how many rows are added, changed and removed, and how many connections end or get no successors."""
    counts = {verb.value: sum(change.op.verb is verb for change in found) for verb in Verb}
    for effect in (Effect.ENDS, Effect.STARVES):
        counts[effect.value] = sum(change.connections for change in found if change.effect is effect)
    return counts


def summary(found: Sequence[Change]) -> str:
    """Return the totals in words."""
    if not found:
        return "No change."
    counts = totals(found)
    rows = f"{count_of(counts['add'], 'row')} to add, {counts['edit']} to change, {counts['delete']} to remove"
    ended = f"{count_of(counts['ends'], 'connection')} would end"
    return f"{rows}; {ended}, {counts['starves']} would get no successors."


def _destinations(table: Table) -> dict[ServiceKey, list[DestinationKey]]:
    held: dict[ServiceKey, list[DestinationKey]] = {}
    for key in table:
        if isinstance(key, DestinationKey):
            held.setdefault(key.service, []).append(key)
    return held


def _change(
    op: Op, current: Table, held: Mapping[ServiceKey, Sequence[DestinationKey]], connections: Connections
) -> Change:
    before = current.get(op.row.key)
    effect = _effect(op, before)
    if effect is Effect.NONE:
        return Change(op, before)
    keys: Iterable[Key] = held.get(op.row.key, ()) if isinstance(op.row, Service) else (op.row.key,)
    return Change(op, before, effect, sum(connections.get(key, 0) for key in keys if isinstance(key, DestinationKey)))


def _effect(op: Op, before: Row | None) -> Effect:
    if op.verb is Verb.DELETE:
        return Effect.ENDS
    if isinstance(before, Destination) and isinstance(op.row, Destination) and before.weight and not op.row.weight:
        return Effect.STARVES
    return Effect.NONE
