"""Scripted servers in a thread with its own event loop, for tests of the event loop."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Self

from harness.fakes.scripted import Servers, Talk


class ThreadedServers:
    """Servers in a thread with its own event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers = Servers()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._servers.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, talk: Talk, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> int:
        """Start a server and return its port."""
        return asyncio.run_coroutine_threadsafe(self._servers.start(talk, host, tls), self._loop).result(10)
