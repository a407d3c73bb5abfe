"""The records of a DNS answer as text, in little time whatever the server sends.

A reader of messages in general is not for this: dnspython 2.9 takes 15 s over 63 kB that are made to be slow, and
keeps a class for every unknown type of record it ever saw.
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
"""The class of all records that are looked at."""

_MAX_POINTERS = 127  # more labels than a name can have

_SPECIAL = frozenset(b'"().;\\@$')
_ESCAPED = tuple(
    b"\\%c" % byte if byte in _SPECIAL else b"%c" % byte if 0x20 < byte < 0x7F else b"\\%03d" % byte
    for byte in range(256)
)


RecordDecoder: TypeAlias = Callable[[bytes, int, int], bytes]
"""Reads the data of a record between two places of a message; raises ValueError, IndexError or struct.error."""


class RecordType(IntEnum):
    """The types of records that can be asked for and read."""

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
    """Yield the text of the records that we can read; raises CheckFailed if one is malformed."""
    try:
        for _ in range(count):
            read, start, at = _frame(data, at)
            if read:
                yield read(data, start, at)
    except (IndexError, ValueError, struct.error):
        raise CheckFailed(f"malformed DNS answer: {excerpt(data[12:], 40)}") from None


def _frame(data: bytes, at: int) -> tuple[RecordDecoder | None, int, int]:
    """Return who reads the data of the record, and where they start and end."""
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
    """Return a name as text, without the dot at its end; pointers lead back only, and not too often."""
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
    """Return the strings of the record joined, as those who use them read them."""
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
