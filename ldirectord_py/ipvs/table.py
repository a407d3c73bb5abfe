"""The rows of an IPVS table and their keys: immutable values without counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Generic, NamedTuple, Self, TypeVar

from ldirectord_py.address import Address, endpoint

Owner = TypeVar("Owner")


class Protocol(IntEnum):
    """The transport protocols of a virtual address, by IP protocol number."""

    TCP = 6
    UDP = 17
    SCTP = 132


class ForwardMethod(IntEnum):
    """How packets reach a destination, as in <linux/ip_vs.h>."""

    MASQUERADE = 0
    LOCAL = 1
    TUNNEL = 2
    ROUTE = 3
    BYPASS = 4  # internal to the kernel, which accepts it from nobody


class ServiceFlag(IntFlag):
    """The flags of a service that a user may set, as in <linux/ip_vs.h>."""

    PERSISTENT = 0x01
    ONE_PACKET = 0x04
    SCHED_1 = 0x08  # sh-fallback, mh-fallback
    SCHED_2 = 0x10  # sh-port, mh-port
    SCHED_3 = 0x20


NO_FLAGS = ServiceFlag(0)


class _KeyFields(NamedTuple, Generic[Owner]):
    owner: Owner
    packed: bytes
    port: int


class _Key(_KeyFields[Owner]):
    """An address and port of something; the address is kept packed, so that keys are compared and hashed in C."""

    __slots__ = ()

    def __new__(cls, owner: Owner, address: Address, port: int) -> Self:
        """Return the key of an address and port of ``owner``."""
        return tuple.__new__(cls, (owner, address.packed, port))

    def __getnewargs__(self) -> tuple[Owner, Address, int]:
        return self.owner, self.address, self.port

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.owner!r}, {self.address!r}, {self.port})"

    @property
    def address(self) -> Address:
        """The address."""
        return (IPv6Address if self.ipv6 else IPv4Address)(self.packed)

    @property
    def endpoint(self) -> str:
        """The address and port as text, an IPv6 address in brackets."""
        if self.ipv6:
            return endpoint(self.address, self.port)
        first, second, third, fourth = self.packed
        return f"{first}.{second}.{third}.{fourth}:{self.port}"

    @property
    def ipv6(self) -> bool:
        """Whether the address is an IPv6 address."""
        return len(self.packed) == 16


class VirtualAddress(_Key[Protocol]):
    """The key of a service that is found by protocol, address and port."""

    __slots__ = ()
    __match_args__ = ("protocol", "address", "port")

    @property
    def protocol(self) -> Protocol:
        """The transport protocol."""
        return self.owner


class FirewallMark(NamedTuple):
    """The key of a service that is found by the mark of the firewall on its packets; each family has its own marks."""

    mark: int
    ipv6: bool = False


ServiceKey = VirtualAddress | FirewallMark


class DestinationKey(_Key[ServiceKey]):
    """The key of a destination: its service and its own address and port."""

    __slots__ = ()
    __match_args__ = ("service", "address", "port")

    @property
    def service(self) -> ServiceKey:
        """The service to which the destination belongs."""
        return self.owner


@dataclass(frozen=True, slots=True)
class Service:
    """A service row.

    ``persistence`` is in seconds and applies only with the flag PERSISTENT. ``mask`` groups the clients of a
    persistent service: an IPv4 mask as a number (0xFFFFFFFF: each client separately), or an IPv6 prefix length
    (128). ``engine`` names the persistence engine, if any; ``any_engine``: the configuration leaves the engine open.
    """

    key: ServiceKey
    scheduler: str
    flags: ServiceFlag = NO_FLAGS
    persistence: int = 0
    mask: int = 0xFFFFFFFF
    engine: str = ""
    any_engine: bool = field(default=False, repr=False, compare=False)


class Tunnel(NamedTuple):
    """The encapsulation of packets to a destination behind a tunnel, as in <linux/ip_vs.h>.

    ``kind`` is 0 for ipip, 1 for gue, 2 for gre; ``flags`` are those of checksums.
    """

    kind: int = 0
    port: int = 0
    flags: int = 0


IPIP = Tunnel()


class Destination(NamedTuple):
    """A destination row; ``upper`` and ``lower`` are connection thresholds, 0 for none.

    ``tunnel`` comes from the kernel's table: no directive sets it.
    """

    key: DestinationKey
    forward: ForwardMethod
    weight: int
    upper: int = 0
    lower: int = 0
    tunnel: Tunnel = IPIP


class Usage(NamedTuple):
    """What the kernel has of a destination at one moment: its weight, its connections, and its persistent clients."""

    weight: int
    active: int = 0
    inactive: int = 0
    persistent: int = 0

    @property
    def connections(self) -> int:
        """All connections and persistent clients."""
        return self.active + self.inactive + self.persistent


Key = ServiceKey | DestinationKey
Row = Service | Destination
Table = Mapping[Key, Row]
EncodedRows = Mapping[Row, bytes]
"""Rows that were validated, each with the payload of the netlink message that adds or edits it."""
NOT_ENCODED: Final[EncodedRows] = {}
"""No row is encoded yet."""


def kept(row: Row, held: Row) -> Row:
    """Return ``row``, which replaces ``held``, with those values of ``held`` that the configuration leaves open."""
    if isinstance(row, Destination):
        return row._replace(tunnel=held.tunnel) if isinstance(held, Destination) and held.tunnel != row.tunnel else row
    if isinstance(held, Service) and row.any_engine and held.engine != row.engine:
        return replace(row, engine=held.engine)
    return row


def service_of(key: Key) -> ServiceKey:
    """Return the service of a key: the key itself, or the service of a destination."""
    return key.service if isinstance(key, DestinationKey) else key
