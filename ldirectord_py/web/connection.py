"""The connection to the daemon: lines of JSON in both directions, over the socket that the daemon gave this process."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from ldirectord_py.control.protocol import MAX_ANSWER_LENGTH, encode_request

_CHUNK_LENGTH: Final = 256 * 1024


class DaemonConnection:
    """Sends requests, and yields what is answered to any of them. Its state: the connection, when it was heard last."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard_at = time.monotonic()
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, connected: socket.socket) -> DaemonConnection:
        """Return the connection over a socket."""
        return cls(*await asyncio.open_unix_connection(sock=connected, limit=_CHUNK_LENGTH))

    def send(self, number: int, request: str, **arguments: object) -> None:
        """Send a request; its answers have the same ``id``."""
        self._writer.write(encode_request(number, request, arguments))

    def close(self) -> None:
        """Close the connection."""
        self._writer.transport.abort()

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """Yield each answer until the daemon ends the connection."""
        unread, searched = bytearray(), 0
        while chunk := await self._reader.read(_CHUNK_LENGTH):
            self.heard_at = time.monotonic()
            unread += chunk
            while (end := unread.find(b"\n", searched)) >= 0:
                line, searched = bytes(unread[:end]), 0
                del unread[: end + 1]
                yield json.loads(line)
            searched = len(unread)
            if searched > MAX_ANSWER_LENGTH:
                raise EOFError("the daemon sends a line without end")
