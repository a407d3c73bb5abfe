"""nntp against JamNNTPd; over IPv6 through a relay, since it listens on IPv4 alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, Talk, closed_port, hanging, servers
from harness.servers.jamnntpd import jamnntpd
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import nntp
from ldirectord_py.health import Verdict


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jamnntpd")


@pytest.fixture(scope="module")
def news(folder: Path) -> Iterator[int]:
    with jamnntpd(folder / "open", "127.0.0.1") as port:
        yield port


@pytest.fixture(scope="module")
def closed(folder: Path) -> Iterator[int]:
    """A server for others than us."""
    with jamnntpd(folder / "closed", "192.0.2.1") as port:
        yield port


async def run(host: str, port: int, seconds: float = 20.0) -> tuple[Verdict, str]:
    result = await probe(nntp.check, Target(ip_address(host), port, seconds))
    return result.verdict, result.reason


def relaying(port: int) -> Talk:
    """Return a talk that passes on what a server on 127.0.0.1 says."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader, towards = await asyncio.open_connection("127.0.0.1", port)
        try:
            while data := await reader.read(4096):
                writer.write(data)
        finally:
            towards.close()

    return talk


async def door(place: Servers, host: str, port: int) -> int:
    """Return the port on ``host`` that leads to the server."""
    return port if host == "127.0.0.1" else await place.start(relaying(port), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_up(news: int, host: str) -> None:
    async with servers() as place:
        verdict, reason = await run(host, await door(place, host, news))
    assert verdict is Verdict.UP
    assert reason.startswith("200 Welcome to JamNNTPd")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_refused(closed: int, host: str) -> None:
    async with servers() as place:
        verdict, reason = await run(host, await door(place, host, closed))
    assert (verdict, reason) == (Verdict.DOWN, 'expected 2, got "502 Access denied."')


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_down_and_silent(host: str) -> None:
    assert await run(host, closed_port(host)) == (Verdict.DOWN, "connect refused")
    async with servers() as place:
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no greeting)")
        assert expected == await run(host, await place.start(hanging(), host), 0.3)
