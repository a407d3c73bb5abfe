"""Answers that are kept packed: sent as they are, or unpacked piece by piece while the client reads.

A client that does not read holds a piece, and the packed answer with all others who got the same one.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, NamedTuple

from aiohttp import web

from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.web.headers import prefers_gzip

PIECE_LENGTH: Final = 64 * 1024
"""Bytes that are sent at a time."""

PACKING_TIMEOUT: Final = 20.0
"""Seconds to make and to pack what is said of all servers; the metrics of 5,000 take 0.15."""

_LEVEL: Final = 1
_RAW: Final = -zlib.MAX_WBITS
_TAKEN: Final = 4096
"""Packed bytes that are unpacked at a time: zlib copies those that it has not used yet."""

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"


class Packed(NamedTuple):
    """A text in the form of deflate, to which others can be added; its length, and the CRC of it and all before it.

    Many clients read only the first member of a gzip file, so an answer of two texts has to be one.
    """

    data: bytes
    length: int
    crc: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the text in pieces of PIECE_LENGTH at most."""
        unpacking = zlib.decompressobj(_RAW)
        for start in range(0, len(self.data), _TAKEN):
            left = self.data[start : start + _TAKEN]
            while left:
                yield unpacking.decompress(left, PIECE_LENGTH)
                left = unpacking.unconsumed_tail
        yield unpacking.flush()


def pack(text: bytes, after: Packed | None = None) -> Packed:
    """Return a text packed, which is to follow another one in an answer."""
    packing = zlib.compressobj(_LEVEL, wbits=_RAW)
    data = packing.compress(text) + packing.flush(zlib.Z_SYNC_FLUSH)
    return Packed(data, len(text), zlib.crc32(text, after.crc if after else 0))


def gzip_length(parts: Sequence[Packed]) -> int:
    """Return the length of these texts as gzip."""
    return len(_GZIP_HEADER) + sum(len(part.data) for part in parts) + len(_gzip_end(parts))


def gzip_pieces(parts: Sequence[Packed]) -> Iterator[bytes]:
    """Yield texts that follow each other as gzip, in pieces of PIECE_LENGTH at most."""
    yield _GZIP_HEADER
    for part in parts:
        for start in range(0, len(part.data), PIECE_LENGTH):
            yield part.data[start : start + PIECE_LENGTH]
    yield _gzip_end(parts)


def _gzip_end(parts: Sequence[Packed]) -> bytes:
    length = sum(part.length for part in parts)
    return _LAST_BLOCK + struct.pack("<II", parts[-1].crc, length & 0xFFFFFFFF)


class LastPacked:
    """A text of which there is a new version at times. Its state: the last one, packed, and what it follows."""

    def __init__(self) -> None:
        self._made: tuple[object, Packed | None, Packed] | None = None
        self._making = asyncio.Lock()

    async def get(
        self, version: object, prepare: Callable[[], Callable[[], bytes]], after: Packed | None = None
    ) -> Packed:
        """Return a version that is to follow another text; it is made and packed once. Raises TimeoutError.

        ``prepare`` is called in the event loop, and returns a function that makes the text in a thread.
        """
        async with self._making:
            if self._made is None or self._made[0] != version or self._made[1] is not after:
                text = prepare()
                packed = await run_in_daemon_thread(lambda: pack(text(), after), PACKING_TIMEOUT)
                self._made = version, after, packed
            return self._made[2]


async def send_packed(request: web.Request, parts: Sequence[Packed], content_type: str) -> web.StreamResponse:
    """Send texts that follow each other as one answer, packed if the client likes that, no faster than it reads."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "Vary": "Accept-Encoding"})
    if prefers_gzip(request.headers.getall("Accept-Encoding", ())):
        response.headers["Content-Encoding"] = "gzip"
        length, pieces = gzip_length(parts), gzip_pieces(parts)
    else:
        length, pieces = sum(part.length for part in parts), chain.from_iterable(part.pieces() for part in parts)
    response.content_length = length
    with suppress(ConnectionError):  # the client has hung up
        await response.prepare(request)
        for piece in () if request.method == "HEAD" else pieces:
            await response.write(piece)
            await asyncio.sleep(0)  # a client that reads fast does not hold up the others
    return response
