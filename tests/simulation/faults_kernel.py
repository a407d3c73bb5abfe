"""Fault points of the kernel: it refuses, loses answers, is out of reach, and others change its table."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Protocol, Service, VirtualAddress
from simulation.checks import WRITE_TIME
from simulation.faults import Fault, point
from simulation.kernel import BACKOFF_TIME
from simulation.site import VirtualSpec, address

if TYPE_CHECKING:
    from simulation.world import World

_ERRORS: Final = (errno.EBUSY, errno.ENOMEM, errno.EINTR)


@point("F17")
def foreign_hands(world: World, fault: Fault) -> None:
    """Let somebody change the table with ipvsadm."""
    virtuals = world.operator.site.virtuals
    virtual = virtuals[fault.target % len(virtuals)]
    _HANDS[int(fault.value * len(_HANDS))](world, virtual, fault)
    world.hit("F17")
    world.disturb_kernel(_repair_time(world))


@point("F18")
def refusals(world: World, fault: Fault) -> None:
    """Let the kernel refuse some writes, or all of one server for a time."""
    world.kernel.busy = [_ERRORS[fault.target % 3]] * (1 + fault.target % 5)
    world.after(fault.seconds, world.kernel.busy.clear)
    world.disturb_kernel(fault.seconds + BACKOFF_TIME)
    if fault.value < 0.5:
        return
    virtual = world.operator.site.virtuals[fault.target % len(world.operator.site.virtuals)]
    key = virtual.keys[fault.target % len(virtual.keys)]
    world.kernel.refusing[key] = errno.ENOMEM
    world.after(fault.seconds, world.kernel.refusing.pop, key, None)


@point("F19")
def lost_answers(world: World, fault: Fault) -> None:
    """Let the answers to the next calls get lost, or the next writes before they are done."""
    if fault.value < 0.5:
        world.kernel.lost_answers += 1 + fault.target % 2
    else:
        world.kernel.lost_requests += 1
    world.disturb_kernel(BACKOFF_TIME)


@point("F20")
def module_unloaded(world: World, fault: Fault) -> None:
    """Let the kernel have no table for a time, and then an empty one, or the one before."""
    kernel = world.kernel
    kernel.broken = KernelError("the kernel has no IPVS")

    def end() -> None:
        kernel.broken = None
        if fault.value < 0.5:
            kernel.clear(kernel.services)
            world.operator.foreign.clear()
        world.disturb_kernel(max(BACKOFF_TIME, _repair_time(world)))

    world.disturb_kernel(fault.seconds + BACKOFF_TIME)
    world.after(fault.seconds, end)


@point("F21")
def no_scheduler(world: World, fault: Fault) -> None:
    """Let somebody remove a service, whose scheduler the kernel does not find again for a time."""
    virtuals, kernel = world.operator.site.virtuals, world.kernel
    key = virtuals[fault.target % len(virtuals)].key
    kernel.without_scheduler.add(key)
    kernel.clear([key])
    world.disturb_kernel(max(fault.seconds + BACKOFF_TIME, _repair_time(world)))
    world.after(fault.seconds, kernel.without_scheduler.discard, key)


@point("F24")
def slow_kernel(world: World, fault: Fault) -> None:
    """Let each call take up to a second."""
    world.hit("F24")
    world.kernel.delay = fault.value
    world.disturb_kernel(fault.seconds + BACKOFF_TIME)
    world.after(fault.seconds, setattr, world.kernel, "delay", 0.0005)


def _repair_time(world: World) -> float:
    """Return the seconds in which changes by others are repaired: ``reconcile`` follows the interval of the file."""
    return world.operator.site.interval + WRITE_TIME


def _clear(world: World, virtual: VirtualSpec, _: Fault) -> None:
    world.kernel.clear([virtual.key])


def _delete(world: World, virtual: VirtualSpec, fault: Fault) -> None:
    key = virtual.keys[fault.target % len(virtual.keys)]
    if isinstance(row := world.kernel.row(key), Destination):
        world.kernel.change(Op(Verb.DELETE, row))
        if not row.weight:
            world.operator.edits[key] = None


def _add(world: World, virtual: VirtualSpec, fault: Fault) -> None:
    number = fault.target % 200 + 1
    host = address(f"2001:db8:77::{number:x}" if virtual.ipv6 else f"10.77.0.{number}")
    key = DestinationKey(virtual.key, host, 80)
    world.kernel.change(Op(Verb.ADD, Destination(key, ForwardMethod.MASQUERADE, 1)))


def _set_weight(world: World, virtual: VirtualSpec, fault: Fault) -> None:
    key = virtual.keys[fault.target % len(virtual.keys)]
    if isinstance(row := world.kernel.row(key), Destination):
        weight = fault.target % 20
        world.kernel.change(Op(Verb.EDIT, row._replace(weight=weight)))
        world.operator.edits[key] = weight


def _set_scheduler(world: World, virtual: VirtualSpec, _: Fault) -> None:
    if isinstance(row := world.kernel.row(virtual.key), Service):
        world.kernel.change(Op(Verb.EDIT, Service(row.key, "nq")))


def _add_service(world: World, _: VirtualSpec, fault: Fault) -> None:
    key = VirtualAddress(Protocol.TCP, address(f"203.0.113.{fault.target % 200 + 1}"), 443)
    service = Service(key, "rr")
    row = Destination(DestinationKey(key, address("10.78.0.1"), 443), ForwardMethod.ROUTE, 7)
    world.kernel.change(Op(Verb.ADD, service))
    world.kernel.change(Op(Verb.ADD, row))
    world.operator.foreign[key] = world.kernel.rows(key)


_HANDS: Final = (
    _clear,
    _delete,
    _add,
    _set_weight,
    _set_scheduler,
    _add_service,
)
