"""Whole checks over TCP: each connection gets its part of the input as what the server says, whatever it hears.

SEPARATOR divides the connections (FTP's data, redirects of HTTP). The checksum of an input decides in which pieces it
comes.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from types import ModuleType, SimpleNamespace
from typing import Any, Final
from zlib import crc32

from fuzz.target import SEPARATOR, Decoder, FuzzTarget, replaced
from harness.fakes.ldap import BIND, DONE, EXTENDED, REFERENCE, entry, result
from harness.fakes.ldap import message as ldap_message
from harness.fakes.unconnected import DeafWriter, RecordedConnection, RecordedReader, run_without_loop
from ldirectord_py.checks import driver
from ldirectord_py.checks.base import Checker, Target
from ldirectord_py.checks.protocols import http1, mysql_session, postgres_session
from ldirectord_py.checks.services import KINDS, ftp, simpletcp, sip
from ldirectord_py.checks.transport import stream
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.text import escape_surrogates

SIZES: Final = (1, 7, *(65536,) * 6)
"""Bytes of a piece, by the checksum of the input: three in four come whole.

Were it a byte of the input, nearly all that the fuzzer keeps would come byte by byte: more turns of a loop look new.
"""

BYTE_BY_BYTE: Final = (1,)
"""SIZES of checks that start TLS: what comes before it must not be read with what follows."""

ERRORS: Final = (CheckFailed, Inconclusive, OSError)
"""What a Checker may raise."""

MAX_REASON: Final = 4000
"""Characters of a reason: 1,000 bytes of a server, escaped."""

TOKEN: Final = "0123456789abcdef"

Opener = Callable[[bytes, int], Any]
"""Returns a connection that says the data in pieces of this size."""

Place = tuple[ModuleType, str, Opener]
"""A function that opens a connection, by its module and name, and what does it instead."""


def streams(data: bytes, size: int) -> tuple[RecordedReader, DeafWriter]:
    return RecordedReader(data, size), DeafWriter()


async def _no_tls(*_: object) -> None:
    """Start TLS as if the server had agreed; what follows is plain here."""


class _InThisThread:
    """Threads for the key derivation of SCRAM, which costs one iteration here, whatever the server asks for."""

    async def run(self, call: partial[Any]) -> Any:
        """Return the answer to a challenge."""
        return call.func.__self__._replace(iterations=1).answer(*call.args)  # type: ignore[attr-defined]


def conversation(kind: str, *openers: Place, sizes: Sequence[int] = SIZES, **fields: Any) -> Decoder:
    """Return what runs the check of a kind.

    ``openers`` are the functions that open its connections, ``sizes`` the bytes of a piece, as in SIZES.
    """
    target = Target(ip_address("127.0.0.1"), 9, 20.0, **{"protocol": Protocol.TCP, **fields})
    service = KINDS[kind]
    checker = service.prepare(target) if service.prepare else service.check
    assert checker is not None

    def decode(data: bytes) -> object:
        size = sizes[crc32(data) % len(sizes)]
        said = iter(data.split(SEPARATOR))
        opened = ((module, name, _opening(make, said, size)) for module, name, make in openers)
        with replaced(*opened, *_FIXED):
            return _verdict(checker, target)

    return decode


def _opening(make: Opener, said: Iterator[bytes], size: int) -> Callable[..., Awaitable[Any]]:
    async def opened(*_: object, **__: object) -> Any:
        return make(next(said, b""), size)

    return opened


def _verdict(checker: Checker, target: Target) -> object:
    """Return the word of a check; the reason of one that fails has to be fit for a log line."""
    try:
        return run_without_loop(checker(target))
    except (CheckFailed, Inconclusive) as error:
        reason = escape_surrogates(str(error))
        assert reason.isprintable(), reason
        assert len(reason) <= MAX_REASON, reason
        raise


_FIXED: Final[tuple[tuple[ModuleType, str, object], ...]] = (
    (stream, "start_tls", _no_tls),
    (mysql_session, "start_tls", _no_tls),
    (postgres_session, "start_tls", _no_tls),
    (driver, "_drivers", {mysql_session.__name__: mysql_session}),
    (asyncio, "get_event_loop", lambda: SimpleNamespace(time=lambda: 0.0)),
    (postgres_session, "THREADS", _InThisThread()),
    (postgres_session, "secrets", SimpleNamespace(token_urlsafe=lambda _: "nonce")),
    (sip, "secrets", SimpleNamespace(token_hex=lambda _: TOKEN)),
)
"""What is drawn, waited for or encrypted otherwise."""

STREAM: Final[Place] = (stream, "open_connection", streams)
JOE: Final[Mapping[str, Any]] = {"login": "joe", "passwd": "hunter2"}


def _target(
    kind: str,
    *said: bytes,
    openers: tuple[tuple[ModuleType, str, Opener], ...] = (STREAM,),
    **fields: Any,
) -> FuzzTarget:
    return FuzzTarget(kind, conversation(kind, *openers, **fields), ERRORS, said)


def _pg(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _mysql(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes((number,)) + body


_GREETING = b"\x0a5.5.0\0\x01\0\0\x0012345678\0\xff\xf7\x2d\x02\0\x0f\x80\x15" + bytes(10) + b"901234567890\0"
_GREETING_OF_8 = (
    b"\x0a8.0.36\0\x01\0\0\x0012345678\0\xff\xf7\x21\x02\0\xff\xdf\x15"
    + bytes(10)
    + b"901234567890\0caching_sha2_password\0"
)
_OK = b"\0\0\0\x02\0\0\0"
_COLUMN = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0"
_EOF = b"\xfe\0\0\x02\0"
_LOGGED_IN = _mysql(0, _GREETING) + _mysql(2, _OK)
_READY = _pg(b"R", bytes(4)) + _pg(b"S", b"server_version\x0016.1\0") + _pg(b"Z", b"I")

TARGETS: Final = (
    _target(
        "ftp",
        b"220-hi\r\n x\r\n220 ftp\r\n331 who?\r\n230 in\r\n200 ok\r\n227 go (1,2,3,4,0,9)\r\n150 here\r\n226 done\r\n"
        + SEPARATOR
        + b"it is alive\n",
        b"220 ftp\r\n530 no\r\n",
        openers=(STREAM, (ftp, "open_data", RecordedConnection)),
        request="/x",
        receive="alive",
        **JOE,
    ),
    _target(
        "http",
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nStill alive",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nStill\r\n6\r\n alive\r\n0\r\nTrail: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: http://user:x@[::1]:8/there?a=b\r\n"
        b"Content-Length: 0\r\n\r\n" + SEPARATOR + b"HTTP/1.0 200\n\nalive",
        b"HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n\r\n" + SEPARATOR + b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.0 401 Who?\nServer: old\n\nno length, ended by the close",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        openers=((http1, "connect", RecordedConnection),),
        request="/",
        receive="alive",
    ),
    _target(
        "imap", b"* OK hi\r\n* CAPABILITY IMAP4\r\na1 OK in\r\n", b"* PREAUTH hi\r\n", b"* OK hi\r\na1 NO\r\n", **JOE
    ),
    _target(
        "ldap",
        result(1, BIND)
        + entry(2, b"dc=a", o=(b"x",))
        + result(2, DONE)
        + entry(3, b"dc=a", o=(b"y", b"x"))
        + result(3, DONE),
        result(1, BIND, 49, b"no") + result(0, EXTENDED, 52, b"away"),
        result(1, BIND) + ldap_message(2, REFERENCE, b"\x04\x08ldap://b") + result(2, DONE, 10, b"", b"ldap://c"),
        receive="x",
        request="dc=a",
        **JOE,
    ),
    _target(
        "mysql",
        _LOGGED_IN + _mysql(1, b"\x01") + _mysql(2, _COLUMN) + _mysql(3, _EOF) + _mysql(4, b"\x011"),
        _LOGGED_IN + _mysql(1, _OK),
        _mysql(0, _GREETING) + _mysql(2, b"\xff\x15\x04#28000Access denied"),
        _mysql(0, _GREETING) + _mysql(2, b"\xfemysql_native_password\x00123456789012345678901\0") + _mysql(4, _OK),
        _mysql(0, _GREETING_OF_8) + _mysql(2, b"\x01\x03") + _mysql(3, _OK) + _mysql(1, b"\xfb/etc/passwd"),
        _mysql(0, _GREETING_OF_8) + _mysql(2, b"\x01\x04") + _mysql(4, b"\x01-----BEGIN PUBLIC KEY-----\n"),
        openers=((mysql_session, "open_connection", streams),),
        request="SELECT 1",
        **JOE,
    ),
    _target("nntp", b"200 hi\r\n", b"502 no\r\n"),
    _target(
        "pgsql",
        b"N" + _READY + _pg(b"T", b"\0\1") + _pg(b"D", b"\0\1") + _pg(b"C", b"SELECT 1\0") + _pg(b"Z", b"I"),
        b"N" + _pg(b"R", b"\0\0\0\x05salt") + _READY + _pg(b"C", b"UPDATE 3\0") + _pg(b"Z", b"I"),
        b"N"
        + _pg(b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0")
        + _pg(b"R", b"\0\0\0\x0br=nonceX,s=YWJj,i=4096")
        + _pg(b"R", b"\0\0\0\x0cv=AAAA"),
        b"N" + _pg(b"E", b"SFATAL\0C28P01\0Mno such user\0\0"),
        b"S" + _READY + _pg(b"G", b"\0\0\0"),
        openers=((postgres_session, "open_connection", streams),),
        sizes=BYTE_BY_BYTE,
        request="SELECT 1",
        **JOE,
    ),
    _target(
        "pop",
        b"+OK <1.2@mx>\r\n+OK in\r\n",
        b"+OK hi\r\n+OK\r\nSASL CRAM-MD5\r\n.\r\n+ PDEuMkBteD4=\r\n+OK in\r\n",
        b"+OK hi\r\n-ERR what?\r\n+OK\r\n-ERR no\r\n",
        **JOE,
    ),
    _target(
        "simpletcp",
        b"one\nalive\n",
        openers=((simpletcp, "connect", RecordedConnection),),
        request="/x",
        receive="alive",
    ),
    _target(
        "sip",
        b"SIP/2.0 100 Trying\r\n\r\nSIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bK"
        + TOKEN.encode()
        + b"\r\nCall-ID: "
        + TOKEN.encode()
        + b"\r\nCSeq: 1 OPTIONS\r\n\r\n",
        login="joe",
    ),
    _target(
        "smtp",
        b"220 b\r\n250-m\r\n250 STARTTLS\r\n220 go\r\n250 mx\r\n",
        b"220-a\r\n220 b\r\n500 what?\r\n250-x\r\n250 y\r\n",
        b"220 example.com\r\n250-m\r\n250 STARTTLS\r\n220 go\r\n250 inserted\r\n",  # so long that it is read ahead
        sizes=BYTE_BY_BYTE,
        starttls=True,
    ),
)
