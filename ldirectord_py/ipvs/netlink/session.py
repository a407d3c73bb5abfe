"""One conversation with the kernel's IPVS: whole tables are read, ops written in batches.

Nothing here waits, but the kernel may spend a long time inside a call (it loads a scheduler's module, or handles
thousands of rows): long calls belong off the event loop.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final, TypeVar

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink import decode
from ldirectord_py.ipvs.netlink.batches import MAX_BATCH, Batch, batches
from ldirectord_py.ipvs.netlink.decode import BrokenDumpError, MalformedAnswerError, NetlinkMessage
from ldirectord_py.ipvs.netlink.dump_cache import DumpCache, DumpedDestinations
from ldirectord_py.ipvs.netlink.encode import request, service_key
from ldirectord_py.ipvs.netlink.socket import (
    LONG_READ,
    PAGE_READ,
    AnswerDroppedError,
    AnswerLostError,
    NetlinkSocket,
    OpenSocket,
    open_socket,
)
from ldirectord_py.ipvs.netlink.uapi import (
    CTRL_ATTR_FAMILY_NAME,
    CTRL_CMD_GETFAMILY,
    GENL_ID_CTRL,
    IPVS_CMD_GET_DEST,
    IPVS_CMD_GET_SERVICE,
    IPVS_GENL_NAME,
    NLATTR,
    NLM_F_DUMP,
    NLMSG_ERROR,
)
from ldirectord_py.ipvs.netlink.usage import usage
from ldirectord_py.ipvs.refusal import Refused
from ldirectord_py.ipvs.table import (
    NOT_ENCODED,
    DestinationKey,
    EncodedRows,
    Key,
    Row,
    Service,
    ServiceKey,
    Table,
    Usage,
)
from ldirectord_py.runtime.prefetch import prefetch
from ldirectord_py.runtime.threads import DaemonThreads

READ_TIMEOUT: Final = 5.0
"""Seconds for which a table that changes while it is read is read again."""
MIN_READS: Final = 5
"""How often it is read at least: this host may stand still meanwhile."""
RETRY_PAUSE: Final = 0.005
"""Seconds before each of these attempts."""
MAX_PAGE_DESTINATIONS: Final = 10
"""Destinations whose dump fits into one page."""
MAX_WRITES: Final = 3
"""How often an op is written whose answer is lost."""

_IPVS_NAME = NLATTR.pack(9, CTRL_ATTR_FAMILY_NAME) + struct.pack("8s", IPVS_GENL_NAME.encode())

Decoded = TypeVar("Decoded")
Result = TypeVar("Result")
Decode = Callable[[bytes, int], tuple[list[Decoded], bool]]
"""Decodes a chunk of the dump with a sequence number: its rows, and whether the dump ends with it."""


class NoFamilyError(KernelError):
    """The kernel has no IPVS now: the module ip_vs is not loaded."""


@dataclass(slots=True)
class WriteOutcome:
    """The outcome of ops, by position.

    ``invalid`` ones were not sent, ``errors`` has the errno of those that the kernel refused, ``lost`` had no answer.
    """

    family: int
    invalid: dict[int, Refused] = field(default_factory=dict)
    errors: dict[int, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)

    @property
    def needs_confirmation(self) -> bool:
        """Whether the table has to be read again; ENOENT may also mean that the family has another id now."""
        return bool(self.lost) or errno.ENOENT in self.errors.values()


class NetlinkSession:
    """Sockets for edits, for short dumps and for long ones, and the id of the family IPVS once it is known."""

    def __init__(self, opener: OpenSocket = open_socket) -> None:
        self._opener = opener
        self._edits, self._short_dumps, self._long_dumps = _open_sockets(opener, PAGE_READ, PAGE_READ, LONG_READ)
        self._family = 0
        self._cache = DumpCache()
        self._encoders = DaemonThreads("ipvs-encode", 1)

    def close(self) -> None:
        """Close the sockets."""
        for opened in (self._edits, self._short_dumps, self._long_dumps):
            opened.close()

    def resolve(self) -> int:
        """Return the id of the family IPVS as of now; NoFamilyError where the kernel has none."""
        sequence = self._edits.reserve(1)
        self._edits.send(request(GENL_ID_CTRL, sequence, CTRL_CMD_GETFAMILY, _IPVS_NAME))
        while True:
            for message in decode.messages(self._edits.receive()):
                if message.sequence == sequence:
                    self._family = _family(message)
                    return self._family

    def write(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> WriteOutcome:
        """Send the valid ops in order and return the outcome of all; KernelError when none may be written."""
        outcome = WriteOutcome(self._family or self.resolve())
        messages = batches(ops, outcome.family, self._edits.reserve(len(ops)), encoded)
        for each in prefetch(messages, self._encoders) if len(ops) > MAX_BATCH else messages:
            outcome.invalid |= each.invalid
            if each.messages:
                self._write_batch(each, outcome)
        if errno.EPERM in outcome.errors.values():
            raise KernelError(decode.UNPRIVILEGED)
        return outcome

    def _write_batch(self, each: Batch, outcome: WriteOutcome) -> None:
        self._edits.send(each.messages)
        answers, complete = self._receive_answers(each.first, each.last)
        outcome.errors |= {each.positions[number - each.first]: error for number, error in answers.items() if error}
        if not complete:
            outcome.lost += [at for number, at in enumerate(each.positions, each.first) if number not in answers]

    def _receive_answers(self, first: int, last: int) -> tuple[dict[int, int], bool]:
        """Return the errno of each answer by sequence number, and whether the last came and none was lost."""
        answers: dict[int, int] = {}
        complete = True
        for _ in range(2 * (last - first) + 8):
            try:
                for message in decode.messages(self._edits.receive()):
                    if message.kind == NLMSG_ERROR and first <= message.sequence <= last:
                        answers[message.sequence] = message.errno
            except (AnswerDroppedError, MalformedAnswerError):
                complete = False
            except AnswerLostError:
                break
            if last in answers:
                return answers, complete
        return answers, False

    def confirm(self, ops: Sequence[Op], outcome: WriteOutcome) -> dict[int, int]:
        """Return the errno of each refused op by position, once nothing in ``outcome`` needs confirmation.

        Ops without an answer are looked up in the table, and written again where they had no effect.
        """
        errors = dict(outcome.errors)
        for _ in range(MAX_WRITES):
            again = self._without_effect(ops, errors, outcome)
            if not again:
                return errors
            result = self.write([ops[at] for at in again])
            errors |= {again[at]: error for at, error in result.errors.items()}
            outcome = WriteOutcome(result.family, errors=result.errors, lost=[again[at] for at in result.lost])
        return errors | dict.fromkeys(outcome.lost, errno.ENOBUFS)

    def _without_effect(self, ops: Sequence[Op], errors: dict[int, int], outcome: WriteOutcome) -> list[int]:
        again: list[int] = []
        if errno.ENOENT in outcome.errors.values() and self.resolve() != outcome.family:
            again += [at for at, error in errors.items() if error == errno.ENOENT]
            for at in again:
                del errors[at]
        if outcome.lost:
            table = self.read()
            again += [at for at in outcome.lost if not _in_effect(ops[at], table)]
        return sorted(again)

    def read(self) -> Table:
        """Return the table, each service with its destinations of one moment; KernelError when it keeps changing."""
        return self._retry(self._read_once)

    def usage(self, services: Collection[ServiceKey]) -> dict[DestinationKey, Usage]:
        """Return the weight and the connections of the destinations of these services; KernelError as ``read``."""
        return self._retry(lambda: dict(chain.from_iterable(self._usage(key).items() for key in services)))

    def _retry(self, attempt: Callable[[], Result]) -> Result:
        """Return the result of the first attempt during which the table does not change, or raise KernelError."""
        end = time.monotonic() + READ_TIMEOUT
        reads = 0
        while True:
            reads += 1
            try:
                return attempt()
            except (BrokenDumpError, AnswerLostError, MalformedAnswerError) as broken:
                if reads >= MIN_READS and time.monotonic() > end:
                    raise KernelError(f"the kernel's table cannot be read: {broken}") from broken
            # An unfinished dump keeps its socket busy, and the family may have another id now.
            fresh = _open_sockets(self._opener, PAGE_READ, LONG_READ)
            self._short_dumps.close()
            self._long_dumps.close()
            self._short_dumps, self._long_dumps = fresh
            time.sleep(RETRY_PAUSE)
            self.resolve()

    def _read_once(self) -> Table:
        services = self._services()
        table: dict[Key, Row] = {}
        count = MAX_PAGE_DESTINATIONS + 1
        for row in services:
            destinations = self._destinations(self._cache.destinations(row.key), count)
            count = len(destinations)
            table[row.key] = row
            table.update(destinations)
        # A service that was removed meanwhile looks like one without destinations.
        if self._services() != services:
            raise BrokenDumpError("services came or went meanwhile")
        self._cache.trim(len(table))
        return table

    def _services(self) -> list[Service]:
        return self._dump(self._long_dumps, IPVS_CMD_GET_SERVICE, b"", self._cache.services)[0]

    def _destinations(self, known: DumpedDestinations, count: int) -> Mapping[Key, Row]:
        """Return the destinations of a service, probably ``count`` if it had none when it was read last.

        A dump in several parts may lose or repeat some: it has to equal the one before. In parts of a page it would be
        decoded twice.
        """
        is_short = (len(known.last) or count) <= MAX_PAGE_DESTINATIONS
        opened = self._short_dumps if is_short else self._long_dumps
        rows, parts = self._dump(opened, IPVS_CMD_GET_DEST, known.request, known.rows_of_chunk)
        if parts > 1 and rows != known.last:
            again, _ = self._dump(self._long_dumps, IPVS_CMD_GET_DEST, known.request, known.rows_of_chunk)
            if again != rows:
                raise BrokenDumpError("destinations came or went meanwhile")
        known.remember(rows)
        return known.rows

    def _usage(self, owner: ServiceKey) -> dict[DestinationKey, Usage]:
        """Return the usage of each destination; a dump in several parts, which may lose some, is repeated."""
        decode_chunk = partial(usage, owner)
        found, parts = self._dump(self._long_dumps, IPVS_CMD_GET_DEST, service_key(owner), decode_chunk)
        if parts > 1:
            found += self._dump(self._long_dumps, IPVS_CMD_GET_DEST, service_key(owner), decode_chunk)[0]
        return dict(found)

    def _dump(
        self, opened: NetlinkSocket, command: int, payload: bytes, decode: Decode[Decoded]
    ) -> tuple[list[Decoded], int]:
        """Return the rows of a whole dump, and the number of its parts."""
        family = self._family or self.resolve()
        sequence = opened.reserve(1)
        opened.send(request(family, sequence, command, payload, NLM_F_DUMP))
        rows: list[Decoded] = []
        parts, done = 0, False
        while not done:
            found, done = decode(opened.receive(), sequence)
            if found:
                rows = rows + found if rows else found  # the cached list itself where there is only one
                parts += 1
        return rows, parts


def _open_sockets(opener: OpenSocket, *sizes: int) -> list[NetlinkSocket]:
    """Return a socket for each size; none is left open when one cannot be opened."""
    with ExitStack() as opened:
        sockets = [NetlinkSocket(opened.enter_context(closing(opener())), size) for size in sizes]
        opened.pop_all()
    return sockets


def _family(message: NetlinkMessage) -> int:
    if message.kind == NLMSG_ERROR and message.errno:
        raise NoFamilyError("the kernel has no IPVS: modprobe ip_vs")
    return decode.family_id(message)


def _in_effect(op: Op, table: Table) -> bool:
    return table.get(op.row.key) == (None if op.verb is Verb.DELETE else op.row)
