"""``checktype = ping``: an ICMP echo reply; ``connect`` for a virtual of UDP is the same check."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.effort import Effort
from ldirectord_py.checks.host_faults import connect_datagrams, fault, send_datagram
from ldirectord_py.checks.progress import NO_ECHO, set_progress
from ldirectord_py.errors import Inconclusive

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
_MAX_PACKET = 1500
_ICMP_ECHO, _ICMP_ECHOREPLY = 8, 0  # linux/icmp.h
_ICMPV6_ECHO_REQUEST, _ICMPV6_ECHO_REPLY = 128, 129  # linux/icmpv6.h


class _Family(NamedTuple):
    """The differences of ICMP and ICMPv6; ``offset`` is that of the ICMP header in a packet of a raw socket."""

    domain: socket.AddressFamily
    protocol: int
    request: int
    reply: int
    offset: Callable[[bytes], int]


_FAMILIES = {
    4: _Family(socket.AF_INET, socket.IPPROTO_ICMP, _ICMP_ECHO, _ICMP_ECHOREPLY, lambda packet: (packet[0] & 15) * 4),
    6: _Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, _ICMPV6_ECHO_REQUEST, _ICMPV6_ECHO_REPLY, lambda _: 0),
}


async def check(target: Target) -> str:
    """Return ``echo reply``; each of ``attempts`` requests waits for an equal part of the timeout."""
    echo = Echo(target.address)
    try:
        set_progress(NO_ECHO)
        for attempt in range(1, target.attempts):
            try:
                async with asyncio.timeout(target.timeout / target.attempts):
                    return await echo.ping(attempt)
            except TimeoutError:
                continue
        return await echo.ping(target.attempts)
    finally:
        echo.close()


class Echo:
    """A socket for echo requests to one address; replies to other requests are ignored."""

    def __init__(self, address: Address) -> None:
        self._family = _FAMILIES[address.version]
        self._socket, self._raw = _open_socket(self._family)
        self._token = secrets.token_bytes(16)
        self._identifier = secrets.randbits(16)
        self._address = str(address)
        self._effort = Effort()

    async def ping(self, number: int) -> str:
        """Send an echo request, and wait for the reply to it or to an earlier one."""
        connect_datagrams(self._socket, (self._address, 0))
        send_datagram(self._socket, self._request(number))
        loop = asyncio.get_running_loop()
        while True:
            packet = await loop.sock_recv(self._socket, _MAX_PACKET)
            self._effort.datagram()
            if self._answers(packet, number):
                return "echo reply"

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _request(self, number: int) -> bytes:
        header = (self._family.request, 0, 0, self._identifier, number)
        checksum = _checksum(_HEADER.pack(*header) + self._token)  # the kernel sets its own, except for raw IPv4
        return _HEADER.pack(*header[:2], checksum, *header[3:]) + self._token

    def _answers(self, packet: bytes, number: int) -> bool:
        start = self._family.offset(packet) if self._raw and packet else 0
        if len(packet) < start + _HEADER.size:
            return False
        kind, code, _, identifier, sequence = _HEADER.unpack_from(packet, start)
        ours = identifier == self._identifier or not self._raw  # the kernel sets the identifier of other sockets
        token = packet[start + _HEADER.size :]
        return (kind, code, token) == (self._family.reply, 0, self._token) and ours and sequence <= number


def _open_socket(family: _Family) -> tuple[socket.socket, bool]:
    """Return a non-blocking ICMP socket, and whether it is raw; raises Inconclusive if this host allows neither."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(family.domain, kind | socket.SOCK_NONBLOCK, family.protocol)
        except PermissionError:
            continue
        except OSError as error:
            raise fault(error.errno or 0) from None
        return opened, kind == socket.SOCK_RAW
    raise Inconclusive("this host may not ping: run as root, or widen net.ipv4.ping_group_range")


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


KIND = Kind("ping", check, uses=frozenset({"attempts"}))
