"""Dumps to rows at fixed offsets, and each row decoded once.

What a dump holds is known by its bytes without the counters, so that what has not changed since the last one is the
same object again. Any chunk that does not have the layout of Linux 5.3 and later throughout is left to ``dump``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, repeat

from ldirectord_py.ipvs.netlink import decode, encode
from ldirectord_py.ipvs.netlink.decode import (
    DONE,
    ERROR,
    FORWARDS,
    HEADER,
    MULTIPART,
    PROTOCOLS,
    BrokenDumpError,
    Message,
)
from ldirectord_py.ipvs.netlink.encode import AF_INET, AF_INET6, service_key
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Tunnel,
    VirtualAddress,
)

# Address to thresholds, family: not the header, the connections and the statistics.
_DESTINATION = struct.Struct("=24x84s24x8s216x")
_IMAGE = struct.Struct("=4x4s12s 4x2sxx 4xI 4xI 24s 4xI 4xI 4xHxx")
_WHOLE = struct.Struct("=4s16s 4s2sxx 4sI 4sI 24s 4sI 4sI 8s")
_PLAIN_TUNNEL = encode.tunnel(IPIP)
_IMAGE_HEADS = struct.Struct("=4s16x 4s4x 4s4x 4s4x 24x 4s4x 4s4x 4s4x")
# Command and nest; family, protocol, address, port: each with its head.
_SERVICE_KEY = struct.Struct("=8x 4sHxx 4sHxx 4s16s 4s2sxx")


def _heads(*heads: tuple[int, int]) -> tuple[bytes, ...]:
    return tuple(struct.pack("=HH", length, kind) for length, kind in heads)


_DESTINATION_HEADS = _heads((20, 1), (6, 2), (8, 3), (8, 4), (8, 5), (8, 6), (6, 11))
_SERVICE_KEY_HEADS = _heads((6, 1), (6, 2), (20, 3), (6, 4))
_END = struct.Struct("=IHHIIi")
_FAMILIES = frozenset((AF_INET, AF_INET6))
_STATISTICS = 0x5C + 0x7C
_COUNTERS, _COUNTERS64 = _heads((0x5C, 10), (0x7C, 12))

Settings = tuple[str, ServiceFlag, int, int, str]
"""All of a service but its key."""


class DumpCache:
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
        if rows := self._known_services(chunk, sequence):
            return rows, False
        offset = 0
        while offset < len(chunk):
            end = _end_of_service(chunk, offset, sequence)
            if not end:
                return decode.part(chunk, sequence, decode.service)
            known = chunk[offset + HEADER.size : end - _STATISTICS]
            row = self._services.get(known)
            if row is None:
                body = memoryview(chunk)[offset + HEADER.size : end]
                row = self._services[known] = self._service(known, body)
            if row is not None:
                rows.append(row)
            offset = end
        return rows, False

    def _known_services(self, chunk: bytes, sequence: int) -> list[Service]:
        """Return the services of a chunk whose messages are equally long, nothing when one of them is new."""
        size = _end_of_service(chunk, 0, sequence)
        if not size or len(chunk) % size:
            return []
        parts = struct.iter_unpack(f"={HEADER.size}s{size - HEADER.size - _STATISTICS}s{_STATISTICS}x", chunk)
        heads, known = zip(*parts, strict=True)
        rows = list(filter(None, map(self._services.get, known)))
        return rows if len(rows) == len(known) and heads.count(heads[0]) == len(heads) else []

    def _service(self, known: bytes, body: memoryview) -> Service | None:
        """Return the service; most have an address, and the settings of the one before."""
        key, settings = _virtual_address(known), known[_SERVICE_KEY.size :]
        if key is not None and settings in self._settings:
            return Service(key, *self._settings[settings])
        row = decode.service(Message(0, 0, 0, body))
        if key is not None and row is not None:
            self._settings[settings] = row.scheduler, row.flags, row.persistence, row.mask, row.engine
        return row


class Destinations:
    """What is known of one service: the attribute that asks for its destinations, and these as last dumped.

    They are compared by their image: of each its attributes from address to thresholds, and its family.
    """

    __slots__ = ("_fixed", "_image", "_of", "request", "rows")

    def __init__(self, of: ServiceKey) -> None:
        self.request = service_key(of)
        self.rows: Mapping[Key, Row] = {}
        self._of = of
        self._image = b""
        self._fixed = True

    def image(self, chunk: bytes, sequence: int) -> tuple[list[bytes], bool]:
        """Return the image of a chunk, and whether the dump ends with it; errors as ``dump.part``."""
        if _is_end(chunk, sequence):
            return [], True
        if self._fixed and _is_fixed(chunk, sequence):
            return [b"".join(chain.from_iterable(_DESTINATION.iter_unpack(chunk)))], False
        rows, done = decode.part(chunk, sequence, partial(decode.destination, of=self._of))
        return list(map(comparable_bytes, rows)), done

    def is_known(self, whole: bytes) -> bool:
        """Return whether this is the image of ``rows``."""
        return whole == self._image

    def learn(self, whole: bytes) -> None:
        """Take the rows of an image over, and those that are the same as before as they are.

        BrokenDumpError when it cannot be one: the next dump is read attribute by attribute.
        """
        rows: dict[Key, Row] = {row.key: row for row in self._decoded(whole)}
        self.rows = {key: self._same(row) for key, row in rows.items()} if self.rows else rows
        self._image = whole

    def _decoded(self, whole: bytes) -> Iterable[Destination]:
        """Return the rows of an image; 10,000 are made with little help of Python's."""
        if not whole:
            return ()
        columns = zip(*_IMAGE.iter_unpack(whole), strict=True)
        starts, ends, ports, forwards, weights, wrapped, uppers, lowers, families = columns
        tunnels = _tunnels(wrapped)
        known = set(_IMAGE_HEADS.iter_unpack(whole)) == {_DESTINATION_HEADS} and _FAMILIES.issuperset(families)
        if not known or tunnels is None:
            self._fixed = False
            raise BrokenDumpError("the kernel's dump has another layout")
        addresses = starts if set(families) == {AF_INET} else map(_packed, starts, ends, families)
        numbers = struct.unpack(f">{len(ports)}H", b"".join(ports))
        keys = map(tuple.__new__, repeat(DestinationKey), zip(repeat(self._of), addresses, numbers))
        methods = [FORWARDS[forward & 7] for forward in forwards]
        return map(Destination, keys, methods, weights, uppers, lowers, tunnels)

    def _same(self, row: Row) -> Row:
        """Return the row of the last dump that is equal, if there is one."""
        known = self.rows.get(row.key)
        return row if known is None or known != row else known


