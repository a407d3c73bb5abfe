"""One conversation with the kernel's IPVS: tables read whole, ops written in batches.

Nothing here waits, but the kernel may take its time inside a call (a scheduler's module that it loads, thousands of
rows), so that long calls belong off the event loop.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink import decode
from ldirectord_py.ipvs.netlink.counts import Count, Counts
from ldirectord_py.ipvs.netlink.decode import BrokenDumpError, MalformedAnswerError, Message
from ldirectord_py.ipvs.netlink.dump_cache import Destinations, DumpCache
from ldirectord_py.ipvs.netlink.encode import DUMP, Command, batch, request
from ldirectord_py.ipvs.netlink.prefetch import prefetch
from ldirectord_py.ipvs.netlink.socket import (
    LARGE,
    SMALL,
    AnswerDroppedError,
    AnswerLostError,
    NetlinkSocket,
    OpenSocket,
    open_socket,
)
from ldirectord_py.ipvs.refusal import Refused, validate
from ldirectord_py.ipvs.table import DestinationKey, Key, Row, Service, ServiceKey, Table

FIRST, BATCH = 256, 1024
"""Ops in the first send, of which the kernel is to have something to do soon, and at most in one."""
PATIENCE = 5.0
"""How long, in seconds, a table that does not hold still is read again."""
PAUSE = 0.005
"""How long, in seconds, it is let alone before that."""
FEW = 10
"""Destinations of which a dump fits into one page."""
ROUNDS = 3
"""How often an op is written whose answers are lost."""

_PACKED = attrgetter("row.packed")
_CONTROLLER, _GET_FAMILY = 16, 3
_NAME = struct.pack("=HH5s3x", 9, 2, b"IPVS")

R = TypeVar("R")
Decode = Callable[[bytes, int], tuple[list[R], bool]]
"""What reads a chunk of the dump with a sequence number: its rows, and whether the dump ends with it."""


class NoFamilyError(KernelError):
    """The kernel has no IPVS now: the module ip_vs is not loaded."""


@dataclass(slots=True)
class WriteOutcome:
    """What became of ops sent to a family, by position.

    ``senseless`` were not sent, ``errors`` have the errno of those that the kernel refused, ``lost`` had no answer.
    """

    family: int
    senseless: dict[int, Refused] = field(default_factory=dict)
    errors: dict[int, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)

    @property
    def unclear(self) -> bool:
        """Whether the kernel has to be asked again; ENOENT may also mean that the family has another id now."""
        return bool(self.lost) or errno.ENOENT in self.errors.values()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages for one send, numbered from ``first``: the positions of their ops, and what makes no sense to send."""

    positions: Sequence[int]
    first: int
    data: bytes
    senseless: dict[int, Refused]


