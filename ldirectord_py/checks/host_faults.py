"""Socket errors that are faults of this host: its addresses, routes, policies, limits and firewall.

An error that ``connect`` or ``send`` returns at once comes from this host. A later error of the socket comes from the
network or the server, unless this host sent the ICMP message itself, by a reject rule of its OUTPUT chain.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

from ldirectord_py.checks.reasons import words
from ldirectord_py.errors import Inconclusive

IPV6_RECVERR: Final = 25  # linux/in6.h
_MAX_ANCILLARY: Final = 512
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")  # struct sock_extended_err, linux/errqueue.h
_SO_EE_ORIGIN_ICMP: Final = 2  # linux/errqueue.h
_SO_EE_ORIGIN_ICMP6: Final = 3
_ICMP_DEST_UNREACH: Final = 3  # linux/icmp.h
_ICMP_HOST_UNREACH: Final = 1
_ICMPV6_DEST_UNREACH: Final = 1  # linux/icmpv6.h
_ICMPV6_ADDR_UNREACH: Final = 3
_SAME_AS_DEAD_NEIGHBOUR: Final = frozenset(
    {
        (_SO_EE_ORIGIN_ICMP, _ICMP_DEST_UNREACH, _ICMP_HOST_UNREACH),
        (_SO_EE_ORIGIN_ICMP6, _ICMPV6_DEST_UNREACH, _ICMPV6_ADDR_UNREACH),
    }
)
"""Host unreachable, which this host also sends to itself if the neighbour does not answer."""


def fault(number: int) -> Inconclusive:
    """Return the exception for an error that this host returned at once."""
    return Inconclusive(words(OSError(number, os.strerror(number))))


def rejection(connecting: socket.socket, number: int) -> Inconclusive | None:
    """Return the exception for a connection that failed after its start, if a firewall rule of this host rejected it.

    Over IPv6 the socket needs the option IPV6_RECVERR while it connects. Returns None for a
    TCP reset, which looks like one of the server, and for "host unreachable", which a dead neighbour also causes.
    """
    try:
        _, ancillary, _, peer = connecting.recvmsg(1, _MAX_ANCILLARY, socket.MSG_ERRQUEUE)
        own = connecting.getsockname()
    except OSError:
        return None
    if any(_is_icmp_from(data, own[0], connecting.family) for _, _, data in ancillary) and own[0] != peer[0]:
        return Inconclusive(f"{words(OSError(number, ''))}, rejected by a firewall rule of this host")
    return None


def _is_icmp_from(data: bytes, own: str, family: int) -> bool:
    """Return whether an extended error is an ICMP message that was sent from the address ``own``."""
    if len(data) < _EXTENDED_ERROR.size:
        return False
    _, origin, kind, code, _, _ = _EXTENDED_ERROR.unpack_from(data)
    at = _EXTENDED_ERROR.size + (8 if family == socket.AF_INET6 else 4)  # within a sockaddr
    sender = socket.inet_pton(family, own.partition("%")[0])
    return (
        origin in {_SO_EE_ORIGIN_ICMP, _SO_EE_ORIGIN_ICMP6}
        and (origin, kind, code) not in _SAME_AS_DEAD_NEIGHBOUR
        and data[at : at + len(sender)] == sender
    )


def connect_datagrams(unconnected: socket.socket, address: tuple[str, int]) -> None:
    """Connect a datagram socket; raises Inconclusive if this host cannot reach the address."""
    try:
        unconnected.connect(address)
    except OSError as error:
        raise fault(error.errno or 0) from None


def send_datagram(connected: socket.socket, data: bytes) -> None:
    """Send a datagram; raises Inconclusive if this host does not send it, OSError for the answer to an earlier one.

    A pending error of the network fails only the next call, an error of this host every call.
    """
    try:
        connected.send(data)
    except OSError:
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a reject rule leaves another pending error
        try:
            connected.send(data)
        except OSError as error:
            raise fault(error.errno or 0) from None
        raise
