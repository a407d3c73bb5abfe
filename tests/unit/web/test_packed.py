"""Answers that are kept packed, and what hundreds of clients that do not read cost."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from harness.watch_answers import real as shown_real
from harness.watch_answers import replica, update
from ldirectord_py.web.app import application
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.keys import LIMITS
from ldirectord_py.web.limits import ConnectionLimits
from ldirectord_py.web.packed import PIECE_LENGTH, LastPacked, Packed, gzip_length, gzip_pieces, pack
from ldirectord_py.web.stream import MAX_STREAMS

CLIENTS = 200
LENGTH = 5_000_000


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"0" * 20_000_000,
        os.urandom(300_000),
        b"".join(b"%d " % number for number in range(100_000)),
    ],
    ids=len,
)
def test_the_pieces_are_the_text_and_none_is_large(text: bytes) -> None:
    packed = pack(text)
    pieces = list(packed.pieces())
    assert b"".join(pieces) == text
    assert packed.length == len(text)
    assert max(map(len, [*pieces, *gzip_pieces([packed])])) <= PIECE_LENGTH


@pytest.mark.parametrize("texts", [[b""], [b"one"], [b"one", b"two"], [os.urandom(200_000), b"", b"two" * 50_000]])
def test_texts_that_follow_each_other_are_one_member_of_gzip(texts: list[bytes]) -> None:
    parts: list[Packed] = []
    for text in texts:
        parts.append(pack(text, parts[-1] if parts else None))
    packed = b"".join(gzip_pieces(parts))
    assert len(packed) == gzip_length(parts)
    reading = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reading.decompress(packed) == b"".join(texts)
    assert reading.eof
    assert reading.unused_data == b""


async def test_a_version_is_prepared_in_the_loop_and_made_in_a_thread_once() -> None:
    last, threads = LastPacked(), list[int]()

    def prepare() -> Callable[[], bytes]:
        threads.append(threading.get_ident())
        return make

    def make() -> bytes:
        threads.append(threading.get_ident())
        return b"text"

    first, second = await asyncio.gather(last.get(1, prepare), last.get(1, prepare))
    assert first is second
    assert b"".join(first.pieces()) == b"text"
    assert len(threads) == 2
    assert threads[0] == threading.get_ident() != threads[1]
    assert await last.get(2, prepare) is not first


async def test_a_text_that_follows_another_one_is_packed_again_after_each() -> None:
    last, heads = LastPacked(), [pack(b"one"), pack(b"two")]
    for head in (*heads, heads[0]):
        found = await last.get(1, lambda: lambda: b"text", head)
        assert await last.get(1, lambda: lambda: b"other", head) is found
        assert gzip.decompress(b"".join(gzip_pieces([head, found]))) == b"".join(head.pieces()) + b"text"


@asynccontextmanager
async def served(feed: Feed) -> AsyncIterator[int]:
    """Yield the port of a page about a feed, without the limits of its connections."""
    runner = web.AppRunner(app := application(feed), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    app[LIMITS].append(ConnectionLimits(asyncio.Protocol))
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    try:
        yield listening.getsockname()[1]
    finally:
        await runner.cleanup()


def feed_of(length: int) -> Feed:
    """Return a feed whose last answer to ``show`` has about so many bytes."""
    feed = Feed()
    words = [f"{os.urandom(4).hex()} of server {number}" for number in range(length // 27)]
    feed.revision, feed.servers.answer = 1, {"ok": True, "generation": 1, "virtuals": words}
    return feed


async def asks(port: int, request: bytes) -> socket.socket:
    """Return a connection that has sent a request, and takes little of the answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, request)
    return client


def resident() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def memory_of_clients(port: int, request: bytes, count: int) -> int:
    """Return how many bytes more this process has with so many clients that read one byte of their answers each."""
    before = resident()
    clients = [await asks(port, request) for _ in range(count)]
    for client in clients:
        assert await asyncio.get_running_loop().sock_recv(client, 1)
    await asyncio.sleep(1)
    grown = resident() - before
    for client in clients:
        client.close()
    return grown


@pytest.mark.slow
@pytest.mark.parametrize("accepted", ["identity", "gzip"])
async def test_hundreds_of_clients_that_do_not_read_take_little_memory(accepted: str) -> None:
    request = b"GET /api/show HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\n\r\n" % accepted.encode()
    async with served(feed_of(LENGTH)) as port:
        with await asks(port, request) as first:  # the answer is packed once, for all
            assert await asyncio.get_running_loop().sock_recv(first, 1)
            grown = await memory_of_clients(port, request, CLIENTS)
        print(f"{grown / 1e6:.0f} MB for {CLIENTS} clients that do not read {LENGTH / 1e6:.0f} MB, {accepted}")
        assert grown < CLIENTS * 300_000


@pytest.mark.slow
async def test_streams_that_nobody_reads_take_little_memory() -> None:
    feed, servers = Feed(), replica(*[shown_real(f"10.0.{each // 250}.{each % 250}:80", each) for each in range(5000)])
    feed.board.apply_answer(servers, 0.0)
    for number in range(1, 5):
        counts = [each for server in range(5000) for each in (server, 100_000 + number, 100_000, 0)]
        changes = servers.apply(update(connections=counts), 0.0)
        assert changes
        feed.board.apply_changes(servers, changes, 0.0)
    request = f"GET /api/stream?last={feed.epoch}.1.0 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with served(feed) as port:
        grown = await memory_of_clients(port, request, MAX_STREAMS)
        print(f"{grown / 1e6:.0f} MB for {MAX_STREAMS} streams that nobody reads")
        assert grown < MAX_STREAMS * 1_500_000


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_length_is_said_and_right(method: str) -> None:
    async with served(feed_of(1_000_000)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"%s /api/show HTTP/1.0\r\nHost: x\r\n\r\n" % method.encode())
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        (length,) = (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        assert length > 900_000
        assert len(body) == (length if method == "GET" else 0)
        writer.close()
