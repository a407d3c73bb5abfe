"""What turns one table into another, in an order that never leaves a service without a server it could have.

Nothing needs to be deleted and added again: the kernel edits everything but keys in place, and destinations
keep their connections.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum
from itertools import chain, groupby, islice, repeat
from typing import NamedTuple, overload

from ldirectord_py.ipvs.table import Destination, DestinationKey, Row, Service, Table, kept


class Verb(StrEnum):
    """What is done to a row."""

    ADD = "add"
    EDIT = "edit"
    DELETE = "delete"


class Op(NamedTuple):
    """One change of a table: the row as it is to be, or for DELETE as it was."""

    verb: Verb
    row: Row


class Additions(Sequence[Op]):
    """The ops that add the rows, services first; each is found and made when it is asked for."""

    def __init__(self, rows: Collection[Row]) -> None:
        self._count = len(rows)
        self._found: list[Row] = []
        self._rest = _services_first(rows)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Op]:
        return iter(self[:])

    @overload
    def __getitem__(self, at: int) -> Op: ...

    @overload
    def __getitem__(self, at: slice) -> list[Op]: ...

    def __getitem__(self, at: int | slice) -> Op | list[Op]:
        if isinstance(at, int):
            position = range(self._count)[at]
            return Op(Verb.ADD, self._up_to(position)[position])
        wanted = range(self._count)[at]
        found = self._up_to(max(wanted.start, wanted.stop))
        return list(map(tuple.__new__, repeat(Op), zip(repeat(Verb.ADD), map(found.__getitem__, wanted))))

    def _up_to(self, position: int) -> list[Row]:
        self._found += islice(self._rest, max(0, position + 1 - len(self._found)))
        return self._found


def _services_first(rows: Iterable[Row]) -> Iterator[Row]:
    others: list[Row] = []
    for kind, alike in groupby(rows, type):
        if kind is Service:
            yield from alike
        else:
            others += alike
    yield from others


class _Step(IntEnum):
    """The order within a batch: make before break, services around their destinations."""

    SERVICE = 0
    RAISE = 1
    REDUCE = 2
    DELETE_DESTINATION = 3
    DELETE_SERVICE = 4


def diff(current: Table, desired: Table) -> Sequence[Op]:
    """Return the fewest ops that turn ``current`` into ``desired``, additions and raises before the rest.

    Values that the configuration does not set stay as in ``current``. A deleted service takes its destinations along,
    without ops of their own. Within a step the ops keep the order of the table that they come from: deletions that of
    the dump, the cheapest one for the kernel.
    """
    if not current:
        return Additions(desired.values())
    steps: dict[_Step, list[Op]] = {step: [] for step in _Step}
    for key, row in desired.items():
        before = current.get(key)
        if before is None:
            steps[_Step.SERVICE if isinstance(row, Service) else _Step.RAISE].append(Op(Verb.ADD, row))
        elif before is not row and _values(before) != _values(row):
            after = kept(row, before)
            if after is row or after != before:
                steps[_edit_step(before, after)].append(Op(Verb.EDIT, after))
    for row in _leaving(current, desired):
        step = _Step.DELETE_SERVICE if isinstance(row, Service) else _Step.DELETE_DESTINATION
        steps[step].append(Op(Verb.DELETE, row))
    return list(chain.from_iterable(steps.values()))


def _values(row: Row) -> object:
    """Return what rows of one key are compared by: comparing the keys again would double the time."""
    return (row.forward, row.weight, row.upper, row.lower) if isinstance(row, Destination) else row


def _edit_step(before: Row, after: Row) -> _Step:
    if isinstance(before, Destination) and isinstance(after, Destination):
        return _Step.REDUCE if after.weight < before.weight else _Step.RAISE
    return _Step.SERVICE


def _leaving(current: Table, desired: Table) -> list[Row]:
    return [
        row
        for key, row in current.items()
        if key not in desired and not (isinstance(key, DestinationKey) and key.service not in desired)
    ]
