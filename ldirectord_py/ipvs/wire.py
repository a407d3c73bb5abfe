"""Rows to generic-netlink messages, as in <linux/ip_vs.h>.

Numbers are in the host's order but for ports and IPv4 masks. ``dump`` has the way back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import (
    Address,
    Destination,
    FirewallMark,
    Service,
    ServiceKey,
)

AF_INET, AF_INET6 = 2, 10
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
VERSION = 1
ALL_FLAGS = 0xFFFFFFFF
NESTED = 0x8000


class Command(IntEnum):
    """The commands of the family IPVS that are sent."""

    NEW_SERVICE = 1
    SET_SERVICE = 2
    DEL_SERVICE = 3
    GET_SERVICE = 4
    NEW_DESTINATION = 5
    SET_DESTINATION = 6
    DEL_DESTINATION = 7
    GET_DESTINATION = 8


_SERVICE_COMMANDS = {
    Verb.ADD: Command.NEW_SERVICE,
    Verb.EDIT: Command.SET_SERVICE,
    Verb.DELETE: Command.DEL_SERVICE,
}
_DESTINATION_COMMANDS = {
    Verb.ADD: Command.NEW_DESTINATION,
    Verb.EDIT: Command.SET_DESTINATION,
    Verb.DELETE: Command.DEL_DESTINATION,
}
HEADER = struct.Struct("=IHHIIBBH")
_HEAD = struct.Struct("=HH")

# Each attribute is its length and type, its value and the padding to four bytes.
_MARK_KEY = struct.Struct("=HHHxx HHI")
_KEY = struct.Struct("=HHHxx HHHxx")
_V4 = struct.Struct("=HH4s HH2sxx")
_V6 = struct.Struct("=HH16s HH2sxx")
_SETTINGS = struct.Struct("=HHII HHI HH4s")
_FAMILY = struct.Struct("=HHHxx")
_PORT = struct.Struct(">H")
_NUMBER = struct.Struct("=I")
_MASK = struct.Struct(">I")


def request(family: int, sequence: int, command: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return one message of the family."""
    length = HEADER.size + len(payload)
    return HEADER.pack(length, family, REQUEST | flags, sequence, 0, command, VERSION, 0) + payload


def batch(ops: Sequence[Op], family: int, sequence: int) -> bytes:
    """Return the ops as messages numbered from ``sequence``; only the last asks for an answer when it succeeds."""
    parts: list[bytes] = []
    pack, last, size = HEADER.pack, sequence + len(ops) - 1, HEADER.size
    for number, (command, payload) in enumerate(_payloads(ops), sequence):
        flags = REQUEST | ACK if number == last else REQUEST
        parts += pack(size + len(payload), family, flags, number, 0, command, VERSION, 0), payload
    return b"".join(parts)


def service_key(key: ServiceKey) -> bytes:
    """Return the attribute that names a service."""
    return _nest(1, _key(key))


def _payloads(ops: Sequence[Op]) -> Iterator[tuple[Command, bytes]]:
    """Yield command and attributes; the key is packed once for a run of destinations of one service."""
    packed: bytes = b""
    of: ServiceKey | None = None
    for op in ops:
        row, verb = op.row, op.verb
        if isinstance(row, Service):
            yield _SERVICE_COMMANDS[verb], _nest(1, _service(row, verb))
            continue
        service = row.key.service
        if service is not of:
            packed, of = service_key(service), service
        yield _DESTINATION_COMMANDS[verb], packed + _destination(row, verb)


def _nest(kind: int, attributes: bytes) -> bytes:
    return _HEAD.pack(4 + len(attributes), kind | NESTED) + attributes


def _key(key: ServiceKey) -> bytes:
    family = AF_INET6 if key.ipv6 else AF_INET
    if isinstance(key, FirewallMark):
        return _MARK_KEY.pack(6, 1, family, 8, 5, key.mark)
    return _KEY.pack(6, 1, family, 6, 2, key.protocol) + _endpoint(key.address, key.port, 3)


def _endpoint(address: Address, port: int, kind: int) -> bytes:
    """Return address and port as the attributes ``kind`` and ``kind + 1``."""
    packed = address.packed
    layout = _V4 if len(packed) == 4 else _V6
    return layout.pack(4 + len(packed), kind, packed, 6, kind + 1, _PORT.pack(port))


def _service(row: Service, verb: Verb) -> bytes:
    key = _key(row.key)
    if verb is Verb.DELETE:
        return key
    mask = (_NUMBER if row.key.ipv6 else _MASK).pack(row.mask)
    settings = _SETTINGS.pack(12, 7, row.flags, ALL_FLAGS, 8, 8, row.persistence, 8, 9, mask)
    return key + _text(6, row.scheduler) + settings + (_text(11, row.engine) if row.engine else b"")


def _text(kind: int, text: str) -> bytes:
    value = text.encode("ascii") + b"\0"
    return _HEAD.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def _destination(row: Destination, verb: Verb) -> bytes:
    """Return the whole attribute of a destination: every length in it is known beforehand."""
    address = row.key.address.packed
    layouts = _DESTINATION_V4 if len(address) == 4 else _DESTINATION_V6
    port = row.key.port.to_bytes(2, "big")
    if verb is Verb.DELETE:
        head, family, key = layouts.key
        return key.pack(head, address, _PORT_HEAD, port, family)
    head, family, whole = layouts.whole
    return whole.pack(
        *(head, address, _PORT_HEAD, port, family),
        *(_FORWARD_HEAD, row.forward, _WEIGHT_HEAD, row.weight),
        *(_UPPER_HEAD, row.upper, _LOWER_HEAD, row.lower),
    )


def _head(length: int, kind: int) -> bytes:
    return _HEAD.pack(4 + length, kind)


_PORT_HEAD = _head(2, 2)
_FORWARD_HEAD, _WEIGHT_HEAD, _UPPER_HEAD, _LOWER_HEAD = (_head(4, kind) for kind in (3, 4, 5, 6))


class _Layouts:
    """The attribute of a destination of one family, with its key only or whole: head, family, layout."""

    def __init__(self, family: int, size: int) -> None:
        self.key = self._layout(family, size, "")
        self.whole = self._layout(family, size, "4sI 4sI 4sI 4sI")

    @staticmethod
    def _layout(family: int, size: int, values: str) -> tuple[bytes, bytes, struct.Struct]:
        layout = struct.Struct(f"=8s{size}s 4s2sxx 8s {values}")
        head = _head(layout.size - 4, 2 | NESTED) + _head(size, 1)
        return head, _FAMILY.pack(6, 11, family), layout


_DESTINATION_V4, _DESTINATION_V6 = _Layouts(AF_INET, 4), _Layouts(AF_INET6, 16)
