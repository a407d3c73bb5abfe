"""The simulated host: it stands still, its disk is full, its resolver fails; and the time of its processors."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from simulation.clock import CLOCK
from simulation.threads import NeverError

if TYPE_CHECKING:
    from simulation.world import World


class Host:
    """Its state: whether the disk is full, whether a SIGHUP came early, and the waits for a processor in ns."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.disk_full = False
        self.hangup_waits = False
        self.waited = 0

    def stand_still(self, seconds: float, *, starved: bool) -> None:
        """Stop the director for a time, in the middle of its next turn; ``starved``: it waits for a processor."""
        if self.world.loop is None:
            return
        self.world.loop.stall_for += seconds
        if starved:
            self.waited += round(seconds * 1e9)

    def schedstat(self, _: str) -> bytes:
        """Stand in for /proc/thread-self/schedstat."""
        return b"0 %d 0" % self.waited

    def check_disk(self) -> None:
        """Raise OSError where the disk is full."""
        if self.disk_full:
            self.world.hit("F39")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def early_hangup(self) -> bool:
        """Stand in for ``signals.unblock``: return whether SIGHUP came before the handlers."""
        waits, self.hangup_waits = self.hangup_waits, False
        return waits


class Resolver:
    """Its state: the addresses of names, and how it fails: ``up``, ``hung``, ``broken``, ``unknown`` or ``empty``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.addresses: dict[str, str] = {}
        self.conduct = "up"

    def getaddrinfo(self, host: str, port: Any, *_: object, **__: object) -> list[Any]:
        """Stand in for ``socket.getaddrinfo``."""
        if self.conduct != "up":
            self.world.hit("F41")
        if self.conduct == "hung":
            raise NeverError
        if self.conduct == "broken":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        address = self.addresses.get(host)
        if address is None or self.conduct == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if self.conduct == "empty":
            return []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0))]


def step_wall_clock(seconds: float) -> None:
    """Set the wall clock forward or back."""
    CLOCK.offset += seconds
