from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from harness import scripted
from harness.scripted import Servers, reset, saying
from ldirectord_py.runtime.streams import Reader, open_connection


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with scripted.servers() as place:
        yield place


async def answer_and_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"one\ntwo\n")
    await writer.drain()
    await asyncio.sleep(0)  # uvloop sends at the end of a turn
    reset(writer)


async def lost(servers: Servers) -> Reader:
    """Return a reader whose connection was reset behind what it has not read yet."""
    reader, writer = await open_connection("127.0.0.1", await servers.start(answer_and_reset), limit=1024)
    async with asyncio.timeout(10):
        while not writer.transport.is_closing():
            await asyncio.sleep(0.001)
    return reader


async def test_data_before_a_reset_is_read_and_then_the_reset_raised(servers: Servers) -> None:
    reader = await lost(servers)
    assert await reader.readuntil() == b"one\n"
    assert await reader.readexactly(2) == b"tw"
    assert await reader.read(100) == b"o\n"
    for again in (reader.readuntil(), reader.readexactly(1), reader.read(100)):
        with pytest.raises(ConnectionResetError):
            await again


async def test_data_that_a_reset_cuts_off_is_not_enough(servers: Servers) -> None:
    with pytest.raises(ConnectionResetError):
        await (await lost(servers)).readexactly(9)
    with pytest.raises(ConnectionResetError):
        await (await lost(servers)).readuntil(b"\0")


async def test_who_waits_for_data_learns_of_the_reset(servers: Servers) -> None:
    reader, _ = await open_connection("127.0.0.1", await servers.start(answer_and_reset), limit=1024)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(100)


async def test_a_close_is_the_end_as_in_asyncio(servers: Servers) -> None:
    reader, writer = await open_connection("127.0.0.1", await servers.start(saying(b"one\ntw")), limit=1024)
    assert await reader.readuntil() == b"one\n"
    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readuntil()
    assert await reader.read(100) == b""
    writer.close()
