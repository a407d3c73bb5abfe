"""Answers that are kept packed: sent as they are, or unpacked piece by piece while the client reads.

A client that does not read holds a piece, and the packed answer with all others who got the same one.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp import web

from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.web.headers import prefers_gzip

PIECE_LENGTH: Final = 64 * 1024
"""Bytes that are sent at a time."""

PACKING_TIMEOUT: Final = 20.0
"""Seconds to make and to pack what is said of all servers; the metrics of 5,000 take 0.3."""

_LEVEL: Final = 1
_GZIP: Final = 16 + zlib.MAX_WBITS
_TAKEN: Final = 4096
"""Packed bytes that are unpacked at a time: zlib copies those that it has not used yet."""


class Packed(NamedTuple):
    """A text as gzip, and its length in bytes before."""

    data: bytes
    length: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the text in pieces of PIECE_LENGTH at most."""
        unpacking = zlib.decompressobj(_GZIP)
        for start in range(0, len(self.data), _TAKEN):
            left = self.data[start : start + _TAKEN]
            while left:
                yield unpacking.decompress(left, PIECE_LENGTH)
                left = unpacking.unconsumed_tail
        yield unpacking.flush()

    def packed_pieces(self) -> Iterator[bytes]:
        """Yield the packed bytes in pieces of PIECE_LENGTH at most."""
        for start in range(0, len(self.data), PIECE_LENGTH):
            yield self.data[start : start + PIECE_LENGTH]


def pack(text: bytes) -> Packed:
    """Return a text packed."""
    return Packed(gzip.compress(text, _LEVEL, mtime=0), len(text))


class LastPacked:
    """A text of which there is a new version from time to time. Its state: the last one, packed."""

    def __init__(self) -> None:
        self._made: tuple[object, Packed] | None = None
        self._making = asyncio.Lock()

    async def get(self, version: object, text: Callable[[], bytes]) -> Packed:
        """Return a version; its ``text`` is made and packed once, in a thread. Raises TimeoutError."""
        async with self._making:
            if self._made is None or self._made[0] != version:
                self._made = version, await run_in_daemon_thread(lambda: pack(text()), PACKING_TIMEOUT)
            return self._made[1]


async def send_packed(request: web.Request, parts: Sequence[Packed], content_type: str) -> web.StreamResponse:
    """Send texts one after the other as one answer, packed if the client likes that, no faster than it reads."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "Vary": "Accept-Encoding"})
    packed = prefers_gzip(request.headers.getall("Accept-Encoding", ()))
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.content_length = sum(len(part.data) if packed else part.length for part in parts)
    with suppress(ConnectionError):  # the client has hung up
        await response.prepare(request)
        if request.method != "HEAD":
            for part in parts:
                await _write(response, part.packed_pieces() if packed else part.pieces())
    return response


async def _write(response: web.StreamResponse, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        await response.write(piece)
        await asyncio.sleep(0)  # a client that reads fast does not hold up the others
