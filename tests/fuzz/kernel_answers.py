"""What the kernel says over netlink: single chunks of dumps, and whole conversations, chunk by chunk."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Final

from contract.fake_linux import FakeLinux, FakeSocket, dumped_destination, dumped_service, packed
from fuzz.target import SEPARATOR, FuzzTarget, each, replaced
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink import decode, session
from ldirectord_py.ipvs.netlink.dump_cache import DumpCache
from ldirectord_py.ipvs.netlink.session import NetlinkSession
from ldirectord_py.ipvs.netlink.uapi import NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR
from ldirectord_py.ipvs.netlink.usage import usage
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    VirtualAddress,
)

ERRORS: Final = (KernelError,)
SEQUENCE: Final = 7

WEB: Final = VirtualAddress(Protocol.TCP, ip_address("10.0.0.1"), 80)
ROWS: Final[tuple[Row, ...]] = (
    Service(WEB, "wlc"),
    Destination(DestinationKey(WEB, ip_address("10.1.0.1"), 80), ForwardMethod.MASQUERADE, 2, 100, 50),
    Destination(DestinationKey(WEB, ip_address("2001:db8::1"), 8080), ForwardMethod.TUNNEL, 0),
    Service(FirewallMark(3), "rr"),
)


def _chunk(*bodies: bytes) -> bytes:
    return b"".join(packed(30, SEQUENCE, body, NLM_F_MULTI) for body in bodies)


def _services(chunk: bytes) -> object:
    return [decode.service(message) for message in decode.dumped(chunk, SEQUENCE)[0]]


def _destinations(chunk: bytes) -> object:
    return [decode.destination(message, WEB) for message in decode.dumped(chunk, SEQUENCE)[0]]


def _family(chunk: bytes) -> object:
    return [decode.family_id(message) for message in decode.messages(chunk)]


_SERVICES = _chunk(*(dumped_service(row) for row in ROWS if isinstance(row, Service)))
_DESTINATIONS = _chunk(*(dumped_destination(row) for row in ROWS if isinstance(row, Destination)))

DUMPS: Final = FuzzTarget(
    "netlink-dump",
    each(
        ERRORS,
        *(_services, _destinations, _family),
        lambda chunk: DumpCache().services(chunk, SEQUENCE),
        lambda chunk: DumpCache().destinations(WEB).rows_of_chunk(chunk, SEQUENCE),
        lambda chunk: usage(WEB, chunk, SEQUENCE),
    ),
    ERRORS,
    (
        _SERVICES,
        _DESTINATIONS,
        packed(NLMSG_DONE, SEQUENCE, bytes(4), NLM_F_MULTI),
        packed(NLMSG_ERROR, SEQUENCE, (-errno.EPERM).to_bytes(4, "little", signed=True) + bytes(16)),
    ),
)


class ReplayedSocket:
    """A socket that receives the chunks of the input, whatever is sent."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def send(self, data: bytes, /) -> int:
        """Send nothing."""
        return len(data)

    def recv(self, size: int, /) -> bytes:
        """Return the next chunk; raises BlockingIOError after the last one."""
        for chunk in self._chunks:
            return chunk[:size]
        raise BlockingIOError(errno.EAGAIN, "nothing more")

    def close(self) -> None:
        """Close nothing."""


class RecordingSocket(ReplayedSocket):
    """A socket of a fake Linux that keeps what was received."""

    def __init__(self, opened: FakeSocket, received: list[bytes]) -> None:
        self._opened = opened
        self._received = received

    def send(self, data: bytes, /) -> int:
        """Send it."""
        return self._opened.send(data)

    def recv(self, size: int, /) -> bytes:
        """Return the next chunk."""
        self._received.append(chunk := self._opened.recv(size))
        return chunk


OPS: Final = (Op(Verb.EDIT, ROWS[0]), Op(Verb.DELETE, ROWS[1]), Op(Verb.ADD, ROWS[2]))


def _write(conversation: NetlinkSession) -> None:
    conversation.confirm(OPS, conversation.write(OPS))


TALKS: Final[tuple[Callable[[NetlinkSession], object], ...]] = (
    NetlinkSession.read,
    _write,
    lambda conversation: conversation.usage([WEB]),
)
"""What is done, by the first byte of the input."""


def _recorded(number: int) -> bytes:
    """Return what a kernel says meanwhile."""
    linux, received = FakeLinux(ROWS), list[bytes]()
    with closing(NetlinkSession(lambda: RecordingSocket(linux.open_socket(), received))) as conversation:
        TALKS[number](conversation)
    return bytes((number,)) + SEPARATOR.join(received)


def _converse(data: bytes) -> None:
    """Talk until there is nothing more to hear; of the clock a second passes at each look."""
    clock = SimpleNamespace(monotonic=itertools.count().__next__, sleep=lambda _: None)
    opened = ReplayedSocket(iter(data[1:].split(SEPARATOR)))
    with replaced((session, "time", clock)), closing(NetlinkSession(lambda: opened)) as conversation:
        TALKS[data[0] % len(TALKS) if data else 0](conversation)


CONVERSATIONS: Final = FuzzTarget(
    "netlink-session", _converse, ERRORS, tuple(map(_recorded, range(len(TALKS)))), max_length=4096
)

TARGETS: Final = (DUMPS, CONVERSATIONS)
