"""The host names of addresses, looked up in daemon threads and refreshed regularly."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final, NoReturn

from ldirectord_py.address import Address
from ldirectord_py.runtime.threads import DaemonThreads

LOOKUP_INTERVAL: Final = 10.0
"""Seconds between two rounds of look-ups of missing and old names."""

MAX_AGE: Final = 600.0
"""Seconds after which a name is looked up again."""

LOOKUP_TIMEOUT: Final = 15.0
"""Seconds for one look-up."""

PUBLISH_INTERVAL: Final = 1.0
"""Seconds between two replacements of ``names`` during a round of look-ups."""

MAX_LOOKUPS: Final = 8
"""Simultaneous look-ups."""


def name_of(address: Address) -> str:
    """Return the name of an address, "" if it has none; blocks; raises OSError if the resolver fails."""
    try:
        return socket.getnameinfo((str(address), 0), socket.NI_NAMEREQD)[0]
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return ""
        raise


class ReverseNames:
    """Looks up the names of all addresses that ``wanted`` returns; an address keeps its name if a look-up fails.

    Its state: ``names``, which is replaced and never changed, the names found so far, when each was looked up, and the
    threads for the look-ups.
    """

    def __init__(self, wanted: Callable[[], AbstractSet[Address]], name: Callable[[Address], str] = name_of) -> None:
        self.names: Mapping[Address, str] = {}
        self._wanted = wanted
        self._name = name
        self._found: dict[Address, str] = {}
        self._looked_up: dict[Address, float] = {}
        self._publish_at = -math.inf
        self._threads = DaemonThreads("reverse", MAX_LOOKUPS)

    async def run(self) -> NoReturn:
        """Look names up for ever."""
        while True:
            await self.look_up()
            await asyncio.sleep(LOOKUP_INTERVAL)

    async def look_up(self) -> None:
        """Look up missing and old names, and drop the names of addresses that are no longer wanted."""
        wanted, now = self._wanted(), asyncio.get_running_loop().time()
        self._looked_up = {address: time for address, time in self._looked_up.items() if address in wanted}
        self._found = {address: name for address, name in self._found.items() if address in wanted}
        left = [address for address in wanted if self._looked_up.get(address, -math.inf) + MAX_AGE <= now]
        try:
            await asyncio.gather(*(self._look_up_next(left) for _ in range(min(MAX_LOOKUPS, len(left)))))
        finally:
            self._publish()

    async def _look_up_next(self, left: list[Address]) -> None:
        clock = asyncio.get_running_loop().time
        while left:
            address = left.pop()
            try:
                name = await self._threads.run(partial(self._name, address), LOOKUP_TIMEOUT)
            except (OSError, UnicodeError):
                continue
            self._looked_up[address] = clock()
            self._found[address] = name
            if clock() >= self._publish_at:
                self._publish()
                self._publish_at = clock() + PUBLISH_INTERVAL

    def _publish(self) -> None:
        """Replace ``names`` if names were found: each replacement makes its reader build an index."""
        if self._found != self.names:
            self.names = dict(self._found)
