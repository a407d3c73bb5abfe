"""The facts of a host that a configuration depends on, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from ldirectord_py.address import Address
from ldirectord_py.ipvs.table import ServiceKey

K = TypeVar("K")
V = TypeVar("V")


def _empty() -> Mapping[K, V]:
    return MappingProxyType({})


class Area(StrEnum):
    """A part of the host that may be hidden from the doctor, in the words of its report."""

    ROUTES = "links, addresses and routes"
    FIREWALL = "the rules of the firewall"
    MODULES = "the modules of the kernel"
    TABLE = "the kernel's table"
    PROCESSES = "the processes of this host"
    SETTINGS = "the settings of IPVS"
    RETURN_PATHS = "whether packets from the servers are accepted"
    SOCKETS = "the ports on which programs listen"


class RouteKind(StrEnum):
    """What the kernel does with packets to an address."""

    LOCAL = "local"
    UNICAST = "unicast"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class HostRoute:
    """The kernel's route to an address; ``gateway`` "" for an address on ``link`` itself, ``mtu`` 0 for the link's."""

    kind: RouteKind
    link: str = ""
    gateway: str = ""
    mtu: int = 0


UNREACHABLE: Final = HostRoute(RouteKind.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class HostLink:
    """A network link: its MTU in bytes, its kind (``ipip``, ``vlan``, "" for a device), and its addresses."""

    name: str
    mtu: int = 1500
    up: bool = True
    kind: str = ""
    addresses: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class FirewallRules:
    """What the rules of the firewall do: the marks that they set in each family, and whether they change sources.

    ``computed``: some rule sets a mark that is not a plain number, so that others may be set too.
    """

    marks: frozenset[int] = frozenset()
    marks6: frozenset[int] = frozenset()
    computed: bool = False
    source_nat: bool = False


@dataclass(frozen=True, slots=True)
class OtherDirector:
    """Another program that directs services; ``services`` None if it is not known which."""

    pid: int
    program: str
    file: str
    services: frozenset[ServiceKey] | None = None
    same_file: bool = False


@dataclass(frozen=True, slots=True)
class IpvsState:
    """The kernel's IPVS: whether it is loaded, why its table cannot be used (""), its size and its connections."""

    loaded: bool = True
    fault: str = ""
    table_size: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class KernelModules:
    """Modules by name: those in use or built in, and those that the kernel can load; ``complete``: these are all."""

    present: frozenset[str] = frozenset()
    loadable: frozenset[str] = frozenset()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What was seen of the host.

    ``sysctls`` are by their dotted names; an absent one does not exist. ``return_paths`` says for an address whether
    the kernel accepts packets from it on the link that leads to it. ``listening`` are protocol, address and port of
    this host's sockets, the address "" for any. ``lost_names`` did not resolve. ``files`` is the limit of open files of
    the daemon. ``unseen`` says why an area could not be looked at.
    """

    routes: Mapping[Address, HostRoute] = field(default_factory=_empty)
    links: Mapping[str, HostLink] = field(default_factory=_empty)
    default_links: frozenset[str] = frozenset()
    return_paths: Mapping[Address, bool] = field(default_factory=_empty)
    sysctls: Mapping[str, str] = field(default_factory=_empty)
    firewall: FirewallRules = FirewallRules()
    modules: KernelModules = KernelModules()
    ipvs: IpvsState = IpvsState()
    directors: tuple[OtherDirector, ...] = ()
    listening: frozenset[tuple[str, str, int]] = frozenset()
    lost_names: frozenset[str] = frozenset()
    files: int = 65536
    unseen: Mapping[Area, str] = field(default_factory=_empty)

    def number(self, sysctl: str) -> int | None:
        """Return the value of a sysctl; None if it is not there or no number."""
        text = self.sysctls.get(sysctl, "")
        return int(text) if text.lstrip("-").isdigit() else None

    def of_link(self, link: str, name: str) -> int:
        """Return the larger of an IPv4 sysctl's values for all links and for one, which is the one that applies."""
        return max(self.number(link_sysctl(each, name)) or 0 for each in ("all", link))

    def route(self, address: Address) -> HostRoute:
        """Return the route to an address that was asked for."""
        return self.routes.get(address, UNREACHABLE)

    def links_of(self, address: Address) -> tuple[str, ...]:
        """Return the links that have an address."""
        return tuple(link.name for link in self.links.values() if address in link.addresses)


def link_sysctl(link: str, name: str, family: str = "ipv4") -> str:
    """Return the name of a link's sysctl; a dot in the link's name is a slash there."""
    return f"net.{family}.conf.{link.replace('.', '/')}.{name}"
