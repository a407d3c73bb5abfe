"""Dumps to rows at fixed offsets, and each row decoded once.

A row is known by its bytes without the counters, so that what has not changed since the last dump is the same object
again. Any chunk that does not have the layout of Linux 5.3 and later throughout is left to ``dump``.
"""

from __future__ import annotations

import struct
from functools import partial

from ldirectord_py.ipvs import dump
from ldirectord_py.ipvs.dump import DONE, ERROR, FORWARDS, HEADER, MULTIPART, Message
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, Service, ServiceKey
from ldirectord_py.ipvs.wire import AF_INET, AF_INET6

# Netlink header, command and nest; address to thresholds; connections; family; statistics.
_DESTINATION = struct.Struct("=24s84s24x8s216x")
# Address, port, forward, weight, (tunnel), upper, lower; family.
_VALUES = struct.Struct("=4s16s 4s2sxx 4sI 4sI 24x 4sI 4sI 4sHxx")


def _heads(*heads: tuple[int, int]) -> tuple[bytes, ...]:
    return tuple(struct.pack("=HH", length, kind) for length, kind in heads)


_HEADS = _heads((20, 1), (6, 2), (8, 3), (8, 4), (8, 5), (8, 6), (6, 11))
_STATISTICS = 0x5C + 0x7C
_COUNTERS, _COUNTERS64 = _heads((0x5C, 10), (0x7C, 12))


class Recall:
    """Its state is the rows that it decoded, by their bytes, and no more than twice as many as a table had."""

    def __init__(self) -> None:
        self._services: dict[bytes, Service | None] = {}
        self._destinations: dict[ServiceKey, dict[bytes, Destination]] = {}
        self._tables: dict[ServiceKey, tuple[list[Destination], dict[Key, Row]]] = {}

    def trim(self, rows: int) -> None:
        """Forget everything when that is much more than the ``rows`` of the table."""
        known = len(self._services) + sum(map(len, self._destinations.values()))
        if known + len(self._destinations) > 2 * rows + 256:
            self._services.clear()
            self._destinations.clear()
            self._tables.clear()

    def by_key(self, of: ServiceKey, rows: list[Destination]) -> dict[Key, Row]:
        """Return the rows of a service by key: the same mapping as long as they are the same.

        Taking them over from a mapping saves hashing their keys, which costs more than all the rest.
        """
        known = self._tables.get(of)
        if known is None or known[0] != rows:
            known = rows, {row.key: row for row in rows}
            self._tables[of] = known
        return known[1]

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
                row = dump.service(Message(0, 0, sequence, memoryview(chunk)[offset + HEADER.size : end]))
                self._services[known] = row
            if row is not None:
                rows.append(row)
            offset = end
        return rows, False

    def destinations(self, of: ServiceKey, chunk: bytes, sequence: int) -> tuple[list[Destination], bool]:
        """Return the destinations of a chunk, and whether the dump ends with it; errors as ``dump.part``."""
        if _is_fixed(chunk, sequence):
            known = self._destinations.setdefault(of, {})
            parts = [values + family for _, values, family in _DESTINATION.iter_unpack(chunk)]
            try:
                return [known[part] for part in parts], False
            except KeyError:
                known.update({part: row for part in parts if (row := _destination(part, of))})
            if all(part in known for part in parts):
                return [known[part] for part in parts], False
        return dump.part(chunk, sequence, partial(dump.destination, of=of))


def _end_of_service(chunk: bytes, offset: int, sequence: int) -> int:
    """Return where the message of a service ends that has its statistics last, or 0."""
    if len(chunk) - offset < HEADER.size:
        return 0
    length, kind, flags, of_dump, _ = HEADER.unpack_from(chunk, offset)
    end = int(offset + length)
    whole = length >= HEADER.size + _STATISTICS and end <= len(chunk) and not length % 4
    if not whole or (flags, of_dump) != (MULTIPART, sequence) or kind in (ERROR, DONE):
        return 0
    fixed = chunk.startswith(_COUNTERS, end - _STATISTICS) and chunk.startswith(_COUNTERS64, end - 0x7C)
    return end if fixed else 0


def _is_fixed(chunk: bytes, sequence: int) -> bool:
    """Return whether the chunk holds destinations of the fixed size and nothing else."""
    if not chunk or len(chunk) % _DESTINATION.size:
        return False
    length, kind, flags, of_dump, _ = HEADER.unpack_from(chunk)
    if (length, flags, of_dump) != (_DESTINATION.size, MULTIPART, sequence) or kind in (ERROR, DONE):
        return False
    head = chunk[:24]
    return all(first == head for first, _, _ in _DESTINATION.iter_unpack(chunk))


def _destination(part: bytes, of: ServiceKey) -> Destination | None:
    h0, address, h1, port, h2, forward, h3, weight, h4, upper, h5, lower, h6, family = _VALUES.unpack(part)
    if (h0, h1, h2, h3, h4, h5, h6) != _HEADS or family not in (AF_INET, AF_INET6):
        return None
    key = DestinationKey(of, dump.address(address, family), int.from_bytes(port, "big"))
    return Destination(key, FORWARDS[forward & 7], weight, upper, lower)
