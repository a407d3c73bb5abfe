"""The rows of an IPVS table and their keys: values without counters, compared with ``==``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address
from typing import Generic, NamedTuple, Self, TypeVar, dataclass_transform

from ldirectord_py.address import Address

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _frozen(cls: type[T]) -> type[T]:
    """Make the class a slotted dataclass that only the type checker freezes.

    There are tens of thousands of rows, and frozen ones take three times as long to make.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


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


class _Endpoint(NamedTuple, Generic[T]):
    of: T
    packed: bytes
    port: int


class _Key(_Endpoint[T]):
    """An address and a port of something; kept as bytes and numbers, which are compared and hashed in C."""

    __slots__ = ()

    def __new__(cls, of: T, address: Address, port: int) -> Self:
        """Return the key of these three."""
        return tuple.__new__(cls, (of, address.packed, port))

    def __getnewargs__(self) -> tuple[T, Address, int]:
        return self.of, self.address, self.port

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.of!r}, {self.address!r}, {self.port})"

    @property
    def address(self) -> Address:
        """The address."""
        return (IPv6Address if self.ipv6 else IPv4Address)(self.packed)

    @property
    def ipv6(self) -> bool:
        """Whether the address is one of IPv6."""
        return len(self.packed) == 16


class VirtualAddress(_Key[Protocol]):
    """The key of a service by protocol, address and port."""

    __slots__ = ()
    __match_args__ = ("protocol", "address", "port")

    @property
    def protocol(self) -> Protocol:
        """The transport protocol."""
        return self.of


class FirewallMark(NamedTuple):
    """The key of a service by the mark that the firewall sets on packets; each family has its own marks."""

    mark: int
    ipv6: bool = False


ServiceKey = VirtualAddress | FirewallMark


class DestinationKey(_Key[ServiceKey]):
    """The key of a destination: its service, and its own address and port."""

    __slots__ = ()
    __match_args__ = ("service", "address", "port")

    @property
    def service(self) -> ServiceKey:
        """The service that it is a destination of."""
        return self.of


@_frozen
class Service:
    """A service row.

    ``persistence`` is in seconds and holds only with the flag PERSISTENT. ``mask`` groups the clients of a
    persistent service: an IPv4 mask as a number (0xFFFFFFFF: each client alone), or an IPv6 prefix length
    (128). ``engine`` names the persistence engine, if any; with ``any_engine`` the configuration does not set it.
    ``packed`` is as in a Destination.
    """

    key: ServiceKey
    scheduler: str
    flags: ServiceFlag = NO_FLAGS
    persistence: int = 0
    mask: int = 0xFFFFFFFF
    engine: str = ""
    any_engine: bool = field(default=False, repr=False, compare=False)
    packed: bytes = field(default=b"", init=False, repr=False, compare=False)


class Tunnel(NamedTuple):
    """How packets are wrapped on their way to a destination that is reached by tunnel, as in <linux/ip_vs.h>.

    ``kind`` is 0 for ipip, 1 for gue, 2 for gre; ``flags`` are those of checksums.
    """

    kind: int = 0
    port: int = 0
    flags: int = 0


IPIP = Tunnel()


@_frozen
class Destination:
    """A destination row; ``upper`` and ``lower`` are connection thresholds, 0 for none.

    ``tunnel`` is as the kernel has it: the configuration never sets it. ``packed`` is what the kernel is sent to add or
    edit the row, once ``wire`` has packed that: no part of the value.
    """

    key: DestinationKey
    forward: Forward
    weight: int
    upper: int = 0
    lower: int = 0
    tunnel: Tunnel = IPIP
    packed: bytes = field(default=b"", init=False, repr=False, compare=False)


Key = ServiceKey | DestinationKey
Row = Service | Destination
Table = Mapping[Key, Row]


def kept(row: Row, held: Row) -> Row:
    """Return ``row``, which is to replace ``held``, with the values of ``held`` that the configuration does not set."""
    if isinstance(held, Destination):
        return replace(row, tunnel=held.tunnel) if isinstance(row, Destination) and held.tunnel != row.tunnel else row
    if isinstance(row, Service) and row.any_engine and held.engine != row.engine:
        return replace(row, engine=held.engine)
    return row


def service_of(key: Key) -> ServiceKey:
    """Return the service that a key belongs to: itself, or its destination's."""
    return key.service if isinstance(key, DestinationKey) else key
