"""TCP connections as asyncio's streams, except that a reset does not discard the data that came before it.

asyncio's own reader raises the error of a lost connection at once, even if it holds unread data. When a server answers
and closes without reading all that it was sent, the kernel resets the connection after the answer.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from copy import copy


class Reader(asyncio.StreamReader):
    """Returns the data that came before the connection was lost, and only then raises the error.

    It raises copies of the error, which it keeps: the traceback of the original would keep the caller's frames alive.
    ``on_data`` is called with the size of each piece that arrives; its exceptions count as a loss of the connection.
    """

    on_data: Callable[[int], None] | None = None
    _lost: Exception | None = None
    _opened: asyncio.BaseTransport | None = None

    def feed_data(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override]  # the types that protocols pass
        """Buffer a piece of data; called by the protocol."""
        if self._lost:
            return
        try:
            if self.on_data:
                self.on_data(len(data))
        except Exception as error:  # noqa: BLE001  raised again by the read methods
            self.set_exception(error)
        else:
            super().feed_data(data)

    def set_exception(self, exc: Exception) -> None:
        """Keep the error until all data is read; called by the protocol."""
        self._lost = exc
        self.feed_eof()

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the connection; called by the protocol."""
        super().set_transport(transport)
        self._opened = transport

    def abort(self) -> None:
        """Close the connection, if it is made, without waiting for the server to end TLS."""
        if isinstance(self._opened, asyncio.WriteTransport):
            self._opened.abort()

    async def read(self, n: int = -1) -> bytes:
        """Return at most ``n`` bytes, none at the end; raises OSError if the connection was lost."""
        data = await super().read(n)
        if not data and self._lost:
            raise copy(self._lost)
        return data

    async def readexactly(self, n: int) -> bytes:
        """Return ``n`` bytes; raises IncompleteReadError at the end, OSError if the connection was lost."""
        try:
            return await super().readexactly(n)
        except asyncio.IncompleteReadError:
            if self._lost:
                raise copy(self._lost) from None
            raise


async def open_streams(
    connected: socket.socket, *, limit: int, tls: ssl.SSLContext | None = None, name: str | None = None
) -> tuple[Reader, asyncio.StreamWriter]:
    """Return streams over a connected socket, which they own; it is closed if this fails.

    They use TLS if ``tls`` is given, and expect the server to be called ``name``. The reader buffers up to twice
    ``limit`` bytes. Raises OSError.
    """
    loop = asyncio.get_running_loop()
    reader = Reader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        transport, _ = await loop.create_connection(lambda: protocol, sock=connected, ssl=tls, server_hostname=name)
    except BaseException as error:
        refused = isinstance(error, ValueError) and not isinstance(error, OSError)  # the arguments: not even begun
        if refused or isinstance(loop, asyncio.BaseEventLoop):
            reader.abort()  # it may be cancelled just after the handshake: the transport would go on with the number
            connected.close()
        else:
            connected.detach()  # uvloop closes the descriptor, now or soon; its number may be another file's then
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
