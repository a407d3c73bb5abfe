"""A director of two servers that may flap, with a second for each check."""

from __future__ import annotations

from typing import Any, Final

from builders import down, up, virtual
from harness.director_site import WEB, Site
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import Virtual

ONE, TWO = "10.1.0.1", "10.1.0.2"
REALS: Final = (f"{ONE}:80", f"{TWO}:80")


def web(**directives: Any) -> Virtual:
    """Return the virtual of the two servers: one that changes four times in a minute flaps."""
    return virtual(WEB, *REALS, **{"flapthreshold": 4, **directives})


class FlappingSite:
    """Its state: the site, and the time, on which those who make it base the clock of its director."""

    def __init__(self, site: Site, now: float) -> None:
        self.site = site
        self.now = now

    async def check(self, result: Result, *servers: str) -> None:
        """Pass a result for these servers (for all, without any) to the director, a second later."""
        self.now += 1
        await self.site.check(result, *servers)

    async def flap(self, server: str, times: int) -> None:
        """Let a server go down and come up, so many changes in all."""
        for each in range(times):
            await self.check(up() if each % 2 else down(), server)

    @property
    def inside(self) -> set[str]:
        """The addresses that have weight in the kernel."""
        return {server.removesuffix(":80") for server, weight in self.site.weights.items() if weight}

    @property
    def flapping(self) -> int:
        """How many servers flap."""
        return len(self.site.director.tracker.flaps.flapping)
