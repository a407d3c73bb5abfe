"""The configurations that seeds draw, and large ones of equal virtuals."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from simulation.site import TCP_KINDS, UDP_KINDS, Damping, RealSpec, SiteSpec, VirtualSpec


def drawn_site(draw: Random) -> SiteSpec:
    """Return a configuration of 1 to 4 virtuals with 1 to 5 servers each."""
    interval = draw.choice((1, 2, 3, 5))
    site = SiteSpec(
        interval=interval,
        timeout=draw.choice((1, 2, 3)),
        virtuals=tuple(_drawn_virtual(draw, number, interval) for number in range(1, draw.randint(2, 5))),
        autoreload=draw.random() < 0.4,
        cleanstop=draw.random() < 0.7,
        mail=draw.random() < 0.5,
        workers=draw.choice((0, 0, 1, 2)),
    )
    slow_starts = [draw.choice((0, 0, 4, 20)) for _ in site.virtuals]  # last: what else a seed means stays
    drains = [draw.choice((0, 0, 5, 40)) for _ in site.virtuals]
    slowly = (replace(each, slow_start=time) for each, time in zip(site.virtuals, slow_starts, strict=True))
    leaving = (replace(each, drain_removed=time) for each, time in zip(slowly, drains, strict=True))
    return replace(site, virtuals=tuple(leaving))


def uniform_site(virtuals: int, reals: int, interval: int, kind: str = "http") -> SiteSpec:
    """Return a large configuration of equal virtuals."""
    return SiteSpec(
        interval,
        min(5, interval),
        tuple(
            VirtualSpec(number, kind, tuple(_real(number, index, 1) for index in range(1, reals + 1)))
            for number in range(1, virtuals + 1)
        ),
    )


def fresh_virtual(number: int) -> VirtualSpec:
    """Return a further virtual of two servers."""
    fresh = VirtualSpec(number, "http", ())
    return replace(fresh, reals=(spare_real(fresh, 1, 1), spare_real(fresh, 2, 2)))


def spare_real(virtual: VirtualSpec, index: int, weight: int) -> RealSpec:
    """Return a further server of a virtual."""
    return _real(virtual.number, 100 + index, weight, ipv6=virtual.ipv6)


def drawn_damping(draw: Random) -> Damping:
    """Return when a virtual does not follow its checks; most do."""
    flaps, panics = draw.random() < 0.25, draw.random() < 0.25
    return Damping(
        threshold=draw.choice((2, 3, 4)) if flaps else 0,
        window=float(draw.choice((5, 10, 15))) if flaps else 0.0,
        panic=draw.choice((30, 50, 80, 100)) if panics else 0,
    )


def _drawn_virtual(draw: Random, number: int, interval: int) -> VirtualSpec:
    ipv6, kind = draw.random() < 0.25, draw.choice((*TCP_KINDS, *TCP_KINDS, *UDP_KINDS))
    reals = [_real(number, index, draw.randint(1, 9), ipv6=ipv6) for index in range(1, draw.randint(2, 6))]
    if draw.random() < 0.3:
        reals[0] = replace(reals[0], name=f"web{number}.example.net")
    return VirtualSpec(
        number,
        kind,
        tuple(reals),
        fall=draw.choice((1, 1, 2, 3)),
        rise=draw.choice((1, 1, 1, 2)),
        quiescent=draw.random() < 0.4,
        fallback=draw.random() < 0.5,
        scheduler=draw.choice(("wrr", "wlc", "rr", "sh")),
        ipv6=ipv6,
        backup=draw.random() < 0.2,
        fast_interval=interval * draw.choice((0.0, 0.0, 0.0, 0.5)),
        down_interval=interval * draw.choice((0.0, 0.0, 0.5, 2.0)),
        damping=drawn_damping(draw),
    )


def _real(number: int, index: int, weight: int, *, ipv6: bool = False) -> RealSpec:
    address = f"2001:db8:{number:x}::{index:x}" if ipv6 else f"10.0.{number}.{index}"
    return RealSpec(address, 8000 + number, weight)
