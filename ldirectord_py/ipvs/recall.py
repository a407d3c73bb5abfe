"""Dumps to rows at fixed offsets, and each row decoded once.

What a dump holds is known by its bytes without the counters, so that what has not changed since the last one is the
same object again. Any chunk that does not have the layout of Linux 5.3 and later throughout is left to ``dump``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from ldirectord_py.ipvs import dump
from ldirectord_py.ipvs.dump import DONE, ERROR, FORWARDS, HEADER, MULTIPART, PROTOCOLS, Message
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    VirtualAddress,
)
from ldirectord_py.ipvs.wire import AF_INET, AF_INET6, service_key

# Netlink header, command and nest; address to thresholds; connections; family; statistics.
_DESTINATION = struct.Struct("=24s84s24x8s216x")
# Address, port, forward, weight, (tunnel), upper, lower, (connections), family: each with its head.
_VALUES = struct.Struct("=24x 4s16s 4s2sxx 4sI 4sI 24x 4sI 4sI 24x 4sHxx 216x")
# Command and nest; family, protocol, address, port: each with its head.
_SERVICE_KEY = struct.Struct("=8x 4sHxx 4sHxx 4s16s 4s2sxx")


def _heads(*heads: tuple[int, int]) -> tuple[bytes, ...]:
    return tuple(struct.pack("=HH", length, kind) for length, kind in heads)


_VALUE_HEADS = _heads((20, 1), (6, 2), (8, 3), (8, 4), (8, 5), (8, 6), (6, 11))
_SERVICE_KEY_HEADS = _heads((6, 1), (6, 2), (20, 3), (6, 4))
_END = struct.Struct("=IHHIIi")
_FAMILIES = frozenset((AF_INET, AF_INET6))
_STATISTICS = 0x5C + 0x7C
_COUNTERS, _COUNTERS64 = _heads((0x5C, 10), (0x7C, 12))

Settings = tuple[str, ServiceFlag, int, int, str]
"""All of a service but its key."""


class Recall:
    """Its state is what it decoded, by its bytes, of no more than twice as many services as a table had."""

    def __init__(self) -> None:
        self._services: dict[bytes, Service | None] = {}
        self._settings: dict[bytes, Settings] = {}
        self._destinations: dict[ServiceKey, Destinations] = {}

    def trim(self, rows: int) -> None:
        """Forget everything when that is much more than the ``rows`` of the table."""
        if len(self._services) + len(self._destinations) > 2 * rows + 256:
            self._services.clear()
            self._settings.clear()
            self._destinations.clear()

    def destinations(self, of: ServiceKey) -> Destinations:
        """Return what is known of a service's destinations."""
        known = self._destinations.get(of)
        if known is None:
            known = self._destinations[of] = Destinations(of)
        return known

    def services(self, chunk: bytes, sequence: int) -> tuple[list[Service], bool]:
        """Return the services of a chunk, and whether the dump ends with it; errors as ``dump.part``."""
        rows: list[Service] = []
        offset = 0
        while offset < len(chunk):
            end = _end_of_service(chunk, offset, sequence)
            if not end:
                return dump.part(chunk, sequence, dump.service)
            known = chunk[offset + HEADER.size : end - _STATISTICS]
            row = self._services.get(known)
            if row is None:
                body = memoryview(chunk)[offset + HEADER.size : end]
                row = self._services[known] = self._service(known, body)
            if row is not None:
                rows.append(row)
            offset = end
        return rows, False

    def _service(self, known: bytes, body: memoryview) -> Service | None:
        """Return the service; most have an address, and the settings of the one before."""
        key, settings = _virtual_address(known), known[_SERVICE_KEY.size :]
        if key is not None and settings in self._settings:
            return Service(key, *self._settings[settings])
        row = dump.service(Message(0, 0, 0, body))
        if key is not None and row is not None:
            self._settings[settings] = row.scheduler, row.flags, row.persistence, row.mask, row.engine
        return row


