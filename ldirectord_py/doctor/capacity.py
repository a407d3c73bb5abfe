"""Whether the limits of this host hold the checks of the configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ldirectord_py.address import endpoint
from ldirectord_py.checks.base import Check
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.model import CheckType, Config
from ldirectord_py.doctor.facts import HostFacts
from ldirectord_py.doctor.finding import Finding, Gravity, Unseen, set_sysctl
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.plan import plan
from ldirectord_py.runtime.file_limit import RESERVED_FILES, max_checks

TIME_WAIT: Final = 60.0
"""Seconds that Linux keeps a connection in TIME_WAIT, and with it the port of this host."""
MAX_SHARE: Final = 0.5
"""The share of a limit that checks may take: the traffic needs the rest."""
CONNECTIONLESS: Final = frozenset(
    {CheckType.PING.value, CheckType.EXTERNAL.value, CheckType.EXTERNAL_PERL.value, "none"}
)
"""Kinds of checks without a connection of ours."""


def look_at_limits(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find limits of files, ports and tracked connections that the checks exceed."""
    yield from limits(plan(config, kinds()), config, facts)


def limits(checks: Iterable[Check], config: Config, facts: HostFacts) -> Iterator[Finding]:
    """Yield a finding for each limit that is too low for the checks."""
    checks = tuple(checks)
    yield from _files(len(checks), config, facts)
    rates = _rates(checks)
    yield from _ports(rates, facts)
    yield from _tracked(sum(rates.values()), facts)


def _files(checks: int, config: Config, facts: HostFacts) -> Iterator[Finding]:
    if config.settings.fork:  # each worker has a limit of its own
        return
    wanted = config.settings.maxchecks
    room = max_checks(None, facts.files)
    if room < min(checks, checks if wanted is None else wanted):
        what = f"{checks} checks, and room for {room} at once under the limit of {facts.files} open files: others wait"
        remedy = f"LimitNOFILE={checks + RESERVED_FILES} in the unit of systemd, or ulimit -n {checks + RESERVED_FILES}"
        yield Finding("file-limit", Gravity.HINT, (), what, remedy)


def _rates(checks: Iterable[Check]) -> Mapping[str, float]:
    """Return the connections over TCP in a second to each target."""
    rates: Counter[str] = Counter()
    for check in checks:
        if check.kind not in CONNECTIONLESS and check.target.protocol is Protocol.TCP:
            rates[endpoint(check.target.address, check.target.port)] += 1 / check.interval  # type: ignore[assignment]
    return rates


def _ports(rates: Mapping[str, float], facts: HostFacts) -> Iterator[Finding]:
    """Look at the ports of this host; one is taken for each connection to a target, and free for other targets."""
    ends = facts.sysctls.get("net.ipv4.ip_local_port_range", "").split()
    if len(ends) != 2 or not rates:
        return
    ports = int(ends[1]) - int(ends[0]) + 1
    target, rate = max(rates.items(), key=lambda each: each[1])
    if rate * TIME_WAIT > ports * MAX_SHARE:
        what = f"{rate:.0f} checks of {target} in a second hold {rate * TIME_WAIT:.0f} of {ports} ports in TIME_WAIT"
        remedy = "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or a longer checkinterval"
        yield Finding("port-range", Gravity.WARNING, (target,), what, remedy)


def _tracked(rate: float, facts: HostFacts) -> Iterator[Finding]:
    allowed = facts.number("net.netfilter.nf_conntrack_max")
    seconds = facts.number("net.netfilter.nf_conntrack_tcp_timeout_time_wait")
    if allowed and seconds and rate * seconds > allowed * MAX_SHARE:
        held = rate * seconds
        what = f"checks keep {held:.0f} of {allowed} entries in the table of tracked connections"
        remedy = set_sysctl("net.netfilter.nf_conntrack_max", round(4 * held))
        yield Finding("conntrack-small", Gravity.WARNING, (), what, remedy)
    count = facts.number("net.netfilter.nf_conntrack_count")
    if allowed and count and count > allowed * 0.9:
        what = f"{count} of {allowed} entries in the table of tracked connections are taken: packets will be dropped"
        yield Finding(
            "conntrack-full", Gravity.WARNING, (), what, set_sysctl("net.netfilter.nf_conntrack_max", 2 * allowed)
        )
