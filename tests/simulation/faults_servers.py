"""Fault points of real servers, and of the network to them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Final

from simulation.clock import CLOCK
from simulation.faults import Fault, point
from simulation.servers import Conduct, Server

if TYPE_CHECKING:
    from simulation.world import World

_CLOSING: Final = (Conduct.REFUSED, Conduct.RESET, Conduct.BROKEN_OFF)
_TALKING: Final = (Conduct.DRIP, Conduct.ENDLESS)
_SENSELESS: Final = (Conduct.GARBAGE, Conduct.WRONG)
_LOCAL: Final = (errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENOBUFS)


@point("F1")
def one_dark(world: World, fault: Fault) -> None:
    """Let one server drop every packet."""
    _behave(world, fault, [_server(world, fault)], Conduct.DARK)


@point("F2")
def half_dark(world: World, fault: Fault) -> None:
    """Let half of the servers drop every packet."""
    _behave(world, fault, _half(world, fault), Conduct.DARK)


@point("F3")
def half_hung(world: World, fault: Fault) -> None:
    """Let half of the servers accept connections and never answer."""
    _behave(world, fault, _half(world, fault), Conduct.HUNG)


@point("F4")
def closing(world: World, fault: Fault) -> None:
    """Let a server refuse or reset connections."""
    _behave(world, fault, [_server(world, fault)], _one_of(_CLOSING, fault))


@point("F5")
def talking(world: World, fault: Fault) -> None:
    """Let a server answer a byte each second, or without an end."""
    _behave(world, fault, [_server(world, fault)], _one_of(_TALKING, fault))


@point("F6")
def senseless(world: World, fault: Fault) -> None:
    """Let a server send no answer of the protocol, or another one."""
    _behave(world, fault, [_server(world, fault)], _one_of(_SENSELESS, fault))


@point("F7")
def spoofed(world: World, fault: Fault) -> None:
    """Let others answer in the place of a server, to another question or on behalf of another one."""
    _behave(world, fault, [_server(world, fault)], Conduct.SPOOFED)


@point("F8")
def flapping(world: World, fault: Fault) -> None:
    """Let a server change its mind each interval, or let one probe in ten fail."""
    server = _server(world, fault)
    times = ceil(fault.seconds / server.checkinterval)
    for number in range(times):
        is_bad = number % 2 if fault.value < 0.5 else number % 10 == 9
        conduct = Conduct.REFUSED if is_bad else Conduct.UP
        world.after(number * server.checkinterval, server.behave, conduct, "F8")
    world.after(times * server.checkinterval, _recover, [server], "F8")


@point("F9")
def slow(world: World, fault: Fault) -> None:
    """Let a server answer late: within its time, or after it."""
    server = _server(world, fault)
    _behave(world, fault, [server], Conduct.SLOW, delay=1.6 * fault.value * server.timeout)


@point("F10")
def no_uplink(world: World, fault: Fault) -> None:
    """Let the director reach no server: packets get lost, or this host knows that it has no network."""
    if fault.value < 0.5:
        _behave(world, fault, _servers(world), Conduct.DARK)
        return
    _refuse(world, fault, _LOCAL[fault.target % len(_LOCAL)])


@point("F11")
def unreachable(world: World, fault: Fault) -> None:
    """Let routers say that a server cannot be reached."""
    _behave(world, fault, [_server(world, fault)], Conduct.UNREACHABLE)


@point("F14")
def hung_command(world: World, fault: Fault) -> None:
    """Let the command for a server hang, or hang and ignore SIGTERM."""
    asked = [server for server in _servers(world) if server.kind == "external"]
    if asked:
        conduct = Conduct.HUNG if fault.value < 0.5 else Conduct.DARK
        _behave(world, fault, [asked[fault.target % len(asked)]], conduct)


@point("F38")
def no_ports(world: World, fault: Fault) -> None:
    """Let this host have no port left for a connection."""
    _refuse(world, fault, errno.EADDRNOTAVAIL)


@point("F44")
def lossy(world: World, fault: Fault) -> None:
    """Let the network lose some packets of some servers."""
    _behave(world, fault, _half(world, fault), Conduct.LOSSY, delay=0.05 + 0.25 * fault.value)


def _refuse(world: World, fault: Fault, error: int) -> None:
    network = world.network
    network.refusal, network.point = error, fault.point
    world.disturb(CLOCK.now + fault.seconds)
    world.after(fault.seconds, setattr, network, "refusal", 0)


def _servers(world: World) -> list[Server]:
    return list(world.network.servers.values())


def _server(world: World, fault: Fault) -> Server:
    servers = _servers(world)
    return servers[fault.target % len(servers)]


def _half(world: World, fault: Fault) -> list[Server]:
    servers = _servers(world)
    return servers[fault.target % 2 :: 2] or servers


def _one_of(conducts: Sequence[Conduct], fault: Fault) -> Conduct:
    return conducts[int(fault.value * len(conducts))]


def _behave(world: World, fault: Fault, servers: Sequence[Server], conduct: Conduct, delay: float = 0.0) -> None:
    for server in servers:
        server.behave(conduct, fault.point, delay)
    world.after(fault.seconds, _recover, servers, fault.point)


def _recover(servers: Sequence[Server], name: str) -> None:
    """End the fault of these servers, unless they have another one by now."""
    for server in servers:
        if server.point == name:
            server.behave(Conduct.UP)
