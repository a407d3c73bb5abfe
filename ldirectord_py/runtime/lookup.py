"""Looking up host names without blocking the event loop."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final

from ldirectord_py.runtime.threads import DaemonThreads

LOOKUP_TIMEOUT: Final = 10.0
"""Seconds."""

_THREADS: Final = DaemonThreads("lookup", 4)


async def resolve_addresses(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, the preferred one first; raises OSError, TimeoutError after LOOKUP_TIMEOUT."""
    found = await _THREADS.run(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), LOOKUP_TIMEOUT)
    return [str(address[0]) for *_, address in found]
