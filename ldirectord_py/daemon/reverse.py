"""The host names of addresses, looked up off the loop and now and then again."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final, NoReturn

from ldirectord_py.daemon.aside import aside
from ldirectord_py.ipvs.table import Address

LOOK_EVERY: Final = 10.0
"""Seconds after which names that are missing or old are looked up."""

OLD: Final = 600.0
"""Seconds after which a name is looked up again."""

SECONDS: Final = 15.0
AT_ONCE: Final = 8
"""Lookups at a time, and the seconds after which one is given up."""


def name_of(address: Address) -> str:
    """Return the name that an address has, "" for none; blocks; raises OSError when no resolver knows now."""
    try:
        return socket.getnameinfo((str(address), 0), socket.NI_NAMEREQD)[0]
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return ""
        raise


class Reverse:
    """Keeps the names of the addresses that are ``wanted``; one that cannot be looked up again keeps its name.

    Its state: ``names``, which is replaced and never changed, and when each was looked up.
    """

    def __init__(self, wanted: Callable[[], AbstractSet[Address]], name: Callable[[Address], str] = name_of) -> None:
        self.names: Mapping[Address, str] = {}
        self._wanted = wanted
        self._name = name
        self._looked_up: dict[Address, float] = {}

    async def run(self) -> NoReturn:
        """Look names up for ever."""
        while True:
            await self.look_up()
            await asyncio.sleep(LOOK_EVERY)

    async def look_up(self) -> None:
        """Look up the names that are missing or old."""
        wanted, now = self._wanted(), asyncio.get_running_loop().time()
        self._looked_up = {address: time for address, time in self._looked_up.items() if address in wanted}
        left = [address for address in wanted if self._looked_up.get(address, -math.inf) + OLD <= now]
        await asyncio.gather(*(self._work(left) for _ in range(min(AT_ONCE, len(left)))))

    async def _work(self, left: list[Address]) -> None:
        while left:
            address = left.pop()
            try:
                name = await aside(SECONDS, partial(self._name, address))
            except (OSError, RuntimeError, UnicodeError):
                continue
            self._looked_up[address] = asyncio.get_running_loop().time()
            if name != self.names.get(address):
                self.names = {**self.names, address: name}
