"""Clients that are slow, many, or send much (fault F50) are ended, and the others are served meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.running_daemon import running_daemon
from harness.served_page import PageClient, served_page
from ldirectord_py.web import limits

SITE = "virtual=192.0.2.1:80\n    real=127.0.0.1:81 masq\n    checktype=on\n"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Connection:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ended(self, seconds: float = 10) -> bool:
        """Return whether the server ends the connection in time; what it sends before does not count."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65536):
                    pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def connections(client: PageClient, count: int) -> AsyncIterator[list[Connection]]:
    """Yield connections to the page."""
    made = [Connection(*await asyncio.open_connection("127.0.0.1", client.port)) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT", 0.3)
    monkeypatch.setattr(limits, "RESPONSE_TIMEOUT", 0.6)


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HT", b"\r\n"])
async def test_F50_a_request_has_to_be_complete_in_time(tmp_path: Path, sent: bytes) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 1) as (one,):
        one.writer.write(sent)
        assert await one.ended(2)


@pytest.mark.usefixtures("_short")
async def test_F50_a_header_a_second_does_not_help(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 1) as (one,):
        one.writer.write(b"GET / HTTP/1.1\r\n")
        ended = asyncio.create_task(one.ended(2))
        for number in range(15):
            if ended.done():
                break
            one.writer.write(b"X-%d: y\r\n" % number)
            await asyncio.sleep(0.05)
        assert await ended


async def test_F50_a_request_has_a_greatest_size(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 3) as made:
        long, many, body = made
        long.writer.write(b"GET /?" + b"x" * 100_000 + b" HTTP/1.1\r\n")
        many.writer.write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
        body.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000)
        assert all([await each.ended(3) for each in made])
        assert (await client.get("/healthz"))[0] == 200


@pytest.mark.usefixtures("_short")
async def test_a_connection_that_asks_no_more_or_reads_nothing_is_ended(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 2) as made:
        made[0].writer.write(REQUEST)
        made[1].writer.write(REQUEST * 5)
        assert all([await each.ended(3) for each in made])


@pytest.mark.usefixtures("_short")
async def test_a_connection_that_asks_again_and_again_and_a_stream_last(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 2) as made:
        await client.page_with("1 of 1 servers up")
        made[1].writer.write(b"GET /api/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(10):
            made[0].writer.write(REQUEST)
            assert await made[0].reader.read(65536)
            await asyncio.sleep(0.1)
        assert b"event: beat" in await made[1].reader.read(65536)
        assert not made[1].reader.at_eof()


async def test_those_that_have_asked_nothing_make_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 10)
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 30) as made:
        for _ in range(5):
            assert (await client.get("/healthz"))[0] in {200, 503}
        assert sum([await each.ended(0.05) for each in made]) >= 20


async def test_where_all_have_asked_a_new_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 3)
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client, connections(client, 3) as made:
        for each in made:
            each.writer.write(b"GET /api/stream HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await each.reader.read(100)
        async with connections(client, 1) as (late,):
            assert await late.ended(2)
        made[0].writer.transport.abort()
        async with asyncio.timeout(10):
            while True:
                try:
                    await client.get("/healthz")
                    break
                except OSError:
                    await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_a_thousand_connections_neither_stop_the_page_nor_the_daemon(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("1 of 1 servers up")
        async with connections(client, 1000) as made:
            for each in made[::2]:
                each.writer.write(b"GET / HTTP/1.1\r\n")
            assert (await client.get("/"))[0] == 200
            assert (await place.ask("status"))["ok"]
