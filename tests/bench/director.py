"""A director at work: 4 virtuals with 25 real servers each, of which 10 go dark at once.

Ours, keepalived and the Perl original take turns in the same namespaces, each with an empty table at its start. Checks
ask for a page every 2 s and wait 3 s for it. What the kernel's table says decides; what was asked is counted where it
arrives.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from statistics import median

from bench.farm import connections
from bench.figure import Figure, Outcome, Target, value_at_most
from bench.keepalived import Check, Keepalived, configuration
from bench.original import Original
from bench.ours import Ours
from bench.subject import Subject
from harness.lab.ip_vs_table import read_weights
from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.real_server import RealServer

VIRTUALS = tuple(f"{vip}:80" for vip in (VIP, *SPARE_VIPS[:3]))
REALS, DARK = 100, 10
INTERVAL, TIMEOUT = 2.0, 3.0
PATIENCE = 240.0
"""Seconds after which a start, or a dark server, is left at that."""
SETTLE, STEADY = 5.0, 20.0
LOOK = 0.05

_VIRTUAL = """\
virtual = {virtual}
    checktype = negotiate
    service = http
    request = "/"
    receive = "10"
    scheduler = rr
    protocol = tcp
"""
_GLOBAL = f"checkinterval = {INTERVAL:g}\nchecktimeout = {TIMEOUT:g}\nnegotiatetimeout = {TIMEOUT:g}\nquiescent = no\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one daemon did in one run: seconds, CPU in ms, memory in MB."""

    start: float
    first: float
    middle: float
    last: float
    cpu: float
    memory: float


WHAT: dict[str, tuple[str, str, Target | None]] = {
    "start": ("all 100 servers in the table after the start", "s", None),
    "first": ("first of 10 dark servers out", "s", None),
    "middle": ("median of 10 dark servers out", "s", None),
    "last": (
        "last of 10 dark servers out",
        "s",
        value_at_most(INTERVAL + TIMEOUT + 0.3, "s", "interval + timeout + 0.3 s"),
    ),
    "cpu": ("CPU per check", "ms", None),
    "memory": ("memory (PSS)", "MB", value_at_most(45, "MB")),
}
"""The fields of Seen as the page has them."""


def measure(runs: int) -> Outcome:
    """Return starts, detection, CPU and memory of ours, beside those of keepalived and of the original."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Lab(Path(name)) as lab:
        farm = lab.farm(REALS)
        reals = _shares([f"{address}:80" for address in farm.addresses if address.version == 4])
        subjects = _subjects(lab, reals)
        seen: dict[str, list[Seen]] = {subject: [] for subject in subjects}
        for run in range(runs):
            for subject, build in subjects.items():
                seen[subject].append(_observe(lab, farm, build(Path(name, f"{subject}-{run}"))))
                print(subject, seen[subject][-1], flush=True)
    ours = seen.pop("ours")
    figures = [_figure(field.name, ours, peer, theirs) for field in fields(Seen) for peer, theirs in seen.items()]
    return Outcome(tuple(figures), notes=_notes(seen))


def _shares(reals: Sequence[str]) -> dict[str, Sequence[str]]:
    share = REALS // len(VIRTUALS)
    return {virtual: reals[share * index : share * (index + 1)] for index, virtual in enumerate(VIRTUALS)}


def _subjects(lab: Lab, reals: dict[str, Sequence[str]]) -> dict[str, Callable[[Path], Subject]]:
    enter = ("ip", "netns", "exec", lab.director.netns)
    text = _GLOBAL + "".join(
        _VIRTUAL.format(virtual=virtual) + "".join(f"    real = {real} masq\n" for real in its)
        for virtual, its in reals.items()
    )
    theirs = configuration(reals, Check.HTTP, INTERVAL, TIMEOUT)
    return {
        "ours": lambda folder: Ours(folder, text, enter, ipvs=True),
        "keepalived": lambda folder: Keepalived(folder, theirs, enter, ipvs=True),
        "ldirectord": lambda folder: Original(folder, text, enter, ipvs=True),
    }


def _observe(lab: Lab, farm: RealServer, subject: Subject) -> Seen:
    """Start a daemon, let it check for a while, take ten servers away, and end it."""
    began = time.monotonic()
    with subject:
        start = _await(lambda: len(_in_table(lab)) == REALS, began)
        time.sleep(SETTLE)
        cpu, memory = _steady(farm, subject), subject.pss_bytes() / 1e6
        out = _detection(lab, farm)
    lab.director.run("ipvsadm", "-C")
    farm.restore_network()
    return Seen(start, min(out), median(out), max(out), cpu, memory)


def _steady(farm: RealServer, subject: Subject) -> float:
    """Return the CPU of a check in ms."""
    before, checks = subject.cpu_seconds(), connections(str(farm.anchor))
    time.sleep(STEADY)
    return (subject.cpu_seconds() - before) * 1000 / (connections(str(farm.anchor)) - checks)


def _detection(lab: Lab, farm: RealServer) -> list[float]:
    """Darken servers, spread over the virtuals; return after how many seconds each was out of the table."""
    chosen = sorted(_in_table(lab))[:: REALS // DARK][:DARK]
    farm.drop_packets(*(ip_address(real.rpartition(":")[0]) for real in chosen))
    began = time.monotonic()
    out: dict[str, float] = {}
    while len(out) < len(chosen) and time.monotonic() - began < PATIENCE:
        left = _in_table(lab)
        now = time.monotonic() - began
        out.update({real: now for real in chosen if real not in left and real not in out})
        time.sleep(LOOK)
    return [out.get(real, PATIENCE) for real in chosen]


def _in_table(lab: Lab) -> set[str]:
    """Return the servers that get traffic."""
    table = read_weights(Path(f"/proc/{lab.director.anchor}/net/ip_vs"))
    return {real for reals in table.values() for real, weight in reals.items() if weight > 0}


def _await(holds: Callable[[], bool], began: float) -> float:
    while not holds() and time.monotonic() - began < PATIENCE:
        time.sleep(LOOK)
    return time.monotonic() - began


def _figure(field: str, ours: Sequence[Seen], peer: str, theirs: Sequence[Seen]) -> Figure:
    what, unit, target = WHAT[field]
    left, right = (tuple(getattr(seen, field) for seen in side) for side in (ours, theirs))
    return Figure(what, unit, left, right, peer, target if peer == "keepalived" else None)


def _notes(seen: dict[str, list[Seen]]) -> tuple[str, ...]:
    return tuple(
        f"{peer} was not done {PATIENCE:g} s after its start; it is counted with these."
        for peer, runs in seen.items()
        if any(run.start >= PATIENCE for run in runs)
    )
