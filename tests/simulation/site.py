"""What the simulated operator has: a configuration, and the table that it asks for, by rules written down here again.

The rules are those of docs/configuration.md, not the code of ``ldirectord_py.desired``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from ipaddress import IPv4Address
from random import Random
from typing import Final

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

KINDS: Final = ("http", "simpletcp", "connect")

_CHECKS: Final = {
    "http": 'service = http\n    request = "/"\n    receive = "all is well"\n    checktype = negotiate',
    "simpletcp": 'service = simpletcp\n    request = "how"\n    receive = "^all is well"\n    checktype = negotiate',
    "connect": "checktype = connect",
}


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
class VirtualSpec:
    """A section ``virtual``, whose servers are checked by ``kind``."""

    address: str
    kind: str
    reals: tuple[RealSpec, ...]
    fall: int = 1
    rise: int = 1
    quiescent: bool = False
    fallback: bool = False
    scheduler: str = "wrr"

    @cached_property
    def key(self) -> VirtualAddress:
        """The service."""
        return VirtualAddress(Protocol.TCP, address(self.address), 80)

    @cached_property
    def keys(self) -> tuple[DestinationKey, ...]:
        """The destinations of the real servers, in their order."""
        return tuple(DestinationKey(self.key, address(real.address), real.port) for real in self.reals)

    @cached_property
    def fallback_key(self) -> DestinationKey:
        """The destination of the fallback."""
        return DestinationKey(self.key, address("127.0.0.1"), 80)


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A configuration; times in whole seconds."""

    interval: int
    timeout: int
    virtuals: tuple[VirtualSpec, ...]
    autoreload: bool = False
    cleanstop: bool = True
    mail: bool = False
    fork: bool = False

    def text(self) -> str:
        """Return the file."""
        return "\n".join(self._lines()) + "\n"

    def reals(self) -> Iterator[tuple[VirtualSpec, RealSpec, DestinationKey]]:
        """Yield each real server with its virtual and its destination."""
        for virtual in self.virtuals:
            for real, key in zip(virtual.reals, virtual.keys, strict=True):
                yield virtual, real, key

    def with_virtual(self, index: int, virtual: VirtualSpec) -> SiteSpec:
        """Return the configuration with another virtual in this place."""
        return replace(self, virtuals=(*self.virtuals[:index], virtual, *self.virtuals[index + 1 :]))

    def _lines(self) -> Iterator[str]:
        yield f"checkinterval = {self.interval}\nchecktimeout = {self.timeout}\nnegotiatetimeout = {self.timeout}"
        yield f"autoreload = {_word(self.autoreload)}\ncleanstop = {_word(self.cleanstop)}"
        yield f"fork = {_word(self.fork)}\nresolveinterval = 5"
        if self.mail:
            yield 'emailalert = "ops@example.net"\nemailalertfreq = 60\nsmtp = 10.9.9.9'
        for virtual in self.virtuals:
            yield f"virtual = {virtual.address}:80\n    scheduler = {virtual.scheduler}\n    {_CHECKS[virtual.kind]}"
            yield f"    failurecount = {virtual.fall}\n    successcount = {virtual.rise}"
            yield f"    quiescent = {_word(virtual.quiescent)}"
            if virtual.fallback:
                yield "    fallback = 127.0.0.1:80 masq"
            for real in virtual.reals:
                yield f"    real = {real.name or real.address}:{real.port} masq {real.weight}"


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
    if virtual.fallback and not serving:
        rows[virtual.fallback_key] = Destination(virtual.fallback_key, ForwardMethod.MASQUERADE, 1)
    return rows


def drawn_site(draw: Random) -> SiteSpec:
    """Return a configuration of 1 to 4 virtuals with 1 to 5 servers each."""
    virtuals = tuple(_drawn_virtual(draw, number) for number in range(1, draw.randint(2, 5)))
    return SiteSpec(
        interval=draw.choice((1, 2, 3, 5)),
        timeout=draw.choice((1, 2, 3)),
        virtuals=virtuals,
        autoreload=draw.random() < 0.4,
        cleanstop=draw.random() < 0.7,
        mail=draw.random() < 0.5,
    )


def uniform_site(virtuals: int, reals: int, interval: int, kind: str = "http") -> SiteSpec:
    """Return a large configuration of equal virtuals."""
    return SiteSpec(
        interval,
        min(5, interval),
        tuple(
            VirtualSpec(f"198.51.100.{number}", kind, tuple(_real(number, index, 1) for index in range(1, reals + 1)))
            for number in range(1, virtuals + 1)
        ),
    )


def _drawn_virtual(draw: Random, number: int) -> VirtualSpec:
    reals = tuple(_real(number, index, draw.randint(1, 9)) for index in range(1, draw.randint(2, 6)))
    named = draw.random() < 0.3
    if named:
        reals = (replace(reals[0], name=f"web{number}.example.net"), *reals[1:])
    return VirtualSpec(
        f"198.51.100.{number}",
        draw.choice(KINDS),
        reals,
        fall=draw.choice((1, 1, 2, 3)),
        rise=draw.choice((1, 1, 1, 2)),
        quiescent=draw.random() < 0.4,
        fallback=draw.random() < 0.5,
        scheduler=draw.choice(("wrr", "wlc", "rr", "sh")),
    )


def _real(number: int, index: int, weight: int) -> RealSpec:
    return RealSpec(f"10.0.{number}.{index}", 8000 + number, weight)


def spare_real(virtual: VirtualSpec, index: int, weight: int) -> RealSpec:
    """Return a further server of a virtual."""
    return _real(int(virtual.address.rpartition(".")[2]), 100 + index, weight)


@cache
def address(text: str) -> IPv4Address:
    """Return an address."""
    return IPv4Address(text)


def _word(value: bool) -> str:
    return "yes" if value else "no"
