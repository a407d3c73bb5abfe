"""What the kernel answers: netlink messages to rows.

Attribute by attribute, so that any kernel's layout is read; ``recall`` has the fast way. What cannot be a row is
skipped, what cannot be read raises MalformedAnswerError.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeVar

from ldirectord_py.address import Address
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink.encode import AF_INET, AF_INET6
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    FirewallMark,
    Forward,
    Protocol,
    Service,
    ServiceFlag,
    ServiceKey,
    Tunnel,
    VirtualAddress,
)

UNPRIVILEGED = "the kernel's IPVS table is not ours to use: run as root or with CAP_NET_ADMIN"
ERROR, DONE = 2, 3
MULTIPART, INTERRUPTED = 0x2, 0x10

R = TypeVar("R")
HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE = 0x3FFF
_ORDER: Final = "little" if struct.pack("=H", 1) == b"\1\0" else "big"
_SETTABLE = 0x3D  # the kernel's own flag 2 and unknown ones are dropped


class MalformedAnswerError(KernelError):
    """The kernel's answer cannot be read; another try may bring a better one."""


class BrokenDumpError(KernelError):
    """A dump is not whole, or not of one moment; the next one may be."""


@dataclass(frozen=True, slots=True)
class Message:
    """A netlink message: its type, flags, sequence number, and what follows its header."""

    kind: int
    flags: int
    sequence: int
    body: memoryview

    @property
    def errno(self) -> int:
        """Return the errno that an ERROR or DONE message carries, 0 for none."""
        if len(self.body) < 4:
            return 0
        return -int.from_bytes(self.body[:4], _ORDER, signed=True)


def messages(chunk: bytes) -> Iterator[Message]:
    """Yield the messages of one received chunk; MalformedAnswerError at the first that does not fit in it."""
    offset, view = 0, memoryview(chunk)
    while offset < len(chunk):
        if len(chunk) - offset < HEADER.size:
            raise MalformedAnswerError("the kernel's answer ends inside a header")
        length, kind, flags, sequence, _ = HEADER.unpack_from(chunk, offset)
        if not HEADER.size <= length <= len(chunk) - offset:
            raise MalformedAnswerError(f"the kernel's answer holds a message of {length} bytes that does not fit in it")
        yield Message(kind, flags, sequence, view[offset + HEADER.size : offset + length])
        offset += (length + 3) & ~3


Attributes = dict[int, memoryview]


def attributes(body: memoryview) -> Attributes:
    """Return the attributes by type, the last one of each; MalformedAnswerError when one does not fit."""
    found: Attributes = {}
    offset, end = 0, len(body)
    while end - offset >= 4:
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if not 4 <= length <= end - offset:
            raise MalformedAnswerError(f"the kernel's answer holds an attribute of {length} bytes that does not fit")
        found[kind & _TYPE] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _number(found: Attributes, kind: int, size: int) -> int:
    """Return an attribute in the host's order, 0 where it is absent."""
    value = found.get(kind)
    if value is None:
        return 0
    if len(value) < size:
        raise MalformedAnswerError(f"the kernel's answer holds an attribute {kind} of {len(value)} bytes, not {size}")
    return int.from_bytes(value[:size], _ORDER)


def _port(found: Attributes, kind: int) -> int:
    return int.from_bytes(found.get(kind, b"\0\0")[:2], "big")


def address(value: bytes, family: int) -> Address:
    """Return the address of a field that is 16 bytes long for both families."""
    if family == AF_INET and len(value) >= 4:
        return IPv4Address(value[:4])
    if family == AF_INET6 and len(value) >= 16:
        return IPv6Address(value[:16])
    raise MalformedAnswerError(f"the kernel's answer holds an address of family {family} in {len(value)} bytes")


def _text(found: Attributes, kind: int) -> str:
    return bytes(found.get(kind, b"")).split(b"\0")[0].decode("ascii", "replace")


def family_id(message: Message) -> int:
    """Return the id in an answer of the generic-netlink controller; MalformedAnswerError without one."""
    return _number(attributes(message.body[4:]), 1, 2) or _absent("family id")


def _absent(what: str) -> int:
    raise MalformedAnswerError(f"the kernel's answer holds no {what}")


def part(chunk: bytes, sequence: int, decode: Callable[[Message], R | None]) -> tuple[list[R], bool]:
    """Return the rows of a chunk of the dump ``sequence``, and whether the dump ends with it.

    BrokenDumpError when the kernel says that it was interrupted, or answers with an error.
    """
    rows: list[R] = []
    for message in messages(chunk):
        if message.sequence != sequence:
            continue
        if message.flags & INTERRUPTED:
            raise BrokenDumpError("the kernel's dump was interrupted")
        if message.kind in (ERROR, DONE):
            if message.errno:
                raise _broken(message.errno)
            return rows, True
        row = decode(message)
        if row is not None:
            rows.append(row)
    return rows, False


def _broken(error: int) -> KernelError:
    if error == errno.EPERM:
        return KernelError(UNPRIVILEGED)
    return BrokenDumpError(f"the kernel answered {errno.errorcode.get(error, error)}")


def service(message: Message) -> Service | None:
    """Return the service that the message of a dump holds, or None when it is not one that a table can hold."""
    nest = attributes(message.body[4:]).get(1)
    if nest is None:
        return None
    found = attributes(nest)
    key = _service_key(found)
    if key is None:
        return None
    mask = bytes(found.get(9, b"")[:4])
    return Service(
        key,
        _text(found, 6),
        ServiceFlag(_number(found, 7, 4) & _SETTABLE),
        _number(found, 8, 4),
        int.from_bytes(mask, _ORDER if key.ipv6 else "big"),
        _text(found, 11),
    )


def _service_key(found: Attributes) -> ServiceKey | None:
    family = _number(found, 1, 2)
    mark = _number(found, 5, 4)
    if family not in (AF_INET, AF_INET6):
        return None
    if mark:
        return FirewallMark(mark, family == AF_INET6)
    protocol = _number(found, 2, 2)
    if protocol not in PROTOCOLS:
        return None
    return VirtualAddress(Protocol(protocol), address(bytes(found.get(3, b"")), family), _port(found, 4))


PROTOCOLS = frozenset(Protocol)
FORWARDS = [*Forward, Forward.BYPASS, Forward.BYPASS, Forward.BYPASS]


def destination(message: Message, of: ServiceKey) -> Destination | None:
    """Return the destination of the service ``of`` that the message of a dump holds, or None without one."""
    nest = attributes(message.body[4:]).get(2)
    if nest is None:
        return None
    found = attributes(nest)
    # Kernels before 3.18 leave the family out: it is the service's.
    family = _number(found, 11, 2) or (AF_INET6 if of.ipv6 else AF_INET)
    return Destination(
        DestinationKey(of, address(bytes(found.get(1, b"")), family), _port(found, 2)),
        FORWARDS[_number(found, 3, 4) & 7],
        _number(found, 4, 4),
        _number(found, 5, 4),
        _number(found, 6, 4),
        _tunnel(found),
    )


def _tunnel(found: Attributes) -> Tunnel:
    """Return the tunnel, that of kernels before 5.3 where the attributes are absent."""
    return Tunnel(_number(found, 13, 1), _port(found, 14), _number(found, 15, 2)) if 13 in found else IPIP


def numbers(message: Message, kinds: Iterable[int]) -> list[int]:
    """Return numbers of four bytes in the message of a destination, 0 for each that is absent."""
    found = attributes(attributes(message.body[4:]).get(2, message.body[:0]))
    return [_number(found, kind, 4) for kind in kinds]
