"""The page of a daemon, served in this process, and a client for it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from harness.running_daemon import RunningDaemon
from ldirectord_py.web.serve import serve


class PageClient:
    """Reads what a page answers."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.session = session

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and body of an answer."""
        async with self.session.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()

    async def page_with(self, text: str) -> str:
        """Return the page as soon as a text is in it."""
        async with asyncio.timeout(10):
            while text not in (page := (await self.get("/"))[1]):
                await asyncio.sleep(0.05)
        return page

    async def messages(self, last: str = "", **headers: str) -> AsyncIterator[tuple[str, str, Any]]:
        """Yield name, id and data of the messages of a stream."""
        async with self.session.get(f"{self.url}/api/stream", params={"last": last}, headers=headers) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            fields: dict[str, str] = {}
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
                    fields = {}

    async def message(self, name: str, last: str = "", **headers: str) -> tuple[str, Any]:
        """Return id and data of the first message of this name."""
        async with asyncio.timeout(10):
            async for each, number, data in self.messages(last, **headers):
                if each == name:
                    return number, data
        raise AssertionError(f"the stream ended without {name}")


@asynccontextmanager
async def served_page(place: RunningDaemon) -> AsyncIterator[PageClient]:
    """Yield a client of the page of a daemon."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    port = listening.getsockname()[1]
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    adopted = place.daemon.control.serve_child(ours)
    task = asyncio.create_task(serve(theirs, listening))
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            client = PageClient(port, session)
            yield client
    finally:
        adopted.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(adopted, task, return_exceptions=True)
