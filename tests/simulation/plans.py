"""What the seed of a simulation means: its site, its faults and its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import simulation.faults_host
import simulation.faults_kernel
import simulation.faults_names
import simulation.faults_operator
import simulation.faults_servers
import simulation.faults_workers  # noqa: F401  these add their fault points
from simulation.drawn_sites import drawn_site, uniform_site
from simulation.faults import Fault, drawn_faults
from simulation.site import SiteSpec

SHORT: Final = 120.0
"""Seconds in which the faults of a short simulation begin."""

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

LONG_INTERVAL: Final = 60
"""Seconds between two probes of a server in a long simulation."""

BUSY_INTERVAL: Final = 10
"""The same in a busy one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One simulation, as it is repeated: everything that the seed decides before it begins."""

    seed: str
    site: SiteSpec
    faults: tuple[Fault, ...]
    length: float

    def with_faults(self, faults: Sequence[Fault]) -> Plan:
        """Return the plan with other faults."""
        return replace(self, faults=tuple(faults))


def short_plan(seed: str) -> Plan:
    """Return a small site with a mix of faults within two minutes."""
    site = drawn_site(Random(f"{seed}/site"))
    return Plan(seed, site, drawn_faults(Random(f"{seed}/faults"), site, SHORT), SHORT)


def long_plan(seed: str, days: float) -> Plan:
    """Return a site of 500 servers, with a window of faults of two minutes in each six hours."""
    return _large_plan(seed, LONG_INTERVAL, days * DAY, DAY / 4)


def busy_plan(seed: str, hours: float) -> Plan:
    """Return the same site with more probes, and a window of faults in each quarter of an hour."""
    return _large_plan(seed, BUSY_INTERVAL, hours * HOUR, HOUR / 4)


def _large_plan(seed: str, interval: int, length: float, spacing: float) -> Plan:
    site, spacing = replace(uniform_site(50, 10, interval), autoreload=True), min(spacing, length)
    draw = Random(f"{seed}/faults")
    faults: list[Fault] = []
    for number in range(int(length / spacing)):
        begin = number * spacing + draw.uniform(0.0, spacing / 2)
        faults += [replace(fault, at=fault.at + begin) for fault in drawn_faults(draw, site, SHORT)]
    return Plan(seed, site, tuple(faults), length)
