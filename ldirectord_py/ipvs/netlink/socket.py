"""A generic-netlink socket: requests out, answers back, and nothing to wait for.

The kernel answers inside send(), and goes on with a dump inside recv(): an answer that is not there at once was
lost. So the sockets never block.
"""

from __future__ import annotations

import errno
import mmap
import socket
from collections.abc import Callable
from typing import Protocol

from ldirectord_py.errors import KernelError

SMALL, LARGE = min(mmap.PAGESIZE, 8 * 1024) - 1, 32 * 1024 - 1
"""Bytes received at once. The kernel makes the parts of a dump to fit, but always takes up to a page for the first.

Large parts cost it more when they hold little. Sizes are odd, as no answer's is: one that fills them was cut.
"""
_BUFFER = 4 * 1024 * 1024
_NETLINK_GENERIC = 16
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SOL_NETLINK, _CAP_ACK = 270, 10


class RawSocket(Protocol):
    """What a channel uses of a socket."""

    def send(self, data: bytes, /) -> int:
        """Send one datagram."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Return one datagram, or as much of it."""
        ...

    def close(self) -> None:
        """Close the socket."""
        ...


OpenSocket = Callable[[], RawSocket]


class AnswerLostError(KernelError):
    """An answer is not there; what was asked for may have been done all the same."""


class AnswerDroppedError(AnswerLostError):
    """Some answers were dropped or one was cut; others may follow."""


def open_socket() -> RawSocket:
    """Return a socket to the network namespace of the calling thread; KernelError when there is none to be had."""
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
    except OSError as error:
        raise KernelError(f"no netlink socket: {error.strerror}; {_mend(error)}") from error
    opened.setblocking(False)
    opened.bind((0, 0))
    opened.connect((0, 0))  # to the kernel: any process may send to a netlink socket that is not
    opened.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            opened.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, plain, _BUFFER)
    return opened


def _mend(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "raise the limit of open files"
    return "use a kernel with generic netlink"


class NetlinkSocket:
    """A socket and the sequence numbers of what was sent over it."""

    def __init__(self, opened: RawSocket, size: int = SMALL) -> None:
        self._socket = opened
        self._size = size
        self._next = 1

    def reserve(self, count: int) -> int:
        """Return the first of ``count`` sequence numbers in a row, all unused and fit for 32 bits."""
        if self._next + count > 0xFFFFFFFF:
            self._next = 1
        first, self._next = self._next, self._next + count
        return first

    def send(self, data: bytes) -> None:
        """Hand the messages over, answers included; KernelError when the kernel does not take them."""
        try:
            self._socket.send(data)
        except OSError as error:
            raise KernelError(f"the kernel takes no message: {error.strerror}; it is tried again") from error

    def receive(self) -> bytes:
        """Return the next chunk of answers; AnswerLostError when there is none, or none that is whole."""
        try:
            chunk = self._socket.recv(self._size)
        except OSError as error:
            kind = AnswerDroppedError if error.errno == errno.ENOBUFS else AnswerLostError
            raise kind(f"the kernel's answer was lost: {error.strerror}; it is asked again") from error
        if len(chunk) in (0, self._size):
            raise AnswerDroppedError("the kernel's answer was cut; it is asked again")
        return chunk

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