class NetlinkSession:
    """Sockets for edits, for small dumps and for large ones, and the id of the family IPVS once it is known."""

    def __init__(self, opener: OpenSocket = open_socket) -> None:
        self._open = opener
        self._edits, self._small, self._large = _channels(opener, SMALL, SMALL, LARGE)
        self._family = 0
        self._recall = DumpCache()

    def close(self) -> None:
        """Close the sockets."""
        for channel in (self._edits, self._small, self._large):
            channel.close()

    def resolve(self) -> int:
        """Return the id of the family IPVS as of now; NoFamilyError where the kernel has none."""
        sequence = self._edits.reserve(1)
        self._edits.send(request(_CONTROLLER, sequence, _GET_FAMILY, _NAME))
        while True:
            for message in decode.messages(self._edits.receive()):
                if message.sequence == sequence:
                    self._family = _family(message)
                    return self._family

    def write(self, ops: Sequence[Op]) -> WriteOutcome:
        """Send the ops that make sense in order; return what became of all. KernelError when none may be written."""
        family = self._family or self.resolve()
        outcome = WriteOutcome(family)
        batches = self._batches(ops, family)
        for sent in prefetch(batches) if len(ops) > FIRST else batches:
            self._send(sent, outcome)
        if errno.EPERM in outcome.errors.values():
            raise KernelError(decode.UNPRIVILEGED)
        return outcome

    def _batches(self, ops: Sequence[Op], family: int) -> Iterator[_Batch]:
        start, size = 0, FIRST
        while some := ops[start : start + size]:
            positions: Sequence[int] = range(start, start + len(some))
            senseless = _invalid(some, start)
            if senseless:
                positions = [position for position in positions if position not in senseless]
                some = [ops[position] for position in positions]
            first = self._edits.reserve(len(some))
            yield _Batch(positions, first, batch(some, family, first) if some else b"", senseless)
            start, size = start + size, min(2 * size, BATCH)

    def _send(self, sent: _Batch, outcome: WriteOutcome) -> None:
        outcome.senseless |= sent.senseless
        if not sent.data:
            return
        self._edits.send(sent.data)
        answers: dict[int, int] = {}
        whole = self._collect(sent.first, sent.first + len(sent.positions) - 1, answers)
        outcome.errors |= {sent.positions[number - sent.first]: error for number, error in answers.items() if error}
        if not whole:
            unanswered = (at for number, at in enumerate(sent.positions, sent.first) if number not in answers)
            outcome.lost += unanswered

    def _collect(self, first: int, last: int, answers: dict[int, int]) -> bool:
        """Note the answers by sequence number; return whether that to the last message came and none was lost."""
        whole = True
        for _ in range(2 * (last - first) + 8):
            try:
                for message in decode.messages(self._edits.receive()):
                    if message.kind == decode.ERROR and first <= message.sequence <= last:
                        answers[message.sequence] = message.errno
            except (AnswerDroppedError, MalformedAnswerError):
                whole = False
            except AnswerLostError:
                return False
            if last in answers:
                return whole
        return False

    def confirm(self, ops: Sequence[Op], outcome: WriteOutcome) -> dict[int, int]:
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
            outcome = WriteOutcome(result.family, errors=result.errors, lost=lost)
        return errors | dict.fromkeys(outcome.lost, errno.ENOBUFS)

    def _write_again(self, ops: Sequence[Op], errors: dict[int, int], outcome: WriteOutcome) -> list[int]:
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
        counts, parts = self._dump(self._large, Command.GET_DESTINATION, of.request, of.decode)
        if parts > 1:  # which may lose some
            counts += self._dump(self._large, Command.GET_DESTINATION, of.request, of.decode)[0]
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
            fresh = _channels(self._open, SMALL, LARGE)
            self._small.close()
            self._large.close()
            self._small, self._large = fresh
            time.sleep(PAUSE)
            self.resolve()

    def _read_once(self) -> Table:
        services = self._services()
        table: dict[Key, Row] = {}
        for row in services:
            table[row.key] = row
            table.update(self._destinations(self._recall.destinations(row.key)))
        # A service that went meanwhile looks like one without destinations.
        if self._services() != services:
            raise BrokenDumpError("services came or went meanwhile")
        self._recall.trim(len(table))
        return table

    def _services(self) -> list[Service]:
        rows, _ = self._dump(self._large, Command.GET_SERVICE, b"", self._recall.services)
        return rows

    def _destinations(self, of: Destinations) -> Mapping[Key, Row]:
        """Return the destinations of a service.

        A dump of several parts may lose or double some: it has to be what was there before, or be seen twice.
        """
        image, parts = self._image(of, self._small if len(of.rows) <= FEW else self._large)
        if not of.is_known(image):
            if parts > 1 and self._image(of, self._large)[0] != image:
                raise BrokenDumpError("destinations came or went meanwhile")
            of.learn(image)
        return of.rows

    def _image(self, of: Destinations, channel: NetlinkSocket) -> tuple[bytes, int]:
        images, parts = self._dump(channel, Command.GET_DESTINATION, of.request, of.image)
        return b"".join(images), parts

    def _dump(self, channel: NetlinkSocket, command: Command, payload: bytes, decode: Decode[R]) -> tuple[list[R], int]:
        """Return what a whole dump holds, and in how many parts it came."""
        family = self._family or self.resolve()
        sequence = channel.reserve(1)
        channel.send(request(family, sequence, command, payload, DUMP))
        rows: list[R] = []
        parts = 0
        while True:
            found, done = decode(channel.receive(), sequence)
            rows += found
            parts += bool(found)
            if done:
                return rows, parts


def _channels(opener: OpenSocket, *sizes: int) -> list[NetlinkSocket]:
    """Return a channel for each size; none is left open when one is not to be had."""
    with ExitStack() as opened:
        channels = [NetlinkSocket(opened.enter_context(closing(opener())), size) for size in sizes]
        opened.pop_all()
    return channels


def _invalid(ops: Sequence[Op], start: int) -> dict[int, Refused]:
    """Return what must not reach the kernel, by position from ``start``; what was packed once makes sense."""
    if all(map(_PACKED, ops)):
        return {}
    return {at: found for at, op in enumerate(ops, start) if not op.row.packed and (found := validate(op))}


def _family(message: Message) -> int:
    if message.kind == decode.ERROR and message.errno:
        raise NoFamilyError("the kernel has no IPVS: modprobe ip_vs")
    return decode.family_id(message)


def _in_effect(op: Op, table: Table) -> bool:
    return table.get(op.row.key) == (None if op.verb is Verb.DELETE else op.row)
