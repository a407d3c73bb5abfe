"""The rows of an IPVS table and their keys: values without counters, compared with ``==``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

Address = IPv4Address | IPv6Address

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _frozen(cls: type[T]) -> type[T]:
    """Make the class a slotted dataclass that only the type checker freezes.

    There are tens of thousands of rows, and frozen ones take three times as long to make.
    """
    init, own_hash = "__init__" not in vars(cls), "__hash__" in vars(cls)
    return dataclass(slots=True, init=init, unsafe_hash=not own_hash)(cls)


class Protocol(IntEnum):
    """The transport protocols of a virtual address, by IP protocol number."""

    TCP = 6
    UDP = 17
    SCTP = 132


class Forward(IntEnum):
    """How packets reach a destination, as in <linux/ip_vs.h>."""

    MASQUERADE = 0
    LOCAL = 1
    TUNNEL = 2
    ROUTE = 3
    BYPASS = 4  # the kernel's own: nothing may set it


class ServiceFlag(IntFlag):
    """The flags of a service that a user sets, as in <linux/ip_vs.h>; the kernel's own flag 2 is left out."""

    PERSISTENT = 0x01
    ONE_PACKET = 0x04
    SCHED_1 = 0x08  # sh-fallback, mh-fallback
    SCHED_2 = 0x10  # sh-port, mh-port
    SCHED_3 = 0x20


NO_FLAGS = ServiceFlag(0)


@_frozen
class VirtualAddress:
    """The key of a service by protocol, address and port; it keeps its hash."""

    protocol: Protocol
    address: Address
    port: int
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.protocol, int(self.address), self.port)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def ipv6(self) -> bool:
        """Whether the service is one of IPv6."""
        return self.address.version == 6


@dataclass(frozen=True, slots=True)
class FirewallMark:
    """The key of a service by the mark that the firewall sets on packets; each family has its own marks."""

    mark: int
    ipv6: bool = False


ServiceKey = VirtualAddress | FirewallMark


@_frozen
class DestinationKey:
    """The key of a destination: its service, and its own address and port.

    It is looked up far more often than made, so it keeps its hash: one of numbers, which every process computes alike.
    """

    service: ServiceKey
    address: Address
    port: int
    _hash: int = field(init=False, repr=False, compare=False)

    if not TYPE_CHECKING:  # the one that would be made takes half as long again

        def __init__(self, service, address, port):
            self.service = service
            self.address = address
            self.port = port
            self._hash = hash((service, int(address), port))

    def __hash__(self) -> int:
        return self._hash


@_frozen
class Service:
    """A service row.

    ``persistence`` is in seconds and holds only with the flag PERSISTENT. ``mask`` groups the clients of a
    persistent service: an IPv4 mask as a number (0xFFFFFFFF: each client alone), or an IPv6 prefix length
    (128). ``engine`` names the persistence engine, if any. ``packed`` is as in a Destination.
    """

    key: ServiceKey
    scheduler: str
    flags: ServiceFlag = NO_FLAGS
    persistence: int = 0
    mask: int = 0xFFFFFFFF
    engine: str = ""
    packed: bytes = field(default=b"", init=False, repr=False, compare=False)


@_frozen
class Destination:
    """A destination row; ``upper`` and ``lower`` are connection thresholds, 0 for none.

    ``packed`` is what the kernel is sent to add or edit it, once ``wire`` has packed that: no part of the value.
    """

    key: DestinationKey
    forward: Forward
    weight: int
    upper: int = 0
    lower: int = 0
    packed: bytes = field(default=b"", init=False, repr=False, compare=False)


Key = ServiceKey | DestinationKey
Row = Service | Destination
Table = Mapping[Key, Row]


def service_of(key: Key) -> ServiceKey:
    """Return the service that a key belongs to: itself, or its destination's."""
    return key.service if isinstance(key, DestinationKey) else key
