"""Refused ops with their reasons, and the validation that refuses invalid ops before they reach the kernel.

Linux accepts some invalid rows: firewall mark 0 becomes TCP 0.0.0.0:0, and a service of port 0 that is not
persistent never matches a packet.
"""

from __future__ import annotations

import errno
from functools import lru_cache
from typing import NamedTuple

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    ForwardMethod,
    Key,
    Row,
    Service,
    ServiceFlag,
    VirtualAddress,
)

MAX_PERSISTENCE = 31 * 24 * 3600
"""The longest persistence timeout, in seconds; the same as ipvsadm's."""
MAX_WEIGHT = 2**31 - 1
MAX_THRESHOLD = 2**32 - 1
MAX_NAME_LENGTH = 15
"""The longest name of a scheduler or persistence engine, in bytes."""


class Refused(NamedTuple):
    """An op that was not done: its errno, and the reason with a hint."""

    op: Op
    errno: int
    reason: str


def refused(op: Op, error: int) -> Refused:
    """Return the refusal of ``op`` for the kernel's errno ``error``."""
    return Refused(op, error, _reason(op, error))


def validate(op: Op) -> Refused | None:
    """Return the refusal of an op that must not reach the kernel, else None; a deletion needs only a valid key."""
    fault = _key_fault(op.row.key) if op.verb is Verb.DELETE else _row_fault(op.row)
    return fault and Refused(op, *fault)


def is_valid(row: Row) -> bool:
    """Return whether a row may reach the kernel."""
    return _row_fault(row) is None


Fault = tuple[int, str]


def _row_fault(row: Row) -> Fault | None:
    if isinstance(row, Service):
        return _key_fault(row.key) or _service_fault(row)
    return _port_fault(row.key.port) or _key_fault_of_service(row.key.service) or _destination_fault(row)


def _key_fault(key: Key) -> Fault | None:
    if isinstance(key, DestinationKey):
        return _port_fault(key.port) or _key_fault(key.service)
    if isinstance(key, VirtualAddress):
        return _port_fault(key.port)
    if not 0 < key.mark < 2**32:
        return errno.EINVAL, f"firewall mark {key.mark} is out of range: use 1 to 4294967295"
    return None


_key_fault_of_service = lru_cache(64)(_key_fault)  # the destinations of a service follow each other


def _port_fault(port: int) -> Fault | None:
    return None if 0 <= port < 2**16 else (errno.EINVAL, f"port {port} is out of range: use 0 to 65535")


def _service_fault(row: Service) -> Fault | None:
    persistent = ServiceFlag.PERSISTENT in row.flags
    if isinstance(row.key, VirtualAddress) and row.key.port == 0 and not persistent:
        return errno.EINVAL, "a service on port 0 (every port) must be persistent: add a persistence timeout"
    if not 0 <= row.persistence <= MAX_PERSISTENCE or (persistent and not row.persistence):
        return errno.ERANGE, f"persistence of {row.persistence} s is out of range: use 1 to {MAX_PERSISTENCE}"
    if row.key.ipv6 and not 1 <= row.mask <= 128:
        return errno.EINVAL, f"IPv6 prefix length {row.mask} is out of range: use 1 to 128"
    if not 0 <= row.mask < 2**32:
        return errno.EINVAL, f"netmask {row.mask:#x} is out of range: use an IPv4 netmask"
    return _name_fault(row)


def _name_fault(row: Service) -> Fault | None:
    if not _is_name(row.scheduler):
        return errno.EINVAL, f"{row.scheduler!r} cannot be the name of a scheduler: use one such as wrr"
    if row.engine and not _is_name(row.engine):
        return errno.EINVAL, f"{row.engine!r} cannot be the name of a persistence engine: use one such as sip"
    return None


def _destination_fault(row: Destination) -> Fault | None:
    if row.forward is ForwardMethod.BYPASS:
        return errno.EINVAL, "forwarding method bypass is internal to the kernel: use route, masquerade or tunnel"
    if not 0 <= row.weight <= MAX_WEIGHT:
        return errno.ERANGE, f"weight {row.weight} is out of range: use 0 to {MAX_WEIGHT}"
    if not 0 <= row.lower <= row.upper <= MAX_THRESHOLD:
        limits = f"thresholds {row.lower} and {row.upper} are out of range"
        return errno.ERANGE, f"{limits}: the lower must not exceed the upper"
    mixed = row.key.ipv6 is not row.key.service.ipv6
    if mixed and row.forward is not ForwardMethod.TUNNEL:
        return errno.EINVAL, "an address of another family than the service's needs forwarding by tunnel (ipip)"
    return None


def _is_name(word: str) -> bool:
    return 0 < len(word) <= MAX_NAME_LENGTH and word.isascii() and word.isprintable()


_REASONS = {
    (Service, errno.ESRCH): "the service is not in the kernel's table: somebody removed it",
    (Service, errno.EEXIST): "the service is in the kernel's table already: somebody added it",
    (Service, errno.EINVAL): "the kernel rejects these values of a service: check address and netmask",
    (Destination, errno.ESRCH): "its service is not in the kernel's table: it was refused or removed",
    (Destination, errno.ENOENT): "the destination is not in the kernel's table: somebody removed it",
    (Destination, errno.EEXIST): "the destination is in the kernel's table already: somebody added it",
    (Destination, errno.EINVAL): (
        "the kernel rejects {address} as a destination: use a unicast address that is not link-local,"
        " and check that the interface lo is up"
    ),
    (Destination, errno.ERANGE): "weight or thresholds are out of range: check them",
}

_COMMON = {
    errno.EPERM: "not permitted: run as root or with CAP_NET_ADMIN",
    errno.ENOMEM: "the kernel is out of memory: free some",
    errno.ENOBUFS: "the kernel's answer was lost: the op is repeated",
    errno.EBUSY: "the kernel's table is busy: the op is repeated",
    errno.EAFNOSUPPORT: "this kernel has no IPVS for this address family: use one built with CONFIG_IP_VS_IPV6",
    errno.EPROTONOSUPPORT: "this kernel has no IPVS for the protocol: use tcp, udp or a firewall mark",
}


def _reason(op: Op, error: int) -> str:
    row = op.row
    if isinstance(row, Service) and error == errno.ENOENT:
        return _missing_module(row)
    text = _REASONS.get((type(row), error)) or _COMMON.get(error)
    if text is None:
        return f"the kernel answered {errno.errorcode.get(error, error)}: see dmesg"
    return text.format(address=row.key.address) if isinstance(row, Destination) else text


def _missing_module(row: Service) -> str:
    if not row.engine:
        return f"scheduler {row.scheduler} is not available: modprobe ip_vs_{row.scheduler}"
    return (
        f"scheduler {row.scheduler} or persistence engine {row.engine} is not available:"
        f" modprobe -a ip_vs_{row.scheduler} ip_vs_pe_{row.engine}"
    )
