from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import cast

import pytest

from harness.fakes.scripted import Servers, closed_port, hanging, saying
from ldirectord_py.checks import effort
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import simpletcp
from ldirectord_py.checks.services.simpletcp import KIND, LINE_STEPS, unescape
from ldirectord_py.checks.transport.connection import Connection, connect
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

LOCALHOST = ip_address("127.0.0.1")


async def run(
    port: int, request: str, receive: str, seconds: float = 10.0, protocol: Protocol = Protocol.TCP
) -> tuple[Verdict, str]:
    assert KIND.check is not None
    target = Target(LOCALHOST, port, seconds, protocol=protocol, request=request, receive=receive)
    result = await probe(KIND.check, target)
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (r"PING\r\n", b"PING\r\n"),
        (r"a\tb\x00\xFf", b"a\tb\x00\xff"),
        (r"\q\x1\\n", b"\\q\\x1\\\n"),
        ("é", "é".encode()),
    ],
)
def test_escapes_of_a_request(request_: str, sent: bytes) -> None:
    assert sent == unescape(request_)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"got " + await reader.read())


async def test_the_request_is_sent_without_its_slash_and_our_side_closed(servers: Servers) -> None:
    assert await run(await servers.start(echo), r"/PING\n", "^got PING$") == (Verdict.UP, '"got PING"')


async def test_any_line_may_match_and_no_later_one_is_waited_for(servers: Servers) -> None:
    port = await servers.start(hanging(b"one\ntwo\n"))
    assert await run(port, "/", "^two") == (Verdict.UP, '"two"')


async def test_without_a_pattern_any_answer_will_do(servers: Servers) -> None:
    assert await run(await servers.start(saying(b"x")), "/", "") == (Verdict.UP, '"x"')


async def test_answers_that_do_not_match(servers: Servers) -> None:
    expected = (Verdict.DOWN, 'closed by server (receive /three/ not in 6 bytes, last "two")')
    assert expected == await run(await servers.start(saying(b"on\ntwo")), "/", "three")
    expected = (Verdict.DOWN, "closed by server (no answer)")
    assert expected == await run(await servers.start(saying()), "/", "x")
    expected = (Verdict.DOWN, "a line longer than 64 kB")
    assert expected == await run(await servers.start(saying(b"x" * 200_000)), "/", "y")
    expected = (Verdict.DOWN, "answer longer than 16 MB")
    assert expected == await run(await servers.start(saying(*[b"x" * 49_999 + b"\n"] * 400)), "/", "y")


@pytest.mark.slow
async def test_silence_ends_at_the_deadline(servers: Servers) -> None:
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no answer)")
    assert expected == await run(await servers.start(hanging()), "/", "x", 0.3)
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, receive pattern not seen)")
    assert expected == await run(await servers.start(hanging(b"y\n")), "/", "x", 0.3)


async def test_udp() -> None:
    class Server(asyncio.DatagramProtocol):
        transport: asyncio.DatagramTransport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: object) -> None:
            assert isinstance(addr, tuple)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(b"pong of another", addr)
            self.transport.sendto(b"pong of " + data, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    expected = (Verdict.UP, '"pong of ping"')
    assert expected == await run(port, "/ping", "pong", protocol=Protocol.UDP)
    expected = (Verdict.DOWN, "no answer within 0.3 s (receive pattern not seen)")
    assert expected == await run(port, "/ping", "other", 0.3, Protocol.UDP)
    transport.close()


async def test_udp_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    expected = (Verdict.DOWN, "connect refused (no datagram came back)")
    assert expected == await run(port, "/x", "", protocol=Protocol.UDP)


async def test_refused() -> None:
    assert await run(closed_port(), "/", "") == (Verdict.DOWN, "connect refused")


@pytest.mark.parametrize("receive", ["well", "sick", ""])
async def test_the_connection_ends_with_its_check(
    servers: Servers, receive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Connection] = []

    async def remembered(host: str, port: int) -> Connection:
        opened.append(await connect(host, port))
        return opened[-1]

    monkeypatch.setattr(simpletcp, "connect", remembered)
    await run(await servers.start(saying(b"one\nall is well\ntwo\n")), "/x", receive)
    [connection] = opened
    assert connection._socket.fileno() == -1


@pytest.mark.parametrize("count", [effort.MAX_STEPS // LINE_STEPS - 1, effort.MAX_STEPS // LINE_STEPS + 1])
async def test_more_short_lines_than_are_searched_fail_the_check(servers: Servers, count: int) -> None:
    verdict, reason = await run(await servers.start(saying(b"\n" * count + b"end")), "x", "end", seconds=60.0)
    enough = count * LINE_STEPS > effort.MAX_STEPS
    assert (verdict, reason) == (
        (Verdict.DOWN, "the answer comes in too many small pieces") if enough else (Verdict.UP, '"end"')
    )
