"""Rows to generic-netlink messages, as in <linux/ip_vs.h>.

Numbers are in the host's order but for ports and IPv4 masks. ``dump`` has the way back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.refusal import validate
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    FirewallMark,
    Row,
    Service,
    ServiceKey,
    Tunnel,
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


_COMMANDS = {
    (Verb.ADD, Service): Command.NEW_SERVICE,
    (Verb.EDIT, Service): Command.SET_SERVICE,
    (Verb.DELETE, Service): Command.DEL_SERVICE,
    (Verb.ADD, Destination): Command.NEW_DESTINATION,
    (Verb.EDIT, Destination): Command.SET_DESTINATION,
    (Verb.DELETE, Destination): Command.DEL_DESTINATION,
}
_VERB, _ROW, _PACKED = attrgetter("verb"), attrgetter("row"), attrgetter("packed")
HEADER = struct.Struct("=IHHIIBBH")
_FLAGS, _FLAGS_AT, _SEQUENCE_AT = struct.Struct("=H"), 6, 8
_HEAD = struct.Struct("=HH")

# Each attribute is its length and type, its value and the padding to four bytes.
_MARK_KEY = struct.Struct("=HHHxx HHI")
_KEY = struct.Struct("=HHHxx HHHxx HH16s HH2sxx")
_SETTINGS = struct.Struct("=HHII HHI HH4s")
_FAMILY = struct.Struct("=HHHxx")
_NUMBER = struct.Struct("=I")
_MASK = struct.Struct(">I")


def request(family: int, sequence: int, command: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return one message of the family."""
    length = HEADER.size + len(payload)
    return HEADER.pack(length, family, REQUEST | flags, sequence, 0, command, VERSION, 0) + payload


def batch(ops: Sequence[Op], family: int, sequence: int) -> bytes:
    """Return the ops as messages numbered from ``sequence``; only the last asks for an answer when it succeeds."""
    parts: list[bytearray] = []
    for verb, of_verb in groupby(ops, _VERB):
        for kind, rows in groupby(map(_ROW, of_verb), type):
            for size, payloads in groupby(_payloads(verb, tuple(rows)), len):
                alike = (b"", *payloads)
                head = HEADER.pack(HEADER.size + size, family, REQUEST, 0, 0, _COMMANDS[verb, kind], VERSION, 0)
                parts.append(_numbered(head, alike, sequence))
                sequence += len(alike) - 1
    _FLAGS.pack_into(parts[-1], len(parts[-1]) - HEADER.size - size + _FLAGS_AT, REQUEST | ACK)
    return b"".join(parts)


def _numbered(head: bytes, payloads: tuple[bytes, ...], sequence: int) -> bytearray:
    """Return messages that are alike but for their payloads, of one length and after an empty one, and their numbers.

    Numbers are put into all of them at once, byte by byte: a call for each message takes five times as long.
    """
    count, size = len(payloads) - 1, len(head) + len(payloads[-1])
    data = bytearray(head.join(payloads))
    numbers = struct.pack(f"={count}I", *range(sequence, sequence + count))
    for byte in range(4):
        data[_SEQUENCE_AT + byte :: size] = numbers[byte::4]
    return data


def _payloads(verb: Verb, rows: tuple[Row, ...]) -> Iterable[bytes]:
    if verb is Verb.DELETE:
        return map(_packed_key, rows)
    return kept if all(kept := tuple(map(_PACKED, rows))) else map(pack, rows)


def pack(row: Row) -> bytes:
    """Return what the kernel is sent to add or edit the row; the row keeps it, so that it is packed once."""
    if not row.packed:
        packed = _nest(1, _service(row)) if isinstance(row, Service) else _destination(row)
        object.__setattr__(row, "packed", packed)
    return row.packed


def prepare(rows: Iterable[Row]) -> None:
    """Pack the rows that make sense now, so that writing them later takes less time."""
    for row in rows:
        if not (row.packed or validate(Op(Verb.ADD, row))):
            pack(row)


def _packed_key(row: Row) -> bytes:
    return service_key(row.key) if isinstance(row, Service) else _destination_key(row.key)


@lru_cache(maxsize=64)  # rows come service by service
def service_key(key: ServiceKey) -> bytes:
    """Return the attribute that names a service."""
    return _nest(1, _key(key))


def _nest(kind: int, attributes: bytes) -> bytes:
    return _HEAD.pack(4 + len(attributes), kind | NESTED) + attributes


def _key(key: ServiceKey) -> bytes:
    family = AF_INET6 if key.ipv6 else AF_INET
    if isinstance(key, FirewallMark):
        return _MARK_KEY.pack(6, 1, family, 8, 5, key.mark)
    return _KEY.pack(*(6, 1, family, 6, 2, key.protocol), *(20, 3, key.packed, 6, 4, key.port.to_bytes(2, "big")))


def _service(row: Service) -> bytes:
    mask = (_NUMBER if row.key.ipv6 else _MASK).pack(row.mask)
    settings = _SETTINGS.pack(12, 7, row.flags, ALL_FLAGS, 8, 8, row.persistence, 8, 9, mask)
    return _key(row.key) + _text(6, row.scheduler) + settings + (_text(11, row.engine) if row.engine else b"")


def _text(kind: int, text: str) -> bytes:
    value = text.encode("ascii") + b"\0"
    return _HEAD.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def _destination(row: Destination) -> bytes:
    key, (port, forward, weight, upper, lower) = row.key, VALUE_HEADS
    attributes = _DESTINATION.pack(
        *(ADDRESS_HEAD, key.packed, port, key.port.to_bytes(2, "big")),
        *(forward, row.forward, weight, row.weight, upper, row.upper, lower, row.lower),
        FAMILIES[key.ipv6],
    )
    more = b"" if row.tunnel == IPIP else tunnel(row.tunnel)
    return service_key(key.service) + _nest(2, attributes + more)


def tunnel(of: Tunnel) -> bytes:
    """Return the attributes of a tunnel."""
    kind, port, flags = TUNNEL_HEADS
    return TUNNEL.pack(kind, of.kind, port, of.port.to_bytes(2, "big"), flags, of.flags)


def _destination_key(key: DestinationKey) -> bytes:
    port = key.port.to_bytes(2, "big")
    named = _KEY_IMAGE.pack(ADDRESS_HEAD, key.packed, VALUE_HEADS[0], port, FAMILIES[key.ipv6])
    return service_key(key.service) + _nest(2, named)


# An address has room for those of IPv6, as the kernel gives it back.
_DESTINATION = struct.Struct("=4s16s 4s2sxx 4sI 4sI 4sI 4sI 8s")
_KEY_IMAGE = struct.Struct("=4s16s 4s2sxx 8s")
ADDRESS_HEAD = _HEAD.pack(20, 1)
VALUE_HEADS = [_HEAD.pack(4 + length, kind) for length, kind in ((2, 2), (4, 3), (4, 4), (4, 5), (4, 6))]
TUNNEL = struct.Struct("=4sBxxx 4s2sxx 4sHxx")
TUNNEL_HEADS = tuple(_HEAD.pack(4 + length, kind) for length, kind in ((1, 13), (2, 14), (2, 15)))
FAMILIES = [_FAMILY.pack(6, 11, family) for family in (AF_INET, AF_INET6)]
