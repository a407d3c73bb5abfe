from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.fakes.datagrams import answering, silent
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.transport import datagram
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.health import Verdict


def read(data: bytes) -> str:
    if not data.startswith(b"yes "):
        raise UnrelatedAnswer("not for us")
    return data.decode()


async def check(target: Target) -> str:
    async with datagram.connect(target) as socket:
        return await socket.exchange(b"request", read)


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1") -> tuple[Verdict, str]:
    result = await probe(check, Target(ip_address(host), port, seconds))
    return result.verdict, result.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_answer_is_returned(host: str) -> None:
    async with answering(lambda data: [b"yes " + data], host) as server:
        assert await run(server.port, host=host) == (Verdict.UP, "yes request")
        assert server.heard == [b"request"]


async def test_unrelated_datagrams_are_ignored() -> None:
    async with answering(lambda _: [b"\x00\xff", b"", b"no", b"yes it is"]) as server:
        assert await run(server.port) == (Verdict.UP, "yes it is")


async def test_the_reason_of_a_timeout_has_the_ignored_datagram() -> None:
    async with answering(lambda _: [b"no " + b"x" * 2000]) as server:
        reason = f'no answer within 0.2 s (not for us: "no {"x" * 21}...")'
        assert await run(server.port, 0.2) == (Verdict.DOWN, reason)


async def test_silence() -> None:
    async with answering(silent) as server:
        assert await run(server.port, 0.2) == (Verdict.DOWN, "no answer within 0.2 s (no datagram came back)")


async def test_a_lost_request_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "RESEND_DELAY", 0.01)
    heard = 0

    def third_time_lucky(_: bytes) -> Iterable[bytes]:
        nonlocal heard
        heard += 1
        return [b"yes at last"] if heard == 3 else []

    async with answering(third_time_lucky) as server:
        assert await run(server.port) == (Verdict.UP, "yes at last")
        assert server.heard[:3] == [b"request"] * 3


async def test_nothing_is_sent_after_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "RESEND_DELAY", 0.01)
    async with answering(lambda _: [b"yes"[:3] + b" "]) as server:
        await run(server.port)
        count = len(server.heard)
        await asyncio.sleep(0.05)
        assert len(server.heard) <= count + 1  # one may have been under way


async def test_F7_answers_of_another_source_are_not_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        task = asyncio.create_task(run(server.getsockname()[1], 0.3))
        async with asyncio.timeout(5):
            while True:
                with suppress(BlockingIOError):
                    _, client = server.recvfrom(100)
                    break
                await asyncio.sleep(0.005)
        stranger.sendto(b"yes but from elsewhere", client)
        assert await task == (Verdict.DOWN, "no answer within 0.3 s (no datagram came back)")


async def test_a_closed_port_fails_at_once() -> None:
    async with answering(silent) as server:
        port = server.port
    await asyncio.sleep(0)
    assert await run(port) == (Verdict.DOWN, "connect refused (no datagram came back)")


async def test_a_flood_of_strays_ends_at_the_deadline() -> None:
    noise = [os.urandom(1000) for _ in range(500)]
    async with answering(lambda _: noise) as server:
        verdict, reason = await run(server.port, 0.2)
        assert (verdict, reason[:36]) == (Verdict.DOWN, "no answer within 0.2 s (not for us: ")


async def test_our_own_address() -> None:
    async with answering(silent) as server, datagram.connect(Target(ip_address("127.0.0.1"), server.port, 1.0)) as own:
        address, port = own.local
        assert address == ip_address("127.0.0.1")
        own.send(b"from")
        assert port > 0


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_check_that_is_cancelled_while_it_opens_leaves_no_descriptor() -> None:
    async def cancelled_after(turns: int) -> None:
        task = asyncio.create_task(check(Target(ip_address("127.0.0.1"), 9, 1.0)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError, ConnectionRefusedError):
            await task
        await asyncio.sleep(0.01)

    await cancelled_after(1)
    before = descriptors()
    for turns in range(1, 6):
        await cancelled_after(turns)
    assert descriptors() == before
