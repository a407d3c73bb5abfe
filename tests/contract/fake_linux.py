"""A kernel at the other end of netlink sockets: IPVS as Linux 6.1 answers, with mishaps on request."""

from __future__ import annotations

import errno
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.netlink.decode import NetlinkMessage, attributes, destination, messages, service
from ldirectord_py.ipvs.netlink.encode import batch
from ldirectord_py.ipvs.netlink.uapi import (
    GENL_ID_CTRL,
    IPVS_CMD_GET_SERVICE,
    IPVS_CMD_NEW_DEST,
    IPVS_CMD_NEW_SERVICE,
    NLM_F_MULTI,
    NLMSG_DONE,
    NLMSG_ERROR,
)
from ldirectord_py.ipvs.table import Destination, DestinationKey, Row, Service

Mishap = Callable[[bytes], bytes]
"""What befalls one received chunk: another chunk, or an OSError."""

HEADER = struct.Struct("=IHHII")
VERBS = {1: Verb.ADD, 2: Verb.EDIT, 3: Verb.DELETE, 5: Verb.ADD, 6: Verb.EDIT, 7: Verb.DELETE}
PORT_ID = 161


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def numbers(first: int, count: int, layout: str = "=I") -> bytes:
    return b"".join(attribute(kind, struct.pack(layout, 0)) for kind in range(first, first + count))


STATISTICS = attribute(10, bytes(0x58)) + attribute(12, bytes(0x78))


def dumped_service(row: Service) -> bytes:
    """Return the message body of a service: as it is written, but with room for any address, flag 2 and statistics."""
    (message,) = messages(batch([Op(Verb.ADD, row)], 0, 0))
    found = {kind: bytes(value) for kind, value in attributes(attributes(message.body[4:])[1]).items()}
    if 3 in found:
        found[3] = found[3].ljust(16, b"\0")
    found[7] = struct.pack("=II", row.flags | 2, 0xFFFFFFFF)
    nest = b"".join(attribute(kind, value) for kind, value in found.items()) + STATISTICS
    return struct.pack("BBH", IPVS_CMD_NEW_SERVICE, 1, 0) + attribute(1, nest)


