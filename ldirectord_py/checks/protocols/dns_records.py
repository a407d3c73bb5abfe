"""The records of a DNS answer as text, in bounded time for any answer.

dnspython 2.9 is not used: a malicious answer of 63 kB takes it 15 s, and it keeps a class for every unknown type of
record.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed

INTERNET = 1
"""The class of the records that are read."""

_MAX_POINTERS = 127  # more labels than a name can have

_SPECIAL = frozenset(b'"().;\\@$')
_ESCAPED = tuple(
    b"\\%c" % byte if byte in _SPECIAL else b"%c" % byte if 0x20 < byte < 0x7F else b"\\%03d" % byte
    for byte in range(256)
)


RecordDecoder: TypeAlias = Callable[[bytes, int, int], bytes]
"""Returns the text of a record's data, given the message and the start and end of the data.

Raises ValueError, IndexError or struct.error.
"""


class RecordType(IntEnum):
    """The supported types of records."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33


def record_texts(data: bytes, at: int, count: int) -> Iterator[bytes]:
    """Yield the text of each record of a supported type; raises CheckFailed for a malformed record."""
    try:
        for _ in range(count):
            read, start, at = _frame(data, at)
            if read:
                yield read(data, start, at)
    except (IndexError, ValueError, struct.error):
        raise CheckFailed(f"malformed DNS answer: {excerpt(data[12:], 40)}") from None


def _frame(data: bytes, at: int) -> tuple[RecordDecoder | None, int, int]:
    """Return the decoder of a record, and start and end of its data."""
    at = _after_name(data, at)
    kind, family, _, size = struct.unpack_from("!HHIH", data, at)
    if at + 10 + size > len(data):
        raise ValueError
    return _DECODERS.get(kind) if family == INTERNET else None, at + 10, at + 10 + size


def _after_name(data: bytes, at: int) -> int:
    while size := data[at]:
        if size >= 0xC0:
            return at + 2
        at += 1 + size
    return at + 1


def _name(data: bytes, at: int) -> bytes:
    """Return a name as text, without the final dot; pointers must point back, and are limited in number."""
    labels: list[bytes] = []
    length, jumps, border = 1, 0, at
    while size := data[at]:
        if size >= 0xC0:
            at, jumps = (size & 0x3F) << 8 | data[at + 1], jumps + 1
            if at >= border or jumps > _MAX_POINTERS:
                raise ValueError
            border = at
            continue
        length += 1 + size
        if size >= 0x40 or length > 255:
            raise ValueError
        labels.append(b"".join(_ESCAPED[byte] for byte in data[at + 1 : at + 1 + size]))
        at += 1 + size
    return b".".join(labels) or b"."


def _last_name(data: bytes, at: int, end: int) -> bytes:
    if _after_name(data, at) != end:
        raise ValueError
    return _name(data, at)


def _a(data: bytes, at: int, end: int) -> bytes:
    return str(IPv4Address(data[at:end])).encode()


def _aaaa(data: bytes, at: int, end: int) -> bytes:
    return str(IPv6Address(data[at:end])).encode()


def _mx(data: bytes, at: int, end: int) -> bytes:
    return b"%d %s" % (*struct.unpack_from("!H", data, at), _last_name(data, at + 2, end))


def _srv(data: bytes, at: int, end: int) -> bytes:
    return b"%d %d %d %s" % (*struct.unpack_from("!3H", data, at), _last_name(data, at + 6, end))


def _soa(data: bytes, at: int, end: int) -> bytes:
    names = _name(data, at), _last_name(data, _after_name(data, at), end - 20)
    return b"%s %s %d %d %d %d %d" % (*names, *struct.unpack_from("!5I", data, end - 20))


def _txt(data: bytes, at: int, end: int) -> bytes:
    """Return the joined strings of the record, as users of TXT records read them."""
    strings: list[bytes] = []
    while at < end:
        strings.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if at != end:
        raise ValueError
    return b"".join(strings)


_DECODERS: Mapping[int, RecordDecoder] = {
    RecordType.A: _a,
    RecordType.NS: _last_name,
    RecordType.CNAME: _last_name,
    RecordType.SOA: _soa,
    RecordType.PTR: _last_name,
    RecordType.MX: _mx,
    RecordType.TXT: _txt,
    RecordType.AAAA: _aaaa,
    RecordType.SRV: _srv,
}
