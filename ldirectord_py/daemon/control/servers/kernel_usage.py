"""What the kernel has of each destination now: read when somebody asks, but seldom enough to delay nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey, Usage
from ldirectord_py.report.events import Event, Written

MIN_READ_INTERVAL: Final = 0.5
"""Seconds for which a reading is used again."""

MIN_REST: Final = 20
"""Times as long as it took to read, a reading is used again: reading takes 5 % of the time at most."""

READ_TIMEOUT: Final = 2.0
"""Seconds to wait for the kernel."""


@dataclass
class KernelReading:
    """What the kernel had of each destination at a time of the monotonic clock; or else the ``error``.

    The rows that this daemon has ``changed`` since then may be others now.
    """

    at: float
    usage: Mapping[DestinationKey, Usage] = field(default_factory=dict)
    error: str | None = None
    changed: set[Key] = field(default_factory=set, compare=False)

    @cached_property
    def by_service(self) -> Mapping[ServiceKey, Sequence[DestinationKey]]:
        """The destinations of each service."""
        found: dict[ServiceKey, list[DestinationKey]] = {}
        for key in self.usage:
            found.setdefault(key.service, []).append(key)
        return found


class KernelUsage:
    """A Listener. Its state: the last reading, how long it took, and the one under way, the same for all who wait.

    It also has the sets of changed rows of these two.
    """

    def __init__(self, kernel: Kernel, services: Callable[[], Collection[ServiceKey]]) -> None:
        self._kernel = kernel
        self._services = services
        self._last: KernelReading | None = None
        self._seconds = 0.0
        self._reading: asyncio.Task[KernelReading] | None = None
        self._changed: tuple[set[Key], ...] = ()

    def __call__(self, event: Event) -> None:
        """Note the row of a write."""
        if self._changed and isinstance(event, Written):
            if self._last is not None and not self._is_recent(self._last):
                self._changed = tuple(each for each in self._changed if each is not self._last.changed)
                self._last = None
            for changed in self._changed:
                changed.add(event.op.row.key)

    async def read(self) -> KernelReading:
        """Return a reading of a moment ago, or make one; after READ_TIMEOUT, return one with an error."""
        if self._last is not None and self._is_recent(self._last):
            return self._last
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            return KernelReading(time.monotonic(), error=f"the kernel has not answered within {READ_TIMEOUT:g} s")

    async def close(self) -> None:
        """End a reading under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _is_recent(self, reading: KernelReading) -> bool:
        return time.monotonic() - reading.at < max(MIN_READ_INTERVAL, MIN_REST * self._seconds)

    async def _read(self) -> KernelReading:
        begin, changed = time.monotonic(), set[Key]()
        self._changed = (*self._changed[-1:], changed)
        try:
            reading = KernelReading(begin, await self._kernel.usage(self._services()), changed=changed)
        except KernelError as error:
            reading = KernelReading(begin, error=str(error))
        finally:
            self._reading = None
        self._changed = (reading.changed,)
        self._last, self._seconds = reading, time.monotonic() - begin
        return reading
