"""How many checks may be in a TLS handshake at once: the one part of a check that costs this host much.

A thousand handshakes at the same time would each take as long as all of them, and time out by our own fault. Those
that have to wait do so before their deadline begins.
"""

from __future__ import annotations

import asyncio

from ldirectord_py.runtime.limiter import Limiter

AT_ONCE = 32
"""Handshakes in one process, and so on one core: together they take it some 20 ms."""

LONGEST = 0.1
"""Seconds that a turn lasts: where the server takes longer it costs us nothing, and must not keep others waiting."""

AGAIN = 0.01
"""Seconds that it lasts where the last probe took longer than LONGEST: servers that hang hold up those that answer."""

HANDSHAKES = Limiter(AT_ONCE)


class Handshake:
    """A turn for the probes of one check, one at a time.

    Its state: what ends the turn, while there is one, when it began, and how long it may last.
    """

    __slots__ = ("_began", "_ends", "_lasts")

    def __init__(self) -> None:
        self._ends: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._lasts = LONGEST

    async def __aenter__(self) -> None:
        """Wait for the turn."""
        await HANDSHAKES.__aenter__()
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._ends = loop.call_later(self._lasts, self._end)

    async def __aexit__(self, *_: object) -> None:
        """Give the turn back, if that has not come to pass."""
        self._lasts = LONGEST if asyncio.get_running_loop().time() - self._began < LONGEST else AGAIN
        if self._ends is not None:
            self._ends.cancel()
            self._end()

    def _end(self) -> None:
        self._ends = None
        HANDSHAKES.release()
