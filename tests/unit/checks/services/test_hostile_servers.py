"""Whole checks, each against a server that says anything at all: there is a verdict, and its reason is in words.

What the decoders make of thousands more is in the fuzzers of each; that no exception passes is seen to by the conftest.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.ldap import BIND, DONE, entry, result
from harness.fakes.mutants import mutants
from harness.fakes.scripted import Servers, reset
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

RUNS = 1000
"""Servers of each kind, on each loop."""

LOOPBACK = ip_address("127.0.0.1")
JOE = {"login": "joe", "passwd": "hunter2"}


def pg(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalive"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nalive\r\n0\r\n\r\n"
HANDSHAKE = b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + bytes(32) + b"\x00\x13\x01\x00\x00\x00"
MYSQL = b"\x0a5.5.0\0\x01\0\0\x0012345678\0\xff\xf7\x2d\x02\0\x0f\x80\x15" + bytes(10) + b"901234567890\0"

SEEDS: dict[str, tuple[dict[str, Any], tuple[bytes, ...]]] = {
    "dns": ({"request": "/a.example"}, (b"\0\x21\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01",)),
    "ftp": (
        {**JOE, "request": "/x"},
        (b"220-hi\r\n x\r\n220 ftp\r\n331 who?\r\n230 in\r\n200 ok\r\n227 (1,2,3,4,0,9)\r\n",),
    ),
    "http": ({"receive": "alive"}, (PAGE, CHUNKS)),
    "https": ({}, (HANDSHAKE, b"\x15\x03\x03\x00\x02\x02\x28")),
    "imap": (JOE, (b"* OK hi\r\n* CAPABILITY IMAP4\r\na1 OK in\r\n",)),
    "imaps": (JOE, (HANDSHAKE,)),
    "ldap": ({"receive": "x"}, (result(1, BIND) + entry(2, b"dc=a", o=(b"x",)) + result(2, DONE),)),
    "ldaps": ({}, (HANDSHAKE,)),
    "mysql": (
        {**JOE, "request": "SELECT 1"},
        tuple(struct.pack("<I", len(body))[:3] + b"\0" + body for body in (MYSQL, b"\xff\x10\x04no")),
    ),
    "nntp": ({}, (b"200 hi\r\n",)),
    "pgsql": (
        {**JOE, "request": "SELECT 1"},
        (
            b"N" + pg(b"R", bytes(4)) + pg(b"Z", b"I") + pg(b"D", b"") + pg(b"C", b"SHOW\0") + pg(b"Z", b"I"),
            b"N" + pg(b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0") + pg(b"R", b"\0\0\0\x0br=a,s=YQ==,i=1"),
            b"S" + HANDSHAKE,
        ),
    ),
    "pop": (JOE, (b"+OK hi\r\n+OK\r\nSASL CRAM-MD5\r\n.\r\n+ PDEuMkBteD4=\r\n+OK in\r\n",)),
    "pops": ({}, (HANDSHAKE,)),
    "simpletcp": ({"request": "/x", "receive": "alive"}, (b"one\nalive\n",)),
    "sip": ({"login": "joe"}, (b"SIP/2.0 200 OK\r\nVia: x;branch=z\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",)),
    "smtp": (
        {"starttls": True},
        (b"220-a\r\n220 b\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n", b"220 b\r\n500 what?\r\n250 x\r\n"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEEDS)
async def test_F6_whatever_a_server_says_the_reason_is_in_words(servers: Servers, kind: str) -> None:
    fields, seeds = SEEDS[kind]
    said: Iterator[tuple[bytes, bool]] = iter(())

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data, end = next(said)
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)
        if end:
            reset(writer)

    check = KINDS[kind].check
    assert check is not None
    given: dict[str, Any] = {"protocol": Protocol.TCP, **fields}
    target = Target(LOOPBACK, await servers.start(talk), 10.0, **given)
    said = ((data, number % 4 == 0) for number, data in enumerate(mutants(seeds, 9 * RUNS)))  # a probe may take some
    for _ in range(RUNS):
        found = await probe(check, target)
        assert found.verdict in {Verdict.UP, Verdict.DOWN}
        assert found.reason.isprintable()
        assert "hunter2" not in found.reason


LOCATIONS = (
    *("http://a..b:80/", f"http://{'a' * 64}:80/", f"http://{'a' * 64}/", "http://a:99999/", "http://a:x/"),
    *("http://[::1", "http://[::1]x/", "http://\xe4..b/", "http://a%00b/", "http://a b/", "http://1.2.3.4.5:1/"),
    *("http://[fe80::1%25lo]:1/", "http://127.0.0.1:0/", "http://user:%ff@127.0.0.1:1/", "ftp://a/", "http:///x"),
    *("http://127.1:1/", "http://\xff:1/", "http://.:1/", "http://-:1/", f"http://{'a.' * 200}:1/", "http://[v1.x]/"),
    *("http://:80/", "//", "", "?#"),
)


def nobody(host: str, *_: object, **__: object) -> None:
    """Look a name up as the real one does, but nowhere."""
    host.encode("idna")
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("location", LOCATIONS)
async def test_wherever_a_server_sends_us_the_reason_is_in_words(
    servers: Servers, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: " + location.encode("latin-1") + b"\r\nContent-Length: 0\r\n\r\n"
        )

    check = KINDS["http"].check
    assert check is not None
    port = await servers.start(talk)
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    found = await probe(check, Target(LOOPBACK, port, 5.0))
    assert found.verdict in {Verdict.DOWN, Verdict.NONE}
    assert found.reason.isprintable()