def dumped_destination(row: Destination, connections: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """Return the message body of a destination in the layout of Linux 6.1: 340 bytes after the header."""
    address = row.key.address
    nest = (
        attribute(1, address.packed.ljust(16, b"\0"))
        + attribute(2, struct.pack(">H", row.key.port))
        + attribute(3, struct.pack("=I", row.forward))
        + attribute(4, struct.pack("=I", row.weight))
        + attribute(13, bytes([row.tunnel.kind]))
        + attribute(14, struct.pack(">H", row.tunnel.port))
        + attribute(15, struct.pack("=H", row.tunnel.flags))
        + attribute(5, struct.pack("=I", row.upper))
        + attribute(6, struct.pack("=I", row.lower))
        + b"".join(attribute(kind, struct.pack("=I", count)) for kind, count in enumerate(connections, 7))
        + attribute(11, struct.pack("=H", 2 if address.version == 4 else 10))
        + STATISTICS
    )
    return struct.pack("BBH", IPVS_CMD_NEW_DEST, 1, 0) + attribute(2, nest)


def packed(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, PORT_ID) + body


class FakeLinux:
    """The table, the family's id (None: the module is not loaded), and what goes wrong.

    ``connected`` holds the active, inactive and persistent connections of destinations. ``mishaps`` befall the chunks
    received, one each in turn. ``deaf`` counts batches that get lost on the way in. ``between`` is called
    after each part of a dump, which holds ``part`` rows.
    """

    def __init__(self, rows: Iterable[Row] = (), *, part: int = 10) -> None:
        self.kernel = MemoryKernel(rows)
        self.family: int | None = 32
        self.connected: dict[DestinationKey, tuple[int, int, int]] = {}
        self.mishaps: deque[Mishap] = deque()
        self.deaf = 0
        self.part = part
        self.between: Callable[[], None] = lambda: None
        self.body: Callable[[bytes], bytes] = lambda body: body
        self.unprivileged = False
        self.sent = 0

    def open_socket(self) -> FakeSocket:
        return FakeSocket(self)

    def answers(self, data: bytes) -> Iterator[bytes]:
        """Yield the chunks that answer a datagram; edits are done before the first is asked for."""
        self.sent += 1
        requests = list(messages(data))
        if requests[0].kind == GENL_ID_CTRL:
            yield self._family_answer(requests[0])
        elif requests[0].flags & 0x300:
            yield from self._dump(requests[0])
        elif self.deaf:
            self.deaf -= 1
        else:
            yield from [answer for one in requests if (answer := self._edit(one))]

    def _family_answer(self, message: NetlinkMessage) -> bytes:
        if self.family is None:
            return self._error(message, errno.ENOENT)
        body = struct.pack("BBH", 1, 2, 0) + attribute(2, b"IPVS\0") + attribute(1, struct.pack("=H", self.family))
        return packed(GENL_ID_CTRL, message.sequence, body)

    def _error(self, message: NetlinkMessage, error: int) -> bytes:
        return packed(NLMSG_ERROR, message.sequence, struct.pack("=i16s", -error, b""))

    def _refusal(self, message: NetlinkMessage) -> int:
        if message.kind != self.family:
            return errno.ENOENT
        return errno.EPERM if self.unprivileged else 0

    def _edit(self, message: NetlinkMessage) -> bytes | None:
        error = self._refusal(message) or self._done(message)
        return self._error(message, error) if error or message.flags & 4 else None

    def _done(self, message: NetlinkMessage) -> int:
        command = message.body[0]
        of = service(message)
        assert of is not None
        row = of if command < 5 else destination(message, of.key)
        assert row is not None
        try:
            self.kernel.apply([Op(VERBS[command], row)]).send(None)
        except StopIteration as done:
            return done.value[0].errno if done.value else 0
        raise AssertionError("the kernel in memory waited")

    def _dump(self, message: NetlinkMessage) -> Iterator[bytes]:
        if error := self._refusal(message):
            yield self._error(message, error)
            return
        offset = 0
        while chunk := b"".join(self._part(message, offset)):
            yield chunk
            offset += self.part
            self.between()
        yield packed(NLMSG_DONE, message.sequence, bytes(4), NLM_F_MULTI)

    def _part(self, message: NetlinkMessage, offset: int) -> Iterator[bytes]:
        """Yield some rows by index, as Linux resumes a dump."""
        if message.body[0] == IPVS_CMD_GET_SERVICE:
            services = [row for row in self.kernel.table.values() if isinstance(row, Service)]
            bodies = [dumped_service(row) for row in services[offset : offset + self.part]]
        else:
            of = service(message)
            assert of is not None
            all_rows = (row for row in self.kernel.table.values() if isinstance(row, Destination))
            rows = [row for row in all_rows if row.key.service == of.key]
            bodies = [
                dumped_destination(row, self.connected.get(row.key, (0, 0, 0)))
                for row in rows[offset : offset + self.part]
            ]
        assert self.family is not None
        for body in bodies:
            yield packed(self.family, message.sequence, self.body(body), NLM_F_MULTI)


class FakeSocket:
    """One socket to a FakeLinux."""

    def __init__(self, linux: FakeLinux) -> None:
        self._linux = linux
        self._answers: deque[Iterator[bytes]] = deque()

    def send(self, data: bytes, /) -> int:
        answers = self._linux.answers(data)
        first = next(answers, None)  # what is asked for is done inside send()
        if first is not None:
            self._answers.append(iter([first]))
        self._answers.append(answers)
        return len(data)

    def recv(self, size: int, /) -> bytes:
        chunk = self._next()
        if self._linux.mishaps:
            chunk = self._linux.mishaps.popleft()(chunk)
        return chunk[:size]

    def _next(self) -> bytes:
        while self._answers:
            for chunk in self._answers[0]:
                return chunk
            self._answers.popleft()
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def close(self) -> None:
        self._answers.clear()


def fine(chunk: bytes) -> bytes:
    """Let a chunk through."""
    return chunk


def overrun(_: bytes) -> bytes:
    """Drop a chunk: the receive buffer was full."""
    raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))


def lose(_: bytes) -> bytes:
    """Drop a chunk without a word."""
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def too_long(chunk: bytes) -> bytes:
    """Make a chunk longer than any buffer, so that it is cut."""
    return chunk + bytes(2**17)


def cut(chunk: bytes) -> bytes:
    """Cut a chunk inside its last message."""
    return chunk[:-8]


def interrupted(chunk: bytes) -> bytes:
    """Set NLM_F_DUMP_INTR on the first message."""
    return chunk[:6] + struct.pack("=H", NLM_F_MULTI | 0x10) + chunk[8:]
