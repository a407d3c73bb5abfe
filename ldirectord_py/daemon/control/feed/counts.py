"""The kernel's weights and connections for a feed: read seldom, in parts, and compared with what was read before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from ldirectord_py.daemon.control.servers.kernel_usage import READ_TIMEOUT, KernelReading
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey, Usage, service_of

COUNTS_INTERVAL: Final = 5.0
MAX_COUNTS_INTERVAL: Final = 30.0
"""Seconds between two readings of everything, at least and at most."""

COUNTS_REST: Final = 2000
"""Times as long as the last reading took, until the next one: half a thousandth of the time is for readings."""

WRITES_INTERVAL: Final = 1.0
WRITES_REST: Final = 100
"""The same for services with rows that this daemon has written; a hundredth of the time is for these."""

ROWS_AT_ONCE: Final = 500
"""Rows that are read and compared at a time: some 0.5 ms of the event loop."""


class CountsChange(NamedTuple):
    """Rows that came, went or have another weight, or whose writes can be judged now; and those with other counts."""

    rows: Sequence[DestinationKey] = ()
    counts: Sequence[DestinationKey] = ()


class FeedCounts:
    """Its state: the reading, parts of which are older than others; the rows and the services written since.

    Also when the next reading is due, of everything and of what was written.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._usage: dict[DestinationKey, Usage] = {}
        self._writing: set[Key] = set()
        self._services: set[ServiceKey] = set()
        self._due = self._writes_due = 0.0
        self.reading = KernelReading(time.monotonic(), self._usage)

    def record_write(self, key: Key) -> None:
        """Note that this daemon wrote a row, which may be another one now than when it was read."""
        self.reading.changed.add(key)
        self._writing.add(key)
        self._services.add(service_of(key))

    async def refresh(self, compiled: CompiledConfig) -> CountsChange:
        """Read what is due, and return what has changed; ``reading`` has the error if the kernel cannot be read."""
        began = time.monotonic()
        if began >= self._due:
            services: Collection[ServiceKey] = compiled.virtuals
        elif began >= self._writes_due and self.reading.error is None:
            services = [key for key in self._services if key in compiled.virtuals]
        else:
            return CountsChange()
        self._services = set()
        try:
            changes = [await self._read(part) for part in _parts(compiled, services)]
        except KernelError as error:
            self._usage = {}
            self.reading = KernelReading(began, self._usage, str(error))
            self._due = time.monotonic() + COUNTS_INTERVAL
            return CountsChange()
        self._plan_next(began, everything=services is compiled.virtuals)
        rows, counts = zip(*changes, strict=True) if changes else ((), ())
        return CountsChange(list(chain.from_iterable(rows)), list(chain.from_iterable(counts)))

    def _plan_next(self, began: float, *, everything: bool) -> None:
        now = time.monotonic()
        self._writes_due = now + max(WRITES_INTERVAL, WRITES_REST * (now - began))
        if everything:
            self.reading.at, self.reading.error = began, None
            self._due = now + min(MAX_COUNTS_INTERVAL, max(COUNTS_INTERVAL, COUNTS_REST * (now - began)))

    async def _read(self, services: Sequence[ServiceKey]) -> CountsChange:
        """Read the rows of these services; raises KernelError, also after READ_TIMEOUT."""
        self._writing = set()
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                found = await self._kernel.usage(services)
        except TimeoutError:
            raise KernelError(f"the kernel has not answered within {READ_TIMEOUT:g} s") from None
        return self._adopt(services, found)

    def _adopt(self, services: Sequence[ServiceKey], found: Mapping[DestinationKey, Usage]) -> CountsChange:
        """Keep what was found of these services, and return how it differs from what was known."""
        usage, by_service = self._usage, self.reading.by_service
        differing = [(key, before, used) for key, used in found.items() if (before := usage.get(key)) != used]
        known = [key for service in services for key in by_service.get(service, ())]
        new = sum(before is None for _, before, _ in differing)
        # Mostly none is gone, which the numbers tell: to look up each row would take half as long again as all this.
        gone = [key for key in known if key not in found] if len(known) + new > len(found) else []
        rows = [key for key, before, used in differing if before is None or before.weight != used.weight]
        counts = [key for key, before, used in differing if before is not None and before.weight == used.weight]
        usage.update((key, used) for key, _, used in differing)
        for key in gone:
            del usage[key]
        if gone or new:
            old = self.reading  # the next one finds the rows of each service anew
            self.reading = KernelReading(old.at, usage, old.error, old.changed)
        return CountsChange([*rows, *gone, *self._judged(services)], counts)

    def _judged(self, services: Collection[ServiceKey]) -> list[DestinationKey]:
        """Return the rows of these services that were written before they were read, and can be judged from now on."""
        changed, looked_at = self.reading.changed, frozenset(services)
        known = [key for key in changed if key not in self._writing and service_of(key) in looked_at]
        changed.difference_update(known)
        return [key for key in known if isinstance(key, DestinationKey)]


def _parts(compiled: CompiledConfig, services: Collection[ServiceKey]) -> Iterator[Sequence[ServiceKey]]:
    """Yield these services in parts of about ROWS_AT_ONCE rows."""
    part: list[ServiceKey] = []
    size = 0
    for key in services:
        part.append(key)
        size += len(compiled.virtuals[key].reals)
        if size >= ROWS_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part
