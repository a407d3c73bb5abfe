from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from harness.fakes.scripted import Servers, closed_port, hanging
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes import connect
from ldirectord_py.checks.probe import probe
from ldirectord_py.health import Verdict


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_accepted_connection_is_up_and_closed_without_a_reset(servers: Servers, host: str) -> None:
    ended = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ended.set_result(await reader.read())
        except ConnectionError as error:
            ended.set_exception(error)

    result = await probe(connect.check, Target(ip_address(host), await servers.start(talk, host), 10.0))
    assert (result.verdict, result.reason) == (Verdict.UP, "connected")
    async with asyncio.timeout(10):
        assert await ended == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_refused_connection_is_down(host: str) -> None:
    result = await probe(connect.check, Target(ip_address(host), closed_port(host), 10.0))
    assert (result.verdict, result.reason) == (Verdict.DOWN, "connect refused")


async def test_a_server_that_accepts_and_says_nothing_is_up(servers: Servers) -> None:
    port = await servers.start(hanging())
    assert (await probe(connect.check, Target(ip_address("127.0.0.1"), port, 10.0))).verdict is Verdict.UP