def comparable_bytes(row: Destination) -> bytes:
    """Return the attributes of a destination from address to thresholds, and its family, as a dump has them."""
    key, (port, forward, weight, upper, lower) = row.key, encode.VALUE_HEADS
    return _WHOLE.pack(
        *(encode.ADDRESS_HEAD, key.packed, port, key.port.to_bytes(2, "big")),
        *(forward, row.forward, weight, row.weight, encode.tunnel(row.tunnel), upper, row.upper, lower, row.lower),
        encode.FAMILIES[key.ipv6],
    )


def _tunnels(packed: Sequence[bytes]) -> Iterable[Tunnel] | None:
    """Return the tunnels, nearly always plain ones, or None for another layout."""
    if packed.count(_PLAIN_TUNNEL) == len(packed):
        return repeat(IPIP)
    values = [encode.TUNNEL.unpack(each) for each in packed]
    if any(value[::2] != encode.TUNNEL_HEADS for value in values):
        return None
    return [Tunnel(kind, int.from_bytes(port, "big"), flags) for _, kind, _, port, _, flags in values]


def _packed(start: bytes, end: bytes, family: int) -> bytes:
    return start if family == AF_INET else start + end


def _virtual_address(known: bytes) -> VirtualAddress | None:
    """Return the key of a service that has an address, None for any other layout."""
    fields = _SERVICE_KEY.unpack_from(known)
    family, protocol, address, port = fields[1::2]
    if fields[::2] != _SERVICE_KEY_HEADS or family not in _FAMILIES or protocol not in PROTOCOLS:
        return None
    packed = address[:4] if family == AF_INET else address
    return tuple.__new__(VirtualAddress, (Protocol(protocol), packed, int.from_bytes(port, "big")))


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
