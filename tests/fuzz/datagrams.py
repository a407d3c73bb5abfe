"""Answers of one datagram: DNS, SIP, RADIUS, ICMP."""

from __future__ import annotations

import hashlib
import struct
from ipaddress import ip_address
from typing import Final

from fuzz.target import Decoder, FuzzTarget, each, replaced
from ldirectord_py.checks.checktypes import ping
from ldirectord_py.checks.protocols.dns_message import Query
from ldirectord_py.checks.protocols.dns_records import RecordType
from ldirectord_py.checks.protocols.radius_packet import AccessRequest
from ldirectord_py.checks.protocols.sip_message import OptionsRequest
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Protocol

ERRORS: Final = (CheckFailed,)
LOOPBACK: Final = ip_address("127.0.0.1")

QUERY: Final = Query("a.example", RecordType.A, 0x21)
_QUESTION = b"\x01a\x07example\0\0\x01\0\x01"


def _dns(*records: tuple[RecordType, bytes], flags: int = 0x8180) -> bytes:
    head = struct.pack("!6H", QUERY.identity, flags, 1, len(records), 0, 0)
    answers = (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data for kind, data in records)
    return head + _QUESTION + b"".join(answers)


_NAME = b"\x02mx\xc0\x0c"
DNS: Final = FuzzTarget(
    "dns",
    QUERY.decode,
    ERRORS,
    (
        _dns((RecordType.A, bytes((192, 0, 2, 1))), (RecordType.AAAA, bytes(16))),
        _dns((RecordType.MX, b"\0\x0a" + _NAME), (RecordType.SRV, bytes(6) + _NAME), (RecordType.CNAME, _NAME)),
        _dns((RecordType.SOA, _NAME + _NAME + bytes(20)), (RecordType.TXT, b'\x03a"b\x02\xff;')),
        _dns(flags=0x8183),
        _dns(flags=0x8380),
    ),
)

OPTIONS: Final = OptionsRequest("joe", Protocol.UDP, (LOOPBACK, 5060), "0123456789abcdef")
_HEADERS = b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK%b\r\nCall-ID: %b\r\nCSeq: 1 OPTIONS\r\n\r\n"
_OURS = _HEADERS.replace(b"%b", OPTIONS.token.encode())
SIP_DATAGRAM: Final = FuzzTarget(
    "sip-datagram",
    OPTIONS.decode,
    ERRORS,
    (b"SIP/2.0 200 OK" + _OURS, b"SIP/2.0 100 Trying" + _OURS, b"OPTIONS sip:joe SIP/2.0" + _OURS),
)

SECRET: Final = b"testing123"
ACCESS: Final = AccessRequest(b"joe", b"hunter2", SECRET, LOOPBACK, 7, bytes(16))


def _sealed(data: bytes) -> bytes:
    """Return a packet that is signed with our secret and has its own length, so that its attributes are read."""
    head = struct.pack("!BBH", data[0] if data else 2, ACCESS.number, 20 + len(data[1:]))
    signed = head + ACCESS.authenticator + data[1:] + SECRET
    return head + hashlib.md5(signed, usedforsecurity=False).digest() + data[1:]


RADIUS: Final = FuzzTarget(
    "radius",
    each(ERRORS, ACCESS.decode, lambda data: ACCESS.decode(_sealed(data))),
    ERRORS,
    (b"\x02\x12\x07hello", b"\x03\x12\x04no\x12\x04!!", b"\x02\x50\x12" + bytes(16), _sealed(b"\x0b\x12\x03?")),
)


def _echo(address: str, *, raw: bool) -> Decoder:
    """Return what decides whether a packet answers a ping."""
    with replaced((ping, "_open_socket", lambda _: (None, raw))):
        echo = ping.Echo(ip_address(address))
    echo._identifier, echo._token = 0x1234, bytes(16)
    return lambda packet: echo._answers(packet, 3)


_REPLY = struct.pack("!BBHHH", 0, 0, 0, 0x1234, 1) + bytes(16)
_REPLY_6 = b"\x81" + _REPLY[1:]
ICMP: Final = FuzzTarget(
    "icmp",
    each((), _echo("127.0.0.1", raw=True), _echo("127.0.0.1", raw=False), _echo("::1", raw=True)),
    (),
    (_REPLY, _REPLY_6, b"\x45" + bytes(19) + _REPLY, b"\x4f" + bytes(59) + _REPLY),
)

TARGETS: Final = (DNS, SIP_DATAGRAM, RADIUS, ICMP)
