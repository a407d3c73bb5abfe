"""The data model of a configuration: every default and inheritance applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import NamedTuple

from ldirectord_py.address import Address, endpoint
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress


class Forward(StrEnum):
    """The forwarding method, in the words of ldirectord.cf."""

    GATE = "gate"
    MASQ = "masq"
    IPIP = "ipip"


class CheckType(StrEnum):
    """The words of ``checktype``; a number is COMBINED."""

    NEGOTIATE = "negotiate"
    CONNECT = "connect"
    PING = "ping"
    EXTERNAL = "external"
    EXTERNAL_PERL = "external-perl"
    ON = "on"
    OFF = "off"
    COMBINED = "combined"


class LogFormat(StrEnum):
    """The words of ``logformat``."""

    TEXT = "text"
    JSON = "json"


class Expire(StrEnum):
    """The words of ``expire``: whether the kernel ends what clients have with servers that are gone or down."""

    LEAVE = "leave"
    YES = "yes"
    NO = "no"


SIP, NO_ENGINE = "sip", "none"
"""The values of ``pe``, the persistence engine; without ``pe`` the kernel's engine stays."""


class AlertStatus(StrEnum):
    """The words of ``emailalertstatus``: the states of the daemon in which mails are sent."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RELOADING = "reloading"


class Real(NamedTuple):
    """A real server of a virtual; ``request`` and ``receive`` are its own, else the virtual's.

    ``name`` is the host name that was looked up, None if the file has an address.
    """

    server: Address
    port: int
    forward: Forward = Forward.GATE
    weight: int = 1
    request: str = "/"
    receive: str = ""
    lower: int = 0
    upper: int = 0
    name: str | None = None

    def __str__(self) -> str:
        return endpoint(self.server, self.port)


class Fallback(NamedTuple):
    """The server of last resort; port 0 stands for the virtual's port, or for none on a firewall mark."""

    server: Address
    port: int
    forward: Forward = Forward.GATE

    def __str__(self) -> str:
        return endpoint(self.server, self.port)


UNRESOLVED: Mapping[bool, Address] = MappingProxyType({False: IPv4Address(0), True: IPv6Address(0)})
"""The placeholder address of a server whose name does not resolve now; the key is true for IPv6."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """A file of trusted certificates, and its contents (PEM) when the configuration was read."""

    file: str
    pem: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.file


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual service and how its real servers are checked; times in seconds, whole ones as int.

    ``unresolved`` are the servers that are left out because their names do not resolve; their address is UNRESOLVED.
    """

    key: ServiceKey
    reals: tuple[Real, ...] = ()
    fallback: Fallback | None = None
    unresolved: tuple[Real | Fallback, ...] = ()
    scheduler: str = "wrr"
    persistent: int | None = None
    netmask: str | None = None
    schedflags: str | None = None
    pe: str | None = None
    ops: bool = False
    checktype: CheckType = CheckType.NEGOTIATE
    connects: int | None = None
    service: str = "none"
    checkcommand: str = "/bin/true"
    checkport: int | None = None
    checktimeout: float = 5
    negotiatetimeout: float = 30
    checkcount: int = 1
    failurecount: int = 1
    successcount: int = 1
    checkinterval: float = 10
    fastinterval: float | None = None
    downinterval: float | None = None
    flapthreshold: int | None = None
    flapwindow: float = 60
    panic: int | None = None
    slowstart: float | None = None
    request: str = "/"
    receive: str = ""
    httpmethod: str = "GET"
    virtualhost: str | None = None
    expectstatus: str = ""
    followredirects: bool = True
    starttls: bool = False
    tlsverify: bool = False
    tlsca: Authorities | None = None
    tlsname: str | None = None
    login: str = ""
    passwd: str = field(default="", repr=False)
    database: str = ""
    secret: str = field(default="", repr=False)
    quiescent: bool = False
    drainremoved: float = 0
    cleanstop: bool = True
    emailalert: str = ""
    emailalertfreq: float = 0
    emailalertgroup: float = 0
    emailalertstatus: tuple[AlertStatus, ...] = tuple(AlertStatus)
    smtp: str | None = None
    monitorfile: str | None = None
    servicename: str | None = None
    comment: str | None = None
    fallbackcommand: str | None = None
    notify: str | None = None
    notifysecretfile: str | None = None
    notifyurl: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Return the virtual's name, as ``virtual_id``."""
        return virtual_id(self.key)

    @property
    def protocol(self) -> Protocol | None:
        """Return the transport protocol; None for a firewall mark."""
        return self.key.protocol if isinstance(self.key, VirtualAddress) else None


def virtual_id(key: ServiceKey) -> str:
    """Return the name of a virtual: ``tcp:10.0.0.1:80``, ``udp:[2001:db8::1]:53``, ``fwm:1``, ``fwm6:1``."""
    match key:
        case FirewallMark(mark, ipv6):
            return f"fwm6:{mark}" if ipv6 else f"fwm:{mark}"
        case VirtualAddress(protocol, address, port):
            return f"{protocol.name.lower()}:{endpoint(address, port)}"


def takes_sip(key: ServiceKey) -> bool:
    """Return whether a service may have the persistence engine sip, which supports UDP only."""
    return isinstance(key, FirewallMark) or key.protocol is Protocol.UDP


@dataclass(frozen=True, slots=True)
class Globals:
    """The settings of the whole daemon; times in seconds, ``reconcile`` None if it is off.

    ``maxchecks`` None stands for as many as the limit of open files allows; ``workers`` None lets the number of checks
    decide. ``listen`` is ``ADDRESS:PORT``.
    """

    autoreload: bool = False
    callback: str | None = None
    checkcount: int = 1
    checkinterval: float = 10
    cleanstop: bool = True
    controlgroup: str | None = None
    downinterval: float | None = None
    drainremoved: float = 0
    emailalert: str = ""
    emailalertfreq: float = 0
    emailalertgroup: float = 0
    emailalertfrom: str | None = None
    emailalertstatus: tuple[AlertStatus, ...] = tuple(AlertStatus)
    execute: tuple[str, ...] = ()
    expire: Expire = Expire.LEAVE
    failurecount: int = 1
    fallbackcommand: str | None = None
    fastinterval: float | None = None
    flapthreshold: int | None = None
    flapwindow: float = 60
    followredirects: bool = True
    fork: bool = False
    listen: str | None = None
    listenuser: str = "nobody"
    logfile: str = "/var/log/ldirectord.log"
    logformat: LogFormat = LogFormat.TEXT
    maintenancedir: str | None = None
    maxchecks: int | None = None
    maxexternal: int = 50
    notify: str | None = None
    notifysecretfile: str | None = None
    notifyurl: str | None = field(default=None, repr=False)
    panic: int | None = None
    pe: str | None = None
    quiescent: bool = False
    readdquiescent: bool = False
    reconcile: float | None = 10
    resolveinterval: float = 60
    slowstart: float | None = None
    smtp: str | None = None
    starttls: bool = False
    statusgroup: str | None = None
    successcount: int = 1
    supervised: bool = False
    tlsca: Authorities | None = None
    tlsverify: bool = False
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration: virtuals in the order of the file, no two with the same key."""

    settings: Globals = Globals()
    virtuals: tuple[Virtual, ...] = ()
