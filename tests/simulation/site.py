"""What the simulated operator has: a configuration, and the table that it asks for, by rules written down here again.

The rules are those of docs/configuration.md, not the code of ``ldirectord_py.desired``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from ldirectord_py.address import endpoint
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    ForwardMethod,
    Key,
    Protocol,
    Row,
    Service,
    VirtualAddress,
)

TCP_KINDS: Final = ("http", "simpletcp", "connect", "external")
UDP_KINDS: Final = ("dns", "sip")


@dataclass(frozen=True)
class RealSpec:
    """A line ``real``; ``name`` stands in for the address where it is set."""

    address: str
    port: int
    weight: int
    name: str = ""

    @cached_property
    def server(self) -> tuple[str, int]:
        """The address and port that are probed."""
        return self.address, self.port


@dataclass(frozen=True)
class Damping:
    """When a virtual does not simply follow its checks: ``flapthreshold``, ``flapwindow``, ``panic``; 0: off."""

    threshold: int = 0
    window: float = 0.0
    panic: int = 0


UNDAMPED: Final = Damping()


@dataclass(frozen=True)
class VirtualSpec:
    """A section ``virtual``, whose servers are checked by ``kind``; an interval of 0 is not in the file.

    ``fallback`` is a server on this host, or with ``backup`` the first real server.
    """

    number: int
    kind: str
    reals: tuple[RealSpec, ...]
    fall: int = 1
    rise: int = 1
    quiescent: bool = False
    fallback: bool = False
    scheduler: str = "wrr"
    ipv6: bool = False
    backup: bool = False
    fast_interval: float = 0.0
    down_interval: float = 0.0
    damping: Damping = UNDAMPED
    slow_start: int = 0
    drain_removed: int = 0

    @cached_property
    def address(self) -> str:
        """The address of the service."""
        return f"2001:db8::{self.number:x}" if self.ipv6 else f"198.51.100.{self.number}"

    @cached_property
    def protocol(self) -> Protocol:
        """The protocol of the service."""
        return Protocol.UDP if self.kind in UDP_KINDS else Protocol.TCP

    @cached_property
    def id(self) -> str:
        """The name of the virtual in commands."""
        return f"{self.protocol.name.lower()}:{self.key.endpoint}"

    @cached_property
    def key(self) -> VirtualAddress:
        """The service."""
        return VirtualAddress(self.protocol, address(self.address), 80)

    @cached_property
    def keys(self) -> tuple[DestinationKey, ...]:
        """The destinations of the real servers, in their order."""
        return tuple(DestinationKey(self.key, address(real.address), real.port) for real in self.reals)

    @cached_property
    def fallback_key(self) -> DestinationKey:
        """The destination of the fallback."""
        if self.backup and not self.reals[0].name:  # a name may move
            return self.keys[0]
        return DestinationKey(self.key, address("::1" if self.ipv6 else "127.0.0.1"), 80)


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A configuration; ``interval`` and ``timeout`` in whole seconds. With ``workers`` it has ``fork=yes``."""

    interval: int
    timeout: int
    virtuals: tuple[VirtualSpec, ...]
    autoreload: bool = False
    cleanstop: bool = True
    mail: bool = False
    workers: int = 0

    def reals(self) -> Iterator[tuple[VirtualSpec, RealSpec, DestinationKey]]:
        """Yield each real server with its virtual and its destination."""
        for virtual in self.virtuals:
            for real, key in zip(virtual.reals, virtual.keys, strict=True):
                yield virtual, real, key

    def with_virtual(self, index: int, virtual: VirtualSpec) -> SiteSpec:
        """Return the configuration with another virtual in this place."""
        return replace(self, virtuals=(*self.virtuals[:index], virtual, *self.virtuals[index + 1 :]))


def expected(
    virtual: VirtualSpec, up: Callable[[DestinationKey], bool], administered: Mapping[DestinationKey, str]
) -> dict[Key, Row]:
    """Return the rows of a virtual: ``up`` says which servers are, ``administered`` which are drained or disabled."""
    rows: dict[Key, Row] = {virtual.key: Service(virtual.key, virtual.scheduler)}
    serving = False
    for real, key in zip(virtual.reals, virtual.keys, strict=True):
        state = administered.get(key, "")
        serves = not state and up(key)
        serving = serving or serves
        if state == "drain" or (not state and not serves and virtual.quiescent):
            rows[key] = Destination(key, ForwardMethod.MASQUERADE, 0)
        elif serves:
            rows[key] = Destination(key, ForwardMethod.MASQUERADE, real.weight)
    if virtual.fallback and not serving and virtual.fallback_key not in administered:
        rows[virtual.fallback_key] = Destination(virtual.fallback_key, ForwardMethod.MASQUERADE, 1)
    return rows


def text_of(site: SiteSpec) -> str:
    """Return the file."""
    return "\n".join((*_global_lines(site), *(line for each in site.virtuals for line in _lines(each)))) + "\n"


@cache
def address(text: str) -> IPv4Address | IPv6Address:
    """Return an address."""
    return ip_address(text)


_CHECKS: Final = {
    "http": 'service = http\n    request = "/"\n    receive = "all is well"\n    checktype = negotiate',
    "simpletcp": 'service = simpletcp\n    request = "how"\n    receive = "^all is well"\n    checktype = negotiate',
    "connect": "checktype = connect",
    "external": "checktype = external\n    checkcommand = /usr/local/bin/ask",
    "dns": 'service = dns\n    request = "www.example.net"\n    receive = "192[.]0[.]2[.]1"\n    checktype = negotiate',
    "sip": 'service = sip\n    login = "probe@example.net"\n    checktype = negotiate',
}


def _global_lines(site: SiteSpec) -> Iterator[str]:
    yield f"checkinterval = {site.interval}\nchecktimeout = {site.timeout}\nnegotiatetimeout = {site.timeout}"
    yield f"autoreload = {_word(site.autoreload)}\ncleanstop = {_word(site.cleanstop)}\nresolveinterval = 5"
    if site.workers:
        yield f"fork = yes\nworkers = {site.workers}"
    if site.mail:
        yield 'emailalert = "ops@example.net"\nemailalertfreq = 60\nsmtp = 10.9.9.9'


def _lines(virtual: VirtualSpec) -> Iterator[str]:
    six = "6" if virtual.ipv6 else ""
    yield f"virtual{six} = {virtual.key.endpoint}\n    protocol = {virtual.protocol.name.lower()}"
    yield f"    scheduler = {virtual.scheduler}\n    {_CHECKS[virtual.kind]}"
    yield f"    failurecount = {virtual.fall}\n    successcount = {virtual.rise}"
    yield f"    quiescent = {_word(virtual.quiescent)}"
    damping = virtual.damping
    if damping.threshold:
        yield f"    flapthreshold = {damping.threshold}\n    flapwindow = {damping.window:g}"
    if damping.panic:
        yield f"    panic = {damping.panic}"
    if virtual.slow_start:
        yield f"    slowstart = {virtual.slow_start}"
    if virtual.drain_removed:
        yield f"    drainremoved = {virtual.drain_removed}"
    for directive, seconds in (("fastinterval", virtual.fast_interval), ("downinterval", virtual.down_interval)):
        if seconds:
            yield f"    {directive} = {seconds:g}"
    if virtual.fallback:
        yield f"    fallback{six} = {virtual.fallback_key.endpoint} masq"
    for real in virtual.reals:
        server = f"{real.name}:{real.port}" if real.name else endpoint(address(real.address), real.port)
        yield f"    real{six} = {server} masq {real.weight}"


def _word(value: bool) -> str:
    return "yes" if value else "no"
