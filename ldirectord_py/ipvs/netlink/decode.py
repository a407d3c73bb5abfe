"""Answers of the kernel to rows.

Attributes are read one by one, so that the layout of any kernel is understood; for the layout of Linux 5.3 and later
there is a short cut. What no row can hold is skipped; what cannot be read raises MalformedAnswerError.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.errors import KernelError, NoTableError
from ldirectord_py.ipvs.netlink import uapi
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Service,
    ServiceFlag,
    ServiceKey,
    Tunnel,
    VirtualAddress,
)

UNPRIVILEGED: Final = "access to the kernel's IPVS table is denied: run as root or with CAP_NET_ADMIN"

_ORDER: Final = "little" if struct.pack("=H", 1) == b"\1\0" else "big"
PROTOCOLS = frozenset(Protocol)
FORWARDS = [*ForwardMethod, ForwardMethod.BYPASS, ForwardMethod.BYPASS, ForwardMethod.BYPASS]


class MalformedAnswerError(KernelError):
    """The kernel's answer cannot be read; another attempt may succeed."""


class BrokenDumpError(KernelError):
    """A dump is incomplete or mixes two moments; the next one may be good."""


class NetlinkMessage(NamedTuple):
    """A netlink message: its type, flags and sequence number, and the bytes after its header."""

    kind: int
    flags: int
    sequence: int
    body: memoryview

    @property
    def errno(self) -> int:
        """The errno of an NLMSG_ERROR or NLMSG_DONE message, 0 for success."""
        if len(self.body) < 4:
            return 0
        return -int.from_bytes(self.body[:4], _ORDER, signed=True)


def messages(chunk: bytes) -> Iterator[NetlinkMessage]:
    """Yield the messages of one received chunk; MalformedAnswerError at the first that exceeds it."""
    offset, view = 0, memoryview(chunk)
    while offset < len(chunk):
        if len(chunk) - offset < uapi.NLMSGHDR.size:
            raise MalformedAnswerError("the kernel's answer ends inside a header")
        length, kind, flags, sequence, _ = uapi.NLMSGHDR.unpack_from(chunk, offset)
        if not uapi.NLMSGHDR.size <= length <= len(chunk) - offset:
            raise MalformedAnswerError(f"the kernel's answer holds a message of {length} bytes that does not fit in it")
        yield NetlinkMessage(kind, flags, sequence, view[offset + uapi.NLMSGHDR.size : offset + length])
        offset += (length + 3) & ~3


def dumped(chunk: bytes, sequence: int) -> tuple[list[NetlinkMessage], bool]:
    """Return the row messages that a chunk holds of the dump ``sequence``, and whether the dump ends with it.

    BrokenDumpError when the kernel reports an interruption or an error, KernelError when it denies access.
    """
    found: list[NetlinkMessage] = []
    for message in messages(chunk):
        if message.sequence != sequence:
            continue
        if message.flags & uapi.NLM_F_DUMP_INTR:
            raise BrokenDumpError("the kernel's dump was interrupted")
        if message.kind in (uapi.NLMSG_ERROR, uapi.NLMSG_DONE):
            if message.errno:
                raise _dump_error(message.errno)
            return found, True
        found.append(message)
    return found, False


def _dump_error(error: int) -> KernelError:
    if error == errno.EPERM:
        return NoTableError(UNPRIVILEGED)
    return BrokenDumpError(f"the kernel answered {errno.errorcode.get(error, error)}")


Attributes = dict[int, memoryview]


def attributes(body: memoryview) -> Attributes:
    """Return the attributes by type, the last one of each; MalformedAnswerError when one does not fit."""
    found: Attributes = {}
    offset, end = 0, len(body)
    while end - offset >= uapi.NLATTR.size:
        length, kind = uapi.NLATTR.unpack_from(body, offset)
        if not uapi.NLATTR.size <= length <= end - offset:
            raise MalformedAnswerError(f"the kernel's answer holds an attribute of {length} bytes that does not fit")
        found[kind & uapi.NLA_TYPE_MASK] = body[offset + uapi.NLATTR.size : offset + length]
        offset += (length + 3) & ~3
    return found


def _nested(message: NetlinkMessage, kind: int) -> Attributes | None:
    nest = attributes(message.body[uapi.GENL_HDRLEN :]).get(kind)
    return None if nest is None else attributes(nest)


def _number(found: Attributes, kind: int, size: int) -> int:
    """Return a number in the host's byte order, 0 where the attribute is absent."""
    value = found.get(kind)
    if value is None:
        return 0
    if len(value) < size:
        raise MalformedAnswerError(f"the kernel's answer holds an attribute {kind} of {len(value)} bytes, not {size}")
    return int.from_bytes(value[:size], _ORDER)


def _port(found: Attributes, kind: int) -> int:
    return int.from_bytes(found.get(kind, b"\0\0")[:2], "big")


