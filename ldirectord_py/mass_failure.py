"""Whether nearly all servers began to fail together, so that the fault may be the director's or its network's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final, NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.ipvs.table import DestinationKey

MIN_SERVERS: Final = 5
"""Servers, by their addresses, that have to begin to fail at least."""

MAX_PASSING: Final = 1 / 9
"""For each server that fails, so many others pass at most."""


class WatchedServer(NamedTuple):
    """A checked server: ``window`` is the time in seconds in which a fault of the director makes its check fail."""

    key: DestinationKey
    address: Address
    window: float


class MassFailure:
    """Its state: how many checked servers each address has, which of them fail, and at which addresses all do.

    And what may be the beginning of a mass failure: since when servers begin to fail, how many, and how many checks of
    all had passed by then. Times are in seconds of any clock.
    """

    def __init__(self) -> None:
        self._windows: dict[Address, float] = {}
        self._servers: Counter[Address] = Counter()
        self._failing: defaultdict[Address, set[DestinationKey]] = defaultdict(set)
        self._down: set[Address] = set()
        self._recent: dict[Address, float] = {}
        self._ends: list[tuple[float, bytes, Address]] = []
        self._suspected = 0
        self._passed_before = 0
        self._suspected_until = 0.0

    def watch(self, servers: Iterable[WatchedServer]) -> None:
        """Watch exactly these servers; those that fail still do."""
        self._windows.clear()
        self._servers.clear()
        keys = set()
        for key, address, window in servers:
            keys.add(key)
            self._servers[address] += 1
            self._windows[address] = max(window, self._windows.get(address, 0))
        for address, failing in list(self._failing.items()):
            failing.intersection_update(keys)
            self._update_address(address)

    def add_failure(self, key: DestinationKey, address: Address, now: float, passed: int) -> None:
        """Record that a server fails; ``passed``: how many checks of all have passed so far."""
        if address not in self._windows or address in self._down:
            return
        self._failing[address].add(key)
        self._update_address(address)
        if address not in self._down:
            return
        self._expire(now)
        window = self._windows[address]
        self._recent[address] = now + window
        # the bytes are for ends at the same time: addresses of both families cannot be compared
        heappush(self._ends, (now + window, address.packed, address))
        if not self.is_suspected(now, passed):
            self._suspected, self._passed_before, self._suspected_until = 0, passed, now + window
        self._suspected += 1

    def end_failure(self, key: DestinationKey, address: Address) -> None:
        """Record that a server passes."""
        if address in self._failing:
            self._failing[address].discard(key)
            self._update_address(address)

    def is_suspected(self, now: float, passed: int) -> bool:
        """Return whether hardly any check has passed since servers began to fail, so that all may be failing."""
        enough = self._suspected > 0 and len(self._windows) >= MIN_SERVERS and now < self._suspected_until
        return enough and passed - self._passed_before <= self._suspected * MAX_PASSING

    def massive(self, now: float) -> frozenset[Address]:
        """Return the servers that began to fail within their windows, if these are nearly all, else nothing."""
        self._expire(now)
        recent = len(self._recent)
        is_massive = recent >= MIN_SERVERS and self.passing <= recent * MAX_PASSING
        return frozenset(self._recent) if is_massive else frozenset()

    @property
    def passing(self) -> int:
        """How many servers do not fail, by their addresses."""
        return len(self._windows) - len(self._down)

    def still_failing(self, addresses: Iterable[Address]) -> list[Address]:
        """Return those of these servers that fail."""
        return [address for address in addresses if address in self._down]

    def window(self, addresses: Iterable[Address]) -> float:
        """Return the longest window of these servers."""
        return max((self._windows.get(address, 0.0) for address in addresses), default=0.0)

    def _expire(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            end, _, address = heappop(self._ends)
            if self._recent.get(address) == end:
                del self._recent[address]

    def _update_address(self, address: Address) -> None:
        """Find out whether all servers of an address fail."""
        failing = len(self._failing[address])
        if failing and failing >= self._servers[address]:
            self._down.add(address)
        else:
            self._down.discard(address)
            self._recent.pop(address, None)
        if not failing:
            del self._failing[address]
