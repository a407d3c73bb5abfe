"""One conversation with the kernel's IPVS: tables read whole, ops written in batches.

Nothing here waits, but the kernel may take its time inside a call (a scheduler's module that it loads, thousands of
rows), so that long calls belong off the event loop.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs import dump
from ldirectord_py.ipvs.ahead import ahead
from ldirectord_py.ipvs.channel import AnswerDroppedError, AnswerLostError, Channel, Dial, dial
from ldirectord_py.ipvs.counts import Count, Counts
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.dump import BrokenDumpError, MalformedAnswerError, Message
from ldirectord_py.ipvs.recall import Destinations, Recall
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, Service, ServiceKey, Table
from ldirectord_py.ipvs.wire import DUMP, Command, batch, request

BATCH = 1024
"""Ops in one send."""
PATIENCE = 5.0
"""How long, in seconds, a table that does not hold still is read again."""
PAUSE = 0.005
"""How long, in seconds, it is let alone before that."""
ROUNDS = 3
"""How often an op is written whose answers are lost."""

_CONTROLLER, _GET_FAMILY = 16, 3
_NAME = struct.pack("=HH5s3x", 9, 2, b"IPVS")

R = TypeVar("R")
Decode = Callable[[bytes, int], tuple[list[R], bool]]
"""What reads a chunk of the dump with a sequence number: its rows, and whether the dump ends with it."""


class NoFamilyError(KernelError):
    """The kernel has no IPVS now: the module ip_vs is not loaded."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch sent to a family: by position, the errno of refused ops, and ops without an answer."""

    family: int
    errors: dict[int, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)

    @property
    def unclear(self) -> bool:
        """Whether the kernel has to be asked again; ENOENT may also mean that the family has another id now."""
        return bool(self.lost) or errno.ENOENT in self.errors.values()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages for one send: where their ops begin, the number of the first, and how many there are."""

    start: int
    first: int
    count: int
    data: bytes


class Session:
    """Two sockets, one for edits and one for dumps, and the id of the family IPVS once it is known."""

    def __init__(self, opener: Dial = dial) -> None:
        self._open = opener
        self._edits = Channel(opener())
        try:
            self._dumps = Channel(opener())
        except KernelError:
            self._edits.close()
            raise
        self._family = 0
        self._recall = Recall()

    def close(self) -> None:
        """Close both sockets."""
        self._edits.close()
        self._dumps.close()

    def resolve(self) -> int:
        """Return the id of the family IPVS as of now; NoFamilyError where the kernel has none."""
        sequence = self._edits.reserve(1)
        self._edits.send(request(_CONTROLLER, sequence, _GET_FAMILY, _NAME))
        while True:
            for message in dump.messages(self._edits.receive()):
                if message.sequence == sequence:
                    self._family = _family(message)
                    return self._family

    def write(self, ops: Sequence[Op]) -> Outcome:
        """Send the ops in order and return what became of them; KernelError when none may be written."""
        family = self._family or self.resolve()
        outcome = Outcome(family)
        batches = self._batches(ops, family)
        for sent in ahead(batches) if len(ops) > BATCH else batches:
            self._send(sent, outcome)
        if errno.EPERM in outcome.errors.values():
            raise KernelError(dump.UNPRIVILEGED)
        return outcome

    def _batches(self, ops: Sequence[Op], family: int) -> Iterator[_Batch]:
        for start in range(0, len(ops), BATCH):
            some = ops[start : start + BATCH]
            first = self._edits.reserve(len(some))
            yield _Batch(start, first, len(some), batch(some, family, first))

    def _send(self, sent: _Batch, outcome: Outcome) -> None:
        self._edits.send(sent.data)
        answers: dict[int, int] = {}
        whole = self._collect(sent.first, sent.first + sent.count - 1, answers)
        outcome.errors |= {sent.start + number - sent.first: error for number, error in answers.items() if error}
        if not whole:
            outcome.lost += [sent.start + n for n in range(sent.count) if sent.first + n not in answers]

    def _collect(self, first: int, last: int, answers: dict[int, int]) -> bool:
        """Note the answers by sequence number; return whether that to the last message came and none was lost."""
        whole = True
        for _ in range(2 * (last - first) + 8):
            try:
                for message in dump.messages(self._edits.receive()):
                    if message.kind == dump.ERROR and first <= message.sequence <= last:
                        answers[message.sequence] = message.errno
            except (AnswerDroppedError, MalformedAnswerError):
                whole = False
            except AnswerLostError:
                return False
            if last in answers:
                return whole
        return False

    def settle(self, ops: Sequence[Op], outcome: Outcome) -> dict[int, int]:
        """Return the errno of each refused op, by position, once all that was unclear in ``outcome`` is clear.

        What was lost is read back, and written again where it has no effect yet.
        """
        errors = dict(outcome.errors)
        for _ in range(ROUNDS):
            again = self._write_again(ops, errors, outcome)
            if not again:
                return errors
            result = self.write([ops[position] for position in again])
            errors.update({again[position]: error for position, error in result.errors.items()})
            lost = [again[position] for position in result.lost]
            outcome = Outcome(result.family, result.errors, lost)
        return errors | dict.fromkeys(outcome.lost, errno.ENOBUFS)

    def _write_again(self, ops: Sequence[Op], errors: dict[int, int], outcome: Outcome) -> list[int]:
        again: list[int] = []
        if errno.ENOENT in outcome.errors.values() and self.resolve() != outcome.family:
            again += [position for position, error in errors.items() if error == errno.ENOENT]
            for position in again:
                del errors[position]
        if outcome.lost:
            table = self.read()
            again += [position for position in outcome.lost if not _in_effect(ops[position], table)]
        return sorted(again)

    def read(self) -> Table:
        """Return the table, each service with its destinations of one moment; KernelError when it never holds still."""
        return self._patiently(self._read_once)

    def connections(self, services: Collection[ServiceKey]) -> dict[DestinationKey, int]:
        """Return how many connections the destinations of these services have; KernelError as ``read``."""
        return self._patiently(lambda: dict(chain.from_iterable(map(self._counts, map(Counts, services)))))

    def _counts(self, of: Counts) -> list[Count]:
        counts, parts = self._dump(Command.GET_DESTINATION, of.request, of.decode)
        if parts > 1:  # which may lose some
            counts += self._dump(Command.GET_DESTINATION, of.request, of.decode)[0]
        return counts

    def _patiently(self, look: Callable[[], R]) -> R:
        """Return what a look at the kernel's table finds, tried again until it is whole or PATIENCE is over."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return look()
            except (BrokenDumpError, AnswerLostError, MalformedAnswerError) as broken:
                if time.monotonic() > end:
                    raise KernelError(f"the kernel's table cannot be read: {broken}") from broken
            # An unfinished dump keeps its socket busy, and the family may have another id now.
            fresh = Channel(self._open())
            self._dumps.close()
            self._dumps = fresh
            time.sleep(PAUSE)
            self.resolve()

    def _read_once(self) -> Table:
        services = self._services()
        table: dict[Key, Row] = {}
        for row in services:
            table[row.key] = row
            known = self._recall.destinations(row.key)
            table.update(known.by_key(self._destinations(known)))
        # A service that went meanwhile looks like one without destinations.
        if self._services() != services:
            raise BrokenDumpError("services came or went meanwhile")
        self._recall.trim(len(table))
        return table

    def _services(self) -> list[Service]:
        rows, _ = self._dump(Command.GET_SERVICE, b"", self._recall.services)
        return rows

    def _destinations(self, of: Destinations) -> list[Destination]:
        """Return the destinations of a service.

        A dump of several parts may lose or double some: it has to be what was there before, or be seen twice.
        """
        of.begin()
        rows, parts = self._dump(Command.GET_DESTINATION, of.request, of.decode)
        settled = parts <= 1 or rows == of.rows
        if not settled and self._dump(Command.GET_DESTINATION, of.request, of.decode)[0] != rows:
            raise BrokenDumpError("destinations came or went meanwhile")
        return rows

    def _dump(self, command: Command, payload: bytes, decode: Decode[R]) -> tuple[list[R], int]:
        """Return the rows of a whole dump, and in how many parts they came."""
        family = self._family or self.resolve()
        sequence = self._dumps.reserve(1)
        self._dumps.send(request(family, sequence, command, payload, DUMP))
        rows: list[R] = []
        parts = 0
        while True:
            found, done = decode(self._dumps.receive(), sequence)
            rows += found
            parts += bool(found)
            if done:
                return rows, parts


def _family(message: Message) -> int:
    if message.kind == dump.ERROR and message.errno:
        raise NoFamilyError("the kernel has no IPVS: modprobe ip_vs")
    return dump.family_id(message)


def _in_effect(op: Op, table: Table) -> bool:
    return table.get(op.row.key) == (None if op.verb is Verb.DELETE else op.row)