def _address(found: Attributes, kind: int, family: int) -> Address:
    """Return the address in an attribute that has 16 bytes for both families."""
    value = found.get(kind, b"")
    if family == uapi.AF_INET and len(value) >= 4:
        return IPv4Address(bytes(value[:4]))
    if family == uapi.AF_INET6 and len(value) >= 16:
        return IPv6Address(bytes(value[:16]))
    raise MalformedAnswerError(f"the kernel's answer holds an address of family {family} in {len(value)} bytes")


def _text(found: Attributes, kind: int) -> str:
    return bytes(found.get(kind, b"")).split(b"\0")[0].decode("ascii", "replace")


def family_id(message: NetlinkMessage) -> int:
    """Return the id in an answer of the generic-netlink controller; MalformedAnswerError without one."""
    found = _number(attributes(message.body[uapi.GENL_HDRLEN :]), uapi.CTRL_ATTR_FAMILY_ID, 2)
    if not found:
        raise MalformedAnswerError("the kernel's answer holds no family id")
    return found


def service(message: NetlinkMessage) -> Service | None:
    """Return the service in a message of a dump, None for one that no table can hold."""
    found = _nested(message, uapi.IPVS_CMD_ATTR_SERVICE)
    key = None if found is None else _service_key(found)
    if found is None or key is None:
        return None
    mask = bytes(found.get(uapi.IPVS_SVC_ATTR_NETMASK, b"")[:4])
    return Service(
        key,
        _text(found, uapi.IPVS_SVC_ATTR_SCHED_NAME),
        ServiceFlag(_number(found, uapi.IPVS_SVC_ATTR_FLAGS, 4) & uapi.IP_VS_SVC_F_SETTABLE),
        _number(found, uapi.IPVS_SVC_ATTR_TIMEOUT, 4),
        int.from_bytes(mask, _ORDER if key.ipv6 else "big"),
        _text(found, uapi.IPVS_SVC_ATTR_PE_NAME),
    )


def _service_key(found: Attributes) -> ServiceKey | None:
    family = _number(found, uapi.IPVS_SVC_ATTR_AF, 2)
    mark = _number(found, uapi.IPVS_SVC_ATTR_FWMARK, 4)
    if family not in (uapi.AF_INET, uapi.AF_INET6):
        return None
    if mark:
        return FirewallMark(mark, family == uapi.AF_INET6)
    protocol = _number(found, uapi.IPVS_SVC_ATTR_PROTOCOL, 2)
    if protocol not in PROTOCOLS:
        return None
    address = _address(found, uapi.IPVS_SVC_ATTR_ADDR, family)
    return VirtualAddress(Protocol(protocol), address, _port(found, uapi.IPVS_SVC_ATTR_PORT))


def destination(message: NetlinkMessage, owner: ServiceKey) -> Destination | None:
    """Return the destination of the service ``owner`` in a message of a dump, None without one."""
    found = _nested(message, uapi.IPVS_CMD_ATTR_DEST)
    if found is None:
        return None
    # Kernels before 3.18 leave the family out: it is the service's.
    family = _number(found, uapi.IPVS_DEST_ATTR_ADDR_FAMILY, 2) or (uapi.AF_INET6 if owner.ipv6 else uapi.AF_INET)
    address = _address(found, uapi.IPVS_DEST_ATTR_ADDR, family)
    return Destination(
        DestinationKey(owner, address, _port(found, uapi.IPVS_DEST_ATTR_PORT)),
        FORWARDS[_number(found, uapi.IPVS_DEST_ATTR_FWD_METHOD, 4) & uapi.IP_VS_CONN_F_FWD_MASK],
        _number(found, uapi.IPVS_DEST_ATTR_WEIGHT, 4),
        _number(found, uapi.IPVS_DEST_ATTR_U_THRESH, 4),
        _number(found, uapi.IPVS_DEST_ATTR_L_THRESH, 4),
        _tunnel(found),
    )


def _tunnel(found: Attributes) -> Tunnel:
    """Return the tunnel; kernels before 5.3 have only ipip and no attributes of it."""
    if uapi.IPVS_DEST_ATTR_TUN_TYPE not in found:
        return IPIP
    return Tunnel(
        _number(found, uapi.IPVS_DEST_ATTR_TUN_TYPE, 1),
        _port(found, uapi.IPVS_DEST_ATTR_TUN_PORT),
        _number(found, uapi.IPVS_DEST_ATTR_TUN_FLAGS, 2),
    )


def destination_numbers(message: NetlinkMessage, kinds: Iterable[int]) -> list[int]:
    """Return the numbers of 32 bits that a destination has as attributes of these kinds, 0 for one that it lacks."""
    found = _nested(message, uapi.IPVS_CMD_ATTR_DEST) or {}
    return [_number(found, kind, 4) for kind in kinds]
