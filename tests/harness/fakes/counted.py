"""A server that accepts connections and says nothing, and counts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Counted:
    """A server that keeps the times of its connections; it refuses them while it is closed."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.times: list[float] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections."""
        assert self._server
        self._server.close()
        await self._server.wait_closed()

    def was_checked(self, times: int, within: float) -> bool:
        """Return whether it ever got so many connections in so many seconds."""
        return any(last - first <= within for first, last in zip(self.times, self.times[times - 1 :], strict=False))

    async def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.times.append(asyncio.get_running_loop().time())
        writer.close()


@asynccontextmanager
async def counted(host: str = "127.0.0.1") -> AsyncIterator[Counted]:
    """Yield such a server, open."""
    server = Counted(host)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


def checked(*servers: Counted) -> str:
    """Return a virtual that checks these servers by connecting."""
    reals = "".join(f"    real={server.host}:{server.port} masq\n" for server in servers)
    return f"virtual=192.0.2.1:80\n{reals}    checktype=connect\n"
