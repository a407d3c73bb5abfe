"""Writes answers to a client: in parts, each made when the client has read those before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain
from time import monotonic
from typing import Final

from ldirectord_py.control.protocol import Answer, encode_pieces

MAX_BUFFERED: Final = 64 * 1024
"""Bytes that a client has not read; while there are more, no further part is made."""

WRITE_TIMEOUT: Final = 10.0
"""Seconds in which a client has to read what is buffered."""

SEND_TIMEOUT: Final = 60.0
"""Seconds in which a client has to read one answer, however long it is."""

SLICE: Final = 0.002
"""Seconds of encoding in a turn of the event loop, for all clients together."""


class AnswerWriter:
    """Writes whole lines to one client, one after the other; ``encoding`` is held while a part is made."""

    def __init__(self, writer: asyncio.StreamWriter, encoding: asyncio.Lock) -> None:
        self._writer = writer
        self._encoding = encoding
        self._sending = asyncio.Lock()
        writer.transport.set_write_buffer_limits(MAX_BUFFERED)

    async def send(self, fields: Answer) -> None:
        """Send one answer; raises TimeoutError if the client does not read it, OSError if it is gone."""
        async with self._sending:
            pieces = chain(encode_pieces(fields), ("\n",))
            part, complete = await self._next_part(pieces)
            if complete:
                await self._write(part)
            else:
                await self._write_in_parts(part, pieces)

    async def _write_in_parts(self, part: str, pieces: Iterator[str]) -> None:
        """Write a long answer from its first part on."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._write(part)
                complete = False
                while not complete:
                    part, complete = await self._next_part(pieces)
                    await self._write(part)
        except BaseException:
            self._writer.transport.abort()  # half a line: nothing can follow it
            raise

    async def close(self) -> None:
        """Close the connection when the client has read everything; raises as ``send`` does."""
        async with asyncio.timeout(WRITE_TIMEOUT):
            self._writer.close()
            await self._writer.wait_closed()

    async def _next_part(self, pieces: Iterator[str]) -> tuple[str, bool]:
        """Return the pieces that can be made in a SLICE, and whether these are the last ones."""
        async with self._encoding:
            part, began = [], monotonic()  # uvloop's own clock stands still within a turn
            for piece in pieces:
                part.append(piece)
                if monotonic() - began >= SLICE and piece != "\n":
                    break
            if monotonic() - began > SLICE / 4:
                await asyncio.sleep(0)  # with the lock: the next client's part is for the next turn
        return "".join(part), part[-1] == "\n"

    async def _write(self, part: str) -> None:
        if self._writer.transport.is_closing():
            raise ConnectionResetError
        self._writer.write(part.encode())
        if self._writer.transport.get_write_buffer_size() > MAX_BUFFERED:  # else ``drain`` waits for nothing, in 4 us
            async with asyncio.timeout(WRITE_TIMEOUT):
                await self._writer.drain()
