"""What a check over TLS costs: a page by https, beside keepalived's SSL_GET and beside a bare C program on epoll.

None verifies the certificate; each makes a connection for each check.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.farm import HTTPS, addresses, connections, farm
from bench.figure import Figure, Outcome, ratio_at_most
from bench.floor import PEER, Floor
from bench.keepalived import Check, Keepalived, configuration
from bench.ours import Ours
from bench.subject import Subject
from harness.lab.fresh_namespace import fresh_namespace

REALS, INTERVAL, TIMEOUT = 400, 2.0, 3.0
VIRTUAL = "10.9.0.100:443"
SETTLE, STEADY = 6.0, 20.0

_TEXT = """\
checkinterval = {interval:g}
checktimeout = {timeout:g}
negotiatetimeout = {timeout:g}
virtual = {virtual}
    service = https
    request = "/"
    scheduler = rr
    protocol = tcp
"""


def measure(runs: int) -> Outcome:
    """Return the CPU per check of ours and of keepalived."""
    endpoints = [f"{address}:{HTTPS}" for address in addresses(REALS)]
    ours, theirs, floor = [], [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as name, fresh_namespace(), farm(Path(name, "farm")):
        for run in range(runs):
            theirs.append(_cost(_keepalived(Path(name, f"keepalived-{run}"), endpoints)))
            ours.append(_cost(_ours(Path(name, f"ours-{run}"), endpoints)))
            floor.append(_cost(Floor(Path(name, f"floor-{run}"), "https", HTTPS, REALS, INTERVAL)))
            print(f"ours {ours[-1]:.0f}, keepalived {theirs[-1]:.0f}, the floor {floor[-1]:.0f} us", flush=True)
    what = f"CPU per HTTPS check at {REALS / INTERVAL:g} a second"
    figure = Figure(what, "us", tuple(ours), tuple(theirs), "keepalived", ratio_at_most(1.15))
    return Outcome((figure, Figure("the same beside the floor", "us", tuple(ours), tuple(floor), PEER)))


def _cost(subject: Subject) -> float:
    """Return the CPU time of one check in microseconds, once the start is over."""
    with subject:
        time.sleep(SETTLE)
        spent, checks, began = subject.cpu_seconds(), connections(), time.monotonic()
        time.sleep(STEADY)
        spent, checks = subject.cpu_seconds() - spent, connections() - checks
        seconds = time.monotonic() - began
    assert checks > 0.8 * seconds * REALS / INTERVAL, f"{checks} checks in {seconds:.1f} s: {subject.log()[-2000:]}"
    return spent / checks * 1e6


def _keepalived(folder: Path, endpoints: Sequence[str]) -> Keepalived:
    return Keepalived(folder, configuration({VIRTUAL: endpoints}, Check.SSL, INTERVAL, TIMEOUT))


def _ours(folder: Path, endpoints: Sequence[str]) -> Ours:
    text = _TEXT.format(interval=INTERVAL, timeout=TIMEOUT, virtual=VIRTUAL)
    return Ours(folder, text + "".join(f"    real = {real} masq\n" for real in endpoints))
