"""Fault points of operators and of the process: edits, reloads, commands, kills, stops and signals."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

from ldirectord_py.daemon.control.check_now import MAX_SERVERS
from simulation.drawn_sites import drawn_damping, fresh_virtual, spare_real
from simulation.faults import Fault, point
from simulation.operator import Request
from simulation.site import TCP_KINDS, UDP_KINDS, SiteSpec, VirtualSpec, text_of
from simulation.transports import ControlConnection

if TYPE_CHECKING:
    from simulation.world import World

_BAD_LINES: Final = (
    b'{"request": "show',
    b"\xff\n",
    b"[" * 5000 + b"\n",
    b'{"request": "events", "follow": true}\n',
    b'{"request": "show"}\n' * 3,
)

MOST_SERVERS: Final = "*/*[0-7]:*"
"""A name in commands, which means those whose address ends with one of these digits."""

RESTART_BOUND: Final = 3.0
"""Seconds in which a process is there again that was killed."""


@point("F22", "F34")
def kill(world: World, fault: Fault) -> None:
    """Kill the process; its manager starts it again after a moment."""
    world.hit(fault.point)
    world.process.kill()
    world.after(fault.value * RESTART_BOUND, world.process.start)


@point("F31")
def away(world: World, fault: Fault) -> None:
    """Kill the process, and start it again after a long time, in which servers change."""
    world.hit("F31")
    world.process.kill()
    world.after(fault.seconds, world.process.start)


@point("F32")
def empty_start(world: World, fault: Fault) -> None:
    """Kill the process, clear the table of our services, and start it again."""
    world.hit("F32")
    world.process.kill()
    world.kernel.clear([virtual.key for virtual in world.operator.site.virtuals])
    world.operator.edits.clear()
    world.after(fault.value, world.process.start)


@point("F33")
def restart(world: World, fault: Fault) -> None:
    """Stop the process as its manager does, and start it again."""
    world.hit("F33")
    world.process.signal(signal.SIGTERM)
    world.after(6.0 + fault.value, world.process.start)


@point("F35")
def blocked(world: World, _: Fault) -> None:
    """Let the event loop be blocked for ever: the watchdog of the service manager ends the process."""
    if world.process.is_ready and not (world.process.is_stopping or world.process.is_blocked):
        world.hit("F35")
        world.process.block()


@point("F36")
def signals(world: World, fault: Fault) -> None:
    """Send SIGHUP while the process starts or at any time, or SIGTERM twice."""
    world.hit("F36")
    if fault.value < 0.3:
        world.process.signal(signal.SIGTERM)
        world.after(0.1, world.process.signal, signal.SIGTERM)
        world.after(6.5, world.process.start)
    elif fault.value < 0.6:
        world.process.kill()
        world.process.start()
        world.operator.reload()
    else:
        world.operator.reload()


@point("F25")
def broken_file(world: World, fault: Fault) -> None:
    """Break the file, reload, and mend it."""
    text = text_of(world.operator.site)
    broken = (text[: int(fault.value * len(text))] + "\nvirtual = nonsense:::\n", "", "\0\xff\n", "include = sim.cf\n")
    world.hit("F25")
    world.operator.write(broken[fault.target % len(broken)])
    world.process.signal(signal.SIGHUP)
    world.operator.expect_reload(fault.seconds + 4.0)

    def mend() -> None:
        world.operator.edit(world.operator.site)
        world.operator.reload()  # a process that started with an empty file does not look at it again by itself

    world.after(fault.seconds, mend)


@point("F26")
def reload_storm(world: World, fault: Fault) -> None:
    """Reload every 100 ms."""
    world.hit("F26")
    for number in range(min(40, int(fault.seconds * 10))):
        world.after(number / 10, world.operator.reload)


@point("F27")
def edit(world: World, fault: Fault) -> None:
    """Edit the file in one way, and reload."""
    world.hit("F27")
    site = world.operator.site
    index = fault.target % len(site.virtuals)
    change = _EDITS[int(fault.value * len(_EDITS))]
    world.operator.edit(change(site, index, fault))
    if change is _remove_real:
        world.after(fault.seconds, _put_back, world, site.virtuals[index])


@point("F29")
def drain(world: World, fault: Fault) -> None:
    """Drain or disable a server for a time; sometimes take it out of the file meanwhile."""
    site = world.operator.site
    index = fault.target % len(site.virtuals)
    virtual = site.virtuals[index]
    place = fault.target % len(virtual.keys)
    real, key = virtual.reals[place], virtual.keys[place]
    world.hit("F29")
    world.operator.administer("drain" if fault.value < 0.6 else "disable", virtual, real, key)
    if fault.value < 0.3 and len(virtual.reals) > 1:
        world.after(fault.seconds / 2, _remove, world, key)
        if fault.value < 0.15:
            world.after(fault.seconds, _put_back, world, virtual)
        return

    def enable() -> None:
        if any(key in each.keys for each in world.operator.site.virtuals):
            world.operator.administer("", virtual, real, key)

    world.after(fault.seconds, enable)


@point("check-now")
def check_now(world: World, fault: Fault) -> None:
    """Probe servers out of turn: all, or most in a large site, which edits could make too large for one request."""
    world.hit("check-now")
    name = "*" if sum(1 for _ in world.operator.site.reals()) <= MAX_SERVERS // 2 else MOST_SERVERS
    world.extra_probes += 1
    world.lose_results(120.0)
    world.operator.ask(Request("check-now", {"names": [name]}, world.end_extra_probe))


@point("F49")
def bad_clients(world: World, fault: Fault) -> None:
    """Let clients of the control socket send half a request, nonsense, or come in a crowd, for a time."""
    if world.operator.sockets is None or not world.process.is_ready:
        return
    world.hit("F49")
    line = _BAD_LINES[fault.target % len(_BAD_LINES)]
    for _ in range(1 + fault.target % 70):
        client = ControlConnection(world, line, lambda _: None)
        world.operator.sockets.connect(client)
        world.after(fault.seconds, client.leave)


def _remove(world: World, key: object) -> None:
    site = world.operator.site
    for index, virtual in enumerate(site.virtuals):
        reals = tuple(real for real, each in zip(virtual.reals, virtual.keys, strict=True) if each != key)
        if reals and reals != virtual.reals:
            world.operator.edit(site.with_virtual(index, replace(virtual, reals=reals)))


def _put_back(world: World, former: VirtualSpec) -> None:
    """Put the servers back into the file that a virtual had, unless their names have others now."""
    site = world.operator.site
    for index, virtual in enumerate(site.virtuals):
        names = {real.name for real in virtual.reals if real.name}
        reals = [real for real in former.reals if real not in virtual.reals and not names & {real.name}]
        if virtual.key == former.key and reals and former.kind == virtual.kind:
            world.operator.edit(site.with_virtual(index, replace(virtual, reals=(*virtual.reals, *reals))))


def _change_weight(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    place = fault.target % len(virtual.reals)
    real = replace(virtual.reals[place], weight=1 + fault.target % 50)
    return site.with_virtual(index, replace(virtual, reals=(*virtual.reals[:place], real, *virtual.reals[place + 1 :])))


def _remove_real(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    place = fault.target % len(virtual.reals)
    reals = virtual.reals[:place] + virtual.reals[place + 1 :]
    return site.with_virtual(index, replace(virtual, reals=reals)) if len(virtual.reals) > 2 else site


def _add_real(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    real = spare_real(virtual, fault.target % 50, 1 + fault.target % 9)
    if real.address in {each.address for each in virtual.reals}:
        return site
    return site.with_virtual(index, replace(virtual, reals=(*virtual.reals, real)))


def _reorder(site: SiteSpec, index: int, _: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    reordered = replace(site, virtuals=tuple(reversed(site.virtuals)))
    position = reordered.virtuals.index(virtual)
    return reordered.with_virtual(position, replace(virtual, reals=tuple(reversed(virtual.reals))))


def _change_check(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    kinds = UDP_KINDS if virtual.kind in UDP_KINDS else TCP_KINDS
    return site.with_virtual(index, replace(virtual, kind=kinds[fault.target % len(kinds)]))


def _change_rules(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    virtual = site.virtuals[index]
    fall, quiescent = 1 + fault.target % 3, bool(fault.target & 4)
    fallback, backup = bool(fault.target & 8), bool(fault.target & 16)
    return site.with_virtual(index, replace(virtual, fall=fall, quiescent=quiescent, fallback=fallback, backup=backup))


def _change_damping(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    draw = Random(fault.target)
    fast, down = site.interval * draw.choice((0.0, 0.5)), site.interval * draw.choice((0.0, 0.5, 2.0))
    virtual = replace(site.virtuals[index], damping=drawn_damping(draw), fast_interval=fast, down_interval=down)
    return site.with_virtual(index, virtual)


def _change_scheduler(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    return site.with_virtual(index, replace(site.virtuals[index], scheduler=("wrr", "lc", "rr")[fault.target % 3]))


def _change_workers(site: SiteSpec, _: int, fault: Fault) -> SiteSpec:
    return replace(site, workers=fault.target % 3)


def _toggle_virtual(site: SiteSpec, index: int, fault: Fault) -> SiteSpec:
    """Remove a virtual, or add one."""
    if len(site.virtuals) > 2:
        return replace(site, virtuals=site.virtuals[:index] + site.virtuals[index + 1 :])
    fresh = fresh_virtual(100 + fault.target % 50)
    known = {virtual.number for virtual in site.virtuals}
    return site if fresh.number in known else replace(site, virtuals=(*site.virtuals, fresh))


_EDITS: Final[tuple[Callable[[SiteSpec, int, Fault], SiteSpec], ...]] = (
    _change_weight,
    _remove_real,
    _add_real,
    _reorder,
    _change_check,
    _change_rules,
    _change_damping,
    _change_scheduler,
    _change_workers,
    _toggle_virtual,
)
