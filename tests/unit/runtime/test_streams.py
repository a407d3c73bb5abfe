from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.fakes import scripted
from harness.fakes.scripted import Servers, hanging, reset, saying
from harness.servers.certificates import ELLIPTIC_KEY, self_signed
from ldirectord_py.checks.transport.tls import context
from ldirectord_py.runtime.streams import Reader, open_streams


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with scripted.servers() as place:
        yield place


def connected(port: int) -> socket.socket:
    own = socket.create_connection(("127.0.0.1", port))
    own.setblocking(False)
    return own


async def opened(port: int, limit: int) -> tuple[Reader, asyncio.StreamWriter]:
    return await open_streams(connected(port), limit=limit)


async def answer_and_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"one\ntwo\n")
    await writer.drain()
    await asyncio.sleep(0)  # uvloop sends at the end of a turn
    reset(writer)


async def lost(servers: Servers) -> Reader:
    """Return a reader whose connection was reset behind what it has not read yet."""
    reader, writer = await opened(await servers.start(answer_and_reset), limit=1024)
    async with asyncio.timeout(10):
        while not writer.transport.is_closing():
            await asyncio.sleep(0.001)
    return reader


async def test_data_before_a_reset_is_read_and_then_the_reset_raised(servers: Servers) -> None:
    reader = await lost(servers)
    assert await reader.readexactly(4) == b"one\n"
    assert await reader.readexactly(2) == b"tw"
    assert await reader.read(100) == b"o\n"
    for again in (reader.readexactly(1), reader.read(100), reader.readexactly(1)):
        with pytest.raises(ConnectionResetError):
            await again


async def test_data_that_a_reset_cuts_off_is_not_enough(servers: Servers) -> None:
    with pytest.raises(ConnectionResetError):
        await (await lost(servers)).readexactly(9)


async def test_who_waits_for_data_learns_of_the_reset(servers: Servers) -> None:
    reader, _ = await opened(await servers.start(answer_and_reset), limit=1024)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(100)


async def test_a_closed_connection_ends_the_stream_as_in_asyncio(servers: Servers) -> None:
    reader, writer = await opened(await servers.start(saying(b"one\ntw")), limit=1024)
    assert await reader.readexactly(4) == b"one\n"
    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readexactly(3)
    assert await reader.read(100) == b""
    writer.close()


@pytest.mark.parametrize("tls", [None, ssl.create_default_context()])
async def test_who_is_cancelled_on_the_way_leaves_no_descriptor_and_closes_none_of_others(
    servers: Servers, tls: ssl.SSLContext | None
) -> None:
    port = await servers.start(hanging())
    for turns in range(1, 5):
        own = connected(port)
        number = own.fileno()
        task = asyncio.create_task(open_streams(own, limit=1024, tls=tls, name="x" if tls else None))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            _, writer = await task
            writer.transport.abort()
        other = os.open("/dev/null", os.O_RDONLY)  # takes the descriptor if it is free
        while own.fileno() != -1 or (other != number and os.path.exists(f"/proc/self/fd/{number}")):  # noqa: ASYNC240, PTH110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        os.close(other)  # fails if somebody has closed it


async def test_who_is_cancelled_as_the_handshake_ends_leaves_the_number_to_others(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = self_signed(tmp_path, "x", key=ELLIPTIC_KEY)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    own = connected(await servers.start(hanging(), tls=server))
    number = own.fileno()
    client = context(verify=True, ca=made.certificate.read_text())
    task = asyncio.create_task(open_streams(own, limit=1024, tls=client, name="x"))
    set_transport = Reader.set_transport

    def cancel(reader: Reader, transport: asyncio.BaseTransport) -> None:
        set_transport(reader, transport)
        task.cancel()

    monkeypatch.setattr(Reader, "set_transport", cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    while os.path.exists(f"/proc/self/fd/{number}"):  # noqa: ASYNC240, PTH110
        await asyncio.sleep(0.001)
    with socket.socket() as other:
        if other.fileno() != number:
            os.dup2(other.fileno(), number)
        asyncio.get_running_loop().add_reader(number, print)  # fails while a transport uses the number
        asyncio.get_running_loop().remove_reader(number)
        if other.fileno() != number:
            os.close(number)


@pytest.mark.parametrize("answer", [b"+OK no TLS here\r\n", None])
async def test_a_handshake_that_fails_leaves_no_descriptor_and_closes_none_of_others(answer: bytes | None) -> None:
    context = ssl.create_default_context()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(50):
            own = connected(listener.getsockname()[1])
            number = own.fileno()
            accepted, _ = listener.accept()
            if answer is None:
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            else:
                accepted.sendall(answer)
            accepted.close()
            with pytest.raises(OSError, match=r"SSL|reset"):
                await open_streams(own, limit=1024, tls=context, name="x")
            others = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]  # they take its number if it is free
            while number not in others and os.path.exists(f"/proc/self/fd/{number}"):  # noqa: ASYNC240, PTH110
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
            for other in others:
                os.close(other)  # fails if somebody has closed it


async def test_a_socket_that_cannot_be_used_is_closed(servers: Servers) -> None:
    own = connected(await servers.start(hanging()))
    with pytest.raises(ValueError, match="server_hostname"):
        await open_streams(own, limit=1024, name="x")
    assert own.fileno() == -1


async def test_what_is_counted_may_end_the_connection(servers: Servers) -> None:
    counted: list[int] = []

    def count(size: int) -> None:
        counted.append(size)
        if len(counted) == 3:
            raise ValueError("enough")

    reader, writer = await opened(await servers.start(hanging()), limit=1024)
    reader.on_data = count
    for piece in (b"one", b"two", b"three", b"four"):
        reader.feed_data(piece)
    assert counted == [3, 3, 5]
    assert await reader.readexactly(6) == b"onetwo"
    with pytest.raises(ValueError, match="enough"):
        await reader.read(100)
    writer.transport.abort()
