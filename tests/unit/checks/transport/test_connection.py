"""Connections of checks: each step waits for the kernel's word, and none leaves anything behind."""

from __future__ import annotations

import asyncio
import errno
import gc
import select
import socket
import struct
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, answering, closed_port, hanging, reset, saying
from ldirectord_py.checks.transport import connection
from ldirectord_py.checks.transport.connection import connect

HOST = "127.0.0.1"
SEGMENTS_OUT = 136
"""The offset of ``tcpi_segs_out`` in struct tcp_info of <linux/tcp.h>."""


async def test_it_sends_and_receives_until_the_end(servers: Servers) -> None:
    opened = await connect(HOST, await servers.start(answering(b"one", b"two")))
    await opened.send(b"GET / HTTP/1.0\r\n\r\n")
    buffer, said = bytearray(64), b""
    while size := await opened.receive_into(buffer):
        said += buffer[:size]
    assert said == b"onetwo"
    opened.close()


async def test_more_than_the_kernel_accepts_at_once_is_sent_in_pieces(servers: Servers) -> None:
    sizes = list[int]()
    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)  # until then the kernel fills up
        while data := await reader.read(65536):
            sizes.append(len(data))
        done.set()

    opened = await connect(HOST, await servers.start(talk))
    await opened.send(b"x" * 20_000_000)
    opened.close()
    async with asyncio.timeout(10):
        await done.wait()
    assert sum(sizes) == 20_000_000


async def test_nobody_there_is_refused_and_leaves_no_socket() -> None:
    with pytest.raises(OSError, match=r"Connection refused") as refused:
        await connect(HOST, closed_port())
    assert refused.value.errno == errno.ECONNREFUSED
    gc.collect()  # sockets of other tests
    before = _descriptors()
    for host in (HOST, "::1"):
        with pytest.raises(OSError, match=r"Connection refused"):
            await connect(host, closed_port(host))
    assert before == _descriptors()


async def test_a_refusal_leaves_no_garbage_that_only_the_collector_finds() -> None:
    port = closed_port()
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(OSError, match=r"Connection refused"):
            await asyncio.create_task(connect(HOST, port))
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [kept for kept in gc.garbage if isinstance(kept, OSError | connection.Connection)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_the_first_address_of_a_name_that_accepts_is_used(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = await servers.start(saying(b"hello")), closed_port()
    ports = [bad, good, bad]

    async def addresses(host: str, port: int) -> list[tuple[int, connection.SocketAddress]]:
        assert (host, port) == ("web.example.com", 80)
        return [(socket.AF_INET, (HOST, own)) for own in ports]

    monkeypatch.setattr(connection, "_addresses", addresses)
    opened = await connect("web.example.com", 80)
    assert await opened.receive_into(bytearray(5)) == 5
    opened.close()
    ports = [bad, bad]
    with pytest.raises(OSError, match=r"Connection refused"):
        await connect("web.example.com", 80)


@pytest.mark.parametrize("host", ["localhost", "::1"])
async def test_names_and_addresses_of_both_families(servers: Servers, host: str) -> None:
    opened = await connect(host, await servers.start(saying(b"hello"), host))
    buffer = bytearray(5)
    assert await opened.receive_into(buffer) == 5
    opened.close()


async def test_who_gives_up_leaves_nothing_that_wakes_the_next(servers: Servers) -> None:
    port = await servers.start(hanging(b"hello"))
    for _ in range(3):
        opened = await connect(HOST, port)
        buffer = bytearray(5)
        assert await opened.receive_into(buffer) == 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await opened.receive_into(buffer)
        opened.close()


async def test_an_event_without_data_is_waited_through(servers: Servers) -> None:
    opened = await connect(HOST, await servers.start(answering(b"hello")))
    opened.on_events(select.EPOLLIN)
    buffer = bytearray(64)
    received = asyncio.create_task(opened.receive_into(buffer))
    await asyncio.sleep(0.02)
    assert not received.done()
    await opened.send(b"hi\r\n\r\n")
    assert await received == 5
    opened.close()


async def test_data_and_the_end_that_come_before_somebody_waits_are_not_lost(servers: Servers) -> None:
    opened = await connect(HOST, await servers.start(saying(b"hello")))
    await asyncio.sleep(0.05)
    buffer, sizes = bytearray(3), list[int]()
    while size := await opened.receive_into(buffer):
        sizes.append(size)
    assert sizes == [3, 2]
    opened.close()


async def test_data_that_come_while_the_kernel_accepts_no_more_are_not_lost(servers: Servers) -> None:
    """A wait for room ends with any event; the one that says that there are data is remembered."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await asyncio.sleep(0.05)
        while await reader.read(65536):
            pass

    opened = await connect(HOST, await servers.start(talk))
    await opened.send(b"x" * 20_000_000)
    assert await opened.receive_into(bytearray(64)) == 5
    opened.close()


async def test_a_detached_socket_wakes_nobody(servers: Servers) -> None:
    opened = await connect(HOST, await servers.start(hanging(b"hello")))
    with opened.detach() as detached:
        assert await asyncio.get_running_loop().sock_recv(detached, 64) == b"hello"


async def test_sending_nothing_asks_nothing_of_a_server_that_is_gone(servers: Servers) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    opened = await connect(HOST, await servers.start(talk))
    await asyncio.sleep(0.1)
    await opened.send(b"")
    with pytest.raises(ConnectionResetError):
        await opened.send(b"x")
    opened.close()


async def test_a_goodbye_troubles_nobody(servers: Servers) -> None:
    opened = await connect(HOST, await servers.start(saying()))
    buffer = bytearray(5)
    assert await opened.receive_into(buffer) == 0
    for _ in range(3):
        opened.send_goodbye(b"bye")
        await asyncio.sleep(0.01)
    opened.close()
    opened.close()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("sends_first", [False, True])
async def test_the_handshake_is_acknowledged_with_the_data_of_who_sends_first(
    servers: Servers, sends_first: bool
) -> None:
    server = await servers.start(answering(b"one"))
    opened = (await connect(HOST, server, sends_first=sends_first)).detach()
    with opened:
        (packets,) = struct.unpack_from("=I", opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), SEGMENTS_OUT)
        assert (1 if sends_first else 2) == packets
