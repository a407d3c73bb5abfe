from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest

from harness.fakes.answers import dns_answer as answer
from harness.fakes.datagrams import answering, silent
from harness.fakes.scripted import Servers, Talk, closed_port, hanging
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services.dns import KIND
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

Change = Callable[[dns.message.Message], None]


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    assert KIND.check is not None
    fields = {"request": "www.example.com", "protocol": Protocol.UDP, **fields}
    result = await probe(KIND.check, Target(ip_address(host), port, seconds, **fields))
    return result.verdict, result.reason


def speaking(reply: Callable[[bytes], bytes]) -> Talk:
    """Return a talk over TCP that answers one query."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = reply(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
        writer.write(struct.pack("!H", len(data)) + data)

    return talk


@pytest.mark.parametrize(
    ("records", "fields", "expected"),
    [
        (["A 192.0.2.1"], {}, (Verdict.UP, "192.0.2.1")),
        (["A 192.0.2.1"], {"request": "/www.example.com"}, (Verdict.UP, "192.0.2.1")),
        (["CNAME web.example.com.", "A 192.0.2.9"], {"receive": r"^192\.0\.2\.9$"}, (Verdict.UP, "192.0.2.9")),
        (["NS a.example."], {"request": "/"}, (Verdict.UP, "a.example")),
        ([], {"request": "/"}, (Verdict.UP, "NOERROR")),
        (["PTR www.example.com."], {"request": "192.0.2.1", "receive": "com$"}, (Verdict.UP, "www.example.com")),
        (
            ["MX 10 mx.example.com."],
            {"request": "example.com MX", "receive": "10 mx"},
            (Verdict.UP, "10 mx.example.com"),
        ),
        (['TXT "\\001"'], {"request": "example.com TXT"}, (Verdict.UP, "\\x01")),
        ([], {}, (Verdict.DOWN, "no record in the answer for www.example.com A")),
        (
            ["A 192.0.2.1", "A 192.0.2.2"],
            {"receive": "192.0.2.3"},
            (Verdict.DOWN, 'receive pattern not in the records for www.example.com A: "192.0.2.1, 192.0.2.2"'),
        ),
    ],
)
async def test_answers(records: list[str], fields: dict[str, Any], expected: tuple[Verdict, str]) -> None:
    async with answering(lambda data: [answer(data, *records)]) as server:
        assert expected == await run(server.port, **fields)


@pytest.mark.parametrize(("code", "word"), [(1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")])
async def test_errors(servers: Servers, code: int, word: str) -> None:
    expected = (Verdict.DOWN, f"{word} for www.example.com A")
    async with answering(lambda data: [answer(data, rcode=code)]) as server:
        assert expected == await run(server.port)
    port = await servers.start(speaking(lambda data: answer(data, rcode=code)))
    assert expected == await run(port, protocol=Protocol.TCP)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_virtual_of_tcp_is_checked_over_tcp(servers: Servers, host: str) -> None:
    port = await servers.start(speaking(lambda data: answer(data, "A 192.0.2.1")), host)
    assert await run(port, host=host, protocol=Protocol.TCP) == (Verdict.UP, "192.0.2.1")


async def test_a_truncated_answer_is_requested_again_over_tcp(servers: Servers) -> None:
    port = await servers.start(speaking(lambda data: answer(data, "A 192.0.2.1")))
    loop = asyncio.get_running_loop()
    async with answering(silent) as server:
        protocol = type(server)(lambda data: [answer(data, flags=dns.flags.TC)])
        transport, _ = await loop.create_datagram_endpoint(lambda: protocol, ("127.0.0.1", port))
        assert await run(port) == (Verdict.UP, "192.0.2.1")
        transport.abort()


async def test_F7_other_answers_do_not_count() -> None:
    def others(data: bytes) -> list[bytes]:
        wrong_number = struct.pack("!H", int.from_bytes(data[:2], "big") ^ 1) + answer(data, "A 192.0.2.7")[2:]
        return [b"", b"x", data, wrong_number, answer(data, "A 192.0.2.1").replace(b"www", b"ftp")]

    async with answering(others) as server:
        verdict, reason = await run(server.port, 0.2)
        assert (verdict, reason[:57]) == (Verdict.DOWN, "no answer within 0.2 s (a DNS answer to another question:")
    async with answering(lambda data: [*others(data), answer(data, "A 192.0.2.1")]) as server:
        assert await run(server.port) == (Verdict.UP, "192.0.2.1")


async def test_over_tcp_they_fail(servers: Servers) -> None:
    port = await servers.start(speaking(lambda data: data))
    expected = (Verdict.DOWN, "a DNS message that answers no query of ours")
    assert expected == await run(port, protocol=Protocol.TCP)
    port = await servers.start(speaking(lambda data: answer(data, flags=dns.flags.TC)))
    assert await run(port, protocol=Protocol.TCP) == (Verdict.DOWN, "answer truncated over TCP")

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(30)
        writer.write(b"\x40\x00half")

    port = await servers.start(half)
    assert await run(port, protocol=Protocol.TCP) == (Verdict.DOWN, "closed by server after 4 bytes of 16384")


@pytest.mark.slow
async def test_silence(servers: Servers) -> None:
    async with answering(silent) as server:
        assert await run(server.port, 0.2) == (Verdict.DOWN, "no answer within 0.2 s (no datagram came back)")
    for talk in (hanging(), hanging(b"\xff\xff" + b"x" * 100)):
        port = await servers.start(talk)
        expected = (Verdict.DOWN, "no answer within 0.2 s (connected, no answer)")
        assert expected == await run(port, 0.2, protocol=Protocol.TCP)


async def test_refused() -> None:
    assert await run(closed_port(), protocol=Protocol.TCP) == (Verdict.DOWN, "connect refused")
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused (no datagram came back)")


async def test_requests_that_ask_nothing() -> None:
    reason = 'request asks for what is not a DNS name: "a..b"'
    assert await run(9, request="a..b") == (Verdict.DOWN, reason)
    verdict, reason = await run(9, request="a b c")
    assert (verdict, reason[:42]) == (Verdict.DOWN, "request is neither NAME nor NAME TYPE, wit")
