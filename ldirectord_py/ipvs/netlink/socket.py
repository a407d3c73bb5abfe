"""A generic-netlink socket: requests out, answers back, without waiting.

The kernel answers inside send() and continues a dump inside recv(), so that an answer that is not there at once was
lost. Therefore the sockets never block.
"""

from __future__ import annotations

import errno
import mmap
import socket
from collections.abc import Callable
from typing import Final, Protocol

from ldirectord_py.errors import KernelError, NoTableError
from ldirectord_py.ipvs.netlink.uapi import (
    NETLINK_CAP_ACK,
    NETLINK_GENERIC,
    SO_RCVBUFFORCE,
    SO_SNDBUFFORCE,
    SOL_NETLINK,
)

PAGE_READ: Final = min(mmap.PAGESIZE, 8 * 1024) - 1
"""Bytes of one read that hold the first part of a dump: up to a page."""
LONG_READ: Final = 32 * 1024 - 1
"""Bytes of one read of a long dump: the kernel makes the later parts as large, which costs it more for short dumps.

Both sizes are odd, as no answer's size is: an answer that fills the buffer was truncated.
"""
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
_BUFFER_SIZE = 4 * 1024 * 1024


class RawSocket(Protocol):
    """The part of a socket's interface that NetlinkSocket uses."""

    def send(self, data: bytes, /) -> int:
        """Send one datagram."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Return one datagram, truncated to ``size`` bytes."""
        ...

    def close(self) -> None:
        """Close the socket."""
        ...


OpenSocket = Callable[[], RawSocket]


class AnswerLostError(KernelError):
    """An answer is missing; the request may have been carried out all the same."""


class AnswerDroppedError(AnswerLostError):
    """Some answers were dropped or one was truncated; others may follow."""


def open_socket() -> RawSocket:
    """Return a socket to the network namespace of the calling thread; KernelError when none can be opened."""
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    except OSError as error:
        kind = KernelError if error.errno in _TOO_MANY_FILES else NoTableError
        raise kind(f"no netlink socket: {error.strerror}; {_hint(error)}") from error
    opened.setblocking(False)
    opened.bind((0, 0))
    opened.connect((0, 0))  # to the kernel: any process may send to an unconnected netlink socket
    opened.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    for forced, plain in ((SO_RCVBUFFORCE, socket.SO_RCVBUF), (SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            opened.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_SIZE)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, plain, _BUFFER_SIZE)
    return opened


def _hint(error: OSError) -> str:
    if error.errno in _TOO_MANY_FILES:
        return "raise the limit of open files"
    return "use a kernel with generic netlink"


class NetlinkSocket:
    """A socket and the sequence numbers of its requests."""

    def __init__(self, opened: RawSocket, size: int = PAGE_READ) -> None:
        self._socket = opened
        self._size = size
        self._next = 1

    def reserve(self, count: int) -> int:
        """Return the first of ``count`` consecutive sequence numbers, unused and within 32 bits."""
        if self._next + count > 0xFFFFFFFF:
            self._next = 1
        first, self._next = self._next, self._next + count
        return first

    def send(self, data: bytes) -> None:
        """Send messages, which the kernel answers meanwhile; KernelError when the kernel does not accept them."""
        try:
            self._socket.send(data)
        except OSError as error:
            raise KernelError(f"the kernel accepts no message: {error.strerror}; it is tried again") from error

    def receive(self) -> bytes:
        """Return the next chunk of answers; AnswerLostError when there is none, or only a truncated one."""
        try:
            chunk = self._socket.recv(self._size)
        except OSError as error:
            kind = AnswerDroppedError if error.errno == errno.ENOBUFS else AnswerLostError
            raise kind(f"the kernel's answer was lost: {error.strerror}; it is requested again") from error
        if len(chunk) in (0, self._size):
            raise AnswerDroppedError("the kernel's answer was truncated; it is requested again")
        return chunk

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
