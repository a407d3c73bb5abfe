"""dns, radius and sip against servers that flood, drip and reset."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from harness.fakes.datagrams import answering
from harness.fakes.flood import flood
from harness.fakes.scripted import Servers, reset
from harness.memory import LITTLE, peak
from ldirectord_py.checks import effort
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.checks.transport import datagram
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

LOCALHOST = ip_address("127.0.0.1")
STATUS = b"SIP/2.0 200 OK\r\n"


async def run(kind: str, port: int, seconds: float, protocol: Protocol = Protocol.TCP) -> tuple[Verdict, str]:
    target = Target(LOCALHOST, port, seconds, protocol, request="www.example.com", login="joe")
    result = await probe(checker_for(Check(kind, target, 10.0)), target)
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("kind", "chunk", "reason"),
    [
        ("dns", b"\xff" * 65536, "a DNS message that answers no query of ours"),
        ("sip", b"\n" * 65536, "no answer to OPTIONS in 32 kB"),
        ("sip", STATUS * 4000, "no answer to OPTIONS in 32 kB"),
        ("sip", STATUS[:-2] + b"x" * 65536, "a line longer than 16 kB"),
    ],
)
async def test_F5_an_endless_answer(kind: str, chunk: bytes, reason: str) -> None:
    with flood([], chunk) as port:
        assert await run(kind, port, 5.0) == (Verdict.DOWN, reason)
        assert await peak(lambda: run(kind, port, 5.0)) < LITTLE


@pytest.mark.parametrize("kind", ["dns", "radius", "sip"])
async def test_a_flood_of_datagrams_ends_at_the_deadline(kind: str) -> None:
    async with answering(lambda _: [b"z" * 60_000] * 50) as server:
        verdict, reason = await run(kind, server.port, 0.2, Protocol.UDP)
    assert verdict is Verdict.DOWN
    assert reason.startswith("no answer within 0.2 s (")
    assert reason.endswith(f': "{"z" * 24}...")')


async def test_datagrams_that_nobody_reads_need_little_memory() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        own = datagram.Datagrams(unused)
    for size in (60_000, 60_000, 60_000, 1000, 0, 0):
        own.datagram_received(b"x" * size, None)
    own.error_received(ConnectionRefusedError())
    assert [len(await own.receive()) for _ in range(5)] == [60_000, 60_000, 1000, 0, 0]
    for _ in range(5_000):
        own.datagram_received(b"", None)
    assert len([await own.receive() for _ in range(512)]) == 512
    own.error_received(ConnectionRefusedError())
    with pytest.raises(ConnectionRefusedError):
        await own.receive()


async def test_too_many_datagrams_fail_the_check() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        own = datagram.Datagrams(unused)
        for _ in range(3 * effort.MAX_STEPS // effort.READ):
            own.datagram_received(b"", None)
        for _ in range(datagram.MAX_QUEUED // datagram.DATAGRAM_OVERHEAD):
            assert await own.receive() == b""
        with pytest.raises(CheckFailed, match=r"^the answer comes in too many small pieces$"):
            await own.receive()


@pytest.mark.parametrize("kind", ["dns", "sip", "simpletcp", "nntp", "ldap", "mysql"])
async def test_F5_an_answer_in_endless_tiny_pieces_ends_at_the_limit(
    servers: Servers, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in pieces, not in seconds."""
    monkeypatch.setattr(effort, "MAX_STEPS", 100 * effort.READ)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        starts = {"dns": b"\xff\xff", "sip": STATUS, "ldap": b"\x30\x82\x40\0", "mysql": b"\0\x40\0\0"}
        writer.write(starts.get(kind, b""))
        while not writer.transport.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0.001)

    target = Target(LOCALHOST, await servers.start(talk), 60.0, Protocol.TCP, request="x", receive="y", login="joe")
    result = await probe(checker_for(Check(kind, target, 10.0)), target)
    assert (result.verdict, result.reason) == (Verdict.DOWN, "the answer comes in too many small pieces")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "start"), [("dns", b"\x00\x80\x12"), ("sip", STATUS)])
async def test_F5_a_dripping_answer_ends_at_the_deadline(servers: Servers, kind: str, start: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    phase = {"dns": "connected, no answer", "sip": "connected, no answer to OPTIONS"}[kind]
    assert await run(kind, await servers.start(talk), 0.3) == (Verdict.DOWN, f"no answer within 0.3 s ({phase})")


@pytest.mark.parametrize("kind", ["dns", "sip"])
async def test_a_reset(servers: Servers, kind: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        reset(writer)

    verdict, reason = await run(kind, await servers.start(talk), 5.0)
    assert (verdict, reason.partition(" (")[0]) == (Verdict.DOWN, "reset by server")
