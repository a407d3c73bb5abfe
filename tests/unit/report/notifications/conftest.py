"""Events, and servers that take them."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from builders import real, verdict_on, virtual
from harness.fakes import scripted
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Checked

WEB = virtual("10.0.0.1:80", "10.1.0.1:80", passwd="hunter2")


def fell(reason: str = "connect refused") -> Checked:
    """Return a server that goes down."""
    return verdict_on(WEB, real("10.1.0.1:80"), Transition(HealthState(up=True), HealthState(failures=1)), reason)


class Endpoint:
    """A server of a webhook: the requests that it got; ``statuses`` are its first answers, then 204."""

    def __init__(self, servers: scripted.Servers) -> None:
        self.statuses: list[int] = []
        self.heads: list[str] = []
        self.raw: list[bytes] = []
        self.bodies: list[list[dict[str, Any]]] = []
        self.delay = 0.0
        self.extra = ""
        self._servers = servers

    async def url(self, path: str = "/hook", user: str = "", tls: ssl.SSLContext | None = None) -> str:
        """Start it, and return its URL."""
        port = await self._servers.start(self._talk, tls=tls)
        return f"{'https' if tls else 'http'}://{user}127.0.0.1:{port}{path}"

    @property
    def reasons(self) -> list[list[str]]:
        """The reasons of the events in each request."""
        return [[event["reason"] for event in body] for body in self.bodies]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            raw = await reader.readexactly(length)
            self.heads.append(head)
            self.raw.append(raw)
            await asyncio.sleep(self.delay)
            self.bodies.append(json.loads(raw))
            status = self.statuses.pop(0) if self.statuses else 204
            length_line = "" if status == 204 else "Content-Length: 0\r\n"
            writer.write(f"HTTP/1.1 {status} x\r\n{length_line}{self.extra}\r\n".encode())
            await writer.drain()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


@pytest.fixture
async def servers() -> AsyncIterator[scripted.Servers]:
    async with scripted.servers() as started:
        yield started


@pytest.fixture
def endpoint(servers: scripted.Servers) -> Endpoint:
    return Endpoint(servers)
