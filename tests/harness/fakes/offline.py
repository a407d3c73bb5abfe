"""Runs coroutines of a protocol without a server: all bytes that they receive are there from the start."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, cast


class NullTransport:
    """A writer and its transport without a socket, which drop all data; starting TLS fails."""

    @property
    def transport(self) -> NullTransport:
        """Return the transport, itself."""
        return self

    def write(self, data: bytes) -> None:
        """Drop the data."""

    def abort(self) -> None:
        """Do nothing, as ``close`` does."""

    close = pause_reading = resume_reading = abort

    def get_extra_info(self, _name: str, default: object = None) -> Any:
        """Return itself for a socket."""
        return self

    def setsockopt(self, *_: object) -> None:
        """Do nothing."""

    async def start_tls(self, *_: object, **__: object) -> None:
        """Raise ssl.SSLError."""
        raise ssl.SSLError("no TLS here")


def connection_with(data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection on which ``data`` and then the end arrive; needs a running event loop."""
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader, cast("asyncio.StreamWriter", NullTransport())


def run_without_waiting(step: Coroutine[Any, Any, str | None]) -> str | None:
    """Return the result of a coroutine that never waits; raises what it raises."""
    try:
        for _ in range(10):
            step.send(None)
    except StopIteration as end:
        word: str | None = end.value
        return word
    finally:
        step.close()
    raise AssertionError
