"""The site in the pictures: its configuration, and its servers, on addresses of this network namespace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from types import MappingProxyType

CONFIG = """\
checkinterval = 1
checktimeout = 5
failurecount = 2

virtual = 192.0.2.10:80
    servicename = shop
    real = web1:80 masq 4
    real = web2:80 masq 4
    real = web3:80 masq 4
    real = web4:80 masq 2
    fallback = 127.0.0.1:80
    service = http
    request = "health"
    scheduler = wlc
virtual = 192.0.2.11:8080
    servicename = api
    real = api1:8080 masq
    real = api2:8080 masq
    real = api3:8080 masq
    service = http
    request = "health"
    scheduler = rr
virtual = 192.0.2.12:25
    servicename = mail
    real = mx1:25 masq
    real = mx2:25 masq
    checktype = connect
    scheduler = wlc
"""

ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "web1": "10.0.1.11",
        "web2": "10.0.1.12",
        "web3": "10.0.1.13",
        "web4": "10.0.1.14",
        "api1": "10.0.2.21",
        "api2": "10.0.2.22",
        "api3": "10.0.2.23",
        "mx1": "10.0.3.31",
        "mx2": "10.0.3.32",
    }
)
"""Each server, as /etc/hosts has it."""

PORTS: Mapping[str, int] = MappingProxyType({"web": 80, "api": 8080, "mx": 25})
LATENCIES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"web": (0.002, 0.004), "api": (0.015, 0.02), "mx": (0, 1)}
)
"""The least seconds that a server takes to answer, and the mean of what it takes besides."""


class SiteServer:
    """A server of the site. Its state: whether it is sick (503) or stopped, and the chance that makes its latencies."""

    def __init__(self, name: str) -> None:
        kind = name.rstrip("0123456789")
        self.place = (ADDRESSES[name], PORTS[kind])
        self.sick = False
        self._least, self._besides = LATENCIES[kind]
        self._random = Random(name)  # noqa: S311  the same numbers in each run
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Accept connections."""
        self._listening = await asyncio.start_server(self._answer, *self.place)

    async def stop(self) -> None:
        """Refuse connections from now on."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(self._least + self._random.expovariate(1 / self._besides))
            status = "503 Service Unavailable" if self.sick else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except (OSError, EOFError):
            pass  # a check by connect sends nothing
        finally:
            writer.close()


@asynccontextmanager
async def running_site() -> AsyncIterator[Mapping[str, SiteServer]]:
    """Yield the servers, which are up."""
    servers = {name: SiteServer(name) for name in ADDRESSES}
    async with AsyncExitStack() as stack:
        for server in servers.values():
            await server.start()
            stack.push_async_callback(server.stop)
        yield servers
