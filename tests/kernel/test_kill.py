"""F22: a director that is killed while it changes a thousand rows: the next one completes them, no client notices.

The tier kills it ten times, ``make kills ROUNDS=100`` a hundred times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import cycle
from random import Random
from typing import Final

import pytest

from harness.lab.forked_daemon import ForkedDaemon
from harness.lab.kernel_table import KernelTable
from harness.lab.lab import Lab
from harness.lab.thousand_changes import SIDES, WEB_VIPS, changes_done, configuration, marked_table
from harness.machines.speed import lateness
from ldirectord_py.ipvs.diff import diff
from ldirectord_py.ipvs.table import Table

ROUNDS: Final = 10
"""Kills in each test."""

TESTS: Final = -(-int(os.environ.get("KILL_ROUNDS", "10")) // ROUNDS)
KILL_SHARES: Final = (0.5, 1.1)
"""When daemons are killed from outside, in shares of the usual time until one is ready: it reads its file before."""

WITHIN: Final = 60.0
"""Seconds on an ordinary host."""


class Site:
    """A director between two configurations.

    Its state: the table that the former configuration asks for, and the one that is ``wanted`` now.
    """

    def __init__(self, lab: Lab, daemon: ForkedDaemon, kernel: KernelTable) -> None:
        self.lab, self.daemon, self.kernel = lab, daemon, kernel
        self._webs = {vip: str(lab.real(f"web{number}").address) for number, vip in enumerate(WEB_VIPS)}
        tables = [marked_table(side, self._webs) for side in SIDES]
        self.changes = len(diff(*tables))
        self._sides = cycle(zip(SIDES, tables, strict=True))
        self._former: Table = {}
        self.wanted: Table = {}
        self._turn()
        kernel.fill(self.wanted)

    def _turn(self) -> None:
        side, table = next(self._sides)
        self._former, self.wanted = self.wanted, table
        self.lab.director.configure(configuration(side, self._webs))

    def reload(self) -> None:
        """Have the daemon read the other configuration."""
        self._turn()
        self.daemon.reload()

    def restart(self) -> None:
        """Kill the daemon while it is idle, and start one with the other configuration."""
        self.daemon.kill()
        self._turn()
        self.daemon.start()

    def complete(self) -> float:
        """Wait until the daemon is ready; the table is as wanted then. Returns the seconds that this took."""
        began = time.monotonic()
        self.daemon.wait_ready()
        took = time.monotonic() - began
        changes_done(self.wanted, self.wanted, self.kernel.read())
        return took

    def cut(self, begin: Callable[[], None], changes: int) -> None:
        """Begin all changes, and let the daemon die in their midst."""
        self.daemon.cut_after(changes)
        begin()
        self.daemon.wait_cut(lateness(WITHIN))

    def kill(self, begin: Callable[[], None], seconds: float) -> None:
        """Begin all changes, and kill the daemon after so many seconds."""
        begin()
        time.sleep(seconds)
        self.daemon.kill()

    def changes_done(self) -> int:
        """Return how many rows the dead daemon has changed; each is as before or as wanted."""
        return changes_done(self._former, self.wanted, self.kernel.read())


def usual_seconds(site: Site) -> dict[str, float]:
    """Return how long a reload and a restart take which nobody disturbs."""
    site.daemon.start()
    site.complete()
    seconds = {}
    for begin in (site.reload, site.restart):
        begin()
        seconds[begin.__name__] = site.complete()
    return seconds


@pytest.mark.takes(30)
@pytest.mark.parametrize("seed", range(TESTS))
def test_F22_the_next_start_completes_the_changes_of_a_killed_director(lab: Lab, seed: int) -> None:
    chance = Random(seed)  # noqa: S311  the same moments in each run
    first, last = WEB_VIPS
    with ForkedDaemon(lab.director) as daemon, KernelTable(lab.director) as kernel:
        site = Site(lab, daemon, kernel)
        assert site.changes > 1000
        seconds = usual_seconds(site)
        with lab.client.traffic(first, workers=1) as to_first, lab.client.traffic(last, workers=1) as to_last:
            for number in range(ROUNDS):
                begin = (site.reload, site.restart)[number % 2]
                if cut := number % 4 < 2:
                    site.cut(begin, chance.randrange(1, site.changes))
                else:
                    site.kill(begin, chance.uniform(*KILL_SHARES) * seconds[begin.__name__])
                done = site.changes_done()
                assert not cut or 0 < done < site.changes
                daemon.start()
                took = site.complete()
                how = "cut" if cut else "killed"
                print(f"{begin.__name__}, {how}: {done} rows were changed; the next start was ready after {took:.2f} s")
            for name, traffic in (("web0", to_first), ("web1", to_last)):
                traffic.wait(requests=10, within=lateness(WITHIN))
                assert traffic.failures() == []
                assert set(traffic.counts()) == {name}
                print(f"{traffic.counts().total()} requests to {name}")
