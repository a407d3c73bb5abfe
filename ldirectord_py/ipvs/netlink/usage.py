"""Dumps of destinations to their weights and connections."""

from __future__ import annotations

import struct

from ldirectord_py.ipvs.netlink import uapi
from ldirectord_py.ipvs.netlink.decode import NetlinkMessage, destination, destination_numbers, dumped
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey, Usage

_LAYOUT = struct.Struct("=IHHI4x 4x2xH 4s16s 4s2s2x 8x 4sI 40x 4sI 4sI 4sI 4sH2x 216x")
"""A message in the layout of Linux 5.3 and later: from its header to the address family, without the statistics."""
_COUNTS = (
    uapi.IPVS_DEST_ATTR_WEIGHT,
    uapi.IPVS_DEST_ATTR_ACTIVE_CONNS,
    uapi.IPVS_DEST_ATTR_INACT_CONNS,
    uapi.IPVS_DEST_ATTR_PERSIST_CONNS,
)
_HEADS = (
    uapi.NLATTR.pack(20, uapi.IPVS_DEST_ATTR_ADDR),
    uapi.NLATTR.pack(6, uapi.IPVS_DEST_ATTR_PORT),
    *(uapi.NLATTR.pack(8, kind) for kind in _COUNTS),
    uapi.NLATTR.pack(6, uapi.IPVS_DEST_ATTR_ADDR_FAMILY),
)

Used = list[tuple[DestinationKey, Usage]]


def usage(owner: ServiceKey, chunk: bytes, sequence: int) -> tuple[Used, bool]:
    """Return the usage of the destinations of a chunk, and whether the dump ends with it; errors as ``dumped``."""
    found = _fixed(owner, chunk, sequence)
    if found is not None:
        return found, False
    rows, done = dumped(chunk, sequence)
    counted = ((destination(message, owner), message) for message in rows)
    return [(row.key, _usage(message)) for row, message in counted if row is not None], done


def _usage(message: NetlinkMessage) -> Usage:
    return Usage(*destination_numbers(message, _COUNTS))


def _fixed(owner: ServiceKey, chunk: bytes, sequence: int) -> Used | None:
    """Return the usage of a chunk whose messages all have the fixed layout, else None; 1 us a row instead of 20."""
    if not chunk or len(chunk) % _LAYOUT.size:
        return None
    found: Used = []
    for size, kind, flags, number, nested, *values in _LAYOUT.iter_unpack(chunk):
        heads, (address, port, weight, active, inactive, persistent, family) = values[::2], values[1::2]
        is_row = kind not in (uapi.NLMSG_ERROR, uapi.NLMSG_DONE) and nested & uapi.NLA_TYPE_MASK
        header = (size, flags, number, is_row)
        if header != (_LAYOUT.size, uapi.NLM_F_MULTI, sequence, uapi.IPVS_CMD_ATTR_DEST) or tuple(heads) != _HEADS:
            return None
        packed = address[:4] if family == uapi.AF_INET else address
        key = tuple.__new__(DestinationKey, (owner, packed, port[0] << 8 | port[1]))
        found.append((key, Usage(weight, active, inactive, persistent)))
    return found
