"""``slowstart``: the weight of a server that came back rises in at most ten writes; at no start and at no reload."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from harness.lab.forked_daemon import ForkedDaemon
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually
from harness.lab.real_server import RealServer

WEB = f"TCP {VIP}:80"
WITHIN = 60.0
INTERVAL = 1
SECONDS = 4.5
MAX_WRITES = 10
STEPS = range(4, 41, 4)
"""The tenths of the weight 40."""


class Site:
    """Two servers of which one fails and comes back, and the director's daemon."""

    def __init__(self, lab: Lab, daemon: ForkedDaemon) -> None:
        self.director, self.daemon = lab.director, daemon
        self.web, self.other = lab.real("web"), lab.real("other")
        self.address = address(self.web)

    def configure(self, weight: int, slowstart: float = SECONDS) -> None:
        reals = "".join(f"    real = {address(server)} masq {weight}\n" for server in (self.web, self.other))
        self.director.configure(
            f"slowstart = {slowstart}\ncheckinterval = {INTERVAL}\nnegotiatetimeout = 3\nvirtual = {VIP}:80\n{reals}"
            '    scheduler = wrr\n    service = http\n    request = "health"\n    receive = "healthy"\n'
        )

    def all(self, weight: int) -> dict[str, int]:
        """Return the rows of both servers with this weight."""
        return {self.address: weight, address(self.other): weight}

    def weight(self) -> int | None:
        """Return the weight of the server that fails, None while it has no row."""
        return self.director.weights()[WEB].get(self.address)

    def fail(self) -> None:
        """Let the server fail, and wait until it is out."""
        self.web.fail_health()
        eventually(lambda: self.weight() is None, WITHIN, self.director.log)

    def written(self) -> list[int]:
        """Return the weights that were written so far."""
        wording = rf"real server: {re.escape(self.address)} \({re.escape(VIP)}:80\) \(Weight set to (\d+)\)"
        return [int(weight) for weight in re.findall(wording, self.director.log())]


def address(server: RealServer) -> str:
    return f"{server.address}:80"


@pytest.fixture
def site(lab: Lab) -> Iterator[Site]:
    with ForkedDaemon(lab.director) as daemon:
        yield Site(lab, daemon)


@pytest.mark.takes(25)
def test_the_weight_rises_in_ten_writes_after_a_recovery_and_at_once_otherwise(site: Site) -> None:
    director = site.director
    with director.watch() as watch:
        site.configure(20)
        site.daemon.start()
        director.wait(WEB, site.all(20), WITHIN)
        site.configure(40)
        site.daemon.reload()
        director.wait(WEB, site.all(40), WITHIN)
    assert watch.weights(WEB, site.address) == [None, 20, 40]

    site.fail()
    with director.watch() as watch:
        recovered = time.monotonic()
        site.web.restore_health()
        director.wait_in_time(WEB, site.all(40), INTERVAL + SECONDS)
        took = time.monotonic() - recovered
    assert took >= SECONDS
    director.wait_log(f"Raised real server: {site.address} ({VIP}:80) (Weight set to 40)", WITHIN)
    started, reloaded, *steps = site.written()
    assert (started, reloaded, steps[0], steps[-1]) == (20, 40, 4, 40)
    assert steps == [step for step in STEPS if step in steps]
    assert len(steps) <= MAX_WRITES
    before, *seen = watch.weights(WEB, site.address)
    assert before is None
    assert seen == [step for step in steps if step in seen]
    assert watch.weights(WEB, address(site.other)) == [40]
    print(f"{steps} were written, {seen} were seen in {took:.2f} s")

    site.configure(40, slowstart=600)
    site.daemon.reload()
    site.daemon.wait_ready()
    site.fail()
    site.web.restore_health()
    eventually(lambda: site.weight() is not None, WITHIN, director.log)
    site.daemon.kill()
    with director.watch() as watch:
        site.daemon.start()
        director.wait(WEB, site.all(40), WITHIN)
    assert watch.weights(WEB, site.address) == [4, 40]
