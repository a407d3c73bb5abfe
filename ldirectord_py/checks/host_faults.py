"""Errors of sockets that are faults of this host: its addresses, routes, policies, limits and firewall.

What ``connect`` or ``send`` returns at once comes from this host. What comes later, as the error of the socket, comes
from the network or the server, unless this host sent the ICMP message itself: a reject rule of its OUTPUT chain.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

from ldirectord_py.checks.reasons import words
from ldirectord_py.errors import Inconclusive

IPV6_RECVERR: Final = 25  # linux/in6.h
_MSG_SIZE: Final = 512
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")  # struct sock_extended_err, linux/errqueue.h
_ORIGIN_ICMP: Final = 2
_ORIGIN_ICMPV6: Final = 3
_SAME_AS_DEAD_NEIGHBOUR: Final = frozenset({(_ORIGIN_ICMP, 3, 1), (_ORIGIN_ICMPV6, 1, 3)})
"""Host unreachable: this host sends it to itself, too, when the neighbour does not answer."""


def fault(number: int) -> Inconclusive:
    """Return the exception for an error that this host returned at once."""
    return Inconclusive(words(OSError(number, os.strerror(number))))


def rejection(connecting: socket.socket, number: int) -> Inconclusive | None:
    """Return the exception for a connection that failed later, if a firewall rule of this host rejected it.

    Over IPv6 the socket needs the option IPV6_RECVERR while it connects. None for a TCP reset, which looks like the
    server's, and for "host unreachable", which a dead neighbour causes, too.
    """
    try:
        _, ancillary, _, peer = connecting.recvmsg(1, _MSG_SIZE, socket.MSG_ERRQUEUE)
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
        origin in {_ORIGIN_ICMP, _ORIGIN_ICMPV6}
        and (origin, kind, code) not in _SAME_AS_DEAD_NEIGHBOUR
        and data[at : at + len(sender)] == sender
    )


def connect_datagrams(unconnected: socket.socket, address: tuple[str, int]) -> None:
    """Connect a socket for datagrams; raises Inconclusive where this host has no way to the address."""
    try:
        unconnected.connect(address)
    except OSError as error:
        raise fault(error.errno or 0) from None


def send_datagram(connected: socket.socket, data: bytes) -> None:
    """Send a datagram; raises Inconclusive where this host does not send it, OSError for an earlier answer.

    A pending error of the network fails the next call only, an error of this host every call.
    """
    try:
        connected.send(data)
    except OSError:
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a reject rule leaves another error behind
        try:
            connected.send(data)
        except OSError as error:
            raise fault(error.errno or 0) from None
        raise