class Destinations:
    """What is known of one service: the attribute that asks for its destinations, and these by their bytes."""

    __slots__ = ("_before", "_known", "_last", "_of", "request")

    def __init__(self, of: ServiceKey) -> None:
        self.request = service_key(of)
        self._of = of
        self._known: dict[bytes, list[Destination]] = {}
        self._before: dict[bytes, list[Destination]] = {}
        self._last: tuple[Sequence[Destination], dict[Key, Row]] = ((), {})

    @property
    def rows(self) -> Sequence[Destination]:
        """The destinations of the last whole dump."""
        return self._last[0]

    def begin(self) -> None:
        """Remember no more than the last dump and the one that begins now."""
        self._before, self._known = self._known, {}

    def by_key(self, rows: Sequence[Destination]) -> dict[Key, Row]:
        """Return the rows by key: the same mapping as long as they are the same.

        Taking them over from a mapping saves hashing their keys, which costs more than all the rest.
        """
        if rows != self._last[0]:
            self._last = rows, {row.key: row for row in rows}
        return self._last[1]

    def decode(self, chunk: bytes, sequence: int) -> tuple[list[Destination], bool]:
        """Return the destinations of a chunk, and whether the dump ends with it; errors as ``dump.part``."""
        if _is_end(chunk, sequence):
            return [], True
        rows = self._fixed(chunk) if _is_fixed(chunk, sequence) else None
        if rows is None:
            return dump.part(chunk, sequence, partial(dump.destination, of=self._of))
        return rows, False

    def _fixed(self, chunk: bytes) -> list[Destination] | None:
        """Return the rows of a chunk that has the fixed layout throughout, else None."""
        heads, values, families = zip(*_DESTINATION.iter_unpack(chunk), strict=True)
        if heads.count(heads[0]) != len(heads):
            return None
        part = b"".join(values + families)
        rows = self._known.get(part) or self._before.get(part) or self._decoded(chunk)
        if rows is not None:
            self._known[part] = rows
        return rows

    def _decoded(self, chunk: bytes) -> list[Destination] | None:
        columns = tuple(zip(*_VALUES.iter_unpack(chunk), strict=True))
        addresses, ports, forwards, weights, uppers, lowers, families = columns[1::2]
        if not _FAMILIES.issuperset(families) or [{head} for head in _VALUE_HEADS] != list(map(set, columns[::2])):
            return None
        of = self._of
        keys = [
            DestinationKey(of, IPv4Address(address[:4]) if family == AF_INET else IPv6Address(address), _port(port))
            for address, port, family in zip(addresses, ports, families, strict=True)
        ]
        methods = [FORWARDS[forward & 7] for forward in forwards]
        rows = list(map(Destination, keys, methods, weights, uppers, lowers))
        return list(map(self._same, rows)) if self._last[1] else rows

    def _same(self, row: Destination) -> Destination:
        """Return the row of the last dump that is equal, if there is one."""
        known = self._last[1].get(row.key)
        return known if isinstance(known, Destination) and known == row else row


def _virtual_address(known: bytes) -> VirtualAddress | None:
    """Return the key of a service that has an address, None for any other layout."""
    fields = _SERVICE_KEY.unpack_from(known)
    family, protocol, address, port = fields[1::2]
    if fields[::2] != _SERVICE_KEY_HEADS or family not in _FAMILIES or protocol not in PROTOCOLS:
        return None
    at = IPv4Address(address[:4]) if family == AF_INET else IPv6Address(address)
    return VirtualAddress(Protocol(protocol), at, _port(port))


def _port(packed: bytes) -> int:
    return int.from_bytes(packed, "big")


def _end_of_service(chunk: bytes, offset: int, sequence: int) -> int:
    """Return where the message of a service ends that has its statistics last, or 0."""
    if len(chunk) - offset < HEADER.size:
        return 0
    length, kind, flags, of_dump, _ = HEADER.unpack_from(chunk, offset)
    end = int(offset + length)
    whole = length >= HEADER.size + _SERVICE_KEY.size + _STATISTICS and end <= len(chunk) and not length % 4
    if not whole or (flags, of_dump) != (MULTIPART, sequence) or kind in (ERROR, DONE):
        return 0
    fixed = chunk.startswith(_COUNTERS, end - _STATISTICS) and chunk.startswith(_COUNTERS64, end - 0x7C)
    return end if fixed else 0


def _is_end(chunk: bytes, sequence: int) -> bool:
    """Return whether the chunk is nothing but the good end of the dump."""
    if len(chunk) != _END.size:
        return False
    _, kind, flags, of_dump, _, error = _END.unpack(chunk)
    return (kind, flags, of_dump, error) == (DONE, MULTIPART, sequence, 0)


def _is_fixed(chunk: bytes, sequence: int) -> bool:
    """Return whether the chunk begins with a destination of the fixed size, and has room for nothing else."""
    if not chunk or len(chunk) % _DESTINATION.size:
        return False
    length, kind, flags, of_dump, _ = HEADER.unpack_from(chunk)
    return (length, flags, of_dump) == (_DESTINATION.size, MULTIPART, sequence) and kind not in (ERROR, DONE)
